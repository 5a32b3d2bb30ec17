/* SPDX-License-Identifier: Apache-2.0
 *
 * The sums of both forms in vectors of 512 bits: 16 channels x 8 pixels x 2 output rows. Included behind
 *
 *   CELL, bytes of a cell,
 *   DOT_LINES, cells of a pixel (lines of the interleaved rows), and
 *   DOT_ADD(sum, cell, weights)
 *
 * DOTS then initialises dwconv_3x3_kernel's `dots`.
 */
enum { TAPS = 3, MAX_PX = 8 };

SIMD_INLINE void dot(const struct dwconv_3x3_dot *job, const int n_px)
{
    const uint8_t *cells = job->cells, *w = job->weights;
    const __m512i init = _mm512_load_si512(job->init);
    __m512i acc[2][MAX_PX];
#pragma GCC unroll 8
    for (int p = 0; p < n_px; p++) acc[0][p] = acc[1][p] = init;
    for (int line = 0; line < DOT_LINES; line++, cells += job->line_size, w += 2 * TAPS * CELL) {
        __m512i weights[TAPS][2];
#pragma GCC unroll 3
        for (int j = 0; j < TAPS; j++) {
            weights[j][0] = _mm512_load_si512(w + 2 * j * CELL);
            weights[j][1] = _mm512_load_si512(w + (2 * j + 1) * CELL);
        }
#pragma GCC unroll 10
        for (int x = 0; x < n_px + TAPS - 1; x++) {
            const __m512i a = _mm512_load_si512(cells + x * CELL);
#pragma GCC unroll 3
            for (int j = 0; j < TAPS; j++) {
                const int p = x - j;
                if (p < 0 || p >= n_px) continue;
                acc[0][p] = DOT_ADD(acc[0][p], a, weights[j][0]);
                acc[1][p] = DOT_ADD(acc[1][p], a, weights[j][1]);
            }
        }
    }
#pragma GCC unroll 2
    for (int r = 0; r < 2; r++) {
        int32_t *const to = job->acc + (size_t)r * job->acc_row;
#pragma GCC unroll 8
        for (int p = 0; p < n_px; p++)
            _mm512_store_si512(to + (size_t)p * job->acc_step, acc[r][p]);
    }
}

#define DOT(n_px)                                                                                  \
    static void dot_##n_px(const struct dwconv_3x3_dot *job)                                       \
    {                                                                                              \
        dot(job, n_px);                                                                            \
    }
DOT(1)
DOT(2)
DOT(3)
DOT(4)
DOT(5)
DOT(6)
DOT(7)
DOT(8)
#undef DOT

#define DOTS                                                                                       \
    {                                                                                              \
        NULL, dot_1, dot_2, dot_3, dot_4, dot_5, dot_6, dot_7, dot_8                               \
    }
