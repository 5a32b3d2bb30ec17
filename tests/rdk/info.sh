# SPDX-License-Identifier: Apache-2.0
#
# hb_model_info and hb_pack. arguments: program, source tree
. "$(dirname "$0")/lib.sh"
demo_bin demo.bin
cp demo.bin same.bin
"$intarsia" build "$tree/models/parts-seg.onnx" --calib "$tree/tests/cli/pictures/progressive.jpg" --effort 0 \
    -o rgb.bin >/dev/null 2>&1
expect_line() {
    ok "there is the line $1" grep -qxE "[0-9-]* [0-9:]*,[0-9]* INFO $1" "$place/.out"
}

# ---- one model ----
rdk hb_model_info --help
expect_exit 0
expect_out 'usage: hb_model_info *--model NAME*--version*'
rdk hb_model_info --version
expect_out 'hb_model_info, version *'
rdk hb_model_info
expect_exit 2
expect_one_line_err '*the model is missing*'
rdk hb_model_info none.bin
expect_exit 1
expect_one_line_err '*none.bin: No such file*'
rdk hb_model_info demo.bin
expect_exit 0
expect_err ''
for line in 'Start hb_model_info\.\.\.\.' '\*{8} demo info \*{9}' '#{13} model deps info #{13}' 'hb_mapper version   : .*' \
    'hbdk runtime version: .*' '#{13} model_parameters info #{13}' 'onnx_model          : parts-seg.onnx' \
    'BPU march           : bayes-e' '#{13} input_parameters info #{13}' '-{9}input info : images -{9}' \
    'input_type_rt       : nv12' 'input_space&range   : regular' 'input_shape         : 1x3x320x320' \
    '-{9}input info : images end -{7}' '#{13} calibration_parameters info #{13}' 'calibration_type:   : minmax' \
    'calibration images  : 1' '#{13} compiler_parameters info #{13}' 'effort              : 0' '-{9} input/output types -' \
    'model input types : \[NV12\]' 'model output types : \[F32(, F32){9}\]'; do
    expect_line "$line"
done
ok 'no node was deleted' not grep -q 'deleted nodes' "$place/.out"
ok 'nothing is written' test ! -e deleted_nodes_info.txt
wc -l <"$place/.out" >short.txt
rdk hb_model_info demo.bin -v
expect_out '*Output *Cosine *L1 *L2 *Chebyshev*output1 *0.9*Node *Kind *Stored as *Cosine*'

# ---- deleted nodes ----
rdk hb_model_modifier demo.bin -r output1_HzDequantize
rdk hb_model_modifier demo_modified.bin -r /model.23/cv4.0/cv4.0.2/Conv_output_0_HzDequantize -o twice.bin
rdk hb_model_info twice.bin
tail -n 3 "$place/.out" | sed 's/^[^I]*INFO //' >last.txt
printf '%s\n' '--------- deleted nodes -' 'deleted nodes: output1_HzDequantize' \
    'deleted nodes: /model.23/cv4.0/cv4.0.2/Conv_output_0_HzDequantize' >expected.txt
ok 'deleted nodes end it' diff expected.txt last.txt
sed -n 's/^deleted nodes: //p' expected.txt >names.txt
ok 'and are in a file' cmp -s names.txt deleted_nodes_info.txt

# ---- several models in one file ----
rdk hb_pack demo.bin
expect_exit 2
rdk hb_pack demo.bin rgb.bin
expect_exit 2
expect_one_line_err '*--output OUT.bin is missing*'
rdk hb_pack demo.bin same.bin -o packed.bin
expect_exit 1
expect_one_line_err '*same.bin: a model called demo is there already*'
ok 'nothing is written' test ! -e packed.bin
rdk hb_pack demo.bin rgb.bin -o packed.bin
expect_exit 0
expect_out 'demo, rgb: 2 models in packed.bin'
rdk hrt_model_exec model_info --model_file packed.bin
expect_out '*This model file has 2 model:*'
ok 'names with a tab between them' grep -qx "$(printf '\[demo\]\t\[rgb\]')" "$place/.out"
sed -n '/^\[model name\]: rgb/,$p' "$place/.out" >packed.txt
ok 'an RGB picture' grep -qx 'tensor type: HB_DNN_IMG_TYPE_RGB' packed.txt
rdk hrt_model_exec model_info --model_file rgb.bin
sed -n '/^\[model name\]: rgb/,$p' "$place/.out" >alone.txt
ok 'the same as alone' cmp -s packed.txt alone.txt
rdk hb_model_info packed.bin
ok 'both' test "$(grep -c ' info \*\*\*' "$place/.out")" -eq 2
rdk hb_model_info packed.bin -m rgb
expect_out '*input_type_rt       : rgb*'
ok 'one' test "$(grep -c ' info \*\*\*' "$place/.out")" -eq 1
rdk hb_model_info packed.bin -m rbg
expect_exit 1
expect_one_line_err '*no model "rbg"*'
rdk hb_model_modifier packed.bin -a Dequantize
expect_exit 1
expect_one_line_err '*packed.bin: pack model is not supported*'
rdk hrt_model_exec perf --model_file packed.bin --frame_count 1
expect_exit 1
expect_err '*there are 2 models, say which with --model_name*'
picture=$tree/tests/cli/pictures/grey.jpg
rdk hrt_model_exec infer --model_file packed.bin --model_name demo --input_file "$picture" --enable_dump --dump_path packed
expect_exit 0
rdk hrt_model_exec infer --model_file demo.bin,rgb.bin --model_name demo --input_file "$picture" --enable_dump --dump_path alone
expect_exit 0
for file in packed/*.bin; do
    ok "$file is the same from a file of its own" cmp -s "$file" "alone/${file#packed/}"
done
nothing_half_written
finish
