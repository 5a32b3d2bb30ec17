# SPDX-License-Identifier: Apache-2.0
#
# What networks are fed that do not take RGB bytes / 255: those that scale their own input, and those of one channel.
# arguments: program, source tree, change_onnx
change_onnx=$(realpath "$3")
. "$(dirname "$0")/lib.sh"
photos=$tree/data/parts/calib/images
photo=$(find "$tree/data/parts/val/images" -type f | sort | head -n 1)

# ---- a network behind its own scaling: the same program, the same objects ----
for form in none div nhwc bgr third; do
    mkdir "$form"
    ok "a network with $form" "$change_onnx" "$tree/models/parts-seg.onnx" "$form/parts.onnx" "$form"
done
for form in none div nhwc; do
    run build "$form/parts.onnx" --calib "$photos" --images 2 --effort 0 -o "$form/parts.bin"
    expect_exit 0
    run segment "$form/parts.onnx" "$photo" --json "$form/found.json"
    expect_exit 0
    sed 's/"model": *"[^"]*"//; s/"ms": *{[^}]*}//' "$form/found.json" >"$form/found.txt"
done
ok 'there is something to find' grep -q '"score"' none/found.txt
ok 'bytes divided in the file: the same compiled network' cmp none/parts.bin div/parts.bin
ok 'u8, channels last: the same compiled network' cmp none/parts.bin nhwc/parts.bin
ok 'bytes divided in the file: the same objects in float' cmp none/found.txt div/found.txt
ok 'u8, channels last: the same objects in float' cmp none/found.txt nhwc/found.txt

# red and blue exchanged by the file: fed RGB it sees BGR, as the first network does that is given a BGR picture
run build bgr/parts.onnx --calib "$photos" --images 2 --effort 0 -o bgr/parts.bin
expect_exit 0
run segment bgr/parts.bin "$photo" --json bgr/found.json
expect_exit 0
ok 'fewer objects in false colours' test "$(grep -o '"score"' bgr/found.json | wc -l)" -le "$(grep -o '"score"' none/found.json | wc -l)"

run build third/parts.onnx --calib "$photos" --images 2 --effort 0 -o third/parts.bin
expect_exit 1
expect_one_line_err 'intarsia: third/parts.onnx: input * is scaled by the network itself, * --scale 1 says bytes, *'
run segment third/parts.onnx "$photo" --json third/found.json
expect_exit 1
expect_one_line_err 'intarsia: third/parts.onnx: input * --scale 0.00392157 bytes / 255*'
ok 'nothing was written' test ! -e third/parts.bin
for value in x 1,2 1,2,3,4 '' nan; do
    run build none/parts.onnx --calib "$photos" -o x.bin --scale "$value"
    expect_exit 2
    expect_one_line_err "intarsia: build: --scale: \"$value\" is neither a number nor three between commas *"
done
# 0.3 * 0.0130719 = 1 / 255
run build third/parts.onnx --calib "$photos" --images 2 --effort 0 --scale 0.0130719,0.0130719,0.0130719 -o third/parts.bin
expect_exit 0
run eval third/parts.bin --data "$tree/data/parts/val/images" --ann "$tree/data/parts/val/instances.json" --limit 2 \
    --against third/parts.onnx --json
expect_exit 0
ok 'the float network is fed as the compiled one' test "$(sed -n 's/.*"cosine": \([0-9.]*\).*/\1/p' "$place/.out" |
    awk '$1 < 0.95 { n++ } END { print (NR > 0 && n + 0 == 0) }')" = 1
run segment third/parts.onnx "$photo" --json third/found.json --scale 0.0130719
expect_exit 0
ok 'as many objects' test "$(grep -o '"score"' third/found.json | wc -l)" -eq "$(grep -o '"score"' none/found.json | wc -l)"
run segment none/parts.bin "$photo" --scale 1
expect_exit 2
expect_one_line_err 'intarsia: segment: --mean and --scale are for MODEL.onnx: none/parts.bin has its own *'
# what the network scales is scaled before, too
run build div/parts.onnx --calib "$photos" --images 2 --effort 0 --scale 0.00392157 -o twice.bin
expect_exit 0
expect_err '*the input is scaled twice: *'

# ---- class names that do not fit ----
run build none/parts.onnx --calib "$photos" --images 2 --effort 0 -o names.bin
ok 'names that fit' not grep -q 'metadata' "$place/.err"
from_1="{1: 'b', 2: 'n', 3: 'w', 4: 'g', 5: 'k', 6: 'a', 7: 'h', 8: 's'}"
while IFS='|' read -r names note first last; do
    ok "names $names" "$change_onnx" "$tree/models/parts-seg.onnx" names.onnx "names=$names"
    run build names.onnx --calib "$photos" --images 2 --effort 0 -o names.bin --report names.html
    expect_exit 0
    expect_err "*warning: the file's metadata have $note*"
    ok 'said once' test "$(grep -c 'metadata have' "$place/.err")" = 1
    ok 'said on the page' grep -q 'metadata have' names.html
    run info names.bin
    expect_out "*($first, *, $last)*"
    run segment names.onnx "$photo" --json names.json
    expect_exit 0
    expect_err "*warning: the file's metadata have $note*"
done <<END
$from_1|8 names for 8 classes, numbered from 1: name 1 is given to class 0*|b|s
{0: 'b', 1: 'n'}|2 names for 8 classes: 6 classes are without a name, *called "class 2"|b|class 7
['b', 'n', 'w', 'g', 'k', 'a', 'h', 's', 'x', 'y']|10 names for 8 classes: 2 names are left out, 8 and above|b|s
END

# ---- one channel ----
grey=$tree/tests/cli/networks/grey.onnx
run build "$grey" --calib "$photos" --images 4 -o grey.bin --report grey.html
expect_exit 0
run info grey.bin
expect_out '*input *64 x 64 x 1, gray*'
run build "$grey" --calib "$photos" --images 4 -o named.bin --input gray --name grey
expect_exit 0
ok 'it chose what --input gray is' cmp grey.bin named.bin
run build "$grey" --calib "$photos" --images 4 -o no.bin --input nv12
expect_exit 1
expect_one_line_err "intarsia: *grey.onnx: input 'images' has 1 channel: its input format can only be GRAY"
for model in grey.bin "$grey"; do
    run segment "$model" "$photo" --conf 0.01 --json found.json
    expect_exit 0
    ok 'objects' grep -q '"score"' found.json
    grep -o '"score"' found.json | wc -l >>counts
done
ok 'as many in int8 as in float' test "$(sort -u counts | wc -l)" = 1
run perf grey.bin "$photo" --runs 3 --layers
expect_exit 0
run perf grey.bin --runs 3
expect_exit 0
run eval "$grey" grey.bin --data "$tree/data/parts/val/images" --ann "$tree/data/parts/val/instances.json" --limit 2
expect_exit 0
expect_out '*| grey.onnx | float, grey |*| grey.bin | int8, grey |*'
nothing_half_written
finish
