/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of decoding that reads every class logit: almost all anchors have no class above the threshold, and are
 * rejected by comparing stored values with bounds, in loops that the compiler turns into vector code.
 */
#include "yolo/decode_internal.h"

#include <math.h>
#include <string.h>

#include "base/compiler.h"

void yolo_bounds_set(const struct yolo_bounds *bounds, const struct yolo_tensor *t, double logit)
{
    for (int k = 0; k < t->c; k++) {
        const int q = t->n_quant > 1 ? k : 0;
        const double scale = t->scale != NULL ? t->scale[q] : 1;
        const double zero = t->zero_point != NULL ? t->zero_point[q] : 0;
        const double bound = logit / scale + zero;
        if (t->dtype == DTYPE_F32) {
            bounds->f32[k] = (float)bound;
        } else {
            bounds->s32[k] = bound <= INT32_MIN   ? INT32_MIN
                             : bound >= INT32_MAX ? INT32_MAX
                                                  : (int32_t)floor(bound);
        }
    }
}

/* Channels next to each other: one pixel after the other. Planes: one channel after the other. */
#define DEFINE_SCAN(name, type, bound_type)                                                        \
    static void name(const struct yolo_tensor *t, ptrdiff_t at, int w, const bound_type *bound,    \
                     uint8_t *hit)                                                                 \
    {                                                                                              \
        const type *p = (const type *)t->data + at;                                                \
        const int c = t->c;                                                                        \
        if (t->channel == 1) {                                                                     \
            for (int x = 0; x < w; x++, p += t->pixel) {                                           \
                int any = 0;                                                                       \
                for (int k = 0; k < c; k++) any |= p[k] >= bound[k];                               \
                hit[x] = (uint8_t)any;                                                             \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        memset(hit, 0, (size_t)w);                                                                 \
        for (int k = 0; k < c; k++, p += t->channel)                                               \
            for (int x = 0; x < w; x++) hit[x] |= p[x * t->pixel] >= bound[k];                     \
    }

DEFINE_SCAN(scan_s8, int8_t, int32_t)
DEFINE_SCAN(scan_s16, int16_t, int32_t)
DEFINE_SCAN(scan_s32, int32_t, int32_t)
DEFINE_SCAN(scan_f32, float, float)
#undef DEFINE_SCAN

void yolo_scan_row(const struct yolo_tensor *t, int y, int x, int n,
                   const struct yolo_bounds *bounds, uint8_t *hit)
{
    const ptrdiff_t at = y * t->row + x * t->pixel;
    if (t->dtype == DTYPE_S8) {
        scan_s8(t, at, n, bounds->s32, hit);
    } else if (t->dtype == DTYPE_S16) {
        scan_s16(t, at, n, bounds->s32, hit);
    } else if (t->dtype == DTYPE_S32) {
        scan_s32(t, at, n, bounds->s32, hit);
    } else if (t->dtype == DTYPE_F32) {
        scan_f32(t, at, n, bounds->f32, hit);
    } else {
        ITX_BUG();
    }
}
