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
