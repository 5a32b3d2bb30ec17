/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/conv/conv.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "check_conv_case.h"

#if HAVE_EVEX
#include "check_conv_evex.h"

static bool conv_check_row(int i, struct check_row *row)
{
    int n;
    const struct conv_row *rows = conv_rows(&n);
    if (i < CONV_EVEX_ROWS)
        rows = conv_evex_rows;
    else
        i -= CONV_EVEX_ROWS;
    if (i >= n) return false;
    *row = (struct check_row){rows[i].name, rows[i].cpu, &rows[i]};
    return true;
}
#else
CHECK_ROWS(conv)
#endif

/* Columns [0, cut) and [cut, grid_w) by themselves, each in the parts that check_split gives. */
static void run_parts(struct check *c, const struct conv_row *row, const struct conv_case *t,
                      void *out, int cut)
{
    const struct conv_shape *const s = &t->params.shape;
    void *const packed = check_scratch(c, row->packed_size(s, t->weights));
    void *const scratch = check_scratch(c, row->scratch_size(s));
    row->pack(s, t->weights, packed);
    const int columns[] = {0, cut, t->grid_w};
    for (int i = 0; i < 2; i++) {
        if (columns[i] == columns[i + 1]) continue;
        struct conv_part part = conv_case_columns(t, out, columns[i], columns[i + 1]);
        part.params.packed = packed;
        int begin, end;
        check_split(c, t->grid_h);
        while (check_next_part(c, &begin, &end))
            row->run(&part.params, t->in, part.res, part.out, begin, end, scratch);
    }
}

/* 1x1 on one or two rows of 180 to 420 pixels, to 1 to 8 channels more than a multiple of sixteen. */
static struct conv_shape long_row(struct check *c, const struct conv_shape *like)
{
    struct conv_shape s = {.upscale = 1, .is_wide = like->is_wide, .reach = like->reach};
    s.kernel_h = s.kernel_w = s.stride_h = s.stride_w = s.dilation_h = s.dilation_w = 1;
    s.in_h = s.out_h = check_pick(c, 1, 2);
    s.in_w = s.out_w = check_pick(c, 180, 420);
    s.in_c = s.in_pixel = check_pick(c, 1, like->in_c < 40 ? like->in_c : 40);
    s.out_c = s.out_pixel = s.res_pixel = 16 * check_pick(c, 0, 1) + check_pick(c, 1, 8);
    return s;
}

static void check(struct check *c, const void *row_, const void *reference)
{
    const struct conv_row *const row = row_;
    for (int i = 0; i < 400 && !check_has_failed(c); i++) {
        struct conv_shape s = conv_case_shape(c, CONV_DENSE);
        while (!row->fits(&s)) s = conv_case_shape(c, CONV_DENSE);
        /* the most channels that fit: where bounds on sums are met */
        for (struct conv_shape more = s; i < 20 && more.in_c < 300; more.in_c++) {
            more.in_pixel++;
            const int most = conv_case_most_reach(&more, CONV_DENSE);
            if (more.reach > most) more.reach = most;
            if (row->fits(&more)) s = more;
        }
        /* more of them, when the weights are known to be small enough */
        struct conv_shape bounded = s;
        bounded.weight_sum = (1 << 18) - 1;
        bounded.in_c = bounded.in_pixel = check_pick(c, 230, 400);
        if (i < 60 && i % 3 == 0 && !s.is_wide && row->fits(&bounded)) s = bounded;
        /* so few that a row may take two pixels together */
        struct conv_shape narrow = s;
        narrow.out_c = narrow.out_pixel = narrow.res_pixel = 8;
        if (i >= 60 && i < 120 && row->fits(&narrow)) s = narrow;
        /* rows that fill all accumulators of a tile, whose vectors the channels leave half empty */
        const struct conv_shape full = long_row(c, &s);
        if (i >= 120 && i < 160 && row->fits(&full)) s = full;
        const struct conv_case t =
            conv_case_create(c, CONV_DENSE, &s, i % 10 == 0 ? CONV_LIMITS : CONV_BY_CHANCE);
        void *const want = check_output_aligned(c, t.out_size, 4);
        void *const got = check_output_aligned(c, t.out_size, 4);
        run_parts(c, reference, &t, want, 0);
        const int cut = check_pick(c, 0, 1) * check_pick(c, 0, t.grid_w);
        run_parts(c, row, &t, got, t.params.coarse.sums == NULL ? cut : 0);
        check_same(c, want, got, &t.out_layout);
    }
}

struct work {
    const struct conv_row *row;
    struct conv_params params;
    const struct conv_case *layer;
    void *out, *scratch;
};

static void work(void *ctx)
{
    const struct work *const w = ctx;
    w->row->run(&w->params, w->layer->in, NULL, w->out, 0, w->layer->grid_h, w->scratch);
}

static struct work work_create(struct check *c, const struct conv_row *row,
                               const struct conv_case *t)
{
    const struct conv_shape *const s = &t->params.shape;
    void *const packed = check_scratch(c, row->packed_size(s, t->weights));
    row->pack(s, t->weights, packed);
    struct work w = {row, t->params, t, check_output_aligned(c, t->out_size, 4),
                     check_scratch(c, row->scratch_size(s))};
    w.params.packed = packed;
    return w;
}

/* Every layer of YOLO11n-seg at 640 x 640, then their sum: one frame on one thread. Layers that the row does not fit
 * are given to the row that is chosen for the same flags, and marked *. */
static void bench_frame(struct check *c, const struct conv_row *row, const void *reference,
                        bool is_wide)
{
    double total_ns = 0, total_macs = 0;
    for (int i = 0; i < n_conv_layers; i++) {
        const struct conv_layer *const l = &conv_layers[i];
        if (strcmp(l->family, "conv") != 0) continue;
        const struct conv_case t = conv_layer_case(c, l, is_wide);
        const struct conv_shape *const s = &t.params.shape;
        const bool fits = row->fits(s);
        struct work a = work_create(c, fits ? row : conv_choose(row->cpu, s), &t);
        struct work b = work_create(c, reference, &t);
        char label[64];
        snprintf(label, sizeof label, "%s %d x %d x %d, %d x %d / %d, to %d%s",
                 is_wide ? "s16" : "s8", l->in_h, l->in_h, l->in_c, l->kernel, l->kernel, l->stride,
                 l->out_c, fits ? "" : " *");
        const double macs = conv_layer_macs(l);
        total_ns += l->n * check_time(c, &(struct check_bench){label, work, &a, &b, macs, "MAC"});
        total_macs += l->n * macs;
    }
    printf("%s, one frame of YOLO11n-seg in %s: %.2f ms, %.2f GMAC, %.1f GMAC/s\n", row->name,
           is_wide ? "s16" : "s8", total_ns / 1e6, total_macs / 1e9, total_macs / total_ns);
}

static void bench(struct check *c, const void *row, const void *reference)
{
    for (int is_wide = 0; is_wide < 2; is_wide++) {
        bool fits = false;
        for (int i = 0; i < n_conv_layers; i++) {
            const struct conv_shape s = conv_layer_shape(&conv_layers[i], is_wide);
            fits = fits || ((const struct conv_row *)row)->fits(&s);
        }
        if (fits) bench_frame(c, row, reference, is_wide);
    }
}

const struct check_family check_conv = {"conv", conv_check_row, check, bench};
