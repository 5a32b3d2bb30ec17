# SPDX-License-Identifier: Apache-2.0
#
# A wrong kind of file gets its next step, from every command that reads one. arguments: program, source tree
. "$(dirname "$0")/lib.sh"
photo=$tree/data/parts/val/images/000000.jpg
photos=$tree/data/parts/val/images
cp "$tree/tests/fuzz/corpus/plan/all.bin" good.bin
cp "$tree/tests/golden/onnx/conv.onnx" good.onnx
printf 'PK\003\004\0\0\010\010\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\024\0\016\0best/data.pkl' >best.pt
printf '\034\0\0\0TFL3\024\0 \0' >best.tflite
printf '<?xml version="1.0"?>\n<net name="Model0" version="11">\n' >best.xml
printf '\037\002\0\0{"description": "Ultralytics"' >best.engine
printf '\n\003net\242\006\020\n\004data' >best.caffemodel
printf '\037\213\010\0' >best.onnx.gz
cp good.bin called.onnx
cp good.onnx called.bin
mkdir folder openvino
cp best.xml openvino
cp good.bin openvino/best.bin
cp good.onnx folder/good.onnx

# pattern command...: refused in one line that holds the pattern
says() {
    pattern=$1
    shift
    run "$@"
    expect_exit 1
    case $(cat "$place/.err" "$place/.out") in
    *$pattern*) passed ;;
    *) failed "expected $pattern" ;;
    esac
}

# ---- where a compiled model is meant ----

for command in 'info FILE' 'perf FILE -n 1' "segment FILE $photo" 'hb_model_info FILE' 'hb_perf FILE' \
    'hrt_model_exec model_info --model_file FILE' 'hrt_model_exec perf --model_file FILE' \
    'hb_model_modifier FILE' 'hb_pack -o packed.bin good.bin FILE'; do
    with() {
        pattern=$1
        file=$2
        # shellcheck disable=SC2046,SC2086
        says "$pattern" $(echo "$command" | sed "s|FILE|$file|")
    }
    with 'best.pt: not an Intarsia file: looks like a PyTorch checkpoint: export it first with `yolo export model=X.pt format=onnx`, then compile that with `intarsia build`' best.pt
    with 'looks like an ONNX network: compile it first with `intarsia build`' called.bin
    with 'looks like a JPEG picture: the model comes first, then the photos' "$photo"
    with 'looks like a TensorFlow Lite model: export the original network as ONNX' best.tflite
    with 'looks like an OpenVINO model: export the original network as ONNX' best.xml
    with 'looks like a TensorRT engine: export the original network as ONNX' best.engine
    with 'looks like a Caffe network: export the original network as ONNX' best.caffemodel
    with 'looks like a gzip archive: unpack it first' best.onnx.gz
    with 'is a folder, a file is needed: it holds pictures, and the model comes first' "$photos"
    with 'is a folder, a file is needed: name good.onnx in it' folder
    with 'is a folder, a file is needed: looks like an OpenVINO model' openvino
done

# ---- where an ONNX file is meant ----

for command in 'check FILE' "build FILE --calib $photos --images 1 -o out.bin" 'cut FILE -o out.onnx' \
    'hb_mapper checker --model-type onnx --march bayes-e --model FILE' \
    'hb_mapper makertbin --fast-perf --model-type onnx --march bayes-e --model FILE' "segment called.onnx $photo"; do
    with 'looks like a compiled model: show it with `intarsia info`' called.onnx
    case $command in segment*) continue ;; esac
    with 'best.pt: not an ONNX file: looks like a PyTorch checkpoint: export it first with `yolo export model=X.pt format=onnx`' best.pt
    with 'looks like a compiled model' good.bin
    with 'looks like a JPEG picture: the model comes first' "$photo"
    with 'looks like a TensorFlow Lite model' best.tflite
    with 'looks like an OpenVINO model' best.xml
    with 'looks like a TensorRT engine' best.engine
    with 'looks like a Caffe network' best.caffemodel
    with 'looks like a gzip archive: unpack it first' best.onnx.gz
    with 'is a folder, a file is needed: name good.onnx in it' folder
    with 'is a folder, a file is needed: looks like an OpenVINO model' openvino
done

# ---- where a picture is meant ----

says 'good.bin: not a JPEG or PNG picture: looks like a compiled model: the model comes first' calib-data good.bin -o raw
says 'good.onnx: not a JPEG or PNG picture: looks like an ONNX network: the model comes first' calib-data good.onnx -o raw
printf 'GIF89a' >a.gif
says 'a.gif: not a JPEG or PNG picture: looks like a GIF picture: convert it to JPEG or PNG' calib-data a.gif -o raw

finish
