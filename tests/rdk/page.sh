# SPDX-License-Identifier: Apache-2.0
#
# The page's own commands on YOLO11n-seg, compared with the logs that the page shows: everything but times, scales, and the
# rule at the end, which the page leaves out. arguments: program, source tree
. "$(dirname "$0")/lib.sh"
onnx=$tree/../shared/models/yolo11n-seg_rdk.onnx
page=$tree/../shared/spec/rdk-page.md
if [ ! -e "$onnx" ] || [ ! -e "$page" ]; then
    skipped 'YOLO11n-seg and the page are not there'
    finish
fi
name=yolo11nseg_detect_bayese_640x640_nv12
"$intarsia" build "$onnx" --calib "$tree/tests/cli/pictures/progressive.jpg" --effort 0 --input nv12 --name $name \
    -o yolo11n.bin >/dev/null 2>&1

# n: the n-th model_info of the page
shown() {
    awk -v n="$1" '/^This model file has 1 model:/ { k++ } /^```/ { on = 0 } /^This model file has/ && k == n { on = 1 } on' "$page" |
        sed 's/^scale data: .*/scale data: N/'
}
# what model_info said, likewise
said() {
    sed '1d; $d; s/^scale data: .*/scale data: N/' "$place/.out"
}
# like `diff`, whatever blank lines are at the end
same_text() {
    printf '%s\n' "$(cat "$1")" >a
    printf '%s\n' "$(cat "$2")" >b
    diff a b
}

rdk hrt_model_exec model_info --model_file yolo11n.bin
shown 1 >page.txt
said >ours.txt
ok 'there is something to compare' test "$(wc -l <page.txt)" -gt 100
ok 'inputs and outputs are the page'"'"'s' same_text page.txt ours.txt

set --
for head in cv2 cv4; do
    for level in 0 1 2; do
        set -- "$@" -r "/model.23/$head.$level/$head.$level.2/Conv_output_0_HzDequantize"
    done
done
rdk hb_model_modifier yolo11n.bin "$@" -r 585_HzDequantize
expect_exit 0
ok 'seven nodes went' test "$(grep -c "' is removed$" "$place/.out")" -eq 7
rdk hrt_model_exec model_info --model_file yolo11n_modified.bin
shown 2 >page.txt
said >ours.txt
ok 'there is something to compare' test "$(wc -l <page.txt)" -gt 100
ok 'and so they are without the nodes' same_text page.txt ours.txt
finish
