/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of AVX-VNNI once more, built for AVX-512's encoding of the same instructions (-mavx512vl -mavx512vnni):
 * few machines have both.
 */
#include "check.h"

#define conv_s8_fits_6x16__avxvnni conv_evex_fits_direct
#define conv_s8_packed_size_6x16__avxvnni conv_evex_packed_size_direct
#define conv_s8_scratch_size_6x16__avxvnni conv_evex_scratch_size_direct
#define conv_s8_pack_6x16__avxvnni conv_evex_pack_direct
#define conv_s8_run_6x16__avxvnni conv_evex_run_direct
#define conv_s8_fits_winograd4__avxvnni conv_evex_fits_winograd4
#define conv_s8_packed_size_winograd4__avxvnni conv_evex_packed_size_winograd4
#define conv_s8_scratch_size_winograd4__avxvnni conv_evex_scratch_size_winograd4
#define conv_s8_pack_winograd4__avxvnni conv_evex_pack_winograd4
#define conv_s8_run_winograd4__avxvnni conv_evex_run_winograd4
#include "kernels/conv/conv_avxvnni.c"

#include "base/cpu.h"
#include "check_conv_evex.h"

const struct conv_row conv_evex_rows[CONV_EVEX_ROWS] = {
    {.name = "conv_s8_6x16__avxvnni_in_evex",
     .cpu = CPU_AVX512VNNI,
     .fits = conv_evex_fits_direct,
     .packed_size = conv_evex_packed_size_direct,
     .scratch_size = conv_evex_scratch_size_direct,
     .pack = conv_evex_pack_direct,
     .run = conv_evex_run_direct},
    {.name = "conv_s8_winograd4__avxvnni_in_evex",
     .cpu = CPU_AVX512VNNI,
     .fits = conv_evex_fits_winograd4,
     .packed_size = conv_evex_packed_size_winograd4,
     .scratch_size = conv_evex_scratch_size_winograd4,
     .pack = conv_evex_pack_winograd4,
     .run = conv_evex_run_winograd4},
};
