/* SPDX-License-Identifier: Apache-2.0
 *
 * The table is a fit to the times of the steps of YOLO11n-seg on one thread of a Zen 4 with AVX-512 VNNI, the best of 60 runs
 * (`intarsia perf --layers`), once with 8 bits everywhere and once with 16 wherever they are possible. Of 105 convolutions
 * each, the mean deviation is 4 %.
 */
#include "quant/cost.h"

/* Nanoseconds. What is multiplied and read goes by the input's type, what is written by the output's. */
struct rates {
    double mac, out; /* a multiply-add, an element written, of direct convolutions */
    double winograd_mac, winograd_out, winograd_in; /* 3 x 3 with stride 1; an element read */
    double depthwise_mac;
    double move; /* an element enlarged */
    double pool; /* an element, for each row and column of the window */
};

static const struct rates rates[2] = {
    /* 8 bits */
    {1 / 228.0, 0.24, 1 / 421.0, 0.46, 0.155, 0.0475, 0.07, 0.013},
    /* 16 bits */
    {1 / 113.0, 0.26, 1 / 245.0, 0.46, 0.200, 0.0485, 0.16, 0.025},
};
#define ATTENTION_MAC (1 / 76.0)
#define OTHER 0.25 /* an element of anything else */

static double elements(const struct graph *g, value_id v)
{
    return v != 0 ? (double)shape_elements(&graph_value(g, v)->shape) : 0;
}

/* As src/kernels/conv/conv_winograd.c has it, which takes fewer channels too and gains less by them. */
static bool uses_winograd(const struct node *n, const int64_t *w, bool is_wide)
{
    int64_t strides[2], dilations[2];
    node_ints(n, ATTR_STRIDES, 1, 2, strides);
    node_ints(n, ATTR_DILATIONS, 1, 2, dilations);
    return n->op == OP_CONV && w[2] == 3 && w[3] == 3 && strides[0] == 1 && strides[1] == 1 &&
           dilations[0] == 1 && dilations[1] == 1 && w[0] >= 16 && w[1] >= 32 &&
           (is_wide || w[1] < 230);
}

static double conv_cost(const struct graph *g, const struct node *n, bool in_wide, bool out_wide)
{
    const struct rates *const in = &rates[in_wide], *const out = &rates[out_wide];
    const int64_t *const w = graph_value(g, n->inputs[1])->shape.dim; /* [out, in, h, w] */
    const bool is_transposed = n->op == OP_CONV_TRANSPOSE;
    const double outs = elements(g, n->outputs[0]), ins = elements(g, n->inputs[0]);
    const double taps = is_transposed ? 1 : (double)(w[2] * w[3]);
    const int64_t in_c = is_transposed ? w[0] : w[1], out_c = is_transposed ? w[1] : w[0];
    /* kernels compute whole vectors of channels */
    const double part = (double)((out_c + 15) / 16 * 16) / (double)out_c;
    const double macs = outs * part * taps * (double)((in_c + 3) / 4 * 4);
    if (w[1] == 1 && node_int(n, ATTR_GROUP, 1) > 1) return outs * taps * in->depthwise_mac;
    if (uses_winograd(n, w, in_wide))
        return macs * in->winograd_mac + outs * out->winograd_out + ins * in->winograd_in;
    return macs * in->mac + outs * out->out;
}

static double node_cost(const struct graph *g, const struct node *n, const bool *wide)
{
    const bool in_wide = wide != NULL && wide[n->inputs[0]];
    const bool out_wide = wide != NULL && wide[n->outputs[0]];
    const struct rates *const in = &rates[in_wide];
    const double outs = elements(g, n->outputs[0]);
    int64_t kernel[2];
    switch (n->op) {
    case OP_CONV:
    case OP_CONV_TRANSPOSE:
        return conv_cost(g, n, in_wide, out_wide);
    case OP_MAX_POOL:
        node_ints(n, ATTR_KERNEL_SHAPE, 1, 2, kernel);
        return outs * (double)(kernel[0] + kernel[1]) * in->pool;
    case OP_RESIZE:
        return outs * in->move;
    case OP_CONCAT:
    case OP_SPLIT:
    case OP_SLICE:
        return 0;        /* nearly always nothing is moved */
    case OP_ATTENTION: { /* every token with every token, for the logits and for the result */
        const struct shape *const q = &graph_value(g, n->inputs[0])->shape;
        const double tokens = (double)(q->dim[2] * q->dim[3]);
        return tokens * (elements(g, n->inputs[0]) + outs) * ATTENTION_MAC;
    }
    default:
        return outs * OTHER;
    }
}

double quant_cost(const struct graph *g, const bool *wide)
{
    double sum = 0;
    for (size_t i = 0; i < g->nodes.len; i++) sum += node_cost(g, &g->nodes.data[i], wide);
    return sum / 1000;
}
