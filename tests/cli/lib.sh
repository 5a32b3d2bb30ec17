# SPDX-License-Identifier: Apache-2.0
#
# The runner of the program's tests. A suite sources this with the path of the program and of the source tree as its
# arguments, says what it expects, and ends with `finish`:
#
#     run segment "$bin" photo.jpg      runs the program; nothing else counts until the next run
#     expect_exit 1
#     expect_out 'photo.jpg: *'         a pattern of the shell for the whole standard output
#     expect_err '*no such file*'
#     expect_line_err 'intarsia: *'     every line fits
#     ok 'what holds' test -e file      a command that must succeed
#
# Everything happens in an empty folder of its own. The last line is "N passed, N failed, N skipped".

program=$(realpath "$1") || exit 1
tree=$(realpath "$2") || exit 1
LC_ALL=C
export LC_ALL
unset NO_COLOR
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
trap 'exit 1' INT TERM
cd "$place" || exit 1
n_passed=0
n_failed=0
n_skipped=0

run() {
    words=$*
    "$program" "$@" >"$place/.out" 2>"$place/.err" </dev/null
    status=$?
}

passed() {
    n_passed=$((n_passed + 1))
}

failed() {
    n_failed=$((n_failed + 1))
    echo "FAILED: intarsia $words"
    echo "  $1"
    echo "  exit $status"
    sed 's/^/  stdout: /' "$place/.out" | head -5
    sed 's/^/  stderr: /' "$place/.err" | head -5
}

skipped() {
    n_skipped=$((n_skipped + 1))
    echo "skipped: $1"
}

expect_exit() {
    if [ "$status" -eq "$1" ]; then passed; else failed "expected exit $1"; fi
}

# file pattern
fits() {
    # shellcheck disable=SC2254
    case $(cat "$1") in
    $2) passed ;;
    *) failed "expected $1 to be like: $2" ;;
    esac
}

expect_out() {
    fits "$place/.out" "$1"
}

expect_err() {
    fits "$place/.err" "$1"
}

# The one line that a failure gets.
expect_one_line_err() {
    expect_err "$1"
    if [ "$(wc -l <"$place/.err")" -eq 1 ]; then passed; else failed 'expected one line on stderr'; fi
}

ok() {
    what=$1
    shift
    if "$@"; then passed; else failed "$what"; fi
}

not() {
    if "$@"; then return 1; fi
}

nothing_half_written() {
    if [ -z "$(find "$place" -name '*.tmp.*')" ]; then passed; else failed 'a temporary file was left'; fi
}

finish() {
    echo "$n_passed passed, $n_failed failed, $n_skipped skipped"
    [ "$n_failed" -eq 0 ]
    exit
}
