# SPDX-License-Identifier: Apache-2.0
#
# cut: does the cut network find what the whole one finds, in float and compiled? arguments: program, source tree
. "$(dirname "$0")/lib.sh"
demo=$tree/models/parts-seg.onnx
scenes=$tree/data/parts/val/images

# file: leaves the lines of the instances
instances() {
    grep class_id "$1" | sed 's/, "ms": .*//' >"$1.new"
    mv "$1.new" "$1"
}

run cut "$demo" -o ten.onnx
expect_exit 0
cp "$place/.out" outputs.txt
cat >wanted.txt <<END
output   shape
output0  1x40x40x8
output1  1x40x40x64
514      1x40x40x32
528      1x20x20x8
536      1x20x20x64
544      1x20x20x32
558      1x10x10x8
566      1x10x10x64
574      1x10x10x32
585      1x80x80x32
END
ok 'the ten outputs' diff wanted.txt outputs.txt
expect_err 'ten.onnx: 10 outputs, operator set 11'
run cut "$demo" -o written.onnx --softmax decomposed
expect_exit 0
expect_err '*, 1 softmax written out'
run check ten.onnx
expect_exit 0
expect_out '*/model.23/cv2.0/cv2.0.2/Conv *'
expect_out '*/model.10/m/m.0/attn/Softmax *'
ok 'the decoding is gone' not grep -q decoding "$place/.out"
run check written.onnx
expect_exit 0
ok 'no softmax is left' not grep -q ' Softmax ' "$place/.out"
for part in ReduceMax Sub Exp ReduceSum Div; do
    expect_out "*/model.10/m/m.0/attn/$part *"
done

# float: the same instances, to the last digit
photo=$scenes/000002.jpg
for net in "$demo" ten.onnx written.onnx; do
    run segment "$net" "$photo" --json "$(basename "$net").json"
    expect_exit 0
done
for file in *.onnx.json; do instances "$file"; done
ok 'something was found' grep -q score parts-seg.onnx.json
ok 'cut, the same in float' cmp parts-seg.onnx.json ten.onnx.json
ok 'written out, the same in float' cmp parts-seg.onnx.json written.onnx.json

# compiled: the same
for net in "$demo" ten.onnx written.onnx; do
    bin=$(basename "$net" .onnx).bin
    run build "$net" --calib "$scenes/00000[0-3].jpg" --effort 0 -o "$bin"
    expect_exit 0
    run segment "$bin" "$photo" --json "$bin.json"
    expect_exit 0
done
for file in *.bin.json; do instances "$file"; done
ok 'something was found' grep -q score parts-seg.bin.json
ok 'cut, the same compiled' cmp parts-seg.bin.json ten.bin.json
ok 'written out, the same compiled' cmp parts-seg.bin.json written.bin.json

# again
run cut ten.onnx -o again.onnx
expect_exit 0
ok 'cut twice is cut once' cmp ten.onnx again.onnx

# refusals
run cut "$demo"
expect_exit 2
expect_one_line_err '*--output*'
run cut none.onnx -o x.onnx
expect_exit 1
expect_one_line_err '*none.onnx: No such file or directory'
run cut ten.onnx -o ten.onnx
expect_exit 1
expect_one_line_err '*would overwrite*'
ok 'nothing was written' not test -e x.onnx
nothing_half_written
finish
