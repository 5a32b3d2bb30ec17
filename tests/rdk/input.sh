# SPDX-License-Identifier: Apache-2.0
#
# What a program is fed: models of one network for RGB, BGR, YUV444, NV12 and numbers, run on the same picture in each
# form. arguments: program, source tree
change_onnx=$(realpath "$5")
. "$(dirname "$0")/lib.sh"

network=$tree/tests/golden/onnx/conv.onnx # [1, 3, 8, 8], one convolution

# name input_type_train input_type_rt key=value...: NAME.bin
make_bin() {
    name=$1 train=$2 rt=$3
    shift 3
    yaml "$name.yaml" onnx_model="$network" working_dir="$name" output_model_file_prefix="$name" input_type_train="$train" \
        input_type_rt="$rt" "$@"
    rdk hb_mapper makertbin --model-type onnx --config "$name.yaml"
    expect_exit 0
    mv "$name/$name.bin" .
}

# the same without data to calibrate with
make_quickly() {
    make_bin "$@" cal_data_dir= cal_data_type= calibration_parameters.calibration_type=skip
}

# file bytes-of-a-pixel (octal escapes): 64 pixels of one colour
pixels() {
    i=0
    while [ $i -lt 64 ]; do
        printf "$2"
        i=$((i + 1))
    done >"$1"
}

# name file: OUT of the model's only output goes to NAME.out
infer() {
    rdk hrt_model_exec infer --model_file "$1.bin" --input_file "$2" --enable_dump true --dump_path "$1_dump" --dump_format bin
    expect_exit 0
    cat "$1_dump"/*_output_* >"$1.out"
    ok "$1 gives numbers" test -s "$1.out"
}

make_normal() {
    make_quickly "$@" norm_type=data_mean_and_scale 'input_parameters.mean_value=100 110.5 120' 'scale_value=0.01 0.02 0.03'
}
make_normal rgb rgb rgb
make_normal bgr rgb bgr
make_normal yuv rgb yuv444
make_normal nv12 rgb nv12
make_normal trained_bgr bgr rgb

pixels picture_rgb.bin '\310\144\012'
pixels picture_bgr.bin '\012\144\310'
infer rgb picture_rgb.bin
infer bgr picture_bgr.bin
ok 'BGR bytes of the same picture' cmp -s rgb.out bgr.out
infer trained_bgr picture_bgr.bin
ok 'a network trained with BGR, red and blue exchanged' cmp -s rgb.out trained_bgr.out
rdk hrt_model_exec model_info --model_file bgr.bin
expect_out '*HB_DNN_IMG_TYPE_BGR*'

# grey: Y is the value, U and V 128
pixels grey_rgb.bin '\144\144\144'
pixels grey_yuv.bin '\144\200\200'
{
    pixels part.bin '\144'
    cat part.bin
    i=0
    while [ $i -lt 32 ]; do
        printf '\200'
        i=$((i + 1))
    done
} >grey_nv12.bin
infer rgb grey_rgb.bin
infer yuv grey_yuv.bin
infer nv12 grey_nv12.bin
ok 'YUV444 of the same picture' cmp -s rgb.out yuv.out
ok 'NV12 of the same picture' cmp -s rgb.out nv12.out
rdk hrt_model_exec model_info --model_file yuv.bin
expect_out '*HB_DNN_IMG_TYPE_YUV444*'

rdk hrt_model_exec infer --model_file yuv.bin --input_file grey_nv12.bin
expect_exit 1
expect_err '*grey_nv12.bin: 96 bytes, the input * has 192*'

# numbers: as many floats as the input has
make_quickly numbers featuremap featuremap norm_type= scale_value=
i=0
while [ $i -lt 768 ]; do
    printf '\0'
    i=$((i + 1))
done >zeros.bin
infer numbers zeros.bin
rdk hrt_model_exec infer --model_file numbers.bin --input_file picture_rgb.bin
expect_exit 1
expect_err '*192 bytes, the input has 192 floats of 4 bytes*'

# ---- a file that divides bytes itself is given bytes; divided twice is warned about, and done ----
network=$tree/tests/golden/onnx/conv.onnx
make_quickly usual rgb rgb
infer usual picture_rgb.bin
mkdir divides
ok 'a network that divides by 255' "$change_onnx" "$network" divides/conv.onnx div
network=divides/conv.onnx
make_quickly own rgb rgb norm_type=no_preprocess scale_value=
ok 'no warning' not grep -q 'scaled twice' "$place/.out" "$place/.err"
infer own picture_rgb.bin
ok 'the same numbers' cmp usual.out own.out
make_quickly twice rgb rgb
ok 'a warning' grep -q 'the input is scaled twice' "$place/.out" "$place/.err"
infer twice picture_rgb.bin
ok 'divided twice, as on the board' not cmp -s usual.out twice.out

# ---- eval compares with the float network fed alike: here one that sees blue first, and values up to 510 as 1 ----
network=$tree/models/parts-seg.onnx
program=$intarsia
run calib-data "$tree/data/parts/calib/images" -o data_f32 --size 320 --count 4
expect_exit 0
make_bin parts bgr nv12 cal_data_dir=data_f32 cal_data_type= scale_value=0.00196
program=$intarsia
run eval parts.bin --data "$tree/data/parts/val/images" --ann "$tree/data/parts/val/instances.json" --limit 2 --full \
    --against "$network" --json --input rgb
expect_exit 0
cosine=$(sed -n 's/.*"cosine": \([0-9.]*\).*/\1/p' "$place/.out" | sort -n | head -n 1)
ok "the float network sees the same (worst cosine $cosine)" awk "BEGIN { exit !(${cosine:-0} > 0.95) }"

finish
