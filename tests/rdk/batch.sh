# SPDX-License-Identifier: Apache-2.0
#
# batch_perf, and the links that the commands are called by. arguments: program, source tree
. "$(dirname "$0")/lib.sh"
demo_bin demo.bin

rdk batch_perf --help
expect_exit 0
expect_out 'usage: batch_perf *--file DIR*--max N*'
rdk batch_perf
expect_exit 2
expect_one_line_err '*the folder is missing*'
mkdir bins
rdk batch_perf bins
expect_exit 1
expect_one_line_err '*bins: there is no .bin in this folder*'
rdk batch_perf none
expect_exit 1
expect_one_line_err '*none: No such file*'
cp demo.bin bins/b.bin
rdk hb_model_modifier demo.bin -a Dequantize -o bins/a.bin
echo 'no model' >bins/c.bin
echo 'no bin' >bins/read.me
rdk batch_perf bins --max 3 --frame_count 2
expect_exit 1
expect_one_line_err '*bins/c.bin: *'
sed 's/[0-9]*\.[0-9]/N/g' "$place/.out" >table.txt
ok 'the table as written down' diff "$here/batch.txt" table.txt
rm bins/c.bin
"$intarsia" build "$tree/models/parts-seg.onnx" --calib "$tree/tests/cli/pictures/progressive.jpg" --effort 0 -o rgb.bin \
    >/dev/null 2>&1
mkdir packed
rdk hb_pack demo.bin rgb.bin -o packed/two.bin
rdk batch_perf packed --frame_count 1
expect_out '*| two.bin: demo | *| two.bin: rgb | *'
rdk batch_perf --file bins --frame_count 1
expect_exit 0
expect_err ''
ok 'one thread' not grep -q '2 threads' "$place/.out"
rdk batch_perf bins --max 9
expect_exit 2
expect_one_line_err '*--max: "9" is not a whole number from 1 to 8*'

# Every name is known to the program, and set up by the build.
program=$intarsia
run --help
for name in batch_perf hb_model_info hb_model_modifier hb_pack hb_perf hrt_model_exec; do
    expect_out "*  $name *"
    ok "install makes $name" grep -q "'$name'" "$tree/src/rdk/meson.build"
done
run hb_perff
expect_exit 2
expect_one_line_err '*unknown command hb_perff, did you mean hb_perf?*'
finish
