# SPDX-License-Identifier: Apache-2.0
#
# The whole way with the demo network: build, info, perf, segment; photographs of every kind; everything that can be
# wrong with the files. arguments: program, source tree
. "$(dirname "$0")/lib.sh"
onnx=$tree/models/parts-seg.onnx
calib=$tree/data/parts/calib/images
photos=$tree/data/parts/val/images
pictures=$tree/tests/cli/pictures

# ---- build ----

run build no-such.onnx --calib "$calib" -o a.bin
expect_exit 1
expect_one_line_err 'intarsia: no-such.onnx: No such file or directory'
run build "$onnx" --calib no-such-folder -o a.bin
expect_exit 1
expect_one_line_err 'intarsia: no-such-folder: *'
mkdir empty
run build "$onnx" --calib empty -o a.bin
expect_exit 1
expect_one_line_err 'intarsia: folder empty has no JPEG or PNG pictures'
echo 'this is no network' >text.onnx
: >empty.onnx
head -c 100000 "$onnx" >cut.onnx
for file in text.onnx empty.onnx cut.onnx; do
    run build "$file" --calib "$calib" -o a.bin
    expect_exit 1
    expect_one_line_err "intarsia: $file: *"
    run check "$file"
    expect_exit 1
    expect_one_line_err "intarsia: $file: *"
    run segment "$file" "$photos/000000.jpg"
    expect_exit 1
    expect_one_line_err "intarsia: $file: *"
done
file=$tree/tests/cli/networks/dynamic.onnx
for command in check "build --calib $calib -o a.bin"; do
    # shellcheck disable=SC2086
    run $command "$file"
    expect_exit 1
    expect_one_line_err "intarsia: $file: input 'images' has dynamic shape \[1, 3, height, width\]: *"
done
file=$tree/tests/cli/networks/batch.onnx
for command in check "build --calib $calib -o a.bin"; do
    # shellcheck disable=SC2086
    run $command "$file"
    expect_exit 1
    expect_one_line_err "intarsia: $file: input 'images' has the batch size 2, *: export with batch=1"
done
file=$tree/tests/cli/networks/nonzero.onnx
run build "$file" --calib "$calib" -o a.bin
expect_exit 1
expect_one_line_err "intarsia: $file: node 'the_nonzero' (NonZero): this operator is not supported*"
run check "$file"
expect_exit 1
expect_out 'node *the_nonzero *NonZero *no *this operator is not supported*'
expect_one_line_err "intarsia: $file: 1 of 1 nodes cannot run"
run check "$file" --json
expect_exit 1
expect_out '{*"ok": false*}'
mkdir broken
echo 'no picture' >broken/a.jpg
head -c 3000 "$photos/000000.jpg" >broken/b.jpg
run build "$onnx" --calib broken -o a.bin
expect_exit 1
expect_err '*broken/b.jpg: broken JPEG: premature end of file*'
run build "$onnx" --calib "$calib" -o text.onnx/a.bin --images 1
expect_exit 1
expect_one_line_err 'intarsia: text.onnx/a.bin: cannot write: text.onnx is not a folder'
if [ -w /dev/full ]; then
    run build "$onnx" --calib "$calib" -o /dev/full --images 1 --effort 0
    expect_exit 1
    expect_err '*intarsia: /dev/full: cannot write: No space left on device'
else
    skipped 'no /dev/full'
fi
ok 'no file was made' not test -e a.bin
nothing_half_written

run check "$onnx"
expect_exit 0
expect_out 'node *Conv *int8*'
run check "$onnx" --json
expect_out '{*"ok": true*'

run build "$onnx" --calib "$calib" --images 4 -o parts.bin --save-temps temps --threads 2
expect_exit 0
expect_out 'layers that lose most *type *dtype *threshold *cosine *dB alone *dB
*Conv *s8 *0.9*
output *cosine *dB *L1 *L2 *Chebyshev
*output1 *0.9*:
    * loses most*'
ok 'only the worst layers' test "$(grep -c ' s8 \| s16 \| s32 ' "$place/.out")" -eq 5
expect_err 'intarsia: warning: 4 calibration photos: *
parts.bin: *'
ok 'graphs were kept' test -n "$(ls temps)"
cp parts.bin first.bin
run build "$onnx" --calib "$calib" --images 4 -o parts.bin --threads 1 --json
expect_exit 0
expect_out '{*"layers":*"cosine"*}'
ok 'threads do not change the file' cmp -s first.bin parts.bin
run build "$onnx" --calib "$calib" --images 4 --effort 0 -o layers.bin --layers
expect_exit 0
expect_out 'layer *cosine *dB alone *dB
/model.0/conv/Conv *Conv *s8 *'
ok 'all layers' test "$(grep -c ' s8 \| s16 \| s32 ' "$place/.out")" -gt 80
nothing_half_written

# ---- info, perf ----

run info parts.bin
expect_exit 0
expect_err ''
expect_out '*segmentation, 8 classes (bolt, nut, washer, *320 x 320 x 3, rgb*Conv *'
run info parts.bin --json
expect_exit 0
expect_out '{*"classes": \[*"bolt"*"kernel": *"meta": *}'
run perf parts.bin --runs 3 --warmup 0 --threads 1
expect_exit 0
expect_out 'ms a frame*network *raw outputs *instances, dense *instances, on demand *3 frames of noise *, 1 thread, *start: *memory: * packed weights *'
run perf parts.bin --runs 2 --layers --cpu scalar
expect_exit 0
expect_out 'step *GMAC/s *% peak *bound*2 frames of noise *, scalar*'
run perf parts.bin --runs 2 --layers --json
expect_exit 0
expect_out '{*"latency_ms"*"memory_bytes"*"copy_gb_a_second"*"steps": \[*"part_of_peak"*"bound": "compute"*}'
mkdir two
cp "$photos/000000.jpg" "$photos/000001.jpg" two
run perf parts.bin two --runs 3 --warmup 1 --json
expect_exit 0
expect_out '{*"photos": 2,*"runs": 4,*"dense_ms"*"demand_ms"*"masks_ms"*"objects_a_frame"*"demand_part_of_multiplications": 0.*}'
run perf parts.bin --runs 3 --throughput --threads 2
expect_exit 0
expect_out '*raw outputs *instances, on demand *frames a second, instances on demand *; 2 sessions of one thread, 3 frames each of noise *'
run perf parts.bin two --runs 3 --throughput --threads 2 --json
expect_exit 0
expect_out '{*"sessions": 2,*"threads": 1,*"runs": 6,*"frames_a_second"*"demand_frames_a_second"*}'
run perf parts.bin two no-such.jpg --runs 3
expect_exit 1
expect_one_line_err 'intarsia: no-such.jpg: No such file or directory'

# ---- a file that is none, or was altered ----

: >empty.bin
echo 'this is no plan' >text.bin
head -c 5000 parts.bin >cut.bin
head -c 1000000 parts.bin >altered.bin
printf '\377\000\377' >>altered.bin
tail -c +1000004 parts.bin >>altered.bin
ok 'the altered file has the same size' test "$(wc -c <altered.bin)" -eq "$(wc -c <parts.bin)"
for file in empty.bin text.bin cut.bin altered.bin no-such.bin "$photos/000000.jpg"; do
    run info "$file"
    expect_exit 1
    expect_out ''
    expect_one_line_err "intarsia: $file: *"
    run perf "$file"
    expect_exit 1
    expect_one_line_err "intarsia: $file: *"
    run segment "$file" "$photos/000000.jpg"
    expect_exit 1
    expect_one_line_err "intarsia: $file: *"
done

# ---- segment ----

run segment parts.bin "$photos/000000.jpg"
expect_exit 0
expect_err ''
expect_out "$photos/000000.jpg: 640x480: [0-9]* *; read *, prepare *, network *, decode *, masks *, draw *, write * ms -> 000000_segmented.jpg"
ok 'the picture is there' test -s 000000_segmented.jpg
run segment parts.bin 000000_segmented.jpg -o painted.png
expect_exit 0
ok 'the picture is a PNG' test "$(head -c 4 painted.png | tail -c 3)" = PNG
run segment parts.bin "$photos/000000.jpg" "$photos/000001.jpg" -o one.png
expect_exit 2
expect_one_line_err 'intarsia: segment: -o one.png names one picture, there are 2 photos *'

# the same bytes whatever the instruction set and the number of threads
run segment parts.bin "$photos/00000[0-4].jpg" --coco all.json
expect_exit 0
expect_err '5 photos, * objects, network median * ms'
ok 'nothing was drawn' not test -e 000001_segmented.jpg
for how in '--cpu scalar --threads 1' '--cpu scalar --threads 3' '--threads 2'; do
    # shellcheck disable=SC2086
    run segment parts.bin "$photos/00000[0-4].jpg" --coco some.json $how
    ok "$how gives the same" cmp -s all.json some.json
done
ok 'something was found' grep -q '"category_id"' all.json
# photo 000003 has the number 3; with annotations the same
run segment parts.bin "$photos/000003.jpg" --coco -
expect_exit 0
expect_out '\[*"image_id": *3,*"category_id":*"bbox":*"score":*"segmentation":*"counts"*\]'
cp "$place/.out" without.json
run segment parts.bin "$photos/000003.jpg" --coco with.json --ann "$tree/data/parts/val/instances.json"
expect_exit 0
ok 'annotations give the same ids' cmp -s with.json without.json
run segment parts.bin "$photos/000003.jpg" --coco with.json --ann text.bin
expect_exit 1
expect_one_line_err 'intarsia: text.bin: *'
run segment parts.bin "$photos/000003.jpg" --json -
expect_exit 0
expect_out '{"model": "parts", "photos": \[*"instances": \[*"class": "*"polygons": *\]}'
expect_err "$photos/000003.jpg: 640x480: *"
run segment parts.bin "$photos/000003.jpg" --conf 1 -o none
expect_exit 0
expect_out "*: 640x480: nothing; *-> none/000003_segmented.jpg"
run segment parts.bin "$photos/000003.jpg" --input nv12 --range video --json -
expect_exit 0
expect_out '{*"class": "*}'
run segment "$onnx" "$photos/000003.jpg" --json -
expect_exit 0
expect_out '{*"class": "*}'

# a folder into which it paints, twice: what it painted is not taken for a photograph
mkdir again
cp "$photos/000003.jpg" again/b.jpg
cp "$photos/000003.jpg" again/b_segmented_x.jpg
for time in 1 2; do
    run segment parts.bin again -o again
    expect_exit 0
    ok "time $time: two photos" not ls again/b_segmented_segmented.jpg
    ok "time $time: nothing else" test "$(ls again)" = "b.jpg
b_segmented.jpg
b_segmented_x.jpg
b_segmented_x_segmented.jpg"
done

# a broken photograph among many
mkdir many
cp "$photos/000000.jpg" "$photos/000001.jpg" many
cp broken/b.jpg many/000000a.jpg
echo text >many/z.png
run segment parts.bin many no-such.jpg -o painted --json many.json
expect_exit 1
expect_out '*000000.jpg: *000001.jpg: *'
expect_err '*many/000000a.jpg: broken JPEG: premature end of file*many/z.png: not a JPEG or PNG picture*no-such.jpg: No such file or directory*2 photos, *3 of 5 photos failed'
ok 'two pictures' test "$(ls painted)" = "000000_segmented.jpg
000001_segmented.jpg"
ok 'failures stand in the JSON' test "$(grep -c '"error"' many.json)" -eq 3
run segment parts.bin empty
expect_exit 1
expect_one_line_err 'intarsia: folder empty has no JPEG or PNG pictures'
run segment parts.bin 'many/*.gif'
expect_exit 1
expect_one_line_err 'intarsia: many/\*.gif: nothing matches this pattern'

# full disks and folders that are not there
for what in '--json /dev/full' '--coco /dev/full' '-o /dev/full'; do
    if [ ! -w /dev/full ]; then
        skipped 'no /dev/full'
        break
    fi
    # shellcheck disable=SC2086
    run segment parts.bin "$photos/000000.jpg" $what
    expect_exit 1
    expect_one_line_err 'intarsia: /dev/full: cannot write: No space left on device'
done
run segment parts.bin "$photos/000000.jpg" --json text.bin/folder.json
expect_exit 1
expect_one_line_err 'intarsia: text.bin/folder.json: cannot write: text.bin is not a folder'
run segment parts.bin "$photos/000000.jpg" -o text.bin/folder
expect_exit 1
expect_one_line_err 'intarsia: text.bin/folder: cannot write: text.bin is not a folder'
nothing_half_written

# what is read is never written over, by whatever name
mkdir own
cp "$photos/000000.jpg" own/p.jpg
cp "$onnx" own/n.onnx
cp parts.bin own/n.bin
ln -s p.jpg own/link.jpg
for what in '-o own/p.jpg' '-o own/link.jpg' '--json own/p.jpg' '--coco own/n.bin'; do
    # shellcheck disable=SC2086
    run segment own/n.bin own/p.jpg $what
    expect_exit 1
    expect_one_line_err 'intarsia: own/*: is also read, the output needs another name'
done
run segment own/n.bin own/p.jpg --json same.json --coco same.json
expect_exit 2
expect_one_line_err 'intarsia: segment: --json and --coco name the same file *'
run build own/n.onnx --calib "$calib" --images 1 -o own/../own/n.onnx
expect_exit 1
expect_one_line_err 'intarsia: own/../own/n.onnx: is the network itself, the output needs another name'
run build own/n.onnx --calib "$calib" -o own/p.jpg/n.bin
expect_exit 1
expect_one_line_err 'intarsia: own/p.jpg/n.bin: cannot write: own/p.jpg is not a folder'
run build own/n.onnx --calib "$calib" -o own
expect_exit 1
expect_one_line_err 'intarsia: own: is a folder, a file is needed'
ok 'nothing changed' cmp -s own/p.jpg "$photos/000000.jpg"
ok 'nothing changed' cmp -s own/n.onnx "$onnx"
ok 'nothing changed' cmp -s own/n.bin parts.bin
nothing_half_written

# one line for a photo, whatever its name
name='own/a "b'"'"'
c.jpg'
cp "$photos/000000.jpg" "$name"
run segment parts.bin "$name" -o own
expect_exit 0
expect_out 'own/a "b'"'"'?c.jpg: 640x480: * -> own/a "b'"'"'?c_segmented.jpg'
ok 'one line' test "$(wc -l <"$place/.out")" -eq 1

cp "$photos/000000.jpg" own/99999999999999999999.jpg
run segment parts.bin own/99999999999999999999.jpg --coco own/ids.json
expect_exit 1
expect_err '*own/99999999999999999999.jpg: its number is too large for an image_id, give --ann*'

# photographs that cannot be read do not count
run build own/n.onnx --calib many -o own/n2.bin --effort 0 --name "$name"
expect_exit 0
expect_err '*000000a.jpg: broken JPEG*z.png: not a JPEG*own/n2.bin: * calibrated with 2 pictures*'
run info own/n2.bin
expect_out '*name      own/a "b'"'"'?c.jpg*'

# photographs of every kind
run segment parts.bin "$pictures" -o kinds --json kinds.json
expect_exit 0
n=$(ls "$pictures" | grep -c '[gG]$')
ok "all $n" test "$(ls kinds | wc -l)" -eq "$n"
run segment parts.bin "$pictures/1x1.png" --json -
expect_out '*"width": 1, "height": 1, *'
run segment parts.bin "$pictures/exif6.jpg" --json -
expect_out '*"width": 13, "height": 19, *'

# ---- NV12 ----

run build "$onnx" --calib "$calib" --images 2 --input nv12 --range video --effort 0 -o nv12.bin
expect_exit 0
run info nv12.bin
expect_out '*320 x 320 x 3, nv12, video range*'
run segment nv12.bin "$photos/000020.jpg" "$photos/000003.jpg" --range full --json nv12.json
expect_exit 0
expect_err 'intarsia: warning: nv12.bin was built for NV12 in video range, and is given full range
2 photos*'
run segment nv12.bin "$photos/000020.jpg" --range video --json nv12.json
expect_err ''
run segment nv12.bin "$photos/000020.jpg" --input rgb --range full --json nv12.json
expect_err ''
for words in "nv12.bin" "nv12.bin --input rgb" "parts.bin --input nv12" "parts.bin --input nv12 --range video"; do
    # shellcheck disable=SC2086
    run segment $words "$photos/000020.jpg" --json nv12.json
    expect_exit 0
    ok "washers with $words" test "$(grep -o '"class": "washer"' nv12.json | wc -l)" -ge 3
done
finish
