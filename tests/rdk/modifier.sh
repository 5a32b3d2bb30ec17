# SPDX-License-Identifier: Apache-2.0
#
# hb_model_modifier: the page's sequence on the demo network. arguments: program, source tree
. "$(dirname "$0")/lib.sh"
demo_bin demo.bin

# what the log says, without the times and the folder
lines() {
    sed 's/^[0-9-]* [0-9:]*,[0-9][0-9][0-9] //; s|stored in .*/hb_|stored in FOLDER/hb_|' "$place/.out"
}

rdk hb_model_modifier --help
expect_exit 0
expect_out 'usage: hb_model_modifier *--remove*--all*'
rdk hb_model_modifier
expect_exit 2
expect_one_line_err '*the model is missing*'
rdk hb_model_modifier none.bin
expect_exit 1
expect_one_line_err '*none.bin*No such file*'

# ---- what can be removed ----
rdk hb_model_modifier demo
expect_exit 0
lines >said.txt
ok 'the list as written down' diff "$here/modifier_list.txt" said.txt
grep -v ' line No: ' hb_model_modifier.log >nodes.txt
sed -n 's/.* line No: [0-9]* \(input: .*\)/\1/p' hb_model_modifier.log >>nodes.txt
ok 'the log holds every node' test "$(grep -c '^name: .*_HzDequantize"$' nodes.txt)" -eq 10
for text in 'input: "/model.23/cv2.1/cv2.1.2/Conv_output_0_quantized"' 'input: "/model.23/cv2.1/cv2.1.2/Conv_x_scale"' \
    'output: "/model.23/cv2.1/cv2.1.2/Conv_output_0"' 'name: "/model.23/cv2.1/cv2.1.2/Conv_output_0_HzDequantize"' \
    'input: "output1_HzCalibration_y_scale"' 'output: "output1"'; do
    ok "the log says $text" grep -qxF "$text" nodes.txt
done
ok 'nothing else is written' test ! -e demo_modified.bin

# ---- removing: boxes, coefficients and prototypes; one name is none ----
set --
for head in cv2 cv4; do
    for level in 0 1 2; do
        set -- "$@" -r "/model.23/$head.$level/$head.$level.2/Conv_output_0_HzDequantize"
    done
done
rdk hb_model_modifier demo.bin "$@" -r 720_HzDequantize -r output1_HzDequantize
expect_exit 0
expect_err ''
lines >said.txt
ok 'removing as written down' diff "$here/modifier_remove.txt" said.txt
rdk hrt_model_exec model_info --model_file demo_modified.bin
sed '1s/cost [0-9.]*ms/cost Nms/; s/^scale data: .*/scale data: N/' "$place/.out" >info.txt
ok 'what is left as written down' diff "$here/model_info_modified.txt" info.txt
ok 'a scale for each of 64 channels' awk -F, '/^scale data/ && !done { done = 1; if (NF != 65) exit 1 } END { exit !done }' "$place/.out"
cp "$place/.out" scales.txt

# ---- numbers: integer times scale is the float that was there before ----
picture=$tree/tests/cli/pictures/progressive.jpg
rdk hrt_model_exec infer --model_file demo.bin --input_file "$picture" --enable_dump --dump_path before
rdk hrt_model_exec infer --model_file demo_modified.bin --input_file "$picture" --enable_dump --dump_path integers
rdk hrt_model_exec infer --model_file demo_modified.bin --input_file "$picture" --enable_dump --dump_path after \
    --hybrid_dequantize_process
for file in before/*.bin; do
    ok "$file is the same, dequantised" cmp -s "$file" "after/${file#before/}"
done
od -An -v -tf4 -w4 before/model_infer_output_9_output1.bin >floats.txt
od -An -v -td2 -w2 integers/model_infer_output_9_output1.bin >stored.txt
scale=$(sed -n '/^name: output1$/,$s/^scale data: \(.*\),$/\1/p' scales.txt)
ok 'prototypes by the printed scale' awk -v scale="$scale" '
    NR == FNR { f[NR] = $1; next } { d = f[FNR] - $1 * scale; if (d < 0) d = -d; if ($1 * $1 > 1e4 && d > 1e-5 * ($1 < 0 ? -$1 : $1) * scale) exit 1 }
    END { exit FNR != 204800 }' floats.txt stored.txt

# ---- by type, further ones, elsewhere ----
mkdir folder
rdk hb_model_modifier --model_file demo_modified.bin -a Dequantize -o folder/all.bin
expect_exit 0
rdk hrt_model_exec model_info --model_file folder/all.bin
ok 'no float is left' not grep -q F32 "$place/.out"
rdk hb_model_modifier demo.bin --all=Dequantize --output=all.bin
rdk hrt_model_exec model_info --model_file all.bin
sed 1d "$place/.out" >b
rdk hrt_model_exec model_info --model_file folder/all.bin
sed 1d "$place/.out" >a
ok 'in one step or in two' cmp -s a b

# ---- a quantise node at an input: integers give what the floats they stand for give ----
yaml numbers.yaml onnx_model="$tree/tests/golden/onnx/conv.onnx" output_model_file_prefix=numbers input_type_rt=featuremap \
    input_type_train=featuremap norm_type= scale_value= cal_data_dir= cal_data_type= calibration_parameters.calibration_type=skip
rdk hb_mapper makertbin --model-type onnx --config numbers.yaml
expect_exit 0
rdk hrt_model_exec model_info --model_file made/numbers.bin
cp "$place/.out" float.txt
input=$(sed -n 's/^name: //p' float.txt | head -n 1)
rdk hb_model_modifier made/numbers.bin
expect_out "*Nodes that can be deleted: \['${input}_*_HzQuantize', '*_HzDequantize'\]*"
ok 'the log describes it' grep -qx "output: \"${input}_quantized\"" hb_model_modifier.log
rdk hb_model_modifier made/numbers.bin -a Quantise
expect_exit 1
expect_out '*unknown type Quantise, did you mean Quantize?*'
rdk hb_model_modifier made/numbers.bin -a Quantize
expect_exit 0
expect_out "*Node '${input}_*_HzQuantize' found, its OP type is 'Quantize'*scale: ${input}_HzCalibration_y_scale; zero point: *"
rdk hrt_model_exec model_info --model_file numbers_modified.bin
sed '1d' float.txt | sed '/^input/,/^$/d' >a
sed '1d' "$place/.out" | sed '/^input/,/^$/d' >b
ok 'outputs are as before' cmp -s a b
expect_out '*input?0?: 
*aligned byte size: 192
tensor type: HB_DNN_TENSOR_TYPE_S8
tensor layout: HB_DNN_LAYOUT_NCHW
quanti type: SCALE
stride: (192,64,8,1,)
scale data: *'
scale=$(sed -n 's/^scale data: \([^,]*\),.*/\1/p' "$place/.out" | head -n 1)
zero=$(sed -n 's/^zero point data: \([^,]*\),.*/\1/p' "$place/.out" | head -n 1)
awk -v scale="$scale" -v zero="${zero:-0}" 'BEGIN {
    for (i = 0; i < 192; i++) { q = (i * 89 + 7) % 256 - 128; print q >"stored.txt"; printf "%.9g\n", (q - zero) * scale >"real.txt" } }'
rdk hrt_model_exec infer --model_file made/numbers.bin --input_file real.txt --enable_dump --dump_path real
expect_exit 0
rdk hrt_model_exec infer --model_file numbers_modified.bin --input_file stored.txt --enable_dump --dump_path stored
expect_exit 0
for file in real/*output*; do
    ok "$file from integers" cmp -s "$file" "stored/${file#real/}"
done
ok 'the input is a byte a number' test "$(cat stored/*input*.bin | wc -c)" -eq 192
rdk hrt_model_exec infer --model_file numbers_modified.bin --input_file "stored/model_infer_input_0_$input.bin" --enable_dump \
    --dump_path again
ok 'a file of bytes is the same' diff -r stored again
echo 128 >>stored.txt
rdk hrt_model_exec infer --model_file numbers_modified.bin --input_file stored.txt
expect_exit 1
expect_err '*something follows the 192 numbers*'
sed '1s/.*/128/' stored.txt >large.txt
rdk hrt_model_exec infer --model_file numbers_modified.bin --input_file large.txt
expect_exit 1
expect_err '*large.txt: 0 numbers, the input has 192 integers of -128 to 127*'
rdk hb_model_info numbers_modified.bin
expect_out "*model input types : ?S8?*deleted nodes: ${input}_*_HzQuantize*"
rdk hb_model_modifier numbers_modified.bin
expect_out '*can be deleted: ?'"'"'*_HzDequantize'"'"'?*'
ok 'it is not listed any more' not grep -q HzQuantize "$place/.out"
# a yaml takes it off as well
sed 's/^  march.*/&\n  remove_node_type: Quantize/' numbers.yaml >removed.yaml
rdk hb_mapper makertbin --model-type onnx --config removed.yaml
expect_exit 0
rdk hrt_model_exec model_info --model_file made/numbers.bin
expect_out '*tensor type: HB_DNN_TENSOR_TYPE_S8*'

# ---- what is refused ----
rm demo_modified.bin
rdk hb_model_modifier demo.bin -r none -r nothing
expect_exit 1
expect_out '*none*skipped*nothing*skipped*ERROR none of these nodes*'
ok 'nothing is written' test ! -e demo_modified.bin
rdk hb_model_modifier demo.bin -a Dequantise
expect_exit 1
expect_out '*ERROR unknown type Dequantise, did you mean Dequantize?*'
rdk hb_model_modifier demo.bin -r 'a;b'
expect_exit 1
expect_out '*ERROR a;b: *'
head -c 5000 demo.bin >cut.bin
rdk hb_model_modifier cut.bin
expect_exit 1
expect_one_line_err '*cut.bin: *'
nothing_half_written
finish
