# SPDX-License-Identifier: Apache-2.0
#
# calib-data: are the numbers the photo's, in the right order and place? arguments: program, source tree, to_ppm
to_ppm=$(realpath "$3") || exit 1
. "$(dirname "$0")/lib.sh"
scenes=$tree/data/parts/val/images
photo=$scenes/000002.jpg # 640x480

# file planes: its numbers, one a line
numbers() {
    od -An -v -tf4 -w4 "$1" | awk '{ print $1 + 0 }'
}

# 0: red, 1: green, 2: blue
channel() {
    "$to_ppm" "$photo" photo.ppm
    tail -c $((640 * 480 * 3)) photo.ppm | od -An -v -tu1 -w3 | awk -v c="$1" '{ print $(c + 1) }'
}

run calib-data "$photo" -o raw --size 480x640
expect_exit 0
expect_err 'raw: 1 files of float32 1x3x480x640, RGB, 0 to 255'
ok 'its size' test "$(wc -c <raw/000002.rgbchw)" -eq $((3 * 480 * 640 * 4))
{ channel 0; channel 1; channel 2; } >wanted.txt
numbers raw/000002.rgbchw >got.txt
ok 'planes of red, green and blue' cmp wanted.txt got.txt

# a photo of more pixels than are allowed
run calib-data "$photo" -o small --size 480x640 --max-pixels 307199
expect_exit 1
expect_one_line_err "intarsia: $photo: a picture of 640 x 480 is too large: it has 307200 pixels, the limit is 307199 *--max-pixels*"
run calib-data "$photo" -o small --size 480x640 --max-pixels 307200
expect_exit 0

# as tall as wide: 80 rows of grey above and below, the photo as it is between
run calib-data "$photo" -o square --size 640
expect_exit 0
numbers square/000002.rgbchw >got.txt
for c in 0 1 2; do
    {
        yes 114 | head -$((80 * 640))
        channel $c
        yes 114 | head -$((80 * 640))
    }
done >wanted.txt
ok 'grey around it' cmp wanted.txt got.txt

# some of many, evenly
run calib-data "$scenes" -o some --size 32x64 --count 3
expect_exit 0
ok 'three of sixty' test "$(find some -name '*.rgbchw' | sort | tr '\n' ' ')" = \
    'some/000000.rgbchw some/000020.rgbchw some/000040.rgbchw '
ok 'each of them whole' test "$(cat some/* | wc -c)" -eq $((3 * 3 * 32 * 64 * 4))

# refusals
run calib-data "$photo" -o raw --size 640x
expect_exit 2
expect_one_line_err '*--size: "640x" is no HxW*'
run calib-data "$photo" -o raw --size 99999
expect_exit 2
expect_one_line_err '*--size: "99999" is no HxW*'
run calib-data "$photo" "$photo" -o twice
expect_exit 1
expect_one_line_err '*two pictures are called 000002*'
ok 'nothing was made' not test -e twice
run calib-data none.jpg -o raw
expect_exit 1
expect_one_line_err '*none.jpg: No such file or directory'
run calib-data "$photo" -o raw/000002.rgbchw
expect_exit 1
expect_one_line_err 'intarsia: raw/000002.rgbchw: is not a folder'
nothing_half_written
finish
