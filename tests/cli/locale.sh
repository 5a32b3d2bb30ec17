# SPDX-License-Identifier: Apache-2.0
#
# A program with any locale builds the same file and is told the same. arguments: program, source tree, in_locale
in_locale=$(realpath "$3")
. "$(dirname "$0")/lib.sh"
command -v localedef >/dev/null && [ -d /usr/share/i18n/locales ] || {
    echo 'skipped: localedef or its sources are not installed'
    exit 77
}
unset LC_ALL
photos=$(find "$tree/data/parts/calib/images" -type f | sort | head -n 2)

# name, decimal point: texts and files go to NAME.*
build_in() {
    mkdir -p "$1.steps"
    words="itx_build in $1"
    # shellcheck disable=SC2086
    LOCPATH=$place "$in_locale" "$1" "$2" "$tree/models/parts-seg.onnx" "$1.bin" "$1.steps" $photos >"$place/.out" 2>"$place/.err"
    status=$?
    cp "$place/.out" "$1.txt"
    expect_exit 0
}

build_in C .
ok 'messages have numbers' grep -q 'percentile 33.25' C.txt
run info C.bin --json
expect_exit 0
expect_out '{*"snr_alone_db": *'

# name, source, decimal point
compare() {
    localedef -i "$2" -f UTF-8 "$place/$1" 2>/dev/null || [ -e "$place/$1/LC_NUMERIC" ] || {
        skipped "$1: localedef cannot make it"
        return
    }
    build_in "$1" "$3"
    ok "$1: the same texts" cmp C.txt "$1.txt"
    ok "$1: the same file" cmp C.bin "$1.bin"
    ok "$1: the same graphs" diff -rq C.steps "$1.steps"
}
compare de_DE.UTF-8 de_DE ,
compare ps_AF.UTF-8 ps_AF '٫'
finish
