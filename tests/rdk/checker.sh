# SPDX-License-Identifier: Apache-2.0
#
# hb_mapper checker: its table, its log, what it refuses. arguments: program, source tree
. "$(dirname "$0")/lib.sh"
demo=$tree/models/parts-seg.onnx
golden=$tree/tests/golden

checker() {
    rdk hb_mapper checker "$@"
}

rdk hb_mapper --version
expect_exit 0
expect_out 'hb_mapper, version [0-9]*.[0-9]*.[0-9]*'
rdk hb_mapper --help
expect_exit 0
expect_out 'usage: hb_mapper checker*'

# ---- the table ----
"$intarsia" cut "$demo" -o ten.onnx >/dev/null 2>&1
checker --model-type onnx --march bayes-e --model ten.onnx --input-shape images 1x3x320x320
expect_exit 0
expect_err ''
cp "$place/.out" out.txt
expect_out '*Input ONNX Model Information:*ONNX IR version: *Graph input:
    images:               shape=?1, 3, 320, 320?, dtype=FLOAT32*Graph output:*    585:                  shape=?1, 80, 80, 32?, dtype=FLOAT32*'
ok 'nodes before and after constants are computed' awk '/the number of nodes has changed from/ { if ($(NF - 2) + 0 < $NF + 0) exit 1; n++ } END { exit n != 1 }' "$place/.out"
ok 'no warning of opset 11' not grep -q WARNING out.txt
ok 'the heading' grep -qE '^Node +ON   Subgraph  Type +Cosine Similarity  Threshold  DataType *$' out.txt
ok 'softmax in 8 bits' grep -qE \
    '^/model.10/m/m.0/attn/Softmax +BPU  id\(0\)     Softmax +--                 1.0        int8 *$' out.txt
ok 'a convolution' grep -qE '^/model.23/cv2.0/cv2.0.2/Conv +BPU  id\(0\)     HzSQuantizedConv +-- ' out.txt
ok 'nothing on the CPU' not grep -qE '  CPU  ' out.txt
# a row a node: what check lists, but for what is computed beforehand
"$intarsia" check ten.onnx 2>/dev/null | awk 'NR > 1 && $3 != "folded" { print $1 }' | sort >wanted.txt
awk '/^Node / { on = 1; getline; next } / INFO / { on = 0 } on { print $1 }' out.txt | sort >got.txt
ok 'a row a node' cmp wanted.txt got.txt
ok 'rows end in one column' test "$(awk '/^=/ { n = length($0) } /^\/model/ && length($0) != n' out.txt | wc -l)" -eq 0
ok 'the log has the table' grep -q '^/model.10/m/m.0/attn/Softmax  *BPU' hb_mapper_checker.log
ok 'the log says where' grep -qE '^[0-9-]+ [0-9:,]+ file: .* func: .* line No: [0-9]+ ' hb_mapper_checker.log

checker --model-type onnx --march bayes --model "$demo" --output x --config x.yaml
expect_exit 0
expect_out '*WARNING --output has no meaning*WARNING --config has no meaning*WARNING the board?s tools read opset 10 and 11 only*'
expect_out '*INFO * nodes on the CPU decode the outputs*'
ok 'decoding in float' grep -qE '^/model.23/dfl/Softmax +CPU  --        Softmax +--                 --         float *$' "$place/.out"

# ---- refusals ----
checker --model-type caffe --march bayes-e --model "$demo"
expect_exit 2
expect_one_line_err '*caffe networks are not read*'
checker --model-type onxx --march bayes-e --model "$demo"
expect_exit 2
expect_one_line_err '*"onxx" is neither onnx nor caffe*'
checker --march bayes-e --model "$demo"
expect_exit 2
expect_one_line_err '*--model-type onnx is missing*'
checker --model-type onnx --march bayes-f --model "$demo"
expect_exit 2
expect_one_line_err '*--march: bayes-f: it is bernoulli2, bayes or bayes-e; did you mean bayes*'
checker --model-type onnx --march bayes-e
expect_exit 2
expect_one_line_err '*--model is missing*'
checker --model-type onnx --march bayes-e --model none.onnx
expect_exit 1
expect_out '*ERROR none.onnx: No such file or directory*'
checker --model-type onnx --march bayes-e --model "$demo" --input-shape images 1x3x640x640
expect_exit 1
expect_out '*ERROR --input-shape: input images has the shape 1x3x320x320 in the file, not 1x3x640x640*'
checker --model-type onnx --march bayes-e --model "$demo" --input-shape image 1x3x320x320
expect_exit 1
expect_out '*ERROR --input-shape: there is no input image, did you mean images*'
checker --model-type onnx --march bayes-e --model "$demo" --input-shape images
expect_exit 2
expect_one_line_err '*takes a name and a shape: 1 names, 0 shapes were given*'
checker --model-type onnx --march bayes-e --model "$golden/refused/cycle.onnx"
expect_exit 1
expect_out '*ERROR node * cannot run: *ERROR *cycle.onnx: 1 of 2 nodes cannot run*'
ok 'the log has the error' grep -q 'cannot run' hb_mapper_checker.log
checker --model-type onnx --march bayes-e --model "$golden/refused/dynamic.onnx"
expect_exit 1
expect_out '*ERROR *has dynamic shape*export with fixed sizes*'
rdk hb_mapper cheker --model "$demo"
expect_exit 2
expect_one_line_err '*unknown command cheker, did you mean checker?*'
rdk hb_mapper checker --modle "$demo"
expect_exit 2
expect_one_line_err '*unknown option --modle, did you mean --model?*'
finish
