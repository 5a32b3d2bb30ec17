# SPDX-License-Identifier: Apache-2.0
#
# Names that the tools make up: none of them replaces the model or the frame that is read, also through links; and folders
# that are named are made. arguments: program, source tree
. "$(dirname "$0")/../cli/lib.sh"
onnx=$tree/models/parts-seg.onnx
photo=$tree/data/parts/val/images/000000.jpg

run build "$onnx" --calib "$tree/data/parts/calib/images" --images 1 --effort 0 -o parts.bin
expect_exit 0
cp parts.bin before.bin

unchanged() {
    ok 'the model is as it was' cmp -s parts.bin before.bin
}

# the log, the modified model and the page lie where links lead to the model
ln -s parts.bin hb_model_modifier.log
ln -s parts.bin parts_modified.bin
run hb_model_modifier parts.bin -a Dequantize
expect_exit 0
expect_out '*log will be stored in */hb_model_modifier_2.log*modified model saved as parts_modified_2.bin*'
ok 'both are there' test -s hb_model_modifier_2.log -a -s parts_modified_2.bin
unchanged
mkdir -p hb_perf_result/parts
ln parts.bin hb_perf_result/parts/parts.html
run hb_perf parts.bin
expect_exit 0
expect_out '*see hb_perf_result/parts/parts_2.html*'
unchanged
# dumps: the frame is read from the name of an input that is written
width=320
dump=model_infer_input_0_images.bin
head -c $((width * width * 3)) /dev/zero >"$dump"
cp "$dump" before.frame
ln -s parts.bin model_infer_output_0_output0.bin
run hrt_model_exec infer --model_file parts.bin --input_file "$dump" --enable_dump
expect_exit 0
expect_err "*./model_infer_input_0_images_2.bin: has the number 2*"
ok 'the frame is as it was' cmp -s "$dump" before.frame
unchanged
run hrt_model_exec infer --model_file parts.bin --input_file "$photo" --enable_dump --dump_path a/b/c
expect_exit 0
ok 'the folder is made' test -n "$(ls a/b/c)"
mkdir prof
ln -s ../parts.bin prof/profiler.log
run hrt_model_exec perf --model_file parts.bin --frame_count 2 --profile_path prof
expect_exit 0
ok 'the profile has another name' test -s prof/profiler_2.log
unchanged
# what cannot be written is refused before anything is loaded
: >file
run hrt_model_exec infer --model_file no-such.bin --input_file "$photo" --enable_dump --dump_path file/x
expect_exit 1
expect_err '*file/x: cannot write: file is not a folder*'
run hb_pack no-such.bin parts.bin -o file/x.bin
expect_exit 1
expect_one_line_err '*file/x.bin: cannot write: file is not a folder'
run hb_pack parts.bin parts_modified_2.bin -o -
expect_exit 1
expect_one_line_err '*-: the standard output is not supported here*'
# folders of models: what is no file is left out
mkdir models
cp parts.bin models
mkfifo models/fifo.bin
run batch_perf models --frame_count 1
expect_exit 0
expect_err '*warning: models/fifo.bin: is a FIFO, not a file; it is left out*'
nothing_half_written
finish
