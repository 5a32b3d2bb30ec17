# SPDX-License-Identifier: Apache-2.0
#
# The two examples find what the program finds. arguments: program, source tree, photo_to_masks, session_per_thread, to_ppm
photo_to_masks=$(realpath "$3") session_per_thread=$(realpath "$4") to_ppm=$(realpath "$5")
. "$(dirname "$0")/lib.sh"
run build "$tree/models/parts-seg.onnx" --calib "$tree/data/parts/calib/images" --images 4 -o parts.bin
expect_exit 0
photo=$tree/data/parts/val/images/000020.jpg
ok 'photo.ppm' "$to_ppm" "$photo" photo.ppm

run segment parts.bin "$photo" --json found.json
expect_exit 0
"$photo_to_masks" parts.bin photo.ppm >masks.txt
ok 'photo_to_masks ends well' test $? = 0
in_json=$(grep -o '"class_id"' found.json | wc -l)
ok 'the same number of objects' test "$(wc -l <masks.txt)" = "$in_json"
ok 'there are some' test "$in_json" -gt 3
ok 'a washer is among them' grep -q '^washer 0\.[0-9]*, box .*, mask of [1-9][0-9]* pixels$' masks.txt
"$photo_to_masks" no-such.bin photo.ppm 2>error.txt
ok 'a missing model is an error' test $? = 1
ok 'and is named' grep -q 'no-such.bin' error.txt

"$session_per_thread" parts.bin 1 12 >one.txt
ok 'one thread' test $? = 0
"$session_per_thread" parts.bin 3 12 >three.txt
ok 'three threads' test $? = 0
ok 'find the same' test "$(sed 's/.*threads, //' one.txt)" = "$(sed 's/.*threads, //' three.txt)"
finish
