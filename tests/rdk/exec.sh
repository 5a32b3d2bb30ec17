# SPDX-License-Identifier: Apache-2.0
#
# hrt_model_exec: its texts, which other programs read, and its numbers. arguments: program, source tree
. "$(dirname "$0")/lib.sh"
demo_bin demo.bin

# ---- usage ----
rdk hrt_model_exec
expect_exit 0
expect_out 'usage: hrt_model_exec model_info|infer|perf *'
cp "$place/.out" help.txt
rdk hrt_model_exec --help
ok 'no argument is --help' cmp -s help.txt "$place/.out"
program=$intarsia
run hrt_model_exec --help
ok 'as a sub-command too' cmp -s help.txt "$place/.out"
rdk hrt_model_exec -v
expect_exit 0
expect_out '[0-9]*.[0-9]*.[0-9]* (intarsia *)'
rdk hrt_model_exec model_inof --model_file demo.bin
expect_exit 2
expect_one_line_err '*did you mean model_info?*'
rdk hrt_model_exec perf --model_fil demo.bin
expect_exit 2
expect_one_line_err '*did you mean --model_file?*'
rdk hrt_model_exec perf
expect_exit 1
expect_err '*--model_file is missing*'
rdk hrt_model_exec perf --model_file none.bin
expect_exit 1
expect_err '*none.bin: No such file or directory*'
rdk hrt_model_exec perf --model_file demo.bin --model_name dem
expect_exit 1
expect_err '*there is no model "dem", did you mean demo?*'
rdk hrt_model_exec infer --model_file demo.bin
expect_exit 1
expect_err '*infer needs --input_file*'
rdk hrt_model_exec perf --model_file demo.bin --roi_infer=true
expect_exit 1
expect_err '*--roi_infer*resizer*'
rdk hrt_model_exec perf --model_file demo.bin --roi_infer=perhaps
expect_exit 2
expect_err '*neither true nor false*'

# ---- model_info ----
rdk hrt_model_exec model_info --model_file=demo.bin stray words
expect_exit 0
sed '1s/cost [0-9.]*ms/cost Nms/' "$place/.out" >info.txt
ok 'model_info as written down' diff "$here/model_info.txt" info.txt
rdk hrt_model_exec model_info --model_file none.bin --model_file demo.bin,demo.bin
expect_exit 0
ok 'two files' test "$(grep -c '^This model file has 1 model:$' "$place/.out")" -eq 2

# ---- perf ----
rdk hrt_model_exec perf --model_file demo.bin --frame_count 7 --thread_num 2 --core_id 1
expect_exit 0
expect_err '*--core_id has no meaning here*'
cp "$place/.out" perf.txt
sed 's/[0-9][0-9]*\.[0-9]*/N/g' perf.txt >shape.txt
ok 'perf as written down' diff "$here/perf.txt" shape.txt
# latency = sum / frames; rate = frames / time: the numbers fit each other
ok 'numbers fit' awk -F': ' '
    /^  Program run time/ { run = $2 + 0 } /^  Frame totally/ { sum = $2 + 0 }
    /^  Average    latency    is: [0-9.]+ ms$/ { mean = $2 + 0 }
    /^  Frame      rate       is: [0-9.]+ FPS$/ { rate = $2 + 0 }
    function near(a, b) { return a > b * 0.9999 && a < b * 1.0001 }
    END { exit !(sum > 0 && near(mean, sum / 7) && near(rate, 7000 / run) && sum <= 2 * run) }' perf.txt
rdk hrt_model_exec perf --model_file demo.bin --frame_count 450
ok 'a line every 200 frames' test "$(grep -c '^Frame count: \(200\|400\|450\), ' "$place/.out")" -eq 3
rdk hrt_model_exec perf --model_file demo.bin --frame_count 3 --thread_num 20
expect_exit 0
expect_err '*--thread_num 20: 8 are used*'
expect_out '*Thread number is: 8*'
rdk hrt_model_exec perf --model_file demo.bin --frame_count 4 --profile_path a/b --input_file "$tree/tests/cli/pictures/grey.jpg"
expect_exit 0
ok 'two documents' test "$(grep -cx '\*\*\*' a/b/profiler.log)" -eq 1
for key in perf_result running_condition chip_latency model_latency task_latency BPU_main_graph_subgraph_0 \
    'Dequantize_/model.23/cv2.0/cv2.0.2/Conv_output_0_HzDequantize'; do
    ok "profiler.log has $key" grep -qF "\"$key\"" a/b/profiler.log
done
n_steps=$("$intarsia" info --json demo.bin | grep -c '"kernel"')
ok 'a row a layer' test "$(tail -n +2 a/b/profiler.csv | wc -l)" -eq "$n_steps"
export HB_DNN_PROFILER_LOG_PATH=from_environment
rdk hrt_model_exec perf --model_file demo.bin --frame_count 1
unset HB_DNN_PROFILER_LOG_PATH
ok 'the environment says where' test -e from_environment/profiler.log

# ---- infer ----
picture=$tree/tests/cli/pictures/progressive.jpg
rdk hrt_model_exec infer --model_file demo.bin --input_file "$picture" --enable_dump --dump_path out
expect_exit 0
expect_out '*Infer time: [0-9]*.[0-9]* ms*'
proto=out/model_infer_output_9_output1
ok 'bytes of the prototypes' test "$(wc -c <$proto.bin)" -eq 819200
rdk hrt_model_exec infer --model_file demo.bin --input_file "$picture" --enable_dump --dump_path out --dump_format txt \
    --dump_precision 6 --dump_txt_axis 2
ok 'a line a pixel' test "$(wc -l <$proto.txt)" -eq 6400
ok '32 numbers of 6 decimals' awk '{ for (i = 1; i <= NF; i++) if ($i !~ /^-?[0-9]+\.[0-9][0-9][0-9][0-9][0-9][0-9]$/) exit 1 } NF != 32 { exit 1 }' $proto.txt
rdk hrt_model_exec infer --model_file demo.bin --input_file "$picture" --enable_dump true --dump_path out --dump_format txt
ok 'one number in a line' test "$(wc -l <$proto.txt)" -eq 204800
od -An -v -tf4 -w4 $proto.bin >floats.txt
ok 'txt and bin agree' awk 'NR == FNR { a[NR] = $1; next } { d = a[FNR] - $1; if (d > 1e-5 || d < -1e-5) exit 1 } END { exit FNR != 204800 }' \
    floats.txt $proto.txt

# ---- what went in: the photograph as a camera gives it; given back, it makes the same ----
input=out/model_infer_input_0_images
rdk hrt_model_exec infer --model_file demo.bin --input_file "$picture" --enable_dump --dump_path out
ok 'bytes of the input' test "$(wc -c <$input.bin)" -eq 153600
rdk hrt_model_exec infer --model_file demo.bin --input_file "$input.bin" --enable_dump --dump_path again
ok 'the dumped input is what ran' diff -r out/model_infer_input_0_images.bin again/model_infer_input_0_images.bin
ok 'and gives the same' cmp -s $proto.bin again/model_infer_output_9_output1.bin
rdk hrt_model_exec infer --model_file demo.bin --input_file "$picture" --enable_dump --dump_path out --dump_format txt \
    --dump_txt_axis 2
ok 'a row of luma in a line, then rows of UV' awk 'NF != 320 { exit 1 } END { exit NR != 480 }' $input.txt
od -An -v -tu1 -w1 $input.bin | tr -d ' ' >bytes.txt
rdk hrt_model_exec infer --model_file demo.bin --input_file "$picture" --enable_dump --dump_path out --dump_format txt
ok 'txt and bin of the input agree' cmp -s bytes.txt $input.txt
# ---- what layers make: the last one's integers are the output's ----
rdk hb_model_modifier demo.bin -a Dequantize -o all.bin
rdk hrt_model_exec infer --model_file all.bin --input_file "$picture" --enable_dump --dump_path layers --dump_intermediate 2 \
    --dump_txt_axis 2
expect_exit 0
ok 'a file a layer' test "$(find layers -name 'model_infer_layer_*.bin' | wc -l)" -eq "$n_steps"
ok 'and a text' test "$(find layers -name 'model_infer_layer_*.txt' | wc -l)" -eq "$n_steps"
layer=$(find layers -name 'model_infer_layer_*_model.23_proto_cv3_conv_Conv.bin')
ok 'the layer that makes the prototypes' cmp -s "$layer" layers/model_infer_output_9_output1.bin
ok 'in 6400 lines of 32' awk 'NF != 32 { exit 1 } END { exit NR != 6400 }' "${layer%.bin}.txt"
rdk hrt_model_exec infer --model_file all.bin --input_file "$picture" --dump_path one --dump_intermediate 1
ok 'layers alone' test "$(find one -type f | wc -l)" -eq "$n_steps"
rdk hrt_model_exec perf --model_file all.bin --frame_count 1 --dump_intermediate 1
expect_err '*perf writes no values, infer does*'
rdk hrt_model_exec infer --model_file all.bin --input_file "$picture" --dump_intermediate 4
expect_exit 2
expect_one_line_err '*--dump_intermediate*'
# a picture of one colour in the input's own format: 320 x 320 of Y, then of U and V
head -c 102400 /dev/zero | tr '\0' '\160' >grey.bin
head -c 51200 /dev/zero | tr '\0' '\200' >>grey.bin
rdk hrt_model_exec infer --model_file demo.bin --input_file grey.bin --frame_count 2
expect_exit 0
expect_out '*Frame 0 begin*Frame 1 end*'
head -c 1000 grey.bin >short.bin
rdk hrt_model_exec infer --model_file demo.bin --input_file short.bin
expect_exit 1
expect_err '*short.bin: 1000 bytes, the input images has 153600*'
rdk hrt_model_exec infer --model_file demo.bin --input_file "$picture,$picture"
expect_exit 1
expect_err '*2 input files, model demo has 1 input*'
rdk hrt_model_exec infer --model_file demo.bin --input_file help.txt
expect_exit 1
expect_err '*ends in bin, jpg, jpeg or png*'
nothing_half_written
finish
