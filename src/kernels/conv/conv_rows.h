/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions behind the rows of conv.def; for this folder only. Contracts: conv.h.
 */
#ifndef KERNELS_CONV_CONV_ROWS_H
#define KERNELS_CONV_CONV_ROWS_H

#include "kernels/conv/conv.h"

#define X(suffix, flags, ...)                                                                      \
    bool conv_s8_fits_##suffix(const struct conv_shape *s);                                        \
    size_t conv_s8_packed_size_##suffix(const struct conv_shape *s, const int8_t *w);              \
    size_t conv_s8_scratch_size_##suffix(const struct conv_shape *s);                              \
    void conv_s8_pack_##suffix(const struct conv_shape *s, const int8_t *w, void *packed);         \
    void conv_s8_run_##suffix(const struct conv_params *p, const void *in, const void *res,        \
                              void *out, int row_begin, int row_end, void *scratch);
#include "kernels/conv/conv.def"
#undef X

#endif
