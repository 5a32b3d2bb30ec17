# SPDX-License-Identifier: Apache-2.0
#
# The page's own sequence (docs/rdk.md), from a network as YOLO exports it to a timed program without dequantise nodes: on the
# demo network, and on YOLO11n-seg compared with what the page shows. arguments: program, source tree, html_check, sanitizers
. "$(dirname "$0")/lib.sh"
shared=$tree/../shared

# name onnx level: a folder NAME with everything that the page types from here on, the page's yaml among it
prepare() {
    mkdir "$1"
    cd "$1" || exit 1
    cp "$2" network.onnx
    yaml config.yaml onnx_model=./network.onnx working_dir="$1" output_model_file_prefix="$1" \
        cal_data_dir=./calibration_data_rgb_f32 optimize_level="'$3'" model_parameters.layer_out_dump=False \
        'model_parameters.node_info={"/model.10/m/m.0/attn/Softmax": {'"'ON': 'BPU','InputType': 'int16','OutputType': 'int16'}}" \
        compiler_parameters.debug=False "compiler_parameters.compile_mode='latency'"
}

# expression: a line of the file, whatever stands before it
has_line() {
    ok "there is a line $2" grep -qE "$2" "$1"
}
# file...: each is there and holds something
written() {
    for file in "$@"; do ok "$file is written" test -s "$file"; done
}
# column low high file: all numbers of a column of a table are between these
within() {
    awk -v k="$1" -v low="$2" -v high="$3" '$k != "--" && !($k >= low && $k <= high) { bad = 1; print } END { exit bad || NR == 0 }' "$4"
}

# name: checks what makertbin said and wrote
check_makertbin() {
    expect_exit 0
    expect_err ''
    log=hb_mapper_makertbin.log
    cp "$place/.out" out.txt
    written $log "$1/$1.bin" "$1/$1_original_float_model.onnx" "$1/$1_optimized_float_model.onnx" \
        "$1/$1_calibrated_model.onnx" "$1/$1_quantized_model.onnx" "$1/main_graph_subgraph_0.html" "$1/main_graph_subgraph_0.json"
    # the phases, in this order
    sed -n 's/^[0-9-]* [0-9:]*,[0-9]* [A-Z]* //p' out.txt >said.txt
    printf '%s\n' 'log will be stored in' 'Start hb_mapper....' 'hbdk version' 'horizon_nn version' 'hb_mapper version' \
        'Start Model Convert....' 'validating model_parameters...' 'Using abs path' 'Using onnx model file:' \
        'Model input names: [' 'Model has 1 inputs according to model file' 'validating model_parameters finished' \
        'validating input_parameters...' 'nv12 input type rt received.' 'validating input_parameters finished' \
        'validating calibration_parameters...' 'validating calibration_parameters finished' 'validating custom_op...' \
        'custom_op does not exist, skipped' 'validating compiler_parameters...' 'validating compiler_parameters finished' \
        'validating deprecated parameters...' 'validating deprecated parameters finished' 'Dump config:' "input 'images' : original" 'First calibration picture name:' 'First calibration picture md5: ' 'num of calibration data: 20' \
        'calibration data shape: (1, 3, ' 'Start to Horizon NN Model Convert.' 'The activation calibration parameters:' \
        'input images is from pyramid. Its layout is set to NHWC' 'The specified model compilation architecture: bayes-e.' \
        'Start to prepare the onnx model.' 'Input ONNX Model Information:' 'End to prepare the onnx model.' \
        "Saving model to: $1_original_float_model.onnx." 'Start to optimize the onnx model.' 'Summary info for constant_folding:' \
        '  After constant_folding, the number of nodes' '  After constant_folding, the number of parameters' \
        'End to optimize the onnx model.' "Saving model to: $1_optimized_float_model.onnx." \
        'Start to calibrate the model.' 'input name: images,  number_of_samples: 20' \
        'There are 20 samples in the data set.' 'Run calibration model with' 'End to calibrate the model.' "Saving model to: $1_calibrated_model.onnx." \
        'Start to quantize the model.' 'End to quantize the model.' "Saving model to: $1_quantized_model.onnx." \
        'Start to compile the model with march bayes-e.' 'Compile submodel: main_graph_subgraph_0' 'consumed time' 'FPS=' \
        'End to compile the model with march bayes-e.' 'The main quantized node information:' 'The quantized model output:' \
        'End to Horizon NN Model Convert.' 'start convert to *.bin file....' 'ONNX model output num : 10' \
        '############# model deps info #############' '############# model_parameters info #############' \
        '############# input_parameters info #############' '############# calibration_parameters info #############' \
        '############# compiler_parameters info #############' 'Convert to runtime bin file successfully!' \
        'End Model Convert' >phases.txt
    ok 'all phases, in order' awk 'NR == FNR { want[NR] = $0; n = NR; next } at < n && index($0, want[at + 1]) == 1 { at++ }
        END { if (at < n) { print "missing: " want[at + 1]; exit 1 } }' phases.txt said.txt
    has_line $log '^[0-9-]{10} [0-9:]{8},[0-9]{3} file: mapper_[a-z]*\.c func: [a-z_]+ line No: [0-9]+ End Model Convert$'
    has_line out.txt '^[0-9-]{10} [0-9:]{8},[0-9]{3} INFO FPS=[0-9.]+, latency = [0-9.]+ us, DDR = [0-9]+ bytes   \(see main_graph_subgraph_0.html\)$'
    has_line $log '/model.0/conv/Conv +BPU  id\(0\)     HzSQuantizedConv +0\.99[0-9]{4} +[0-9.]+ +int'
    has_line $log 'call build params: \{.march.: .bayes-e., .* .original_input_type.: .RGB., .* .check_mode.: False, .optimization.: \[\]\}$'
    for line in 'ONNX IR version:          [0-9]+' 'Opset version:            \[.ai.onnx v11.\]' 'Producer:                 .+' \
        'Domain:                   None' 'Version:                  None'; do
        has_line out.txt "^$line\$"
    done
    first=$(sed -n 's/^.*First calibration picture name: //p' out.txt)
    ok 'md5 of the first file' test "$(sed -n 's/^.*First calibration picture md5: //p' out.txt)" = \
        "$(md5sum <"calibration_data_rgb_f32/$first" | cut -d ' ' -f 1)"
    # what NV12 takes away; the page has 0.999912
    has_line out.txt '^HZ_PREPROCESS_FOR_images +BPU  id\(0\)     HzSQuantizedPreprocess +0\.99[0-9]{4} +127\.0 +int8 *$'
    ok 'one read line a file' test "$(grep -c 'Read raw file: ' $log)" -eq 20
    has_line $log '^Node +ON   Subgraph  Type +Cosine Similarity  Threshold  DataType  +$'
    has_line $log '^Output +Cosine Similarity  L1 Distance  L2 Distance  Chebyshev Distance  $'
    table 'The main quantized node information:' out.txt >nodes.txt
    table 'The quantized model output:' out.txt >outputs.txt
    ok 'ten outputs' test "$(wc -l <outputs.txt)" -eq 10
    ok 'every node on the BPU' awk '$2 != "BPU" || $3 != "id(0)" { exit 1 } END { exit NR < 80 }' nodes.txt
    ok 'nodes are near the float network' within 5 0.9 1 nodes.txt
    ok 'thresholds' within 6 0.01 100000 nodes.txt
    ok 'data types' awk '$7 !~ /^int(8|16)(\/int(8|16))?$/ { exit 1 }' nodes.txt
    ok 'the heads are in the table' grep -qE '^/model.23/cv2.0/cv2.0.2/Conv .* HzSQuantizedConv ' nodes.txt
    # the page's own range of outputs begins at 0.954
    ok 'outputs are near the float network' within 2 0.96 1 outputs.txt
    ok 'the graph has what the table has' sh -c "sed -n '/^Graph output:/,/^[0-9-]* [0-9:]*,/p' out.txt |
        sed -n 's/^    \([^:]*\):.*dtype=FLOAT32$/\1/p' >graph.txt; awk '{ print \$1 }' outputs.txt | cmp - graph.txt"
}

# name: what hb_model_info, hb_perf, hb_model_modifier and hrt_model_exec make of it
check_tools() {
    rdk hb_model_info "$1/$1.bin"
    expect_exit 0
    sed -n '/# model deps info #/,/input-source/s/^[0-9-]* [0-9:]*,[0-9]* INFO //p' "$place/.out" >info.txt
    sed -n '/# model deps info #/,/input-source/s/^[0-9-]* [0-9:]*,[0-9]* INFO //p' out.txt >made.txt
    ok 'hb_model_info says what makertbin said' cmp info.txt made.txt
    for line in "onnx_model          : .*/$1/network.onnx" 'BPU march           : bayes-e' 'layer_out_dump      : False' \
        "working dir         : .*/$1/$1" "output_model_file_prefix: $1" \
        "node info  : \{'/model.10/m/m.0/attn/Softmax': \{'ON': 'BPU', 'InputType': 'int16', 'OutputType': 'int16'\}\}" \
        'input_type_rt       : nv12' 'input_space&range   : regular' 'input_type_train    : rgb' \
        'input_layout_train  : NCHW' 'norm_type           : data_scale' 'scale_value         : 0.003921568627451' \
        'cal_data_dir        : .*calibration_data_rgb_f32' 'cal_data_type       : float32' 'preprocess_on       : False' \
        'calibration_type:   : default' 'per_channel         : False' 'calibration images  : 20' 'compile_mode        : latency' \
        'hbdk_pass_through_params: --O[0-3] --core-num 1 --fast' \
        "input-source        : \{'images': 'pyramid', '_default_value': 'ddr'\}"; do
        ok "it says $line" grep -qxE "$line" info.txt
    done
    cd "$1" || exit 1
    rdk hb_perf "$1.bin"
    expect_exit 0
    written "hb_perf_result/$1/$1.html"
    rdk hrt_model_exec model_info --model_file "$1.bin"
    expect_exit 0
    cp "$place/.out" before.txt
    rdk hb_model_modifier "$1"
    expect_exit 0
    ok 'ten nodes can go' test "$(grep -c '^name: ".*_HzDequantize"$' hb_model_modifier.log)" -eq 10
    # the page's seven: boxes, coefficients, prototypes
    set -- "$1" "$(sed -n 's/^name: "\(output1_HzDequantize\|585_HzDequantize\)"$/\1/p' hb_model_modifier.log)"
    for head in cv2 cv4; do
        for level in 0 1 2; do
            set -- "$@" -r "/model.23/$head.$level/$head.$level.2/Conv_output_0_HzDequantize"
        done
    done
    name=$1 last=$2
    shift 2
    rdk hb_model_modifier "$name.bin" "$@" -r "$last"
    expect_exit 0
    ok 'seven nodes went' test "$(grep -c "' is removed$" "$place/.out")" -eq 7
    expect_out "*modified model saved as ${name}_modified.bin*"
    rdk hb_perf "${name}_modified.bin"
    expect_exit 0
    rdk hrt_model_exec model_info --model_file "${name}_modified.bin"
    expect_exit 0
    cp "$place/.out" after.txt
    rdk hrt_model_exec perf --thread_num 2 --frame_count 20 --model_file "${name}_modified.bin"
    expect_exit 0
    ok 'a latency' grep -qE '^  Average    latency    is: [0-9.]+ ms$' "$place/.out"
    ok 'a rate' grep -qE '^  Frame      rate       is: [0-9.]+ FPS$' "$place/.out"
    rdk hrt_model_exec infer --model_file "${name}_modified.bin" --input_file "$tree/tests/cli/pictures/progressive.jpg" --enable_dump \
        --dump_path dump
    expect_exit 0
    ok 'ten outputs are written' test "$(find dump -name 'model_infer_output_*.bin' | wc -l)" -eq 10
    cd ..
}

# ---- the demo network, cut by the program ----
"$intarsia" cut "$tree/models/parts-seg.onnx" -o ten.onnx >/dev/null 2>&1
prepare demo "$place/ten.onnx" O0
"$intarsia" calib-data "$tree/data/parts/calib/images" -o calibration_data_rgb_f32 --size 320x320 --count 20 >/dev/null 2>&1
rdk hb_mapper checker --model-type onnx --march bayes-e --model network.onnx
expect_exit 0
rdk hb_mapper makertbin --model-type onnx --config config.yaml
check_makertbin demo
check_tools demo
# what other suites have written down of it; cutting gives the outputs after output1 names of their own
sed 's/^name: .*/name: N/; 1s/.*/LOAD/; s/^scale data: .*/scale data: N/' "$here/model_info.txt" >want.txt
sed 's/^name: .*/name: N/; 1s/.*/LOAD/' demo/before.txt >got.txt
ok 'inputs and outputs as written down' diff want.txt got.txt
sed 's/^name: .*/name: N/; 1s/.*/LOAD/; s/^scale data: .*/scale data: N/' "$here/model_info_modified.txt" >want.txt
sed 's/^name: .*/name: N/; 1s/.*/LOAD/; s/^scale data: .*/scale data: N/' demo/after.txt >got.txt
ok 'and without nodes' diff want.txt got.txt
rdk hb_mapper makertbin --model-type onnx --config config.yaml
expect_exit 0
cp demo/demo.bin first.bin
rdk hb_mapper makertbin --model-type onnx --config config.yaml
ok 'the same file again' cmp first.bin demo/demo.bin
sed 's/^  march.*/&\n  remove_node_type: Dequantize/' config.yaml >all.yaml
rdk hb_mapper makertbin --model-type onnx --config all.yaml
expect_exit 0
ok 'ten nodes are removed' test "$(grep -c "' is removed$" "$place/.out")" -eq 10
rdk hrt_model_exec model_info --model_file demo/demo.bin
ok 'no output is float' not grep -q TENSOR_TYPE_F32 "$place/.out"
sed "s|^  march.*|&\n  remove_node_name: '585_HzDequantize;/model.23/cv4.0/cv4.0.2/Conv_output_0_HzDequantize;no_such_node'|" config.yaml >two.yaml
rdk hb_mapper makertbin --model-type onnx --config two.yaml
expect_out '*WARNING Node ?no_such_node? is not found and skipped*'
rdk hb_model_info demo/demo.bin
ok 'hb_model_info knows' test "$(grep -c 'deleted nodes: ' "$place/.out")" -eq 2
cd "$place" || exit 1

# ---- without a yaml ----
rdk hb_mapper makertbin --model-type onnx --fast-perf --march bayes-e --model ten.onnx
expect_exit 0
expect_out '*WARNING calibration_type skip: made-up data*'
ok 'it looks for no node that cannot be there' not grep -q 'no further node of type' "$place/.out"
written model_output/ten.bin
rdk hrt_model_exec model_info --model_file model_output/ten.bin
ok 'a camera' grep -qx 'tensor type: HB_DNN_IMG_TYPE_NV12' "$place/.out"
ok 'integers' not grep -q TENSOR_TYPE_F32 "$place/.out"

# ---- YOLO11n-seg, as on the page ----
onnx=$shared/models/yolo11n-seg_rdk.onnx
page=$shared/spec/rdk-page.md
if [ "${4-none}" != none ] || [ ! -e "$onnx" ] || [ ! -e "$page" ] || [ ! -d "$shared/coco/train/images" ]; then
    skipped 'YOLO11n-seg: with sanitizers it takes too long; or network, page and photos are not there'
    nothing_half_written
    finish
fi
name=yolo11nseg_detect_bayese_640x640_nv12
start=$(date +%s)
prepare $name "$onnx" O3
"$intarsia" calib-data "$shared/coco/train/images" -o calibration_data_rgb_f32 --size 640x640 --count 20 >/dev/null 2>&1
rdk hb_mapper checker --model-type onnx --march bayes-e --model network.onnx
expect_exit 0
rdk hb_mapper makertbin --model-type onnx --config config.yaml
check_makertbin $name
expect_out '*WARNING node_info: there is no node /model.10/m/m.0/attn/Softmax in the network, it is skipped*'
check_tools $name
echo "YOLO11n-seg: $(($(date +%s) - start)) s"

# n: the n-th model_info of the page
shown() {
    awk -v n="$1" '/^This model file has 1 model:/ { k++ } /^```/ { on = 0 } /^This model file has/ && k == n { on = 1 } on' "$page" |
        sed 's/^scale data: .*/scale data: N/' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}
# file: what model_info said, likewise
said() {
    sed '1d; $d; s/^scale data: .*/scale data: N/' "$1" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}
shown 1 >page.txt
said $name/before.txt >ours.txt
ok 'there is something to compare' test "$(wc -l <page.txt)" -gt 100
ok 'inputs and outputs are the page'"'"'s' diff page.txt ours.txt
shown 2 >page.txt
said $name/after.txt >ours.txt
ok 'and so they are without the nodes' diff page.txt ours.txt
# the page's tables: every output is nearer to the float network than the page's; every step's name is in the page's
table 'The quantized model output:' "$page" >page.txt
ok 'the same outputs, nearer' awk 'NR == FNR { cosine[$1] = $2; n++; next } !($1 in cosine) || $2 < cosine[$1] { bad = 1; print }
    END { exit bad || n != 10 }' page.txt outputs.txt
table 'The main quantized node information:' "$page" >page.txt
ok 'convolutions are called as on the page' awk 'NR == FNR { known[$1] = 1; next } $4 ~ /Conv/ && !($1 in known) { n++ } END { exit n > 3 }' \
    page.txt nodes.txt # attention's first is three
sed -n '/^Graph input:/,/^2025/p; /^2025-03-05 18:35:12,115/q' "$page" | sed -n '/^Graph input:/,/585:/p' | head -13 | tail -13 >page.txt
sed -n '/^Graph input:/,/585:/p' out.txt | head -13 >ours.txt
ok 'the graph is said as on the page' diff page.txt ours.txt
nothing_half_written
finish
