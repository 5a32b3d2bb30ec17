/* SPDX-License-Identifier: Apache-2.0 */
#include "api/site.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "float/gemm.h"

static bool is_convolution(enum step_kind kind)
{
    return kind == STEP_CONV || kind == STEP_DWCONV || kind == STEP_DECONV;
}

/* The node that computes what the step does: names of values are unique. */
static const struct node *find_node(const struct graph *g, const char *output)
{
    const value_id v = graph_find_value(g, output, strlen(output));
    for (size_t i = 0; v != 0 && i < g->nodes.len; i++)
        if (g->nodes.data[i].outputs[0] == v) return &g->nodes.data[i];
    ITX_BUG();
}

static void fill_site(struct site *s, const struct plan *plan, const struct graph *g)
{
    const struct plan_step *const p = &plan->steps[s->step];
    const struct plan_tensor *const in = &plan->tensors[p->in[0]], *const out =
                                                                       &plan->tensors[p->out];
    const struct node *const n = find_node(g, out->name);
    const int area = p->kernel[0] * p->kernel[1];
    s->input = n->inputs[0];
    s->output = n->outputs[0];
    s->taps = 1;
    s->k = p->kind == STEP_DWCONV ? area : area * in->c;
    s->rows = out->c;
    s->window = (struct patch_window){
        .in_h = in->h,
        .in_w = in->w,
        .in_c = in->c,
        .out_h = out->h,
        .out_w = out->w,
        .kernel = {p->kernel[0], p->kernel[1]},
        .stride = {p->stride[0], p->stride[1]},
        .pad = {p->pad[0], p->pad[1]},
        .dilation = {p->dilation[0], p->dilation[1]},
    };
    if (p->kind == STEP_DECONV) { /* kernel and stride are the same: every output sees one input */
        s->taps = area;
        s->k = in->c;
        s->rows = out->c * area;
        s->window.out_h = in->h;
        s->window.out_w = in->w;
        for (int i = 0; i < 2; i++) s->window.kernel[i] = s->window.stride[i] = 1;
    }
    s->in_first = s->first / out->c * in->c;
    s->w = (const float *)graph_value(g, n->inputs[1])->data + (size_t)s->first * (size_t)s->k;
    const value_id bias = node_input(n, 2);
    s->bias = bias != 0 ? (const float *)graph_value(g, bias)->data + s->first : NULL;
}

itx_status sites_make(struct site **sites, int *n_sites, const struct plan *plan,
                      const struct graph *g, struct itx_error *err)
{
    struct site *const all = mem_calloc((size_t)plan->n_steps, sizeof *all);
    if (all == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    int n = 0;
    for (int i = 0; i < plan->n_steps; i++) {
        if (!is_convolution(plan->steps[i].kind)) continue;
        struct site *const s = &all[n++];
        s->step = i;
        /* Steps of one node, one for each group, follow each other. */
        const char *const name = plan->tensors[plan->steps[i].out].name;
        for (int j = 0; j < n - 1; j++) {
            const struct plan_tensor *const t = &plan->tensors[plan->steps[all[j].step].out];
            if (strcmp(t->name, name) == 0) s->first += t->c;
        }
        fill_site(s, plan, g);
    }
    *sites = all;
    *n_sites = n;
    return ITX_OK;
}

void site_float_sums(const struct site *s, const struct plan *plan, const float *in,
                     const int *positions, int n, float *patches, float *sums)
{
    const size_t size = (size_t)patch_size(&s->window);
    const size_t plane = (size_t)s->window.in_h * (size_t)s->window.in_w;
    for (int i = 0; i < n; i++)
        patch_of_float(patches + (size_t)i * size, &s->window, positions[i],
                       in + (size_t)s->in_first * plane);
    if (plan->steps[s->step].kind == STEP_DWCONV) {
        for (int i = 0; i < n; i++)
            for (int c = 0; c < s->rows; c++) {
                const float *const x = patches + (size_t)i * size + (size_t)(c * s->k);
                float sum = 0;
                for (int t = 0; t < s->k; t++) sum += x[t] * s->w[c * s->k + t];
                sums[i * s->rows + c] = sum;
            }
        return;
    }
    const bool is_deconv = plan->steps[s->step].kind == STEP_DECONV;
    float_gemm(&(struct float_product){
        .m = n,
        .n = s->rows,
        .k = s->k,
        .alpha = 1,
        .a = {patches, size, MATRIX_PLAIN},
        .b = {s->w, (size_t)(is_deconv ? s->rows : s->k),
              is_deconv ? MATRIX_PLAIN : MATRIX_TRANSPOSED},
        .c = sums,
        .c_stride = (size_t)s->rows,
    });
}

static int32_t zero_at(const struct plan_tensor *t, int c)
{
    return t->zero_point[t->n_quant > 1 ? c : 0];
}

void site_patches(const struct site *s, const struct plan *plan, const void *in,
                  const int *positions, int n, int16_t *patches)
{
    const struct plan_tensor *const t = &plan->tensors[plan->steps[s->step].in[0]];
    const size_t size = (size_t)patch_size(&s->window);
    for (int i = 0; i < n; i++) {
        int16_t *const to = patches + (size_t)i * size;
        if (t->dtype == DTYPE_S16)
            patch_of_s16(to, &s->window, positions[i], in, (size_t)t->pixel);
        else
            patch_of_s8(to, &s->window, positions[i], in, (size_t)t->pixel, t->zero_point,
                        t->n_quant > 1);
    }
}

/* Where the weight i of sum r lies in the plan. */
static size_t plan_index(const struct site *s, enum step_kind kind, int r, int i)
{
    return kind == STEP_DWCONV ? (size_t)i * (size_t)s->rows + (size_t)r
                               : (size_t)r * (size_t)s->k + (size_t)i;
}

/* The input channel that weight i of sum r meets. */
static int input_channel(const struct site *s, enum step_kind kind, int r, int i)
{
    return kind == STEP_DWCONV ? r : i % s->window.in_c;
}

/* [rows, k]: real weights for stored integers, in the plan's order. */
static void fold_weights(const struct site *s, const struct plan *plan, float *w)
{
    const struct plan_step *const p = &plan->steps[s->step];
    const struct plan_tensor *const in = &plan->tensors[p->in[0]];
    const int area = s->window.kernel[0] * s->window.kernel[1];
    for (int r = 0; r < s->rows; r++)
        for (int i = 0; i < s->k; i++) {
            const int c = input_channel(s, p->kind, r, i);
            const size_t from = p->kind == STEP_DECONV ? (size_t)i * (size_t)s->rows + (size_t)r
                                : p->kind == STEP_DWCONV
                                    ? (size_t)r * (size_t)s->k + (size_t)i
                                    : (size_t)r * (size_t)s->k + (size_t)c * (size_t)area +
                                          (size_t)(i / s->window.in_c);
            w[(size_t)r * (size_t)s->k + (size_t)i] =
                s->w[from] * in->scale[in->n_quant > 1 ? c : 0];
        }
}

struct job {
    const struct site *s;
    enum step_kind kind;
    size_t n;
    const int16_t *patches;
    float *sums;
    const float *w;
    float *scale;  /* [channels] of the accumulator, real */
    int8_t *q;     /* [rows, k] */
    double *shift; /* [rows] */
    const struct rounding_options *o;
    struct pool *pool;
    struct itx_error *err; /* [workers] */
    itx_status *rc;        /* [workers] */
};

/* Channels of a depthwise convolution are problems of their own. */
static itx_status round_channel(const struct job *j, int c, struct itx_error *err)
{
    const size_t k = (size_t)j->s->k, rows = (size_t)j->s->rows;
    int16_t *const x = mem_alloc(j->n * k * sizeof *x);
    float *const target = mem_alloc(j->n * sizeof *target);
    itx_status rc = ITX_OK;
    if (x == NULL || target == NULL) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (size_t i = 0; rc == ITX_OK && i < j->n; i++) {
        target[i] = j->sums[i * rows + (size_t)c];
        for (size_t t = 0; t < k; t++) x[i * k + t] = j->patches[(i * k + t) * rows + (size_t)c];
    }
    struct rounding p = {
        .n = j->n,
        .k = j->s->k,
        .rows = 1,
        .rows_per_scale = 1,
        .x = x,
        .w = j->w + (size_t)c * k,
        .target = target,
        .scale = j->scale + c,
        .q = j->q + (size_t)c * k,
        .shift = j->shift + c,
    };
    if (rc == ITX_OK) rc = rounding_solve(&p, j->o, NULL, err);
    mem_free(x);
    mem_free(target);
    return rc;
}

static void round_channels(void *ctx, int worker, int n_workers)
{
    const struct job *const j = ctx;
    for (int c = worker; c < j->s->rows && j->rc[worker] == ITX_OK; c += n_workers)
        j->rc[worker] = round_channel(j, c, &j->err[worker]);
}

static itx_status round_depthwise(struct job *j, struct itx_error *err)
{
    const size_t workers = j->pool != NULL ? (size_t)pool_n_threads(j->pool) : 1;
    j->err = mem_calloc(workers, sizeof *j->err);
    j->rc = mem_calloc(workers, sizeof *j->rc);
    itx_status rc = ITX_OK;
    if (j->err == NULL || j->rc == NULL) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK) pool_run(j->pool, round_channels, j);
    for (size_t i = 0; rc == ITX_OK && i < workers; i++) {
        rc = j->rc[i];
        if (rc != ITX_OK && err != NULL) *err = j->err[i];
    }
    mem_free(j->err);
    mem_free(j->rc);
    return rc;
}

/* False when the sum could leave 32 bits, or its conversion the limit of plan_check. */
static bool is_within_limits(const struct plan *plan, const struct plan_step *p, const int8_t *q,
                             int k, double bias, double scale)
{
    int64_t sum = 0;
    for (int i = 0; i < k; i++) sum += q[i] < 0 ? -q[i] : q[i];
    const double bound = (double)sum * plan_tensor_reach(&plan->tensors[p->in[0]]) + fabs(bias);
    const double most = 0x1p31 * (1 - 0x1p-19);
    return bound < most && (p->scale == NULL || bound * scale < most);
}

struct arrays {
    int8_t *w;
    int32_t *bias;
    float *scale; /* of stage A, or of an S32 output */
};

/* Copies of the step's own, with their room to a multiple of 64 entries. */
static itx_status copy_arrays(struct arrays *a, const struct plan *plan, const struct plan_step *p,
                              struct arena *arena, struct itx_error *err)
{
    const struct plan_arrays n = plan_step_arrays(plan, p);
    const size_t n_scales = (size_t)plan->tensors[p->out].c;
    a->w = arena_alloc(arena, size_align((size_t)n.weights, 64) + 64);
    a->bias = arena_calloc(arena, size_align((size_t)n.bias, 64), sizeof *a->bias);
    a->scale = arena_calloc(arena, size_align(n_scales, 64), sizeof *a->scale);
    if (a->w == NULL || a->bias == NULL || a->scale == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %zu weights", (size_t)n.weights);
    memcpy(a->w, p->weights, (size_t)n.weights);
    memcpy(a->bias, p->bias, (size_t)n.bias * sizeof *a->bias);
    memcpy(a->scale, p->scale != NULL ? p->scale : plan->tensors[p->out].scale,
           n_scales * sizeof *a->scale);
    return ITX_OK;
}

/* The channel's new numbers, or none when one of its sums would leave its limits. `unit` is what scales of the step are
 * relative to. */
static void store_channel(const struct job *j, const struct plan *plan, const struct arrays *a,
                          int channel, double unit)
{
    const struct site *const s = j->s;
    const struct plan_step *const p = &plan->steps[s->step];
    const struct plan_tensor *const in = &plan->tensors[p->in[0]];
    const double scale = j->scale[channel], bias = s->bias != NULL ? s->bias[channel] : 0;
    const size_t k = (size_t)s->k;
    for (int pass = 0; pass < 2; pass++) /* first look, then store */
        for (int r = channel * s->taps; r < (channel + 1) * s->taps; r++) {
            const int8_t *const q = j->q + (size_t)r * k;
            int64_t zeros = 0;
            for (int i = 0; i < s->k; i++)
                zeros += (int64_t)q[i] * zero_at(in, input_channel(s, p->kind, r, i));
            const double stored = rint((bias + j->shift[r]) / scale) - (double)zeros;
            if (pass == 0) {
                if (!is_within_limits(plan, p, q, s->k, stored, scale / unit)) return;
                continue;
            }
            for (int i = 0; i < s->k; i++) a->w[plan_index(s, p->kind, r, i)] = q[i];
            a->bias[r] = (int32_t)stored;
        }
    a->scale[channel] = (float)(scale / unit);
}

static itx_status solve(struct job *j, const struct plan *plan, struct itx_error *err)
{
    if (plan->steps[j->s->step].kind == STEP_DWCONV) return round_depthwise(j, err);
    struct rounding p = {
        .n = j->n,
        .k = j->s->k,
        .rows = j->s->rows,
        .rows_per_scale = j->s->taps,
        .x = j->patches,
        .w = j->w,
        .target = j->sums,
        .scale = j->scale,
        .q = j->q,
        .shift = j->shift,
    };
    return rounding_solve(&p, j->o, j->pool, err);
}

itx_status site_round(const struct site *s, struct plan *plan, struct arena *arena, size_t n,
                      const int16_t *patches, float *sums, const struct rounding_options *o,
                      struct pool *pool, struct itx_error *err)
{
    struct plan_step *const p = &plan->steps[s->step];
    const int channels = s->rows / s->taps;
    const double unit = p->scale != NULL ? (8 << p->range_log2) / 32768.0 : 1;
    const size_t n_weights = (size_t)s->rows * (size_t)s->k;
    float *const w = mem_calloc(n_weights, sizeof *w);
    float *const scale = mem_calloc((size_t)channels, sizeof *scale);
    int8_t *const q = mem_calloc(n_weights, sizeof *q);
    double *const shift = mem_calloc((size_t)s->rows, sizeof *shift);
    struct arrays a;
    itx_status rc = copy_arrays(&a, plan, p, arena, err);
    if (rc == ITX_OK && (w == NULL || scale == NULL || q == NULL || shift == NULL))
        rc = itx_fail(err, ITX_E_NOMEM, "out of memory for %zu weights", n_weights);
    struct job j = {.s = s,
                    .kind = p->kind,
                    .n = n,
                    .patches = patches,
                    .sums = sums,
                    .w = w,
                    .scale = scale,
                    .q = q,
                    .shift = shift,
                    .o = o,
                    .pool = pool};
    if (rc == ITX_OK) {
        fold_weights(s, plan, w);
        for (int c = 0; c < channels; c++) scale[c] = (float)(a.scale[c] * unit);
        rc = solve(&j, plan, err);
    }
    if (rc == ITX_OK) {
        for (int c = 0; c < channels; c++) store_channel(&j, plan, &a, c, unit);
        p->weights = a.w;
        p->bias = a.bias;
        if (p->scale != NULL)
            p->scale = a.scale;
        else
            plan->tensors[p->out].scale = a.scale;
    } else {
        itx_error_prefix(err, "node %s", p->name);
    }
    mem_free(w);
    mem_free(scale);
    mem_free(q);
    mem_free(shift);
    return rc;
}
