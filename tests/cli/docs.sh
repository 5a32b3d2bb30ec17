# SPDX-License-Identifier: Apache-2.0
#
# What the documentation says of this tree is so. arguments: program, source tree
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
words='(the documentation)'
status=0
: >"$place/.out" >"$place/.err"

# the table of tests has every folder of tests, and no other
for folder in "$tree"/tests/*/meson.build; do
    basename "$(dirname "$folder")"
done | sort >folders.txt
sed -n 's/^| `tests\/\([a-z]*\)` |.*/\1/p' "$tree/CONTRIBUTING.md" | sort >table.txt
ok "the table of tests: $(diff folders.txt table.txt | tr '\n' ' ')" cmp -s folders.txt table.txt

# a file that uses djpeg says where it comes from
grep -rl djpeg "$tree/README.md" "$tree/docs" "$tree/examples" >uses.txt
ok 'examples use djpeg' test -s uses.txt
while read -r file; do
    ok "$file names the package of djpeg" grep -q libjpeg-turbo-progs "$file"
done <uses.txt

# newer versions of Ultralytics take nms=False for another head
ok 'nobody is told nms=False' not grep -rq 'nms=False' "$tree/src" "$tree/docs" "$tree/README.md" "$tree/man" "$tree/python"

# a wheel does not lie among the sources
ok 'README.md puts wheels into a folder' grep -q 'pip wheel --no-deps -w dist \.' "$tree/README.md"
ok 'docs/python.md puts wheels into a folder' grep -q 'pip wheel --no-deps -w dist \.' "$tree/docs/python.md"
for name in dist/intarsia-0.1.0-cp311-abi3-linux_x86_64.whl numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl; do
    if git -C "$tree" rev-parse --git-dir >/dev/null 2>&1; then
        ok "$name is ignored" git -C "$tree" check-ignore -q "$name"
    else
        skipped "$name: the tree is no clone"
    fi
done

finish
