# SPDX-License-Identifier: Apache-2.0
#
# For the suites of the RDK's commands: the runner of tests/cli, links by which the commands are called, and the demo
# network compiled for NV12. arguments: program, source tree
. "$(dirname "$0")/../cli/lib.sh"

intarsia=$program
here=$tree/tests/rdk
mkdir "$place/bin"

# name arguments...: runs a command by its own name
rdk() {
    ln -sf "$intarsia" "$place/bin/$1"
    program=$place/bin/$1
    shift
    run "$@"
}

# file: the demo network, seen through a camera
demo_bin() {
    "$intarsia" build "$tree/models/parts-seg.onnx" --calib "$tree/tests/cli/pictures/progressive.jpg" --effort 0 \
        --input nv12 -o "$1" >/dev/null 2>&1 || { echo "the demo network was not compiled"; exit 1; }
}

# file [key=value | group.key=value]...: a yaml for makertbin. A key that stands in it gets another value, or goes where that is
# empty; one with its group comes in behind the group's name.
yaml() {
    cat >"$1" <<'END'
model_parameters:
  onnx_model: ten.onnx
  march: "bayes-e"
  working_dir: made
  output_model_file_prefix: demo
input_parameters:
  input_name: ""
  input_type_rt: 'nv12'
  input_type_train: 'rgb'
  input_layout_train: 'NCHW'
  norm_type: 'data_scale'
  scale_value: 0.003921568627451
calibration_parameters:
  cal_data_dir: raw
  cal_data_type: float32
compiler_parameters:
  optimize_level: 'O0'
END
    file=$1
    shift
    for setting in "$@"; do
        key=${setting%%=*} value=${setting#*=} awk '
            BEGIN { key = ENVIRON["key"]; value = ENVIRON["value"]; dot = index(key, "."); group = substr(key, 1, dot - 1) ":" }
            !dot && $1 == key ":" { done = 1; if (value != "") print "  " key ": " value; next }
            { print }
            dot && $0 == group { done = 1; print "  " substr(key, dot + 1) ": " value }
            END { exit !done }' "$file" >"$place/.yaml" || { echo "no place for $setting in the yaml"; exit 1; }
        mv "$place/.yaml" "$file"
    done
}

# title file: the table below the title, without its lines
table() {
    awk -v title="$1" 'index($0, title) { on = 1; getline; getline; getline; next } on && /^[0-9-]* [0-9:]*,/ { on = 0 }
        on && NF' "$2"
}
