# SPDX-License-Identifier: Apache-2.0
#
# Does the program understand its arguments, and say what is wrong with them? arguments: program, source tree, man pages
pages=$(realpath "$3") || exit 1
. "$(dirname "$0")/lib.sh"

run
expect_exit 2
expect_out ''
expect_err 'usage: intarsia COMMAND *'

run --help
expect_exit 0
expect_err ''
for name in build segment info check perf eval cut calib-data; do
    expect_out "*  $name *"
done

run --version
expect_exit 0
expect_out 'intarsia [0-9]*.[0-9]*.[0-9]*parts: *libjpeg *CPU: *'

run segmnt
expect_exit 2
expect_one_line_err 'intarsia: unknown command segmnt, did you mean segment? *'
run frobnicate
expect_exit 2
expect_one_line_err 'intarsia: unknown command frobnicate (see: intarsia --help)'
run --verison
expect_exit 2
expect_one_line_err 'intarsia: unknown option --verison *'

for name in build segment info check perf eval cut calib-data; do
    run "$name" --help
    expect_exit 0
    expect_err ''
    expect_out "usage: intarsia $name *options:*--help*"
    cp "$place/.out" help.txt
    run "$name" -h
    ok '-h is --help' cmp -s help.txt "$place/.out"
    run "$name" --no-such-option
    expect_exit 2
    expect_one_line_err "intarsia: $name: unknown option --no-such-option*(see: intarsia $name --help)"
    # the man page has the same synopsis and the same options
    if [ -e "$pages/intarsia-$name.1" ]; then
        page=$pages/intarsia-$name.1
        synopsis=$(sed -n '1s/^usage: //p' help.txt)
        ok "synopsis of $page" grep -qxF "$synopsis" "$page"
        sed -n 's/^ \{2,6\}\(-[a-z], \)\{0,1\}--\([a-z0-9-]*\).*/\2/p' help.txt | sort >a
        sed -n 's/^\(\\fB\\-[a-z]\\fR, \)\{0,1\}\\fB\\-\\-\([a-z0-9\\-]*\)\\fR.*/\2/p' "$page" | tr -d '\\' | sort -u >b
        ok "options of $page" cmp -s a b
        ok 'there are options' grep -q . a
    else
        skipped "man page of $name: not built"
    fi
done

# what reads pictures says how large they may be, and can allow more
for name in build segment perf eval calib-data hb_mapper; do
    run "$name" --help
    expect_out '*--max-pixels N*(default: 256000000)*'
done
for name in build segment eval check cut; do
    run "$name" --help
    expect_out '*--max-constants MIB*(default: 1024)*'
done
run hrt_model_exec --help
expect_out '*--max_pixels N*(default: 256000000)*'
run segment model.bin photo.jpg --max-pixels 1073741825
expect_exit 2
expect_one_line_err 'intarsia: segment: --max-pixels: "1073741825" is not a whole number from 1 to 1073741824 *'

run segment --cnf 0.5 model.bin photo.jpg
expect_exit 2
expect_one_line_err 'intarsia: segment: unknown option --cnf, did you mean --conf? *'
run segment -x model.bin photo.jpg
expect_exit 2
expect_one_line_err 'intarsia: segment: unknown option -x *'
for value in 2 -0.1 abc nan '' 0.5x; do
    run segment model.bin photo.jpg --conf "$value"
    expect_exit 2
    expect_one_line_err "intarsia: segment: --conf: \"$value\" is not a number from 0 to 1 *"
done
for value in 0 1.5 1e3 99999999999999999999 300x; do
    run segment model.bin photo.jpg --max-det="$value"
    expect_exit 2
    expect_one_line_err "intarsia: segment: --max-det: \"$value\" is not a whole number from 1 to 30000 *"
done
run segment model.bin photo.jpg --input yuv
expect_exit 2
expect_one_line_err 'intarsia: segment: --input: "yuv" is none of rgb|nv12 *'
run segment model.bin photo.jpg --json
expect_exit 2
expect_one_line_err 'intarsia: segment: --json needs a value: FILE *'
run segment model.bin photo.jpg --multi-label=yes
expect_exit 2
expect_one_line_err 'intarsia: segment: --multi-label=yes: --multi-label takes no value *'
run segment model.bin
expect_exit 2
expect_one_line_err 'intarsia: segment: an argument is missing: NAME.bin|MODEL.onnx PHOTO... *'
run check a.onnx b.onnx
expect_exit 2
expect_one_line_err 'intarsia: check: too many arguments, expected: *'
run perf a.bin --layers --throughput
expect_exit 2
expect_one_line_err 'intarsia: perf: --layers does not go with --throughput *'
run build model.onnx -o a.bin
expect_exit 2
expect_one_line_err 'intarsia: build: --calib DIR is missing *'
run build model.onnx --calib photos
expect_exit 2
expect_one_line_err 'intarsia: build: --output NAME.bin is missing *'
run build model.onnx --calib photos -o a.bin --percentile 99.9
expect_exit 2
expect_one_line_err 'intarsia: build: --percentile goes with --method percentile *'
run build model.onnx --calib photos -o a.bin --method kl --percentile 99.9
expect_exit 2
expect_one_line_err 'intarsia: build: --percentile goes with --method percentile *'
run build model.onnx --calib photos -o a.bin --method entropy
expect_exit 2
expect_one_line_err 'intarsia: build: --method: "entropy" is none of minmax|percentile|kl|least-squares|measured *'
for value in 4 -1 1.5 high; do
    run build model.onnx --calib photos -o a.bin --effort "$value"
    expect_exit 2
    expect_one_line_err "intarsia: build: --effort: \"$value\" is not a whole number from 0 to 3 *"
done
for value in 101 -1 x; do
    run build model.onnx --calib photos -o a.bin --target-loss "$value"
    expect_exit 2
    expect_one_line_err "intarsia: build: --target-loss: \"$value\" is not a number from 0 to 100 *"
done
for name in info perf; do
    run "$name" model.bin --cpu mmx
    expect_exit 2
    expect_one_line_err "intarsia: $name: --cpu: \"mmx\" is no instruction set, known are scalar, avx2, *"
done
run segment model.bin photo.jpg --cpu mmx
expect_exit 2
expect_one_line_err 'intarsia: segment: --cpu: "mmx" is no instruction set, known are *'
run info
expect_exit 2
expect_one_line_err 'intarsia: info: an argument is missing: NAME.bin *'

# options may stand anywhere; -- ends them
run perf --runs=3 -- --odd-name.bin
expect_exit 1
expect_one_line_err 'intarsia: --odd-name.bin: No such file or directory'

run info --kernels
expect_exit 0
expect_out 'family *scalar*yes*'
run info --kernels --json
expect_exit 0
expect_out '\[*"available": true*\]'

# the standard output may be full
if [ -w /dev/full ]; then
    words='--help >/dev/full'
    "$program" --help >/dev/full 2>"$place/.err"
    status=$?
    expect_exit 1
    expect_one_line_err 'intarsia: cannot write to the standard output'
else
    skipped 'no /dev/full'
fi
finish
