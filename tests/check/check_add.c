/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/add/add.h"

#include "check.h"

CHECK_ROWS(add)

static void *fill_operand(struct check *c, const struct check_layout *layout)
{
    const size_t size = check_extent(layout);
    void *const data = check_input_aligned(c, size, CHECK_TAIL, layout->element);
    if (layout->element == 2)
        check_fill_s16(c, data, size / 2, check_pick_fill(c), -32768, 32767);
    else
        check_fill_s8(c, data, size, check_pick_fill(c), -128, 127);
    return data;
}

static void check(struct check *c, const void *row_, const void *reference_)
{
    const struct add_row *const row = row_, *const reference = reference_;
    for (int i = 0; i < 200 && !check_has_failed(c); i++) {
        struct add_params p = {
            .h = check_pick_size(c, 4, 12),
            .w = check_pick_size(c, 4, 12),
            .c = check_pick_size(c, 16, 150),
            .shift = check_pick(c, 0, 15),
            .is_a_wide = check_pick(c, 0, 1),
            .is_b_wide = check_pick(c, 0, 1),
            .is_out_wide = check_pick(c, 0, 1),
        };
        const int n = p.c;
        p.a_pixel = n + check_pick(c, 0, 1) * check_pick(c, 0, 40);
        p.b_pixel = n + check_pick(c, 0, 1) * check_pick(c, 0, 40);
        p.out_pixel = n + check_pick(c, 0, 1) * check_pick(c, 0, 40);
        check_case(c, "%d x %d x %d, pixels %d, %d, %d, shift %d, wide %d, %d, %d", p.h, p.w, n,
                   p.a_pixel, p.b_pixel, p.out_pixel, p.shift, p.is_a_wide, p.is_b_wide,
                   p.is_out_wide);
        const size_t a_size = p.is_a_wide ? 2 : 1, out_size = p.is_out_wide ? 2 : 1;
        const struct check_layout a_layout = {p.h, p.w, n, (size_t)p.a_pixel, 0, a_size};
        const struct check_layout b_layout = {
            p.h, p.w, n, (size_t)p.b_pixel, 0, p.is_b_wide ? 2 : 1};
        const struct check_layout layout = {p.h, p.w, n, (size_t)p.out_pixel, 0, out_size};
        void *const a = fill_operand(c, &a_layout), *const b = fill_operand(c, &b_layout);
        int16_t *const mul = check_input_aligned(c, (size_t)n * 2, CHECK_TAIL, 2);
        int16_t *const res_mul = check_input_aligned(c, (size_t)n * 2, CHECK_TAIL, 2);
        int32_t *const offset = check_input_aligned(c, (size_t)n * 4, CHECK_TAIL, 4);
        /* what keeps the sum within 32 bits: 2 * 32768 * 24000 + 2^29 < 2^31 */
        const int most = p.is_a_wide && p.is_b_wide ? 24000 : 32767;
        check_fill_s16(c, mul, (size_t)n, check_pick_fill(c), 0, most);
        check_fill_s16(c, res_mul, (size_t)n, check_pick_fill(c), 0, most);
        const int32_t limit = check_pick(c, 0, 1) == 0 ? (1 << 29) - 1 : 1 << 21;
        check_fill_s32(c, offset, (size_t)n, check_pick_fill(c), -limit, limit);
        p.mul = mul;
        p.res_mul = res_mul;
        p.offset = offset;
        const size_t size = check_extent(&layout);
        void *const want = check_output_aligned(c, size, out_size);
        void *const got = check_output_aligned(c, size, out_size);
        reference->run(&p, a, b, want, 0, p.h);
        int begin, end;
        for (check_split(c, p.h); check_next_part(c, &begin, &end);)
            row->run(&p, a, b, got, begin, end);
        if (!check_same(c, want, got, &layout) || p.out_pixel != p.a_pixel || out_size != a_size)
            continue;
        row->run(&p, a, b, a, 0, p.h);
        check_same_values(c, want, a, &layout);
    }
}

struct work {
    const struct add_row *row;
    struct add_params params;
    const int8_t *a, *b;
    int8_t *out;
};

static void work(void *ctx)
{
    const struct work *const w = ctx;
    w->row->run(&w->params, w->a, w->b, w->out, 0, w->params.h);
}

static void bench(struct check *c, const void *row, const void *reference)
{
    int16_t *const mul = check_input_aligned(c, 128 * 2, CHECK_TAIL, 2);
    int32_t *const offset = check_input_aligned(c, 128 * 4, CHECK_TAIL, 4);
    check_fill_s16(c, mul, 128, CHECK_UNIFORM, 0, 32767);
    check_fill_s32(c, offset, 128, CHECK_UNIFORM, 0, 1 << 20);
    const size_t size = 6400 * 128;
    const struct add_params p = {80, 80, 128, 128, 128, 128, 14, mul, mul, offset};
    struct work a = {row, p, check_input(c, size, CHECK_TAIL), check_input(c, size, CHECK_TAIL),
                     check_output(c, size)};
    struct work b = a;
    b.row = reference;
    check_time(c, &(struct check_bench){"80 x 80 x 128", work, &a, &b, 6400 * 128, "byte"});
}

const struct check_family check_add = {"add", add_check_row, check, bench};
