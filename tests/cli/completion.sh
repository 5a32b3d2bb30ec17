# SPDX-License-Identifier: Apache-2.0
#
# Does bash complete what the program takes? Run by bash. arguments: program, source tree
. "$(dirname "$0")/lib.sh"
. "$tree/completion/intarsia.bash"

# words... : the last one is completed
completed() {
    COMP_WORDS=("$program" "$@")
    COMP_CWORD=$#
    _intarsia
    words="completion of $*"
    completions=" ${COMPREPLY[*]} "
}
has() { # word...
    for word; do ok "$words has $word, not:$completions" grep -qF -- " $word " <<<"$completions"; done
}
is() { # words
    ok "$words is $1, not:$completions" test "$completions" = " $1 "
}

completed ''
has build segment eval calib-data hb_mapper hrt_model_exec --help --version
completed seg
is segment
completed build --in
is '--input --int16'
completed build net.onnx -
has --calib --output --effort --help
completed hb_perf --mod
is --model
completed build --input ''
has rgb bgr nv12
completed build --input n
has nv12
# files are the shell's affair, and no command means nothing
completed build photos
is ''
completed frobnicate --he
is ''
finish
