# SPDX-License-Identifier: Apache-2.0
#
# Names in a model file, and of files, that hold escapes of terminals, C1 controls (U+009B) and marks of writing order
# (U+202E): nothing of it reaches a terminal, a log or a page, whichever command shows it; JSON has escapes. arguments:
# program, source tree
. "$(dirname "$0")/lib.sh"
plan=$tree/tests/cli/networks/names.bin
photo=$tree/data/parts/val/images/000000.jpg
mark=$(printf '\342\200\256')                      # U+202E
n_files=0
bad=$(printf 'a\302\233b%sc\033[31m\342\201\246d.jpg' "$mark") # and U+2066

# What UTF-8 of C1 controls and format characters looks like, and other controls than tab and line end.
hidden=$(printf '\302[\200-\237]\|\302\255\|\330\234\|\342\200[\213-\217\250-\256]\|\342\201[\240-\257]\|\357\273\277\|[\001-\010\013-\037\177]')

# command...: it ends well, says something, and nothing hidden
shows() {
    run "$@"
    expect_exit 0
    ok 'nothing hidden in the output' not grep -q "$hidden" .out
    ok 'nothing hidden in the messages' not grep -q "$hidden" .err
    ok 'something is said' test -s .out -o -s .err
}

ok 'the file has what this is about' grep -q "$mark" "$plan"
cp "$photo" "$bad"
cp "$photo" plain_1.jpg
cp "$plan" "$bad.bin"
cp "$plan" model.bin

for model in model.bin "$bad.bin"; do
    shows info "$model"
    expect_out '*C1?*gnp.exe*'
    shows info "$model" --json
    expect_out '*C1\\u202e*'
    shows perf "$model" -n 1 --warmup 0 --layers
    shows perf "$model" -n 1 --warmup 0 --layers --json
    shows perf "$model" "$bad" -n 1 --warmup 0
    shows segment "$model" "$bad" -o painted --conf 0 --max-det 3 --json - --conf 0.01
    shows segment "$model" "$bad" -o painted --conf 0.01 --max-det 3 --json found.json
    shows hrt_model_exec model_info --model_file "$model"
    shows hrt_model_exec perf --model_file "$model" --frame_count 1 --profile_path profile
    shows hb_model_info "$model"
    shows hb_perf "$model"
    shows hb_pack -o packed.bin "$model" "$tree/tests/fuzz/corpus/plan/all.bin"
done
shows calib-data "$bad" -o "calib$mark" --size 32
cat >ann.json <<END
{"images": [{"id": 1, "file_name": "plain_1.jpg", "width": 640, "height": 480}],
 "categories": [{"id": 1, "name": "$mark"}],
 "annotations": []}
END
run eval model.bin --data . --ann ann.json
ok 'nothing hidden in the refusal' not grep -q "$hidden" .err
expect_err 'intarsia: *C1?*'
run segment "no$bad" "$bad"
expect_exit 1
ok 'nothing hidden in the refusal' not grep -q "$hidden" .err
run segment model.bin "no$bad" "--$bad"
expect_exit 2
ok 'nothing hidden in the refusal' not grep -q "$hidden" .err
run "$bad"
expect_exit 2
ok 'nothing hidden in the refusal' not grep -q "$hidden" .err

# what was written: JSON, logs, pages
for file in found.json profile/profiler.log profile/profiler.csv *.log hb_perf_result/*/*.html; do
    [ -e "$file" ] || continue
    ok "nothing hidden in $file" not grep -q "$hidden" "$file"
    n_files=$((n_files + 1))
done
ok 'files were looked at' test "$n_files" -ge 4

finish
