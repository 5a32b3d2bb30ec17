# SPDX-License-Identifier: Apache-2.0
#
# The examples for the RDK's interface run and agree with each other. arguments: program, source tree, to_ppm, folder of the
# examples
to_ppm=$(realpath "$3") examples=$(realpath "$4")
. "$(dirname "$0")/../cli/lib.sh"

run build "$tree/models/parts-seg.onnx" --calib "$tree/data/parts/calib/images" --images 4 --effort 0 --input nv12 \
    --range video -o parts.bin
expect_exit 0
photo=$tree/data/parts/val/images/000020.jpg
ok 'photo.ppm' "$to_ppm" "$photo" photo.ppm

"$examples/one_picture" parts.bin photo.ppm >one.txt
ok 'one_picture' test $? = 0
ok 'a line for each level' test "$(grep -c '^output [036]: class [0-7], score 0\.[0-9]*, cell' one.txt)" = 3
ok 'something is seen' grep -q 'score 0\.[3-9]' one.txt

"$examples/many_frames" parts.bin photo.ppm 10 >many.txt
ok 'many_frames' test $? = 0
ok 'all frames, in order' test "$(sed 's/:.*//' many.txt | tr '\n' ' ')" = \
    'frame 0 frame 1 frame 2 frame 3 frame 4 frame 5 frame 6 frame 7 frame 8 frame 9 '
ok 'the first is the picture' test "$(sed -n 's/^frame 0: //p' many.txt)" = "$(sed -n 's/^output 0: //p' one.txt)"

"$examples/parts" parts.bin photo.ppm >parts.txt
ok 'parts' test $? = 0
ok 'four of them' test "$(grep -c '^part (.*score 0\.' parts.txt)" = 4

if [ -x "$examples/boxes" ]; then
    "$examples/boxes" parts.bin "$photo" boxes.jpg >boxes.txt
    ok 'boxes' test $? = 0
    ok 'it finds some' test "$(grep -c '^class [0-7], score 0\.' boxes.txt)" -gt 2
    ok 'and draws them' test -s boxes.jpg
    "$examples/boxes" parts.bin no-such.jpg boxes.jpg 2>error.txt
    ok 'a missing photo is an error' test $? = 1
else
    skipped 'boxes: OpenCV is not installed'
fi
"$examples/one_picture" no-such.bin photo.ppm 2>error.txt
ok 'a missing model is an error' test $? = 1
ok 'and is named' grep -q 'no-such.bin' error.txt
finish
