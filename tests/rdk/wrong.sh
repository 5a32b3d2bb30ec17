# SPDX-License-Identifier: Apache-2.0
#
# Wrong yamls, files and arguments for hb_mapper makertbin: each is refused in words that help, with a status that is not 0,
# and nothing is made. arguments: program, source tree
. "$(dirname "$0")/lib.sh"
demo=$tree/models/parts-seg.onnx
golden=$tree/tests/golden
"$intarsia" cut "$demo" -o ten.onnx >/dev/null 2>&1
mkdir pictures raw mixed short empty
cp "$tree/tests/cli/pictures/grey.jpg" pictures
"$intarsia" calib-data pictures -o raw --size 320x320 >/dev/null 2>&1
cp raw/grey.rgbchw pictures/grey.jpg mixed
head -c 1000 raw/grey.rgbchw >short/a.rgbchw
cp "$golden/refused/cycle.onnx" "$golden/refused/dynamic.onnx" .

yaml right.yaml

# what sed-script message: the yaml, changed so, is refused with a line like the message
wrong() {
    sed "$2" right.yaml >wrong.yaml
    rdk hb_mapper makertbin --model-type onnx --config wrong.yaml
    words="$1"
    expect_exit 1
    expect_out "*ERROR $3*"
    ok 'nothing is made' test ! -e made
    ok 'the log says it too' grep -q "$(tail -n 1 "$place/.out" | sed 's/.*ERROR //; s/[][\\.*^$]/\\&/g')" hb_mapper_makertbin.log
}

# ---- the file ----
wrong 'no YAML' 's/^  march:.*/  march: "bayes-e/' 'wrong.yaml:*:*: *'
wrong 'a tab' 's/^  march:.*/\tmarch: bayes-e/' 'wrong.yaml:3:1: found a tab character*'
wrong 'an empty file' 'd' 'wrong.yaml: is empty'
wrong 'no groups' '1,$d;1i just text' 'wrong.yaml: is empty'
wrong 'a list' '1i - a
2,$d;1d' 'wrong.yaml:1:1: groups of keys are expected*'
wrong 'a key twice' 's/^  march: \(.*\)/  march: \1\n  march: bayes/' 'wrong.yaml:4:3: march stands here again, it is in line 3 already'
wrong 'an anchor' 's/^  march:.*/  march: *name/' 'wrong.yaml:3:10: anchors and aliases are not read'
wrong 'bytes' "\$a # $(printf '\377')" 'wrong.yaml: *at byte *'
rdk hb_mapper makertbin --model-type onnx --config none.yaml
expect_exit 1
expect_out '*ERROR none.yaml: No such file or directory*'

# ---- keys ----
wrong 'an unknown key' 's/onnx_model/onnx_modle/' \
    'wrong.yaml:2:3: model_parameters: unknown key "onnx_modle", did you mean onnx_model?*'
wrong 'an unknown group' 's/^compiler_parameters/compile_parameters/' \
    'wrong.yaml:16:1: unknown group "compile_parameters", did you mean compiler_parameters?*Missing keys: ?compiler_parameters?*'
wrong 'a key of another group' 's/^  optimize_level/  norm_type/' \
    'wrong.yaml:17:3: compiler_parameters: norm_type belongs into the group input_parameters*'
wrong 'a key without group' '1i march: bayes-e' 'wrong.yaml:1:1: march belongs into the group model_parameters*'
wrong 'missing keys' '/march/d; /input_type_rt/d' \
    "wrong.yaml: Key 'model_parameters' error: Missing keys: 'march' (bernoulli2*bayes-e)*Key 'input_parameters' error: Missing keys: 'input_type_rt'*2 mistakes, nothing is made"
wrong 'a key without value' 's/march:.*/march:/' "wrong.yaml: Key 'model_parameters' error: Missing keys: 'march'*"
wrong 'a map for a word' 's/march:.*/march: {a: b}/' 'wrong.yaml:3:10: model_parameters.march: *is expected, not a map*'

# ---- values ----
wrong 'a board' 's/bayes-e/bayes-f/' \
    'wrong.yaml:3:10: model_parameters.march: "bayes-f" is not bernoulli2, bayes or bayes-e; did you mean bayes-e*'
wrong 'a level' "s/'O0'/O4/" 'wrong.yaml:17:19: compiler_parameters.optimize_level: "O4" is not O0, O1, O2 or O3*'
wrong 'neither true nor false' "\$a \  debug: maybe" 'wrong.yaml:18:10: compiler_parameters.debug: "maybe" is neither True nor False*'
wrong 'a number' "\$a \  core_num: two" 'wrong.yaml:18:13: compiler_parameters.core_num: "two" is not a whole number from 1 to 2*'
wrong 'a number too large' 's/cal_data_type.*/max_percentile: 99.9/' \
    'wrong.yaml:15:19: calibration_parameters.max_percentile: "99.9" is not a number from 0.5 to 1*'
wrong 'no number' 's/0.003921568627451/a third/' 'wrong.yaml:12:16: input_parameters.scale_value: "a" is not a number*'
wrong 'a method' 's/cal_data_type.*/calibration_type: klm/' \
    'wrong.yaml:15:21: calibration_parameters.calibration_type: "klm" is not *; did you mean kl*'
wrong 'a prefix with folders' 's/prefix: demo/prefix: a\/demo/' 'wrong.yaml:5:29: *"a/demo" is a path*'

# ---- the network ----
wrong 'no network' 's/ten.onnx/none.onnx/' 'wrong.yaml:2:15: model_parameters.onnx_model: none.onnx: No such file or directory*'
wrong 'caffe' 's/onnx_model: .*/caffe_model: a\n  prototxt: b/' '*caffe networks are not read: export the network as ONNX*'
wrong 'no ONNX' 's/ten.onnx/right.yaml/' '*right.yaml*'
wrong 'a node that cannot run' 's/ten.onnx/cycle.onnx/' 'node * cannot run: *cycle.onnx: 1 of 2 nodes cannot run'
wrong 'dynamic shapes' 's/ten.onnx/dynamic.onnx/' '*has dynamic shape*export with fixed sizes*'
wrong 'an output node' 's/prefix: demo/prefix: demo\n  output_nodes: "\/model.22\/None"/' \
    '*model_parameters.output_nodes: there is no node "/model.22/None"*'

# ---- inputs ----
wrong 'a name' 's/input_name: ""/input_name: imags/' '*input_parameters.input_name: "imags": input 0 of the network is images*'
wrong 'two values' "s/'nv12'/'nv12;nv12'/" '*input_parameters.input_type_rt: 2 values, the network has 1 input*'
wrong 'a shape' 's/input_name: ""/input_shape: 1x3x640x640/' \
    '*input_shape: 1x3x640x640: input images has the shape 1x3x320x320 in the file*'
wrong 'gray into rgb' "s/'nv12'/gray/" '*input_type_rt: gray cannot become what the network was trained with, rgb: rgb, bgr, yuv444, nv12*'
wrong 'three channels are no gray' "s/'nv12'/gray/; s/'rgb'/gray/" '*input_type_train: gray has 1 channel, input images * has 3*'
wrong 'a range' "s/'nv12'/rgb/; s/input_name: \"\"/input_space_and_range: bt601_video/" '*bt601_video is for nv12, input images gets rgb*'
wrong 'no scale' '/scale_value/d' '*input_parameters.scale_value: is needed with norm_type: data_scale*'
wrong 'two scales' 's/0.0039.*/0.1 0.2/' '*scale_value: 2 numbers, input images has 3 channels*'
wrong 'a scale of nothing' 's/0.0039.*/0 1 1/' '*scale_value: 0: scales have to be above 0*'
wrong 'a batch' 's/input_name: ""/input_batch: 8/' '*input_batch: 8: a .bin takes one picture at a time*'
wrong 'a resizer' "\$a \  input_source: {images: resizer}" '*input_source: resizer: cutting pictures*'

# ---- calibration ----
wrong 'no folder' 's/cal_data_dir: raw/preprocess_on: False/' '*cal_data_dir: is needed: a folder for input images, or calibration_type: skip*'
wrong 'a folder that is not there' 's/dir: raw/dir: row/' 'wrong.yaml:14:17: *cal_data_dir: row: No such file or directory*'
wrong 'an empty folder' 's/dir: raw/dir: empty/' '*cal_data_dir: empty: there is no file in it*'
wrong 'a short file' 's/dir: raw/dir: short/' \
    '*short/a.rgbchw: 1000 bytes, but input images of shape 1x3x320x320 and type float32 takes 1228800*'
wrong 'another type' 's/float32/uint8/' '*raw/grey.rgbchw: 1228800 bytes, but * type uint8 takes 307200*'
wrong 'two kinds' 's/dir: raw/dir: mixed/' '*mixed/grey.jpg is a picture, mixed/grey.rgbchw is none: a folder holds one kind*'
wrong 'no pictures' 's/cal_data_type.*/preprocess_on: True/' '*raw/grey.rgbchw is no JPEG or PNG file, which preprocess_on: True expects*'
wrong 'thresholds inside' 's/cal_data_type.*/calibration_type: load/' '*calibration_type: load: thresholds inside a network*'
wrong 'nothing to measure' 's/cal_data_type.*/calibration_type: mix/' '*mix measures, which optimize_level: O0 does not*'
wrong 'an item' 's/cal_data_type.*/optimization: asymetric/' '*optimization: unknown item "asymetric", did you mean asymmetric?*'
wrong 'a node'"'"'s type' 's/prefix: demo/prefix: demo\n  node_info: {"x": {ON: BPU, InputType: int4}}/' \
    '*node_info: x: InputType int4, possible is int8 or int16*'
wrong 'a node'"'"'s place' 's/prefix: demo/prefix: demo\n  node_info: "x:int32"/' '*node_info: "x:int32": NODE:int16 or NODE:int8 is expected*'
wrong 'types to remove' 's/prefix: demo/prefix: demo\n  remove_node_type: Quantise/' \
    '*remove_node_type: "Quantise" is not *; did you mean Quantize*'

# ---- arguments ----
# message arguments...
misused() {
    message=$1
    shift
    rdk hb_mapper makertbin "$@"
    expect_exit 2
    expect_one_line_err "*$message*"
}
misused '--model-type onnx is missing' --config right.yaml
misused 'caffe networks are not read' --model-type caffe --config right.yaml
misused '"onxx" is neither onnx nor caffe' --model-type onxx --config right.yaml
misused '--config FILE is missing' --model-type onnx
misused '--fast-perf takes no --config' --model-type onnx --fast-perf --config right.yaml
misused '--model goes with --fast-perf' --model-type onnx --config right.yaml --model ten.onnx
misused '--march: is missing' --model-type onnx --fast-perf --model ten.onnx
misused '--march: bayes-f: it is' --model-type onnx --fast-perf --model ten.onnx --march bayes-f
misused '--input-shape: shapes are fixed' --model-type onnx --fast-perf --model ten.onnx --march bayes --input-shape images 1x3x8x8
misused '--input-shape goes with --fast-perf' --model-type onnx --config right.yaml --input-shape images 1x3x8x8
misused '--model is missing' --model-type onnx --fast-perf --march bayes-e
misused 'unknown option --confg, did you mean --config?' --model-type onnx --confg right.yaml
misused 'an argument too many' --model-type onnx --config right.yaml more
rdk hb_mapper makertbn --model-type onnx
expect_exit 2
expect_one_line_err '*unknown command makertbn, did you mean makertbin?*'
rdk hb_mapper makertbin --model-type onnx --fast-perf --march bayes-e --model none.onnx
expect_exit 1
expect_out '*ERROR none.onnx: No such file or directory*'
nothing_half_written
finish
