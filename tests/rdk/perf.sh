# SPDX-License-Identifier: Apache-2.0
#
# hb_perf: the page, and the picture of the model's parts. arguments: program, source tree, html_check
html_check=$(realpath "$3")
. "$(dirname "$0")/lib.sh"
demo_bin demo.bin
"$intarsia" build "$tree/models/parts-seg.onnx" --calib "$tree/tests/cli/pictures/progressive.jpg" --effort 0 \
    --name 'two/../<models>' -o odd.bin >/dev/null 2>&1
n_steps=$("$intarsia" info --json demo.bin | grep -c '"kernel"')

# file: how many dequantise nodes it shows
n_nodes() {
    grep -c '_HzDequantize</text>' "$1"
}

rdk hb_perf --help
expect_exit 0
expect_out 'usage: hb_perf *--model NAME*--packed*--version*'
rdk hb_perf
expect_exit 2
expect_one_line_err '*the model is missing*'
rdk hb_perf none.bin
expect_exit 1
expect_one_line_err '*none.bin: No such file*'
ok 'no folder for nothing' test ! -e hb_perf_result

rdk hb_perf demo.bin
expect_exit 0
expect_err ''
expect_out '*INFO demo: [0-9]* ms a frame, see hb_perf_result/demo/demo.html'
page=hb_perf_result/demo/demo.html
"$html_check" $page svg table >counts.txt
ok 'the page is well formed and whole' test $? -eq 0
ok 'three drawings' grep -qx 'svg 3' counts.txt
for text in 'Model Performance Summary' 'Model Latency(ms)' 'Total DDR (loaded+stored) bytes per frame' \
    'Loaded Bytes per Frame' 'Stored Bytes per Frame' 'BIN Model Structure' 'Layer Details' 'Roofline'; do
    ok "it says $text" grep -qF "$text" $page
done
sed -n '/<tbody>/,/<\/tbody>/p' $page | sed 's/.*<tbody>//' | grep '^<tr>' >rows.txt
ok 'a row a layer' test "$(wc -l <rows.txt)" -eq "$n_steps"
# multiply-adds: those of the layers are those of the whole
ok 'multiply-adds' awk -F'</?td>' '
    NR == FNR { sum += $10; next } /main_graph_subgraph_0<\/td>/ { whole = $4 } END { exit !(sum > 0 && sum == whole) }' rows.txt $page
ok 'ten dequantise nodes' test "$(n_nodes hb_perf_result/demo/demo.html)" -eq 10
ok 'the picture is a PNG of 1052 x 476' test "$(head -c 24 hb_perf_result/demo/demo.png | od -An -tx1 | tr -d ' \n')" = \
    89504e470d0a1a0a0000000d494844520000041c000001dc
rdk hb_model_modifier demo.bin -r output1_HzDequantize
rdk hb_perf demo_modified.bin
ok 'one less' test "$(n_nodes hb_perf_result/demo/demo.html)" -eq 9

# several models; a name that is no name of a file
rdk hb_pack demo.bin odd.bin -o packed.bin
rm -r hb_perf_result
rdk hb_perf -p packed.bin -m demo
expect_exit 0
ok 'only one' test "$(ls hb_perf_result)" = demo
rdk hb_perf packed.bin -m demmo
expect_exit 1
expect_one_line_err '*did you mean demo?*'
rdk hb_perf packed.bin
expect_exit 0
ok 'both' test -e 'hb_perf_result/two_.._<models>/two_.._<models>.html'
"$html_check" 'hb_perf_result/two_.._<models>/two_.._<models>.html' svg >/dev/null
ok 'the name is escaped' test $? -eq 0

# a model without a name: the file's
"$intarsia" build "$tree/models/parts-seg.onnx" --calib "$tree/tests/cli/pictures/progressive.jpg" --effort 0 \
    --name '' -o without.bin >/dev/null 2>&1
rdk hb_perf without.bin
expect_exit 0
expect_err ''
expect_out '*INFO without: [0-9]* ms a frame, see hb_perf_result/without/without.html'
ok 'its page and picture' test -s hb_perf_result/without/without.html -a -s hb_perf_result/without/without.png
nothing_half_written
finish
