/* SPDX-License-Identifier: Apache-2.0
 *
 * The table is a fit to `intarsia perf --layers` of YOLO11n-seg on one thread of a Zen 4 with AVX-512 VNNI (docs/speed.md),
 * once with all values in 8 bits and once with all that can be in 16. Most single steps are within 15 %.
 */
#include "quant/cost.h"

struct rates {
    double mac;     /* multiply-adds of a direct convolution */
    double out, in; /* each element written; each read, of the input and the residual */
    double dw;      /* multiply-adds of a depthwise convolution */
    double move;    /* each element moved */
    double pool;    /* each element, for each row and column of the window */
};

/* Nanoseconds. [0]: 8 bits, [1]: 16 bits. `in`, `mac` and `dw` go by the input's type, `out` by the output's. */
static const struct rates rates[2] = {
    {.mac = 1 / 230.0, .out = 0.25, .in = 0, .dw = 0.05, .move = 0.17, .pool = 0.018},
    {.mac = 1 / 115.0, .out = 0.30, .in = 0, .dw = 0.10, .move = 0.34, .pool = 0.036},
};
/* Stride 1, 3 x 3, 8 bits: by the minimal algorithm of Winograd. */
#define WINOGRAD_MAC (1 / 380.0)
#define WINOGRAD_IN 0.2
#define ATTENTION_MAC (1 / 76.0)
#define OTHER 0.25 /* each element of anything else */

static double elements(const struct graph *g, value_id v)
{
    return v != 0 ? (double)shape_elements(&graph_value(g, v)->shape) : 0;
}

static bool uses_winograd(const struct graph *g, const struct node *n, const int64_t *w)
{
    int64_t strides[2], dilations[2];
    node_ints(n, ATTR_STRIDES, 1, 2, strides);
    node_ints(n, ATTR_DILATIONS, 1, 2, dilations);
    (void)g;
    return node_int(n, ATTR_GROUP, 1) == 1 && w[2] == 3 && w[3] == 3 && strides[0] == 1 &&
           strides[1] == 1 && dilations[0] == 1 && dilations[1] == 1 && w[0] >= 16 && w[1] >= 24 &&
           w[1] <= 229;
}

static double conv_cost(const struct graph *g, const struct node *n, const struct rates *in,
                        const struct rates *out, bool is_wide)
{
    const int64_t *const w = graph_value(g, n->inputs[1])->shape.dim; /* [out, in, h, w] */
    const double outs = elements(g, n->outputs[0]), ins = elements(g, n->inputs[0]);
    const bool is_transposed = n->op == OP_CONV_TRANSPOSE;
    const double read = ins * in->in + elements(g, node_input(n, 3)) * out->out;
    const double taps = is_transposed ? 1 : (double)(w[2] * w[3]);
    const double channels = (double)(is_transposed ? w[0] : (w[1] + 3) / 4 * 4);
    if (!is_transposed && w[1] == 1 && node_int(n, ATTR_GROUP, 1) > 1)
        return outs * taps * in->dw + read;
    if (!is_wide && !is_transposed && uses_winograd(g, n, w))
        return outs * taps * channels * WINOGRAD_MAC + ins * WINOGRAD_IN + outs * out->out + read;
    return outs * taps * channels * in->mac + outs * out->out + read;
}

static double node_cost(const struct graph *g, const struct node *n, const bool *wide)
{
    const bool is_wide = wide != NULL && wide[n->inputs[0]];
    const struct rates *const in = &rates[is_wide];
    const struct rates *const out = &rates[wide != NULL && wide[n->outputs[0]]];
    const double outs = elements(g, n->outputs[0]);
    int64_t kernel[2];
    switch (n->op) {
    case OP_CONV:
    case OP_CONV_TRANSPOSE:
        return conv_cost(g, n, in, out, is_wide);
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
