/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/dwconv/dwconv.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "check_conv_case.h"

CHECK_ROWS(dwconv)

/* Columns [0, cut) and [cut, grid_w) by themselves, each in the parts that check_split gives. */
static void run_parts(struct check *c, const struct dwconv_row *row, const struct conv_case *t,
                      void *out, int cut)
{
    const struct conv_shape *const s = &t->params.shape;
    void *const packed = check_scratch(c, row->packed_size(s));
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

static void check(struct check *c, const void *row_, const void *reference)
{
    const struct dwconv_row *const row = row_;
    for (int i = 0; i < 400 && !check_has_failed(c); i++) {
        struct conv_shape s = conv_case_shape(c, CONV_DEPTHWISE);
        while (!row->fits(&s)) s = conv_case_shape(c, CONV_DEPTHWISE);
        const struct conv_case t =
            conv_case_create(c, CONV_DEPTHWISE, &s, i % 10 == 0 ? CONV_LIMITS : CONV_BY_CHANCE);
        void *const want = check_output_aligned(c, t.out_size, 4);
        void *const got = check_output_aligned(c, t.out_size, 4);
        run_parts(c, reference, &t, want, 0);
        run_parts(c, row, &t, got, check_pick(c, 0, 1) * check_pick(c, 0, t.grid_w));
        check_same(c, want, got, &t.out_layout);
    }
}

struct work {
    const struct dwconv_row *row;
    struct conv_params params;
    const struct conv_case *layer;
    void *out, *scratch;
};

static void work(void *ctx)
{
    const struct work *const w = ctx;
    w->row->run(&w->params, w->layer->in, NULL, w->out, 0, w->layer->grid_h, w->scratch);
}

static struct work work_create(struct check *c, const struct dwconv_row *row,
                               const struct conv_case *t)
{
    const struct conv_shape *const s = &t->params.shape;
    void *const packed = check_scratch(c, row->packed_size(s));
    row->pack(s, t->weights, packed);
    struct work w = {row, t->params, t, check_output_aligned(c, t->out_size, 4),
                     check_scratch(c, row->scratch_size(s))};
    w.params.packed = packed;
    return w;
}

/* Every layer of YOLO11n-seg at 640 x 640, then their sum: one frame on one thread. */
static void bench(struct check *c, const void *row, const void *reference)
{
    double total_ns = 0, total_macs = 0;
    for (int i = 0; i < n_conv_layers; i++) {
        const struct conv_layer *const l = &conv_layers[i];
        if (strcmp(l->family, "dwconv") != 0) continue;
        const struct conv_case t = conv_layer_case(c, l, false);
        struct work a = work_create(c, row, &t), b = work_create(c, reference, &t);
        char label[64];
        snprintf(label, sizeof label, "%d x %d x %d, %d x %d / %d, to %d", l->in_h, l->in_h,
                 l->in_c, l->kernel, l->kernel, l->stride, l->out_c);
        const double macs = conv_layer_macs(l);
        total_ns += l->n * check_time(c, &(struct check_bench){label, work, &a, &b, macs, "MAC"});
        total_macs += l->n * macs;
    }
    printf("%s, one frame of YOLO11n-seg: %.2f ms, %.2f GMAC, %.1f GMAC/s\n",
           ((const struct dwconv_row *)row)->name, total_ns / 1e6, total_macs / 1e9,
           total_macs / total_ns);
}

const struct check_family check_dwconv = {"dwconv", dwconv_check_row, check, bench};
