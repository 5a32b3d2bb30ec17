/* SPDX-License-Identifier: Apache-2.0
 *
 * The products of direct convolutions in vectors of 256 bits, one function for each number of vectors and of pixels: the
 * body of each instruction set includes this behind its
 *
 *     SIMD_INLINE void dot_tile(const struct conv_dot *job, size_t at, int32_t *to, const int nv, const int n_px);
 *
 * which computes one tile, and gets `dots`, the table for its conv_kernel. LANES: numbers of 32 bits in a vector.
 */
SIMD_INLINE void dot(const struct conv_dot *job, const int nv, const int n_px)
{
    size_t at = job->at;
    int32_t *to = job->acc;
    for (int i = 0; i < job->n_tiles; i++) {
        dot_tile(job, at, to, nv, n_px);
        at += (size_t)n_px * job->runs->step;
        to += n_px * nv * LANES;
    }
}

/* columns: vectors, pixels */
#define DOT_LIST(X)                                                                                \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(2, 5) X(2, 6)
#define X(nv, n_px)                                                                                \
    static void dot_##nv##_##n_px(const struct conv_dot *job)                                      \
    {                                                                                              \
        dot(job, nv, n_px);                                                                        \
    }
DOT_LIST(X)
#undef X

static conv_dot_fn *const dots[CONV_MAX_BLOCK + 1][CONV_MAX_PX + 1] = {
#define X(nv, n_px) [nv][n_px] = dot_##nv##_##n_px,
    DOT_LIST(X)
#undef X
};
#undef DOT_LIST
