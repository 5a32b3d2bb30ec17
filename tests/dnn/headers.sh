#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Every header of include/dnn compiles alone, from both places where programs look for it, and numbers and places are what
# the board's programs know. arguments: source tree, "c99" or "c++11", compiler with its arguments
tree=$(realpath "$1") standard=$2
shift 2
case $standard in c++*) language=c++ ;; *) language=c ;; esac
n_passed=0
n_failed=0

# what, arguments of the compiler...: must compile
compiles() {
    what=$1
    shift
    if "$@" 2>&1; then
        n_passed=$((n_passed + 1))
    else
        n_failed=$((n_failed + 1))
        echo "FAILED: $what as $standard"
    fi
}

for header in hb_dnn.h hb_dnn_ext.h hb_dnn_status.h hb_sys.h plugin/hb_dnn_layer.h plugin/hb_dnn_plugin.h; do
    for folder in include include/dnn; do
        name=$header
        [ $folder = include ] && name=dnn/$header
        compiles "$folder: $name" "$@" "-std=$standard" -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
            "-I$tree/$folder" -x $language - <<EOF_OF_FILE
#include "$name"
EOF_OF_FILE
    done
done
case $standard in c99) standard=c11 ;; esac
compiles abi.h "$@" "-std=$standard" -fsyntax-only "-I$tree/include" -x $language - <"$tree/tests/dnn/abi.h"
echo "$n_passed passed, $n_failed failed, 0 skipped"
[ $n_failed = 0 ]
