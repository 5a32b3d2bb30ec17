#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What must stay small: the runtime library, and the memory of a program that uses it. Arguments: those of the runner, the
# shared library, the program session_memory, and what the build sanitizes ("none").
library=$(realpath "$3")
session_memory=$(realpath "$4")
sanitizers=$5
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
unset MALLOC_PERTURB_ # it would touch memory that nobody uses
photos=$tree/data/parts/calib/images

# file limit: of a session's program, beside what the session has
check_session() {
    words="session_memory $1"
    "$session_memory" "$1" >"$place/.out" 2>"$place/.err"
    status=$?
    expect_exit 0
    read -r peak own <"$place/.out"
    if [ "$peak" = unknown ]; then
        skipped "no /proc/self/status"
    else
        ok "$1: $peak bytes, more than the session's $own, the file and 10 MB" \
            test "$peak" -le $((own + $(wc -c <"$1") + 10000000))
        ok "$1: $peak bytes, more than $2" test "$peak" -le "$2"
    fi
}

if [ "$sanitizers" != none ]; then
    skipped 'sanitizers take memory of their own'
    finish
fi

if command -v strip >/dev/null 2>&1 && [ -f "$library" ]; then
    strip -o stripped.so "$library"
    ok "the library has $(wc -c <stripped.so) bytes, more than 500000" test "$(wc -c <stripped.so)" -le 500000
else
    skipped "no strip, or no $library"
fi

run build "$tree/models/parts-seg.onnx" --calib "$photos" --images 2 --effort 0 -o parts.bin
expect_exit 0
check_session parts.bin 30000000

network=$tree/../shared/models/yolo11n-seg.onnx
if [ -f "$network" ]; then
    run build "$network" --calib "$photos" --images 2 --effort 0 -o n.bin
    expect_exit 0
    check_session n.bin 45000000
    run perf n.bin --runs 3 --warmup 1 --threads 2 --json
    expect_exit 0
    peak=$(sed -n 's/.*"peak": *\([0-9]*\).*/\1/p' "$place/.out")
    ok "perf: ${peak:-?} bytes, more than 45 MB" test "${peak:-99999999}" -le 45000000
else
    skipped "no $network"
fi
finish
