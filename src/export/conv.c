/* SPDX-License-Identifier: Apache-2.0
 *
 * The accumulators of convolutions: float convolutions of whole numbers, small enough that every sum is exact.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "export/program.h"

/* One convolution as ONNX has it, with all that its form needs. */
struct conv {
    const struct plan_step *s;
    const struct plan_tensor *in, *out;
    int area; /* of the kernel */
    int in_c; /* that one output sees */
};

/* Place of weight (output, tap, input) in the plan and in ONNX's order. */
static size_t plan_place(const struct conv *k, int o, int tap, int i)
{
    if (k->s->kind == STEP_DWCONV) return (size_t)tap * (size_t)k->out->c + (size_t)o;
    return ((size_t)o * (size_t)k->area + (size_t)tap) * (size_t)k->in_c + (size_t)i;
}

static size_t onnx_place(const struct conv *k, int o, int tap, int i)
{
    const size_t channels = k->s->kind == STEP_DECONV ? (size_t)i * (size_t)k->out->c + (size_t)o
                                                      : (size_t)o * (size_t)k->in_c + (size_t)i;
    return channels * (size_t)k->area + (size_t)tap;
}

/* int8 with a DequantizeLinear behind it, which makes whole numbers of them. */
static value_id weights(struct program *p, const struct conv *k)
{
    const bool transposed = k->s->kind == STEP_DECONV;
    const struct shape shape = {.rank = 4,
                                .dim = {transposed ? k->in_c : k->out->c,
                                        transposed ? k->out->c : k->in_c, k->s->kernel[0],
                                        k->s->kernel[1]}};
    void *data = NULL;
    value_id v = 0;
    const char *name = program_name(p, "weight");
    if (p->rc == ITX_OK) program_check(p, graph_alloc_data(p->g, DTYPE_S8, &shape, &data, p->err));
    if (p->rc == ITX_OK)
        program_check(p, graph_add_value(p->g, name, DTYPE_S8, &shape, &v, p->err));
    if (p->rc != ITX_OK) return 0;
    int8_t *const to = data;
    for (int o = 0; o < k->out->c; o++)
        for (int tap = 0; tap < k->area; tap++)
            for (int i = 0; i < k->in_c; i++)
                to[onnx_place(k, o, tap, i)] = k->s->weights[plan_place(k, o, tap, i)];
    graph_value(p->g, v)->data = data;
    return emit2(p, OP_DEQUANTIZE_LINEAR, "weight/DequantizeLinear", v, p->one);
}

/* What one output's taps [from, end) add up to: magnitudes, and weights times zero points of the input. */
static void add_row(const struct conv *k, int o, int from, int end, double *magnitude,
                    int64_t *zeros)
{
    *magnitude = 0;
    *zeros = 0;
    for (int tap = from; tap < end; tap++)
        for (int i = 0; i < k->in_c; i++) {
            const int w = k->s->weights[plan_place(k, o, tap, i)];
            const int channel = k->s->kind == STEP_DWCONV ? o : i;
            *magnitude += abs(w);
            *zeros += (int64_t)w * tensor_zero(k->in, channel);
        }
}

/* [1, out_c, kh, kw], repeated for every pixel of the input. */
static value_id tile_biases(struct program *p, const struct conv *k, const double *bias)
{
    const struct shape shape = {.rank = 4, .dim = {1, k->out->c, k->s->kernel[0], k->s->kernel[1]}};
    const size_t n = (size_t)k->out->c * (size_t)k->area;
    int32_t *const taps = arena_calloc(&p->g->arena, n, sizeof *taps);
    if (taps == NULL) {
        program_check(p, itx_fail(p->err, ITX_E_NOMEM, "out of memory"));
        return 0;
    }
    for (size_t i = 0; i < n; i++) taps[i] = (int32_t)bias[i];
    const int64_t repeats[] = {1, 1, k->in->h, k->in->w};
    return emit2(p, OP_TILE, "bias_of_taps", constant(p, "bias", DTYPE_S32, &shape, taps),
                 constant_ints(p, "repeats", 4, repeats));
}

/* Biases without the input's zero points, which the plan folds in: [out_c, taps], where each tap of a transposed convolution
 * has one of its own, else [out_c]. Also the largest sum of an output's weights' magnitudes. */
static double *find_biases(struct program *p, const struct conv *k, int n_taps, double *sum)
{
    double *const bias =
        arena_calloc(&p->g->arena, (size_t)k->out->c * (size_t)n_taps, sizeof *bias);
    *sum = 0;
    if (bias == NULL) {
        program_check(p, itx_fail(p->err, ITX_E_NOMEM, "out of memory"));
        return NULL;
    }
    for (int o = 0; o < k->out->c; o++)
        for (int b = 0; b < n_taps; b++) {
            const int i = o * n_taps + b;
            double magnitude;
            int64_t zeros;
            add_row(k, o, b, n_taps > 1 ? b + 1 : k->area, &magnitude, &zeros);
            bias[i] = (double)k->s->bias[i] + (double)zeros;
            *sum = fmax(*sum, magnitude);
            if (fabs(bias[i]) > INT32_MAX && p->rc == ITX_OK)
                p->rc = itx_fail(p->err, ITX_E_UNSUPPORTED, "%s: its bias %g has more than 32 bits",
                                 k->s->name, bias[i]);
        }
    return bias;
}

/* To be broadcast over the result, or where the taps of a transposed convolution differ, of its size. */
static value_id biases(struct program *p, const struct conv *k, double *sum)
{
    const int n_taps = k->s->kind == STEP_DECONV ? k->area : 1, n = k->out->c * n_taps;
    double *const bias = find_biases(p, k, n_taps, sum);
    bool is_by_tap = false;
    for (int i = 0; bias != NULL && i < n; i++)
        is_by_tap = is_by_tap || bias[i] != bias[i - i % n_taps];
    if (bias == NULL || is_by_tap) return bias != NULL ? tile_biases(p, k, bias) : 0;
    for (int o = 0; o < k->out->c; o++) bias[o] = bias[o * n_taps];
    return constant_channels(p, "bias", DTYPE_S32, k->out->c, bias);
}

static double reach_of(const struct plan_tensor *t)
{
    int most = t->reach;
    for (int i = 0; t->dtype == DTYPE_S8 && i < t->n_quant; i++) {
        most = most > 127 - t->zero_point[i] ? most : 127 - t->zero_point[i];
        most = most > 128 + t->zero_point[i] ? most : 128 + t->zero_point[i];
    }
    return most;
}

static value_id emit_conv(struct program *p, const struct conv *k, const char *part, value_id x,
                          value_id w)
{
    const struct plan_step *const s = k->s;
    const bool transposed = s->kind == STEP_DECONV;
    const int64_t kernel[] = {s->kernel[0], s->kernel[1]}, stride[] = {s->stride[0], s->stride[1]};
    const int64_t pads[] = {s->pad[0], s->pad[1], s->pad[2], s->pad[3]};
    const int64_t dilation[] = {s->dilation[0], s->dilation[1]};
    const value_id v =
        emit(p, transposed ? OP_CONV_TRANSPOSE : OP_CONV, part, 2, (const value_id[]){x, w});
    if (s->kind == STEP_DWCONV) set_int(p, ATTR_GROUP, k->out->c);
    set_ints(p, ATTR_KERNEL_SHAPE, 2, kernel);
    set_ints(p, ATTR_STRIDES, 2, stride);
    if (!transposed) {
        set_ints(p, ATTR_PADS, 4, pads);
        set_ints(p, ATTR_DILATIONS, 2, dilation);
    }
    infer_last(p);
    return v;
}

value_id program_conv(struct program *p)
{
    const struct plan_step *const s = p->step;
    struct conv k = {.s = s,
                     .in = &p->plan->tensors[s->in[0]],
                     .out = &p->plan->tensors[s->out],
                     .area = s->kernel[0] * s->kernel[1]};
    k.in_c = s->kind == STEP_DWCONV ? 1 : k.in->c;
    double sum;
    const value_id bias = biases(p, &k, &sum), w = weights(p, &k);
    const struct digits d = program_digits(p, program_centred(p, s->in[0]), reach_of(k.in), sum);
    value_id products[MAX_DIGITS];
    for (int i = 0; i < d.n; i++)
        products[i] = emit_conv(p, &k, i == d.n - 1 ? NULL : "lower_sum", d.digit[i], w);
    return emit2(p, OP_ADD, "add_bias", program_sum_digits(p, &d, products, DTYPE_S32), bias);
}
