/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/pool/pool.h"

#include "check.h"

CHECK_ROWS(pool)

static struct pool_shape pick_shape(struct check *c)
{
    struct pool_shape s = {
        .in_h = check_pick_size(c, 4, 24),
        .in_w = check_pick_size(c, 4, 24),
        .c = check_pick_size(c, 32, 150),
        .kernel_h = check_pick(c, 1, 6),
        .kernel_w = check_pick(c, 1, 6),
        .stride_h = check_pick(c, 1, 3),
        .stride_w = check_pick(c, 1, 3),
    };
    if (check_pick(c, 0, 2) == 0) {
        s.kernel_h = s.kernel_w = 5;
        s.stride_h = s.stride_w = 1;
    }
    /* padding up to beyond the kernel, so that some windows are empty */
    s.pad_top = check_pick(c, 0, s.kernel_h + 1);
    s.pad_left = check_pick(c, 0, s.kernel_w + 1);
    const int down = s.in_h + s.pad_top + check_pick(c, 0, s.kernel_h) - s.kernel_h;
    const int right = s.in_w + s.pad_left + check_pick(c, 0, s.kernel_w) - s.kernel_w;
    s.out_h = (down > 0 ? down : 0) / s.stride_h + 1;
    s.out_w = (right > 0 ? right : 0) / s.stride_w + 1;
    s.in_pixel = s.c + check_pick(c, 0, 1) * check_pick(c, 0, 40);
    s.out_pixel = s.c + check_pick(c, 0, 1) * check_pick(c, 0, 40);
    s.is_wide = check_pick(c, 0, 1);
    return s;
}

static void check(struct check *c, const void *row_, const void *reference_)
{
    const struct pool_row *const row = row_, *const reference = reference_;
    for (int i = 0; i < 200 && !check_has_failed(c); i++) {
        const struct pool_shape s = pick_shape(c);
        check_case(
            c,
            "in %d x %d x %d, kernel %d x %d, stride %d x %d, pad %d, %d, pixels %d, %d, wide %d",
            s.in_h, s.in_w, s.c, s.kernel_h, s.kernel_w, s.stride_h, s.stride_w, s.pad_top,
            s.pad_left, s.in_pixel, s.out_pixel, s.is_wide);
        const size_t element = s.is_wide ? 2 : 1;
        const struct check_layout in_layout = {s.in_h, s.in_w, s.c, (size_t)s.in_pixel, 0, element};
        const struct check_layout layout = {s.out_h, s.out_w, s.c, (size_t)s.out_pixel, 0, element};
        const size_t in_size = check_extent(&in_layout), size = check_extent(&layout);
        void *const in = check_input_aligned(c, in_size, CHECK_TAIL, element);
        if (s.is_wide)
            check_fill_s16(c, in, in_size / 2, check_pick_fill(c), -32768, 32767);
        else
            check_fill_s8(c, in, in_size, check_pick_fill(c), -128, 127);
        void *const want = check_output_aligned(c, size, element);
        void *const got = check_output_aligned(c, size, element);
        reference->run(&s, in, want, 0, s.out_h, check_scratch(c, reference->scratch_size(&s)));
        void *const scratch = check_scratch(c, row->scratch_size(&s));
        int begin, end;
        for (check_split(c, s.out_h); check_next_part(c, &begin, &end);)
            row->run(&s, in, got, begin, end, scratch);
        check_same(c, want, got, &layout);
    }
}

struct work {
    const struct pool_row *row;
    struct pool_shape shape;
    const int8_t *in;
    int8_t *out;
    void *scratch;
};

static void work(void *ctx)
{
    const struct work *const w = ctx;
    w->row->run(&w->shape, w->in, w->out, 0, w->shape.out_h, w->scratch);
}

static void bench(struct check *c, const void *row_, const void *reference_)
{
    const struct pool_row *const row = row_, *const reference = reference_;
    const struct pool_shape s = {.in_h = 20,
                                 .in_w = 20,
                                 .out_h = 20,
                                 .out_w = 20,
                                 .c = 128,
                                 .kernel_h = 5,
                                 .kernel_w = 5,
                                 .stride_h = 1,
                                 .stride_w = 1,
                                 .pad_top = 2,
                                 .pad_left = 2,
                                 .in_pixel = 512,
                                 .out_pixel = 512};
    const size_t size = 400 * 512;
    struct work a = {row, s, check_input(c, size, CHECK_TAIL), check_output(c, size),
                     check_scratch(c, row->scratch_size(&s))};
    struct work b = a;
    b.row = reference;
    check_time(c, &(struct check_bench){"20 x 20 x 128, 5 x 5", work, &a, &b, 400 * 128, "byte"});
}

const struct check_family check_pool = {"pool", pool_check_row, check, bench};
