# SPDX-License-Identifier: Apache-2.0
#
# Accuracy of the demo network, from the command line. arguments: program, source tree
#
# The figures were measured with ONNX Runtime and pycocotools: the float network on these photos.
. "$(dirname "$0")/lib.sh"
onnx=$tree/models/parts-seg.onnx
photos=$tree/data/parts/val/images
ann=$tree/data/parts/val/instances.json

# file, "box" or "mask", key: the first such number
figure() {
    sed -n "/\"$2\": {/,/}/s/.*\"$3\": \([-0-9.e]*\).*/\1/p" "$1" | head -n 1
}

# value wanted tolerance
near() {
    awk "BEGIN { d = ${1:-9} - $2; exit !(d <= $3 && d >= -$3) }"
}

at_least() {
    awk "BEGIN { exit !(${1:-0} >= $2) }"
}

# ---- arguments ----

run eval parts.bin --data "$photos"
expect_exit 2
expect_one_line_err 'intarsia: eval: --ann FILE is missing *'
run eval --ann "$ann"
expect_exit 2
expect_one_line_err 'intarsia: eval: either a network or --results FILE is needed *'
run eval parts.bin --ann "$ann" --results x.json
expect_exit 2
expect_one_line_err 'intarsia: eval: either a network or --results FILE is needed *'
run eval parts.bin --ann "$ann"
expect_exit 2
expect_one_line_err 'intarsia: eval: --data DIR is missing*'
run eval --results x.json --ann "$ann" --save y.json
expect_exit 2
expect_one_line_err 'intarsia: eval: --against, --save and --limit need a network*'
run eval parts.bin --data "$photos" --ann "$ann" --save -
expect_exit 2
expect_one_line_err 'intarsia: eval: --save needs a file*'
run eval parts.bin --data "$photos" --ann "$ann" --cpu frob
expect_exit 2

# ---- files that are not there or broken ----

run eval --results no-such.json --ann "$ann"
expect_exit 1
expect_one_line_err 'intarsia: no-such.json: No such file or directory'
run eval --results x.json --ann no-such.json
expect_exit 1
expect_one_line_err 'intarsia: no-such.json: No such file or directory'
head -c 5000 "$ann" >cut.json
run eval --results x.json --ann cut.json
expect_exit 1
expect_one_line_err 'intarsia: cut.json: line *'
echo '[{"image_id": 999999, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}]' >foreign.json
run eval --results foreign.json --ann "$ann"
expect_exit 1
expect_one_line_err 'intarsia: foreign.json: entry 0: no image 999999 *'
run eval no-such.bin --data "$photos" --ann "$ann"
expect_exit 1
expect_one_line_err 'intarsia: no-such.bin: *'
mkdir empty
run eval "$onnx" --data empty --ann "$ann" --limit 2
expect_exit 1
expect_err '*empty/000000.jpg: No such file or directory*empty: has none of the 60 photos of *'

# ---- results alone ----

echo '[]' >nothing.json
run eval --results nothing.json --ann "$ann"
expect_exit 0
expect_out 'boxes*AP) @\[ IoU=0.50:0.95 | area=   all | maxDets=100 \] = 0.000*masks*'
expect_err '60 photos, 522 objects'
run eval --results "$tree/data/parts/val/float_025.json" --ann "$ann" --json
expect_exit 0
cp "$place/.out" float.json
ok 'box AP of the float results' near "$(figure float.json box AP)" 0.785483776 1e-9
ok 'mask AP of the float results' near "$(figure float.json mask AP)" 0.576293735 1e-9

# annotations of boxes alone
cat >boxes.json <<'END'
{"images": [{"id": 3, "file_name": "000003.jpg"}], "categories": [{"id": 7, "name": "bolt"}, {"id": 9, "name": "nut"}],
"annotations": [{"id": 1, "image_id": 3, "category_id": 9, "bbox": [10, 20, 30, 40], "area": 1200, "iscrowd": 0}]}
END
echo '[{"image_id": 3, "category_id": 9, "bbox": [10, 20, 30, 32], "score": 0.5}]' >found.json
run eval --results found.json --ann boxes.json --per-class --curves curves
expect_exit 0
# an overlap of 0.8 passes 7 of the 10 thresholds
expect_out 'boxes*maxDets=100 \] = 0.700*
category  objects  box AP  box AP50
nut             1   0.700     1.000'
expect_err 'intarsia: masks are not evaluated: *
1 photo, 1 object'
ok 'curves of boxes alone' test "$(ls curves)" = box.svg
run eval --results found.json --ann boxes.json --json --per-class
expect_exit 0
expect_out '{*"AP": 0.7,*"categories": \[*"name": "nut"*}'
ok 'nothing is said of masks' not grep -q mask "$place/.out"
sed 's/, "file_name": "000003.jpg"//' boxes.json >nameless.json
run eval --results found.json --ann nameless.json
expect_exit 0
expect_out 'boxes*maxDets=100 \] = 0.700*'
run eval "$onnx" --data "$photos" --ann boxes.json
expect_exit 1
expect_one_line_err 'intarsia: *parts-seg.onnx: no category "washer" in the annotations, and 2 categories for 8 classes'

# ---- networks ----

run build "$onnx" --calib "$tree/data/parts/calib/images" -o parts.bin
expect_exit 0
expect_one_line_err 'parts.bin: *, calibrated with 40 pictures, *' # of which there is nothing to say
run eval parts.bin --data "$photos" --ann "$ann" --json --save found.json --curves curves
expect_exit 0
expect_err '60 photos, 522 objects'
cp "$place/.out" int8.json
ok 'box AP of int8' near "$(figure int8.json box AP)" 0.786 0.03
ok 'mask AP of int8' near "$(figure int8.json mask AP)" 0.575 0.03
run eval --results found.json --ann "$ann" --json
expect_exit 0
ok 'the saved results give the same' cmp -s int8.json "$place/.out"
run eval --results found.json --ann "$ann" --json --threads 3
expect_exit 0
ok 'any number of threads gives the same' cmp -s int8.json "$place/.out"
ok 'curves of boxes' grep -q 'IoU 0.50:0.95: 0\.7' curves/box.svg
ok 'curves of masks' grep -q 'IoU 0.50:0.95: 0\.5' curves/mask.svg
ok 'the picture is whole' test "$(tail -n 1 curves/box.svg)" = '</svg>'
run eval parts.bin --data "$photos" --ann "$ann" --json --full
expect_exit 0
cp "$place/.out" full.json
ok 'box AP of int8, full' near "$(figure full.json box AP)" 0.820 0.03
ok 'mask AP of int8, full' near "$(figure full.json mask AP)" 0.595 0.03

run eval parts.bin --data "$photos" --ann "$ann" --limit 6 --against "$onnx" --per-class
expect_exit 0
expect_err '6 photos, * objects'
expect_out 'boxes*masks*category *objects *box AP*bolt *against *parts-seg.onnx* boxes *agreement AP 0.9*AP kept * masks *agreement AP 0.9*mean mask IoU 0.9*output *cosine *SNR dB *L1 *L2 *Chebyshev*output1 *0.9*'
run eval parts.bin --data "$photos" --ann "$ann" --limit 6 --against "$onnx" --json --full --per-class
expect_exit 0
expect_out '{*"categories": \[*"against": {*"pairs": {*'
ok 'agreement' at_least "$(sed -n '/"agreement"/,$p' "$place/.out" | grep -m 1 '"AP":' | tr -dc '0-9.')" 0.95
# a network agrees with itself wholly
run eval "$onnx" --data "$photos" --ann "$ann" --limit 3 --against "$onnx"
expect_exit 0
expect_out '*AP kept 100.0 % \[100.0, 100.0\] *AP kept 100.0 %*mean mask IoU 1.0000 *output1 *1.000000 *inf *0.000000 *0.000000 *0.000000*'
run eval "$onnx" --data "$photos" --ann "$ann" --limit 3 --against "$onnx" --json --threads 1
expect_exit 0
cp "$place/.out" one.json
ok 'ten outputs do not differ' test "$(grep -c '"snr_db": null' one.json)" = 10
ok 'what is kept has bounds' test "$(grep -c '"low": 1.0,' one.json)" = 2
run eval parts.bin --data "$photos" --ann "$ann" --limit 3 --input nv12 --range video
expect_exit 0

# several networks are a table: the float one is what the others are compared with
run eval "$onnx" parts.bin --data "$photos" --ann "$ann" --limit 6 --full
expect_exit 0
expect_out '| network | input | box AP | mask AP | box AP kept | mask AP kept | agreement box / mask | size | ms |
|---|---|---|---|---|---|---|---|---|
| parts-seg.onnx | float, RGB | 0.??? | 0.??? | | | | 11.57 MB | * |
| parts.bin | int8, RGB | 0.??? | 0.??? | *.? % \[*, *\] | *.? % \[*\] | 0.9?? / 0.9?? | 3.* MB | * |'
cp "$place/.out" table.md
run eval parts.bin --data "$photos" --ann "$ann" --limit 6 --full --against "$onnx" --json
expect_exit 0
row=$(sed -n '4s/.*| int8, RGB | \(0\.[0-9]*\) | \(0\.[0-9]*\) |.*/\1 \2/p' table.md)
ok 'a row is what the network has alone' near "${row% *}" "$(figure "$place/.out" box AP)" 0.000501
ok 'a row is what the network has alone' near "${row#* }" "$(figure "$place/.out" mask AP)" 0.000501
run eval "$onnx" parts.bin --data "$photos" --ann "$ann" --limit 2 --input nv12 --json
expect_exit 0
expect_out '\[*"input": "float, RGB"*"against": {*"input": "int8, NV12"*"network_ms": *\]'
run eval "$onnx" parts.bin --data "$photos" --ann "$ann" --save y.json
expect_exit 2
expect_one_line_err 'intarsia: eval: --save, --curves and --per-class are for one network*'

# ---- photos that are missing, broken, or others ----

mkdir some
cp "$photos/000000.jpg" "$photos/000002.jpg" some
head -c 3000 "$photos/000001.jpg" >some/000001.jpg
cp "$tree/tests/cli/pictures/1x1.png" some/000003.jpg
sed 's/000000\.jpg/far\/away\/000000.jpg/' "$ann" >folders.json
run eval parts.bin --data some --ann folders.json
expect_exit 0
expect_err '*some/000001.jpg: broken JPEG*some/000003.jpg: is 1x1, the annotations say 640x480*some/000011.jpg: No such file or directory
intarsia: and 48 more
2 photos, 58 left out, * objects'

# ---- places that cannot be written ----

cp "$ann" own.json
for what in own.json parts.bin; do
    cp "$what" before
    run eval parts.bin --data "$photos" --ann own.json --limit 1 --save "$what"
    expect_exit 1
    expect_one_line_err "intarsia: $what: is also read, the output needs another name"
    ok 'nothing changed' cmp -s "$what" before
done
run eval parts.bin --data "$photos" --ann "$ann" --limit 1 --save own.json/x.json
expect_exit 1
expect_out ''
expect_one_line_err 'intarsia: own.json/x.json: cannot write: own.json is not a folder'
run eval parts.bin --data "$photos" --ann "$ann" --limit 1 --curves own.json/folder
expect_exit 1
expect_out ''
expect_one_line_err 'intarsia: own.json/folder: cannot write: own.json is not a folder'
run eval parts.bin --data "$photos" --ann "$ann" --limit 1 --save made/by/eval.json --curves made/for/curves
expect_exit 0
ok 'folders are made' test -s made/by/eval.json -a -s made/for/curves/box.svg -a -s made/for/curves/mask.svg
nothing_half_written
finish
