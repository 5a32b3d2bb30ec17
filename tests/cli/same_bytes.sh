# SPDX-License-Identifier: Apache-2.0
#
# scripts/same_bytes finds one changed weight byte and changed values, and ignores times and texts for people.
# arguments: program, source tree
. "$(dirname "$0")/lib.sh"

# The last words are a Python expression for the changed bytes of OLD; `data` holds them.
change() { # OLD NEW EXPRESSION
    python3 -c '
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
def section(number):
    return struct.unpack_from("<IIQQQ", data, 64 + 32 * number)[2:4]
exec(sys.argv[3])
open(sys.argv[2], "wb").write(data)' "$@"
}
same() {
    "$tree/scripts/same_bytes" --compare "$1" "$2" >"$place/.out" 2>"$place/.err"
    status=$?
    words="same_bytes --compare $1 $2"
}

run build "$tree/models/parts-seg.onnx" --calib "$tree/data/parts/calib/images" --images 2 --effort 0 -o a.bin
expect_exit 0
same a.bin a.bin
expect_exit 0
change a.bin b.bin 'place, size = section(8); data[place + size // 2] ^= 1'
same a.bin b.bin
expect_exit 1
expect_out '*section DATA differs*'
change a.bin b.bin 'place, size = section(3); data[place + 160 * 7 + 68] ^= 1'
same a.bin b.bin
expect_exit 1
expect_out '*section STEPS differs*'
change a.bin b.bin 'at = data.index(b"intarsia 0."); data[at + 9] ^= 1'
same a.bin b.bin
expect_exit 0
change a.bin b.bin 'at = data.index(b"\"cosine\":"); data[at + 13] ^= 1'
same a.bin b.bin
expect_exit 1
expect_out '*section TEXT differs*'

mkdir old new
echo '{"score": 0.5, "ms": {"read": 1.5}}' >old/found.json
echo '{"score": 0.5, "ms": {"read": 1.75}}' >new/found.json
echo '2026-01-02 03:04:05,678 INFO took 1.5 s, 7 nodes' >old/run.log
echo '2027-01-02 13:14:15,678 INFO took 2.5 s, 7 nodes' >new/run.log
same old new
expect_exit 0
expect_out '*2 files compared, 0 differences'
echo '{"score": 0.25, "ms": {"read": 1.5}}' >new/found.json
same old new
expect_exit 1
expect_out '*found.json: values differs*'
cp old/found.json new/found.json
echo '2027-01-02 13:14:15,678 INFO took 2.5 s, 8 nodes' >new/run.log
same old new
expect_exit 1
expect_out '*run.log: line 1*'
cp old/run.log new/run.log
: >new/more.npy
same old new
expect_exit 1
expect_out '*more.npy: only in new*'
finish
