# SPDX-License-Identifier: Apache-2.0
#
# How many threads run when nobody says: no more than the processors that may be used. arguments: program, source tree
. "$(dirname "$0")/lib.sh"
plan=$tree/tests/fuzz/corpus/plan/all.bin

run perf "$plan" -n 1 --json --threads 3
expect_exit 0
expect_out '*"threads": 3,*'

if command -v taskset >/dev/null && own=$(taskset -cp $$ | sed 's/.*: *//; s/[-,].*//') && taskset -c "$own" true; then
    taskset -c "$own" "$program" perf "$plan" -n 1 --json >.out 2>.err </dev/null
    status=$?
    words="perf on processor $own"
    expect_exit 0
    expect_out '*"threads": 1,*'
    taskset -c "$own" "$program" perf "$plan" -n 1 --json --throughput >.out 2>.err </dev/null
    expect_out '*"sessions": 1,*'
else
    skipped 'threads on one processor: no taskset'
fi

# a control group with half a processor
group=/sys/fs/cgroup/cpu/intarsia-cli-$$
if mkdir "$group" 2>/dev/null && echo 100000 >"$group/cpu.cfs_period_us" && echo 50000 >"$group/cpu.cfs_quota_us"; then
    # shellcheck disable=SC2016
    sh -c 'echo $$ >"$1/cgroup.procs" && exec "$2" perf "$3" -n 1 --json' sh "$group" "$program" "$plan" >.out 2>.err
    status=$?
    words='perf with half a processor'
    expect_exit 0
    expect_out '*"threads": 1,*'
else
    skipped 'threads in a control group: none can be made'
fi
rmdir "$group" 2>/dev/null

finish
