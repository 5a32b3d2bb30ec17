# SPDX-License-Identifier: Apache-2.0
#
# hb_mapper makertbin: what its keys do, on the demo network and small ones. arguments: program, source tree
. "$(dirname "$0")/lib.sh"
"$intarsia" cut "$tree/models/parts-seg.onnx" -o ten.onnx >/dev/null 2>&1
mkdir photos
cp "$tree/tests/cli/pictures/progressive.jpg" photos/a.jpg
cp "$tree/tests/cli/pictures/grey.jpg" photos/b.jpg
"$intarsia" calib-data photos -o raw --size 320x320 >/dev/null 2>&1
yaml base.yaml input_name= march=bayes-e input_type_rt=rgb input_type_train=rgb input_layout_train=NCHW norm_type=data_scale \
    optimize_level=O0

# what sed-script: the yaml, changed so, is compiled
make_it() {
    sed "$2" base.yaml >config.yaml
    rdk hb_mapper makertbin --model-type onnx -c config.yaml
    words=$1
    expect_exit 0
    expect_err ''
    cp "$place/.out" out.txt
    table 'The main quantized node information:' out.txt >nodes.txt
    table 'The quantized model output:' out.txt >outputs.txt
}
says() {
    ok "it says: $1" grep -qF -- "$1" out.txt
}
# key text: one line answers it
answers() {
    ok "one line about $1" test "$(grep -cE "INFO $1 has no effect: .{20}" out.txt)" -eq 1
}
type_is() {
    "$program_of_models" hrt_model_exec model_info --model_file made/demo.bin >info.txt 2>/dev/null
    ok "it is fed $1" grep -qx "tensor type: HB_DNN_$1" info.txt
}
program_of_models=$intarsia

# ---- calibration data: raw files, pictures, .npy are the same ----
make_it 'raw files' ''
cp outputs.txt first.txt
cp nodes.txt first_nodes.txt
type_is IMG_TYPE_RGB
make_it 'pictures' 's/dir: raw/dir: photos/; /cal_data_type/d'
says 'cal_data_dir holds pictures'
ok 'pictures give what raw files give' cmp first.txt outputs.txt
make_it 'pictures by name' 's/dir: raw/dir: photos/; s/cal_data_type.*/preprocess_on: True/'
ok 'so they do' cmp first.txt outputs.txt
mkdir npy
for name in a b; do
    header="{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 320, 320), }"
    {
        printf '\223NUMPY\001\000\166\000'
        printf '%-117s\n' "$header"
        cat raw/$name.rgbchw
    } >npy/$name.npy
done
make_it 'numpy' 's/dir: raw/dir: npy/; /cal_data_type/d'
ok '.npy gives what raw files give' cmp first.txt outputs.txt
make_it 'the type by size' '/cal_data_type/d'
says 'cal_data_type is not given: float32 by the size of the files'
ok 'the same' cmp first.txt outputs.txt
make_it 'one thread' '$a \  jobs: 1'
says 'hbdk_pass_through_params: --O0 --debug --core-num 1 --fast --jobs 1'
ok 'the same with one thread' cmp first.txt outputs.txt

# ---- methods ----
make_it 'max' 's/cal_data_type.*/calibration_type: max/'
ok 'which O0 is' cmp first.txt outputs.txt
make_it 'percentile' 's/cal_data_type.*/calibration_type: max\n  max_percentile: 0.999/'
says 'Select max-percentile method.'
ok 'other thresholds' not cmp -s first_nodes.txt nodes.txt
make_it 'kl' 's/cal_data_type.*/calibration_type: kl/'
says 'Select kl method.'
ok 'others again' not cmp -s first_nodes.txt nodes.txt
make_it 'skip' 's/cal_data_dir.*/calibration_type: skip/; /cal_data_type/d'
ok 'nothing to compare with' grep -qE '^HZ_PREPROCESS_FOR_images .* -- +127.0 ' nodes.txt
says 'calibration data: 4 made-up inputs'

# ---- what is fed ----
# pattern: the similarity of what is fed with what the data hold
fed() {
    ok "what is fed is like $1" grep -qE "^HZ_PREPROCESS_FOR_images +BPU  id\(0\) +HzSQuantizedPreprocess +$1 +127.0 +int8 *\$" nodes.txt
}
make_it 'rgb' ''
fed '1\.000000'
make_it 'bgr of photographs' 's/rt: rgb/rt: bgr/; s/dir: raw/dir: photos/; /cal_data_type/d'
fed '1\.000000'
make_it 'numbers of a network that sees blue first' 's/train: rgb/train: bgr/; s/rt: rgb/rt: nv12/'
fed '0\.999[0-9]*'
make_it 'bgr' 's/rt: rgb/rt: bgr/'
type_is IMG_TYPE_BGR
make_it 'nv12 of a camera of video range' 's/rt: rgb/rt: nv12\n  input_space_and_range: bt601_video/'
type_is IMG_TYPE_NV12
make_it 'yuv444' 's/rt: rgb/rt: yuv444/; $a \  input_source: {images: pyramid}'
fed '(1\.000000|0\.9999[0-9][0-9])'
says "input-source        : {'images': 'pyramid', '_default_value': 'ddr'}"
type_is IMG_TYPE_YUV444
make_it 'mean and scale by channel' \
    's/data_scale/data_mean_and_scale\n  mean_value: 123.675 116.28 103.53/; s/0.0039.*/0.0171 0.0175 0.0174/'
says 'mean_value          : 123.675 116.28 103.53'
make_it 'a layout' 's/rt: rgb/rt: rgb\n  input_layout_rt: NCHW/'
says 'WARNING input_layout_rt NCHW: input images is fed as NHWC here'
make_it 'a scale without its norm_type' 's/data_scale/data_mean\n  mean_value: 0/; s/0.0039.*/1/'
says 'WARNING scale_value is not used with norm_type: data_mean'

# ---- 16 bits ----
# node types: what the table says of it
row() {
    ok "$1 has $2" grep -qE "^$1 .* $2 *\$" nodes.txt
}
row /model.4/cv2/conv/Conv int8
make_it 'a result' 's/prefix.*/&\n  node_info: {\/model.4\/cv2\/act\/Mul: {ON: BPU, OutputType: int16}, no\/such: {ON: BPU}}/'
says 'WARNING node_info: there is no node no/such in the network, it is skipped'
says 'node /model.4/cv2/act/Mul gets 16 bits as part of /model.4/cv2/conv/Conv'
row /model.4/cv2/conv/Conv int8/int16
make_it 'the short way' 's/prefix.*/&\n  node_info: "\/model.4\/cv2\/conv\/Conv:int16;\/model.5\/conv\/Conv:int8"/'
row /model.4/cv2/conv/Conv int8/int16
make_it 'what is read' 's/prefix.*/&\n  node_info: {\/model.5\/conv\/Conv: {InputType: int16}}/'
row /model.5/conv/Conv int16/int8
make_it 'the processor' 's/cal_data_type.*/run_on_cpu: \/model.4\/cv2\/conv\/Conv/'
says 'run_on_cpu means 16 bits instead of float here'
row /model.4/cv2/conv/Conv int8/int16
make_it 'attention' 's/cal_data_type.*/optimization: set_Softmax_input_int16,set_Softmax_output_int8,set_Hardmax_input_int8,asymmetric/'
says 'works on int8 only'
says 'The output of all Softmax nodes are set to : int8'
says 'WARNING optimization: there is no node of type Hardmax'
says 'optimization: asymmetric has no effect'
make_it 'everything' 's/cal_data_type.*/optimization: set_all_nodes_int16/'
says 'All nodes that can have 16 bits get them: '
ok 'most have 16 bits' awk '/int16/ { n++ } END { exit n < NR / 2 }' nodes.txt

# ---- outputs, names, keys without meaning ----
make_it 'two outputs' 's/prefix.*/&\n  output_nodes: "\/model.23\/cv2.1\/cv2.1.2\/Conv;\/model.23\/cv4.0\/cv4.0.2\/Conv"/'
ok 'two outputs' test "$(wc -l <outputs.txt)" -eq 2
cat >>base.yaml <<'END'
  compile_mode: bandwidth
  debug: True
  core_num: 2
  max_time_per_fc: 1000
  advice: 100
custom_op:
  custom_op_method: register
  op_register_files: a.py;b.py
  custom_op_dir: ops
END
make_it 'keys without meaning' 's/prefix.*/&\n  layer_out_dump: True\n  debug_mode: dump_calibration_data\n  log_level: debug/
    s/cal_data_type.*/&\n  per_channel: True/; s/layout_train.*/&\n  separate_batch: True/'
for key in compile_mode debug core_num max_time_per_fc advice custom_op_method op_register_files custom_op_dir layer_out_dump \
    debug_mode log_level per_channel separate_batch; do
    answers $key
done
ok 'and have none' cmp first.txt outputs.txt
mkdir elsewhere
cp config.yaml elsewhere
cp ten.onnx elsewhere/beside.onnx
sed -i 's/ten.onnx/beside.onnx/' elsewhere/config.yaml
rdk hb_mapper makertbin --model-type=onnx --config=elsewhere/config.yaml
expect_exit 0
expect_out '*Using onnx model file: */elsewhere/beside.onnx*'
nothing_half_written
finish
