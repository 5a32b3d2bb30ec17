/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions behind the rows of dwconv.def; for this folder only. Contracts: dwconv.h.
 */
#ifndef KERNELS_DWCONV_DWCONV_ROWS_H
#define KERNELS_DWCONV_DWCONV_ROWS_H

#include "kernels/dwconv/dwconv.h"

#define X(suffix, flags)                                                                           \
    bool dwconv_s8_fits_##suffix(const struct conv_shape *s);                                      \
    size_t dwconv_s8_packed_size_##suffix(const struct conv_shape *s);                             \
    size_t dwconv_s8_scratch_size_##suffix(const struct conv_shape *s);                            \
    void dwconv_s8_pack_##suffix(const struct conv_shape *s, const int8_t *w, void *packed);       \
    void dwconv_s8_run_##suffix(const struct conv_params *p, const void *in, const void *res,      \
                                void *out, int row_begin, int row_end, void *scratch);
#include "kernels/dwconv/dwconv.def"
#undef X

#endif
