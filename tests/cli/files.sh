# SPDX-License-Identifier: Apache-2.0
#
# Files of others and ours: what is read is never replaced, folders are made, odd kinds of files are refused, and results
# survive whatever ends the program. arguments: program, source tree
. "$(dirname "$0")/lib.sh"
onnx=$tree/models/parts-seg.onnx
photos=$tree/data/parts/val/images
ann=$tree/data/parts/val/instances.json
photo=$photos/000000.jpg
unset LD_PRELOAD

run build "$onnx" --calib "$tree/data/parts/calib/images" --images 1 --effort 0 -o m/o/d/parts.bin
expect_exit 0
ok 'folders of a model are made' test -s m/o/d/parts.bin
cp m/o/d/parts.bin parts.bin
mkdir empty

is_json() {
    python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$1"
}

# file: the number of photos in it, if it is JSON
photos_in() {
    python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["photos"]))' "$1"
}

# ---- names that are made up never replace what is read, or was written ----

mkdir own
cp "$photo" own/a.jpg
cp "$photos/000001.jpg" own/a_segmented.jpg
cp own/a_segmented.jpg second.jpg
run segment parts.bin own/a.jpg own/a_segmented.jpg -o own
expect_exit 0
expect_out '*own/a.jpg: *-> own/a_segmented_2.jpg (_2, so that no input or earlier output is replaced)
own/a_segmented.jpg: *-> own/a_segmented_segmented.jpg'
ok 'the second photo is as it was' cmp -s own/a_segmented.jpg second.jpg
for name in a_segmented.jpg a_segmented_2.jpg a_segmented_segmented.jpg; do
    ok "own/$name is there" test -s "own/$name"
done
rm own/a_segmented_*

# by other names: a hard link, a link, a folder that is one, and ./
mkdir hard soft
ln own/a_segmented.jpg hard/a_segmented.jpg
ln -s ../own/a_segmented.jpg soft/a_segmented.jpg
ln -s own alias
cd own || exit 1
for where in ../hard ../soft ../alias . ./ ../own/.; do
    run segment ../parts.bin a.jpg a_segmented.jpg -o "$where"
    expect_exit 0
    expect_out "a.jpg: *-> $where*a_segmented_2.jpg (_2, *"
    ok "$where: the photo is as it was" cmp -s a_segmented.jpg ../second.jpg
done
cd .. || exit 1
ok 'the links are as they were' cmp -s soft/a_segmented.jpg second.jpg
ok 'and still links' test -L soft/a_segmented.jpg
# twice the same name, and the same photo twice
mkdir other
cp "$photos/000002.jpg" other/a.jpg
run segment parts.bin own/a.jpg other/a.jpg own/a.jpg -o three
expect_exit 0
expect_out '*three/a_segmented.jpg
*three/a_segmented_2.jpg (*
*three/a_segmented_3.jpg (*'
run segment parts.bin own/a.jpg other/a.jpg own/a.jpg -o three
expect_exit 0
ok 'a second call replaces its own' test "$(ls three | wc -l)" -eq 3
# the model, and a file of results, with a picture's name
cp parts.bin a_segmented.jpg
run segment a_segmented.jpg own/a.jpg
expect_exit 0
expect_out '*-> a_segmented_2.jpg (*'
ok 'the model is as it was' cmp -s a_segmented.jpg parts.bin
rm a_segmented.jpg
run segment parts.bin own/a.jpg -o . --json ./a_segmented.jpg
expect_exit 0
ok 'results are as they were' is_json a_segmented.jpg
# a photo that is named and not there: nothing of ours takes its place
rm -f a_segmented*.jpg a.jpg
cp "$photo" a.jpg
run segment parts.bin a.jpg a_segmented.jpg -o .
expect_exit 1
expect_out '*-> ./a_segmented_2.jpg (*'
expect_err '*a_segmented.jpg: No such file or directory*'
# named outputs: refused where they are read, by any name, or named twice
cp "$ann" ann.json
ln ann.json hard.json
ln -s m.json to.json
for what in '--coco ann.json' '--json ./ann.json' '--json hard.json'; do
    # shellcheck disable=SC2086
    run segment parts.bin own/a.jpg --ann ann.json $what
    expect_exit 1
    expect_one_line_err 'intarsia: *.json: is also read, the output needs another name'
done
run segment parts.bin "$photo" --json m.json --coco to.json
expect_exit 1
expect_one_line_err 'intarsia: to.json: is named for two outputs'
ok 'annotations are as they were' cmp -s ann.json "$ann"
# other commands
mkdir curves keep
ln -s ../ann.json curves/box.svg
run eval parts.bin --data "$photos" --ann ann.json --limit 1 --curves curves
expect_exit 0
expect_err '*curves/box.svg is read or written by this call: the curves go to curves/box_2.svg*'
ok 'annotations are as they were' cmp -s ann.json "$ann"
cp "$onnx" keep/canonical.onnx
run build keep/canonical.onnx --calib "$tree/data/parts/calib/images" --images 1 --effort 0 -o kept.bin --save-temps keep
expect_exit 0
ok 'the network is as it was' cmp -s keep/canonical.onnx "$onnx"
ok 'the graph has another name' test -s keep/canonical_2.onnx
mkdir raw
cp "$photo" raw/p.rgbchw
run calib-data raw/p.rgbchw -o raw
expect_exit 0
expect_err '*p.rgbchw is one of the pictures: written to raw/p_2.rgbchw*'
ok 'the picture is as it was' cmp -s raw/p.rgbchw "$photo"

mkdir set_c
cp "$photo" set_c/p.jpg
ln -s p.jpg set_c/out.bin
for what in '-o set_c/p.jpg' '-o set_c/out.bin' '-o y.bin --report set_c/report.json'; do
    ln -f set_c/p.jpg set_c/report.json
    # shellcheck disable=SC2086
    run build "$onnx" --calib set_c --effort 0 $what
    expect_exit 1
    expect_one_line_err 'intarsia: set_c/*: *needs a*name*'
done
ok 'the photo is as it was' cmp -s set_c/p.jpg "$photo"

# ---- modes and links of what is replaced ----

umask 027
run segment parts.bin own/a.jpg --json new.json
ok 'a new file has the mode of the umask' test "$(stat -c %a new.json)" = 640
chmod 604 new.json
ln -s new.json link.json
cp new.json before.json
run segment parts.bin own/a.jpg own/a.jpg --json link.json
expect_exit 0
ok 'the link is one' test -L link.json
ok 'what it leads to is replaced' not cmp -s new.json before.json
ok 'its mode is kept' test "$(stat -c %a new.json)" = 604
run segment parts.bin own/a.jpg -o painted.jpg
chmod 600 painted.jpg
run segment parts.bin own/a.jpg -o painted.jpg
ok 'the mode of a picture is kept' test "$(stat -c %a painted.jpg)" = 600
umask 022
nothing_half_written

# ---- folders of outputs ----

run segment parts.bin own/a.jpg -o p/q/r --json s/t/u.json --coco v/w/x.json
expect_exit 1 # a.jpg has no number
run segment parts.bin "$photo" -o p/q/r --json s/t/u.json --coco v/w/x.json
expect_exit 0
ok 'the picture' test -s p/q/r/000000_segmented.jpg
ok 'JSON' is_json s/t/u.json
ok 'COCO' is_json v/w/x.json
run segment parts.bin "$photo" -o p/deep/er.png
expect_exit 0
ok 'the picture' test -s p/deep/er.png
run build "$onnx" --calib "$tree/data/parts/calib/images" --images 1 --effort 0 -o b/1/x.bin --report b/2/x.json --save-temps b/3/t
expect_exit 0
ok 'three folders' test -s b/1/x.bin -a -s b/2/x.json -a -n "$(ls b/3/t)"
run cut "$onnx" -o c/d/ten.onnx
expect_exit 0
ok 'the folder of a cut' test -s c/d/ten.onnx
run calib-data "$photo" -o e/f/g
expect_exit 0
ok 'the folder of raw numbers' test -s e/f/g/000000.rgbchw
# nothing is computed, and nothing made, when one of them cannot be
: >file
for what in '-o file/x' '-o file/x.png' '--json file/x.json' '--coco file/x.json'; do
    # shellcheck disable=SC2086
    run segment no-such.bin "$photo" $what
    expect_exit 1
    expect_one_line_err 'intarsia: file/x*: cannot write: file is not a folder'
done
run eval no-such.bin --data "$photos" --ann "$ann" --curves file/x
expect_exit 1
expect_one_line_err 'intarsia: file/x: cannot write: file is not a folder'
run eval parts.bin --data "$photos" --ann "$ann" --save file/x.json
expect_exit 1
expect_one_line_err 'intarsia: file/x.json: cannot write: file is not a folder'

# ---- formats and names of outputs ----

for name in out.bmp out.webp out.TIFF out.gif out.mp4; do
    run segment parts.bin "$photo" -o "$name"
    expect_exit 2
    expect_one_line_err "intarsia: segment: -o $name: this format is not supported: pictures are written as .jpg, .jpeg or .png; for a folder of this name write $name/ *"
    ok 'nothing was made' not test -e "$name"
done
run segment parts.bin "$photo" -o out.bmp/
expect_exit 0
ok 'a folder, since it was meant' test -s out.bmp/000000_segmented.jpg
run segment parts.bin "$photo" -o out.bmp
expect_exit 0
run segment parts.bin "$photo" -o file
expect_exit 2
expect_one_line_err 'intarsia: segment: -o file: is a file, but its name is not that of a picture*'
run eval parts.bin --data "$photos" --ann "$ann" --curves out.svg
expect_exit 1
expect_one_line_err 'intarsia: --curves out.svg: names a folder, this looks like a file; *'

# ---- a lone dash, FIFOs, devices ----

mkdir odd
cp "$photo" odd/a.jpg
mkfifo odd/fifo.jpg fifo fifo.bin fifo.onnx
ln -s /dev/zero odd/zero.png
# timeout's own exit is 124
program_itself=$program
in_time() {
    words=$*
    timeout 60 "$program_itself" "$@" >"$place/.out" 2>"$place/.err" </dev/null
    status=$?
}
in_time segment parts.bin odd -o painted
expect_exit 0
expect_err '*warning: odd/fifo.jpg: is a FIFO, not a file; it is left out*'
expect_err '*warning: odd/zero.png: is a character device, not a file; it is left out*'
ok 'one photo' test "$(ls painted)" = a_segmented.jpg
in_time segment parts.bin 'odd/*.jpg' -o painted
expect_exit 0
expect_err '*warning: odd/fifo.jpg: is a FIFO, not a file; it is left out*'
in_time build "$onnx" --calib odd -o o.bin --effort 0
expect_exit 0
expect_err '*warning: odd/fifo.jpg: is a FIFO, not a file; it is left out*'
mkfifo "empty/only.jpg"
in_time segment parts.bin empty
expect_exit 1
expect_err '*empty/only.jpg: is a FIFO*folder empty has no JPEG or PNG pictures'
rm empty/only.jpg
for words in "segment parts.bin $photo fifo" "segment fifo $photo" "segment fifo.bin $photo" "segment fifo.onnx $photo" \
    "segment parts.bin $photo --json x.json --ann fifo" "build fifo --calib $photos -o x.bin" \
    "build $onnx --calib fifo -o x.bin" "check fifo" "info fifo" "perf fifo" "perf parts.bin fifo" "cut fifo -o x.onnx" \
    "calib-data fifo -o x" "eval fifo --data $photos --ann $ann" "eval parts.bin --data $photos --ann fifo" \
    "eval parts.bin --data $photos --ann $ann --against fifo" "eval --results fifo --ann $ann" \
    "eval parts.bin --data fifo --ann $ann" "hb_model_info fifo" "hb_perf fifo" "hb_pack fifo parts.bin -o x.bin" \
    "hb_model_modifier fifo" "hrt_model_exec infer --model_file fifo --input_file $photo" \
    "hrt_model_exec infer --model_file parts.bin --input_file odd/fifo.jpg" \
    "hrt_model_exec infer --model_file parts.bin --input_file fifo.bin" \
    "hb_mapper checker --march bayes-e --model-type onnx --model fifo" \
    "hb_mapper makertbin --model-type onnx --config fifo"; do
    # shellcheck disable=SC2086
    in_time $words
    ok "$words: fails at once" test "$status" -ge 1 -a "$status" -le 2
    case $words in
    *'--data fifo'*) expect_err '*fifo: is not a folder*' ;;
    *) ok "$words: says why" grep -q 'fifo[.a-z]*: is a FIFO, not a file' "$place/.out" "$place/.err" ;;
    esac
done
for words in "segment parts.bin -" "segment - $photo" "segment parts.bin $photo --json x.json --ann -" \
    "build - --calib $photos -o x.bin" "build $onnx --calib - -o x.bin" "info -" "check -" "perf -" "perf parts.bin -" \
    "cut - -o x.onnx" "calib-data - -o x" "eval - --data $photos --ann $ann" "eval parts.bin --data $photos --ann -" \
    "segment parts.bin $photo -o -" "build $onnx --calib $photos -o -" "cut $onnx -o -" "calib-data $photo -o -" \
    "eval parts.bin --data $photos --ann $ann --curves -" "build $onnx --calib $photos -o x.bin --save-temps -"; do
    # shellcheck disable=SC2086
    in_time $words
    expect_exit 1
    ok "$words: says why" grep -q -- '-: \(the standard .* is not supported\|No such file\)' "$place/.err"
done
ok 'nothing was made' not test -e x.bin -o -e x.onnx -o -e x -o -e -
# a pipe is written to as ever
mkfifo pipe.json
"$program" segment parts.bin "$photo" "$photo" --json pipe.json >.log 2>&1 &
cat pipe.json >from-pipe.json
wait $!
ok 'JSON through a pipe' test "$(photos_in from-pipe.json)" -eq 2
in_time segment parts.bin "$photo" --json pipe.json
expect_exit 1
expect_one_line_err 'intarsia: pipe.json: cannot write: nobody reads it'

# ---- folders that are not there, have nothing, or have it below ----

in_time eval parts.bin --data no/such/folder --ann "$ann"
expect_exit 1
expect_one_line_err 'intarsia: no/such/folder: No such file or directory'
in_time eval parts.bin --data empty --ann "$ann"
expect_exit 1
ok 'ten lines, how many more, and why' test "$(wc -l <"$place/.err")" -eq 12
expect_err '*
intarsia: and 50 more
intarsia: empty: has none of the 60 photos of *'
mkdir -p set/images/train set/images/val set/labels
cp "$photo" set/images/train
cp "$photo" set/images/val
in_time segment parts.bin set/images -o painted
expect_exit 1
expect_one_line_err 'intarsia: folder set/images has no JPEG or PNG pictures; its subfolders are not searched, there are some in train and val'
in_time segment parts.bin set -o painted
expect_exit 1
expect_one_line_err 'intarsia: folder set has no *; its subfolders are not searched, there are some in images/train and images/val'
in_time build "$onnx" --calib set/images -o x.bin
expect_exit 1
expect_one_line_err '*its subfolders are not searched, there are some in train and val'
in_time eval parts.bin --data set/images --ann "$ann"
expect_exit 1
expect_err '*set/images: has none of the 60 photos of *; its subfolders are not searched, there are pictures in train and val'
cp "$photo" set/images/top.jpg
in_time segment parts.bin set/images -o painted
expect_exit 0
expect_err 'intarsia: warning: folder set/images: its subfolders are not searched, there are pictures in train and val'

# ---- results while they come ----

many=$(for i in 1 2 3 4 5 6; do echo "$photos"/0000[0-5]*.jpg; done)
# shellcheck disable=SC2086
set -- $many
n=$#
for name in TERM KILL; do
    rm -f some.json rows.json .log
    : >.log
    "$program" segment parts.bin "$@" --json some.json --coco rows.json -t 1 >>.log 2>.messages &
    pid=$!
    while [ "$(wc -l <.log)" -lt 5 ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
    said=$(wc -l <.log)
    kill -s $name $pid
    wait $pid 2>/dev/null
    status=$?
    words="segment, $said photos and $name"
    ok "$name: ended by it" test "$status" -gt 128
    ok "$name: not all were done" test "$(photos_in some.json)" -lt "$n"
    ok "$name: nothing of what was said is missing" test "$(photos_in some.json)" -ge "$said"
    ok "$name: COCO results are whole" is_json rows.json
    [ "$name" = KILL ] || ok 'it says where it stopped' grep -q "stopped by SIG$name after [0-9]* of $n photos" .messages
done
python3 - "$program" parts.bin "$@" >.answer 2>&1 <<'END'
import json, os, signal, subprocess, sys, time
# SIGINT as a terminal sends it
for number in (signal.SIGINT, signal.SIGTERM):
    p = subprocess.Popen([sys.argv[1], "segment", *sys.argv[2:], "--json", "int.json", "-t", "1"], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    os.read(p.stdout.fileno(), 1) # one photo is done
    p.send_signal(number)
    out, err = p.communicate()
    assert p.returncode == -number, p.returncode
    assert b"stopped by " + number.name.encode() in err, err
    assert len(json.load(open("int.json"))["photos"]) >= 1
print("good")
END
ok 'SIGINT and SIGTERM' grep -qx good .answer

# of eval too, which stops without figures
rm -f saved.json
python3 - "$program" "$onnx" "$photos" "$ann" >.answer 2>&1 <<'END'
import json, os, signal, subprocess, sys, time
p = subprocess.Popen([sys.argv[1], "eval", sys.argv[2], "--data", sys.argv[3], "--ann", sys.argv[4], "--save", "saved.json", "-t", "1"],
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
while p.poll() is None and (not os.path.exists("saved.json") or os.path.getsize("saved.json") < 2000):
    time.sleep(0.02)
p.send_signal(signal.SIGTERM)
out, err = p.communicate()
assert p.returncode == -signal.SIGTERM, (p.returncode, err)
assert out == b"" and b"stopped by SIGTERM after " in err, (out, err)
assert len(json.load(open("saved.json"))) >= 1
print("good")
END
ok "eval, saved and stopped: $(tail -n 1 .answer)" grep -qx good .answer

# a photo that somebody shortens and writes to all the time: some are refused, the program lives
python3 - "$program" parts.bin "$photo" >.answer 2>&1 <<'END'
import os, subprocess, sys
whole = open(sys.argv[3], "rb").read()
open("restless.jpg", "wb").write(whole)
p = subprocess.Popen([sys.argv[1], "segment", sys.argv[2], *["restless.jpg"] * 60, "--json", "restless.json"],
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
with open("restless.jpg", "r+b") as f:
    while p.poll() is None:
        f.truncate(0)
        os.pwrite(f.fileno(), whole, 0)
assert p.returncode in (0, 1), p.returncode
print("good")
END
ok "a restless photo: $(tail -n 1 .answer)" grep -qx good .answer

# full disks: a small one where it can be mounted, and a limit on the size of files
full() {
    words="segment, into the full $1"
    # shellcheck disable=SC2086
    "$program" segment parts.bin $many --json "$1/some.json" --coco "$1/rows.json" -t 2 >"$place/.out" 2>"$place/.err"
    status=$?
    expect_exit 1
    ok 'JSON is whole' test "$(photos_in "$1/some.json")" -ge 1
    ok 'COCO results are whole' is_json "$1/rows.json"
}
mkdir disk
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=300k tmpfs disk 2>/dev/null; then
    full disk
    expect_err '*intarsia: disk/*.json: cannot write: No space left on device*'
    umount disk
else
    skipped 'no small disk can be mounted'
fi
(
    ulimit -f 200 # of 512 bytes
    mkdir limited
    full limited
    expect_err '*intarsia: limited/*.json: cannot write: File too large*'
    [ "$n_failed" -eq 0 ]
) >.limited 2>&1
status=$?
words='segment, under ulimit -f'
ok "a limit on files: $(tail -n 3 .limited)" test "$status" -eq 0
# results on the standard output
"$program" segment parts.bin "$photo" no-such.jpg "$photo" --json - >out.json 2>.log
ok 'three entries' test "$(photos_in out.json)" -eq 3
{
    echo before
    "$program" segment parts.bin "$photo" --json - 2>.log
    echo behind
} >mixed
ok 'what comes before and behind stays' test "$(sed -n '1p;$p' mixed | tr '\n' ' ')" = 'before behind '
"$program" segment parts.bin "$photo" --json - >appended 2>.log
"$program" segment parts.bin "$photo" --coco - >>appended 2>.log
ok 'appended' test "$(grep -c '^[]]' appended)" -eq 2

# memory does not grow with the objects
python3 - "$program" parts.bin "$photos" >.answer 2>&1 <<'END'
import glob, json, os, subprocess, sys
program, model, photos = sys.argv[1:]
# AddressSanitizer would keep 256 MB of what was freed.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
def peak(n):
    files = sorted(glob.glob(photos + "/*.jpg"))[:5] * n
    p = subprocess.Popen([program, "segment", model, *files, "--conf", "0.0001", "--max-det", "1000", "--multi-label", "--json", "big.json", "--coco", "big-rows.json", "-t", "1"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    assert status == 0, status
    return usage.ru_maxrss / 1024, sum(len(x["instances"]) for x in json.load(open("big.json"))["photos"])
few, n_few = peak(1)
many, n_many = peak(10)
print("%d objects: %.1f MB, %d objects: %.1f MB" % (n_few, few, n_many, many))
assert n_many == 10 * n_few and n_few >= 800
assert many - few < 10
print("good")
END
ok "memory: $(cat .answer)" grep -qx good .answer
nothing_half_written
finish
