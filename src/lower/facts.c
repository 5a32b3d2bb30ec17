/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "lower/internal.h"

bool conv_is_depthwise(const struct graph *g, const struct node *n)
{
    const int64_t group = node_int(n, ATTR_GROUP, 1);
    const int64_t in_c = graph_value(g, n->inputs[0])->shape.dim[1];
    const int64_t out_c = graph_value(g, n->outputs[0])->shape.dim[1];
    return group > 1 && group == in_c && group == out_c;
}

bool unary_is_table(const struct node *n)
{
    switch (n->op) {
    case OP_RELU:
    case OP_SIGMOID:
    case OP_SILU:
    case OP_TANH:
    case OP_LEAKY_RELU:
    case OP_ELU:
    case OP_HARD_SIGMOID:
    case OP_HARD_SWISH:
    case OP_CLIP:
    case OP_EXP:
    case OP_ABS:
    case OP_NEG:
    case OP_SOFTPLUS:
        return true;
    default:
        return false;
    }
}

static double clip_limit(const struct graph *g, const struct node *n, int input, double otherwise)
{
    const value_id id = node_input(n, input);
    if (id == 0 || graph_value(g, id)->data == NULL || graph_value(g, id)->dtype != DTYPE_F32)
        return otherwise;
    float limit;
    memcpy(&limit, graph_value(g, id)->data, sizeof limit);
    return limit;
}

double unary_value(const struct graph *g, const struct node *n, double x)
{
    switch (n->op) {
    case OP_RELU:
        return fmax(x, 0);
    case OP_SIGMOID:
        return 1 / (1 + exp(-x));
    case OP_SILU:
        return x / (1 + exp(-x));
    case OP_TANH:
        return tanh(x);
    case OP_LEAKY_RELU:
        return x >= 0 ? x : x * (double)node_float(n, ATTR_ALPHA, 0.01f);
    case OP_ELU:
        return x >= 0 ? x : (double)node_float(n, ATTR_ALPHA, 1) * expm1(x);
    case OP_HARD_SIGMOID: {
        const double y =
            (double)node_float(n, ATTR_ALPHA, 0.2f) * x + (double)node_float(n, ATTR_BETA, 0.5f);
        return fmin(1, fmax(0, y));
    }
    case OP_HARD_SWISH:
        return x * fmin(1, fmax(0, x / 6 + 0.5));
    case OP_CLIP:
        return fmin(clip_limit(g, n, 2, HUGE_VAL), fmax(clip_limit(g, n, 1, -HUGE_VAL), x));
    case OP_EXP:
        return exp(x);
    case OP_ABS:
        return fabs(x);
    case OP_NEG:
        return -x;
    case OP_SOFTPLUS:
        return fmax(x, 0) + log1p(exp(-fabs(x)));
    default:
        ITX_BUG();
    }
}
