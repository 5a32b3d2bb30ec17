/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/lut/lut.h"

#include "check.h"

CHECK_ROWS(lut)

static void check(struct check *c, const void *row_, const void *reference_)
{
    const struct lut_row *const row = row_, *const reference = reference_;
    for (int i = 0; i < 100 && !check_has_failed(c); i++) {
        struct lut_params p = {
            .h = check_pick_size(c, 4, 12),
            .w = check_pick_size(c, 4, 12),
            .c = check_pick_size(c, 32, 150),
        };
        p.in_pixel = p.c + check_pick(c, 0, 1) * check_pick(c, 0, 40);
        p.out_pixel = p.c + check_pick(c, 0, 1) * check_pick(c, 0, 40);
        check_case(c, "%d x %d x %d, pixels %d, %d", p.h, p.w, p.c, p.in_pixel, p.out_pixel);
        const struct check_layout in_layout = {p.h, p.w, p.c, (size_t)p.in_pixel, 0, 1};
        const struct check_layout layout = {p.h, p.w, p.c, (size_t)p.out_pixel, 0, 1};
        const size_t in_size = check_extent(&in_layout), size = check_extent(&layout);
        int8_t *const in = check_input(c, in_size, CHECK_TAIL);
        int8_t *const table = check_input(c, 256, 0);
        check_fill_s8(c, in, in_size, check_pick_fill(c), -128, 127);
        check_fill_s8(c, table, 256, CHECK_UNIFORM, -128, 127);
        p.table = table;
        int8_t *const want = check_output(c, size), *const got = check_output(c, size);
        reference->run(&p, in, want, 0, p.h);
        int begin, end;
        for (check_split(c, p.h); check_next_part(c, &begin, &end);)
            row->run(&p, in, got, begin, end);
        if (!check_same(c, want, got, &layout) || p.out_pixel != p.in_pixel) continue;
        row->run(&p, in, in, 0, p.h);
        check_same_values(c, want, in, &layout);
    }
}

struct work {
    const struct lut_row *row;
    struct lut_params params;
    const int8_t *in;
    int8_t *out;
};

static void work(void *ctx)
{
    const struct work *const w = ctx;
    w->row->run(&w->params, w->in, w->out, 0, w->params.h);
}

static void bench(struct check *c, const void *row, const void *reference)
{
    const size_t size = 6400 * 128;
    const struct lut_params p = {80, 80, 128, 128, 128, check_input(c, 256, 0)};
    struct work a = {row, p, check_input(c, size, CHECK_TAIL), check_output(c, size)};
    struct work b = a;
    b.row = reference;
    check_time(c, &(struct check_bench){"80 x 80 x 128", work, &a, &b, 6400 * 128, "byte"});
}

const struct check_family check_lut = {"lut", lut_check_row, check, bench};
