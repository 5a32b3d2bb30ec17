# SPDX-License-Identifier: Apache-2.0
#
# A small file that asks for work or memory without end is refused at once, with the limit and the option that raises it.
# arguments: program, source tree
. "$(dirname "$0")/lib.sh"
plans=$tree/tests/fuzz/corpus/plan

for name in info perf; do
    run "$name" "$plans/forever_maxpool.bin"
    expect_exit 1
    expect_one_line_err "intarsia: $plans/forever_maxpool.bin: model 'forever' takes 2.182e+14 multiplications *, the limit is 4e+12 (--max-work, max_work)"
done
run info "$plans/forever_maxpool.bin" --max-work 300000
expect_exit 0
run segment "$plans/instance_empty_box.bin" photo.jpg --max-memory 0
expect_exit 2
run info "$plans/instance_empty_box.bin" --max-work 1
expect_exit 0
for board in hb_perf hrt_model_exec batch_perf; do
    run "$board" --help
    expect_out '*--max?work N*--max?scratch MIB*--max?memory MIB*'
done
run hrt_model_exec perf --model_file "$plans/forever_maxpool.bin" --frame_count 1
expect_exit 1
expect_err '*the limit is 4e+12 (--max-work, max_work)*'
for name in info segment perf eval; do
    run "$name" --help
    expect_out '*--max?work N*--max?scratch MIB*--max?memory MIB*'
done
if "$program" --version | grep -q 'CPU: .*avx2'; then
    run info "$plans/scratch_8GB.bin"
    expect_exit 1
    expect_one_line_err "intarsia: $plans/scratch_8GB.bin: step 0 ('s') takes 7*[0-9] MiB of scratch, the limit is 1024 MiB (--max-scratch, max_scratch)"
else
    skipped 'scratch of the kernels of AVX2: this CPU has none'
fi
# tensors of one buffer in other rows
run info "$plans/view_other_grid_demand_differs.bin"
expect_exit 1
expect_one_line_err "*: model 'm': tensor 10: 'v10' has another grid than 't6' in the same buffer"

finish
