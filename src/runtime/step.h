/* SPDX-License-Identifier: Apache-2.0
 *
 * One step made ready to run; for this folder only. step_FAMILY.c fill it for the kinds they know: each
 * step_prepare_X requires a checked step of its kinds and writes everything but `packed` and `shared`, which are given to
 * all steps together when the needs are known. Weights are packed afterwards, many steps at the same time.
 */
#ifndef RUNTIME_STEP_H
#define RUNTIME_STEP_H

#include "base/arena.h"
#include "kernels/add/add.h"
#include "kernels/attention/attention.h"
#include "kernels/conv/conv.h"
#include "kernels/dwconv/dwconv.h"
#include "kernels/lut/lut.h"
#include "kernels/move/move.h"
#include "kernels/pool/pool.h"
#include "plan/plan.h"
#include "runtime/region.h"

#define STEP_ALIGN 64 /* of everything that kernels are given */

struct step {
    const char *kernel;
    /* The work is n_items items (rows, mostly), each computable by itself; parts are multiples of `grain`. */
    int n_items, grain;
    void (*run)(const struct step *s, int begin, int end, void *scratch);
    /* Rows and columns of the rectangle; conv, dwconv only. */
    void (*run_columns)(const struct step *s, const struct rect *rect, void *scratch);
    void (*before)(const struct step *s); /* once, before the parts; NULL: nothing to do */
    void (*pack)(struct step *s, const struct plan_step *p); /* weights, once; NULL: none */
    uint64_t n_products; /* multiplications a run executes; 0: not counted */
    enum peak_kind operands;
    size_t packed_size;
    void *packed; /* room given to all steps together, zeroed; filled by `pack` */
    size_t scratch_size, shared_size;
    void *shared; /* filled by `before`, read by all workers */
    const void *in[3];
    void *out;
    size_t in_skip;            /* bytes of in[0]'s tensor before what is read */
    void *own_out;             /* instead of the output's tensor; NULL: there */
    const int8_t *weights;     /* what `pack` packs; they may go afterwards */
    size_t out_size, res_size; /* of an element; conv, dwconv only */
    union {
        struct {
            const struct conv_row *row;
            struct conv_params params;
        } conv;
        struct {
            const struct dwconv_row *row;
            struct conv_params params;
        } dwconv;
        struct {
            const struct pool_row *row;
            struct pool_shape shape;
        } pool;
        struct {
            const struct move_row *row;
            struct move_shape shape;
        } move;
        struct {
            const struct add_row *row;
            struct add_params params;
        } add;
        struct {
            const struct lut_row *row;
            struct lut_params params;
        } lut;
        struct {
            const struct attention_row *row;
            struct attention_params params;
        } attention;
    } u;
};

struct step_context {
    const struct plan *plan;
    uint32_t cpu;
    struct arena *arena; /* what lives as long as the runtime */
};

itx_status step_prepare_conv(struct step *s, const struct step_context *c,
                             const struct plan_step *p, struct itx_error *err);
/* An enlargement, and the 1x1 convolution that alone reads it, as part of the channels of a concatenation:
 *
 *   W [enlarge(a), b] = enlarge(W_a a) + W_b b.
 *
 * The enlargement's step makes the sums W_a a, which are exact and in nobody else's tensor, the convolution's adds them:
 * fewer products, and no copy. */
struct step_split {
    int enlarge, conv; /* steps of the plan */
    int first_c, n_c;  /* a's channels among those the convolution reads */
};
/* Who reads each buffer; zero-initialised is valid and empty. */
struct step_readers {
    int *first; /* [n_buffers]: 3 * step + its input, or -1 */
    int *next;  /* [3 * n_steps] of the same buffer, or -1 */
};
itx_status step_readers_find(struct step_readers *readers, const struct plan *plan,
                             struct itx_error *err);
void step_readers_release(struct step_readers *readers);
/* Whether step i is such an enlargement. */
bool step_find_split(const struct plan *plan, const struct step_readers *readers, int i,
                     struct step_split *split);
/* Bytes of the sums. */
size_t step_split_size(const struct plan *plan, const struct step_split *split);
itx_status step_prepare_split(struct step *enlarge, struct step *conv, const struct step_context *c,
                              const struct step_split *split, struct itx_error *err);

itx_status step_prepare_add(struct step *s, const struct step_context *c, const struct plan_step *p,
                            struct itx_error *err);
itx_status step_prepare_lut(struct step *s, const struct step_context *c, const struct plan_step *p,
                            struct itx_error *err);
void step_prepare_attention(struct step *s, const struct step_context *c,
                            const struct plan_step *p);
void step_prepare_maxpool(struct step *s, const struct step_context *c, const struct plan_step *p);
void step_prepare_move(struct step *s, const struct step_context *c, const struct plan_step *p);

/* Pieces of step_prepare_conv. False when out of memory. */
bool step_conv_params(struct conv_params *params, const struct step_context *c,
                      const struct plan_step *p);
void step_choose_conv(struct step *s, const struct step_context *c,
                      const struct conv_params *params, const int8_t *weights);

/* Zeroed room for n elements of `size` bytes at a multiple of STEP_ALIGN, readable up to the next multiple of 64
 * elements and 64 bytes past the last. NULL when out of memory. */
void *step_room(const struct step_context *c, size_t n, size_t size);
/* The same, filled with a copy of `array`. */
void *step_copy(const struct step_context *c, const void *array, size_t n, size_t size);

#endif
