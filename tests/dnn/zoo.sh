# SPDX-License-Identifier: Apache-2.0
#
# Programs in the manner of the Model Zoo's, on the demo network: with all dequantise nodes, and with those of boxes,
# coefficients and prototypes removed, they find what libintarsia's outputs say for the same bytes.
# It also runs in many threads and is loaded often; DNN_OFTEN asks for so many runs in each of 8 threads and so many loads
# instead of few. arguments: program, source tree, zoo_truth, zoo_order, to_ppm, often, libdnn.so
zoo_truth=$(realpath "$3") zoo_order=$(realpath "$4") to_ppm=$(realpath "$5") often=$(realpath "$6") libdnn=$(realpath "$7")
. "$(dirname "$0")/../cli/lib.sh"

run build "$tree/models/parts-seg.onnx" --calib "$tree/data/parts/calib/images" --images 4 --effort 0 --input nv12 -o parts.bin
expect_exit 0
ln -s "$program" hb_model_modifier
nodes=$(./hb_model_modifier parts.bin 2>&1 | grep -o "'[^']*_HzDequantize'" | tr -d "'" | grep -v '/cv3\.')
ok 'seven dequantise nodes are not the classes' test "$(echo "$nodes" | wc -l)" = 7
# shellcheck disable=SC2046
./hb_model_modifier parts.bin $(printf -- '-r %s ' $nodes) -o modified.bin >modifier.txt 2>&1
ok 'they can be removed' test $? = 0

for number in 000020 000021; do
    photo=$tree/data/parts/val/images/$number.jpg
    ok 'the photo' "$to_ppm" "$photo" photo.ppm
    "$zoo_truth" parts.bin photo.ppm frame.nv12 >truth.txt
    ok 'libintarsia' test $? = 0
    ok 'it finds something' test "$(grep -c '^object: .* mask [1-9]' truth.txt)" -gt 2
    "$zoo_order" parts.bin frame.nv12 >found.txt
    ok 'floats' test $? = 0
    ok 'floats are the same' cmp truth.txt found.txt
    "$zoo_order" modified.bin frame.nv12 modified >found.txt
    ok 'integers' test $? = 0
    ok 'integers are the same' cmp truth.txt found.txt
done
"$often" parts.bin frame.nv12 8 "${DNN_OFTEN:-20}" "${DNN_OFTEN:-40}"
ok 'floats in many threads, loaded often' test $? = 0
"$often" modified.bin frame.nv12 8 "${DNN_OFTEN:-20}" "${DNN_OFTEN:-40}"
ok 'integers in many threads, loaded often' test $? = 0

"$zoo_order" modified.bin frame.nv12 2>error.txt
ok 'a program for floats refuses integers' grep -q 'outputs are floats' error.txt
"$zoo_order" no-such.bin frame.nv12 2>error.txt
ok 'a missing file has its code' grep -q -- '-6000006' error.txt
ok 'and the library says which' grep -q 'no-such.bin' error.txt
if command -v nm >/dev/null; then
    nm -D --defined-only "$libdnn" | sed 's/.* //' >symbols.txt
    ok 'the library has functions' grep -q '^hbDNNInfer$' symbols.txt
    ok 'and gives away nothing else' test "$(grep -cvE '^hb(DNN|Sys)[A-Z]' symbols.txt)" = 0
else
    skipped 'symbols: there is no nm'
fi
finish
