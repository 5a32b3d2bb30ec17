/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/move/move.h"

#include "check.h"

CHECK_ROWS(move)

static void check(struct check *c, const void *row_, const void *reference_)
{
    const struct move_row *const row = row_, *const reference = reference_;
    for (int i = 0; i < 200 && !check_has_failed(c); i++) {
        struct move_shape s = {
            .in_h = check_pick_size(c, 4, 12),
            .in_w = check_pick_size(c, 4, 12),
            .factor_h = check_pick(c, 1, 3),
            .factor_w = check_pick(c, 1, 3),
            .bytes = (size_t)check_pick_size(c, 32, 300),
        };
        s.in_pixel = s.bytes + (size_t)(check_pick(c, 0, 1) * check_pick(c, 0, 70));
        s.out_pixel = s.bytes + (size_t)(check_pick(c, 0, 1) * check_pick(c, 0, 70));
        check_case(c, "in %d x %d, factors %d x %d, %zu bytes, pixels %zu, %zu", s.in_h, s.in_w,
                   s.factor_h, s.factor_w, s.bytes, s.in_pixel, s.out_pixel);
        const struct check_layout in_layout = {s.in_h, s.in_w, (int)s.bytes, s.in_pixel, 0, 1};
        const struct check_layout layout = {
            s.in_h * s.factor_h, s.in_w * s.factor_w, (int)s.bytes, s.out_pixel, 0, 1};
        const size_t in_size = check_extent(&in_layout), size = check_extent(&layout);
        uint8_t *const in = check_input(c, in_size, CHECK_TAIL);
        check_fill_s8(c, in, in_size, CHECK_UNIFORM, 0, 255);
        uint8_t *const want = check_output(c, size), *const got = check_output(c, size);
        reference->run(&s, in, want, 0, layout.h);
        int begin, end;
        for (check_split(c, layout.h); check_next_part(c, &begin, &end);)
            row->run(&s, in, got, begin, end);
        check_same(c, want, got, &layout);
    }
}

struct work {
    const struct move_row *row;
    struct move_shape shape;
    const uint8_t *in;
    uint8_t *out;
};

static void work(void *ctx)
{
    const struct work *const w = ctx;
    w->row->run(&w->shape, w->in, w->out, 0, w->shape.in_h * w->shape.factor_h);
}

static void bench(struct check *c, const void *row, const void *reference)
{
    const struct move_shape s = {40, 40, 2, 2, 128, 128, 256};
    struct work a = {row, s, check_input(c, 1600 * 128, CHECK_TAIL), check_output(c, 6400 * 256)};
    struct work b = a;
    b.row = reference;
    check_time(c, &(struct check_bench){"40 x 40 x 128, 2 x 2", work, &a, &b, 6400 * 128, "byte"});
}

const struct check_family check_move = {"move", move_check_row, check, bench};
