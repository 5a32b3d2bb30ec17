/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/attention/attention.h"

#include "tensor/attention_limits.h"

#include "check.h"

CHECK_ROWS(attention)

static struct attention_params pick_params(struct check *c)
{
    struct attention_params p = {
        .n = check_pick_size(c, 16, 140),
        .heads = check_pick(c, 1, 3),
        .key_dim = check_pick_size(c, 4, 70),
        .head_dim = check_pick_size(c, 16, 100),
        .q_zero = check_pick(c, -128, 127),
        .k_zero = check_pick(c, -128, 127),
        .v_zero = check_pick(c, -128, 127),
        .out_zero = check_pick(c, -128, 127),
    };
    if (check_pick(c, 0, 15) == 0) p.n = check_pick(c, 500, 1100); /* weights below 15 bits */
    if (check_pick(c, 0, 3) == 0) {
        p.q_zero = p.v_zero = -128;
        p.k_zero = 127;
    }
    const int keys = p.heads * p.key_dim, values = p.heads * p.head_dim;
    p.q_pixel = keys + check_pick(c, 0, 1) * check_pick(c, 0, 40);
    p.k_pixel = keys + check_pick(c, 0, 1) * check_pick(c, 0, 40);
    p.v_pixel = values + check_pick(c, 0, 1) * check_pick(c, 0, 40);
    p.out_pixel = values + check_pick(c, 0, 1) * check_pick(c, 0, 40);
    /* from weights that are all alike to one that takes everything, and beyond what floats hold */
    static const float logit_scales[] = {0, 1e-5f, 3e-4f, 2e-3f, 0.1f, 1e10f, 3e38f};
    static const float out_scales[] = {1e-3f, 0.5f, 1, 1.7f, 300, 3e38f};
    p.logit_scale = logit_scales[check_pick(c, 0, ARRAY_LEN(logit_scales) - 1)];
    p.out_scale = out_scales[check_pick(c, 0, ARRAY_LEN(out_scales) - 1)];
    return p;
}

static int8_t *pick_input(struct check *c, int n, int channels, int pixel)
{
    const struct check_layout layout = {1, n, channels, (size_t)pixel, 0, 1};
    const size_t size = check_extent(&layout);
    int8_t *const data = check_input(c, size, CHECK_TAIL);
    check_fill_s8(c, data, size, check_pick_fill(c), -128, 127);
    return data;
}

/* Items [0, n_items) of one case. */
static void check_params(struct check *c, const struct attention_row *row,
                         const struct attention_row *reference, const struct attention_params *p,
                         int n_items)
{
    check_case(c, "n %d, heads %d, dims %d, %d, zeros %d, %d, %d, %d, scales %g, %g", p->n,
               p->heads, p->key_dim, p->head_dim, p->q_zero, p->k_zero, p->v_zero, p->out_zero,
               (double)p->logit_scale, (double)p->out_scale);
    const int keys = p->heads * p->key_dim, values = p->heads * p->head_dim;
    struct attention_io io = {
        .q = pick_input(c, p->n, keys, p->q_pixel),
        .k = pick_input(c, p->n, keys, p->k_pixel),
        .v = pick_input(c, p->n, values, p->v_pixel),
    };
    const struct check_layout layout = {1, p->n, values, (size_t)p->out_pixel, 0, 1};
    const size_t size = check_extent(&layout);
    int8_t *const want = check_output(c, size), *const got = check_output(c, size);
    io.out = want;
    reference->run(p, &io, NULL, 0, n_items, check_scratch(c, reference->scratch_size(p)));
    io.out = got;
    void *const shared = check_scratch(c, row->shared_size(p));
    void *const scratch = check_scratch(c, row->scratch_size(p));
    row->prepare(p, &io, shared);
    int begin, end;
    for (check_split(c, n_items); check_next_part(c, &begin, &end);)
        row->run(p, &io, shared, begin, end, scratch);
    check_same(c, want, got, &layout);
}

/* The largest sizes that are allowed, and both sides of a step in the weights' bits. */
static void check_limits(struct check *c, const struct attention_row *row,
                         const struct attention_row *reference)
{
    static const int sizes[][3] = {{ATTENTION_MAX_TOKENS, 3, 3},
                                   {20, ATTENTION_MAX_KEY_DIM, 3},
                                   {20, 3, ATTENTION_MAX_HEAD_DIM},
                                   {511, 5, 17},
                                   {512, 5, 17}};
    for (size_t i = 0; i < ARRAY_LEN(sizes) && !check_has_failed(c); i++) {
        struct attention_params p = pick_params(c);
        p.n = sizes[i][0];
        p.heads = 1;
        p.key_dim = p.q_pixel = p.k_pixel = sizes[i][1];
        p.head_dim = p.v_pixel = p.out_pixel = sizes[i][2];
        check_params(c, row, reference, &p, 9);
    }
}

static void check(struct check *c, const void *row, const void *reference)
{
    for (int i = 0; i < 150 && !check_has_failed(c); i++) {
        const struct attention_params p = pick_params(c);
        check_params(c, row, reference, &p, p.heads * p.n);
    }
    check_limits(c, row, reference);
}

struct work {
    const struct attention_row *row;
    struct attention_params params;
    struct attention_io io;
    void *shared, *scratch;
};

static void work(void *ctx)
{
    const struct work *const w = ctx;
    const struct attention_params *const p = &w->params;
    w->row->prepare(p, &w->io, w->shared);
    w->row->run(p, &w->io, w->shared, 0, p->heads * p->n, w->scratch);
}

static void bench(struct check *c, const void *row_, const void *reference_)
{
    const struct attention_row *const row = row_, *const reference = reference_;
    const struct attention_params p = {.n = 400,
                                       .heads = 2,
                                       .key_dim = 32,
                                       .head_dim = 64,
                                       .q_pixel = 64,
                                       .k_pixel = 64,
                                       .v_pixel = 128,
                                       .out_pixel = 128,
                                       .q_zero = -3,
                                       .v_zero = 7,
                                       .logit_scale = 0.001f,
                                       .out_scale = 1};
    const struct attention_io io = {
        .q = pick_input(c, 400, 64, 64),
        .k = pick_input(c, 400, 64, 64),
        .v = pick_input(c, 400, 128, 128),
        .out = check_output(c, 400 * 128),
    };
    struct work a = {row, p, io, check_scratch(c, row->shared_size(&p)),
                     check_scratch(c, row->scratch_size(&p))};
    struct work b = a;
    b.row = reference;
    check_time(c, &(struct check_bench){"n 400, heads 2, dims 32, 64", work, &a, &b,
                                        400.0 * 400 * 2 * 96, "MAC"});
}

const struct check_family check_attention = {"attention", attention_check_row, check, bench};
