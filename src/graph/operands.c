/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/operands.h"

#include <inttypes.h>
#include <string.h>

itx_status operand_ints(const struct tensor *t, const char *what, int max, int64_t *v, int *count,
                        struct itx_error *err)
{
    if (t->dtype != DTYPE_S64 && t->dtype != DTYPE_S32)
        return itx_fail(err, ITX_E_UNSUPPORTED, "%s has type %s, expected s64 or s32", what,
                        dtype_name(t->dtype));
    const int64_t n = shape_elements(&t->shape);
    if (t->shape.rank > 1)
        return itx_fail(err, ITX_E_FORMAT, "%s has rank %d, expected 1", what, t->shape.rank);
    if (n < 0 || n > max)
        return itx_fail(err, ITX_E_RANGE, "%s has %" PRId64 " numbers, expected at most %d", what,
                        n, max);
    for (int64_t i = 0; i < n; i++)
        v[i] =
            t->dtype == DTYPE_S64 ? ((const int64_t *)t->data)[i] : ((const int32_t *)t->data)[i];
    *count = (int)n;
    return ITX_OK;
}

itx_status operand_axis(int64_t axis, int rank, int *out, struct itx_error *err)
{
    if (axis < -(int64_t)rank || axis >= rank)
        return itx_fail(err, ITX_E_RANGE, "axis %" PRId64 " is outside of rank %d", axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return ITX_OK;
}

/* Axes as numbers, made positive, each at most once. */
static itx_status axis_list(const struct tensor *axes, int rank, int *list, int *n,
                            struct itx_error *err)
{
    int64_t v[SHAPE_MAX_RANK];
    uint32_t seen = 0;
    ITX_TRY(operand_ints(axes, "axes", SHAPE_MAX_RANK, v, n, err));
    for (int i = 0; i < *n; i++) {
        ITX_TRY(operand_axis(v[i], rank, &list[i], err));
        if ((seen >> list[i] & 1) != 0)
            return itx_fail(err, ITX_E_FORMAT, "axis %d is named twice", list[i]);
        seen |= 1u << list[i];
    }
    return ITX_OK;
}

itx_status operand_axes(const struct tensor *axes, int rank, uint32_t otherwise, uint32_t *mask,
                        struct itx_error *err)
{
    int list[SHAPE_MAX_RANK], n;
    *mask = otherwise;
    if (axes == NULL) return ITX_OK;
    ITX_TRY(axis_list(axes, rank, list, &n, err));
    *mask = 0;
    for (int i = 0; i < n; i++) *mask |= 1u << list[i];
    return ITX_OK;
}

itx_status operand_reduced(const struct node *n, const struct shape *x, const struct tensor *axes,
                           uint32_t *mask, struct itx_error *err)
{
    const uint32_t all = (1u << x->rank) - 1;
    const bool keeps_all = node_int(n, ATTR_NOOP_EMPTY_AXES, 0) != 0;
    ITX_TRY(operand_axes(axes, x->rank, 0, mask, err));
    if (*mask == 0 && !keeps_all) *mask = all;
    return ITX_OK;
}

/* start, step and count of one dimension of size d by NumPy's rules. */
static void slice_dim(int64_t d, int64_t begin, int64_t end, int64_t step, struct slice *s, int k)
{
    /* d <= 2^31, so larger steps mean the same and the arithmetic below cannot overflow */
    const int64_t far = 2 * SHAPE_MAX_ELEMENTS;
    step = step > far ? far : step < -far ? -far : step;
    const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? d : d - 1;
    int64_t limits[2] = {begin, end};
    for (int i = 0; i < 2; i++) {
        if (limits[i] < 0) limits[i] = limits[i] < -far ? -far : limits[i] + d;
        limits[i] = limits[i] < low ? low : limits[i] > high ? high : limits[i];
    }
    const int64_t reach = step > 0 ? limits[1] - limits[0] : limits[0] - limits[1];
    const int64_t stride = step > 0 ? step : -step;
    s->start[k] = limits[0];
    s->step[k] = step;
    s->count[k] = reach > 0 ? (reach + stride - 1) / stride : 0;
    if (s->count[k] == 0) s->start[k] = 0;
}

itx_status operand_slice(const struct shape *x, const struct tensor *starts,
                         const struct tensor *ends, const struct tensor *axes,
                         const struct tensor *steps, struct slice *s, struct itx_error *err)
{
    int64_t begin[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK], step[SHAPE_MAX_RANK];
    int list[SHAPE_MAX_RANK], n, n_ends, n_axes, n_steps;
    ITX_TRY(operand_ints(starts, "starts", SHAPE_MAX_RANK, begin, &n, err));
    ITX_TRY(operand_ints(ends, "ends", SHAPE_MAX_RANK, end, &n_ends, err));
    n_axes = n_steps = n;
    for (int i = 0; i < n; i++) {
        list[i] = i;
        step[i] = 1;
    }
    if (axes != NULL) ITX_TRY(axis_list(axes, x->rank, list, &n_axes, err));
    if (steps != NULL) ITX_TRY(operand_ints(steps, "steps", SHAPE_MAX_RANK, step, &n_steps, err));
    if (n_ends != n || n_axes != n || n_steps != n)
        return itx_fail(err, ITX_E_FORMAT, "%d starts, %d ends, %d axes and %d steps differ", n,
                        n_ends, n_axes, n_steps);
    if (n > x->rank)
        return itx_fail(err, ITX_E_FORMAT, "%d starts for a tensor of rank %d", n, x->rank);
    for (int k = 0; k < x->rank; k++) {
        s->start[k] = 0;
        s->step[k] = 1;
        s->count[k] = x->dim[k];
    }
    for (int i = 0; i < n; i++) {
        if (step[i] == 0) return itx_fail(err, ITX_E_FORMAT, "step %d is 0", i);
        slice_dim(x->dim[list[i]], begin[i], end[i], step[i], s, list[i]);
    }
    return ITX_OK;
}

itx_status operand_padding(const struct shape *x, const struct tensor *pads,
                           const struct tensor *axes, struct padding *p, struct itx_error *err)
{
    int64_t v[2 * SHAPE_MAX_RANK];
    int list[SHAPE_MAX_RANK], n_pads, n = x->rank;
    ITX_TRY(operand_ints(pads, "pads", 2 * SHAPE_MAX_RANK, v, &n_pads, err));
    for (int i = 0; i < n; i++) list[i] = i;
    if (axes != NULL) ITX_TRY(axis_list(axes, x->rank, list, &n, err));
    if (n_pads != 2 * n) return itx_fail(err, ITX_E_FORMAT, "%d pads for %d dimensions", n_pads, n);
    *p = (struct padding){0};
    for (int i = 0; i < n; i++) {
        const int64_t b = v[i], e = v[n + i], d = x->dim[list[i]];
        if (b < -OPERAND_LIMIT || b > OPERAND_LIMIT || e < -OPERAND_LIMIT || e > OPERAND_LIMIT ||
            d + b + e < 0)
            return itx_fail(err, ITX_E_RANGE,
                            "pads %" PRId64 " and %" PRId64 " do not fit a dimension of %" PRId64,
                            b, e, d);
        p->begin[list[i]] = b;
        p->end[list[i]] = e;
    }
    return ITX_OK;
}

itx_status operand_broadcast(struct shape *a, const struct shape *b, struct itx_error *err)
{
    struct shape out = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 0; i < out.rank; i++) {
        const int ka = i - (out.rank - a->rank), kb = i - (out.rank - b->rank);
        const int64_t da = ka < 0 ? 1 : a->dim[ka], db = kb < 0 ? 1 : b->dim[kb];
        if (da != db && da != 1 && db != 1) {
            char ta[SHAPE_TEXT_SIZE], tb[SHAPE_TEXT_SIZE];
            return itx_fail(err, ITX_E_FORMAT, "shapes %s and %s do not broadcast",
                            shape_text(a, ta), shape_text(b, tb));
        }
        out.dim[i] = da == 1 ? db : da;
    }
    *a = out;
    return ITX_OK;
}

/* --- windows --- */

/* Reads `n` numbers in [low, OPERAND_LIMIT]; absent: `otherwise`. */
static itx_status window_ints(const struct node *node, enum attr_id id, int64_t otherwise,
                              int64_t low, int n, int64_t *v, struct itx_error *err)
{
    const struct attr *a = node_attr(node, id);
    if (a != NULL && a->n_ints != n)
        return itx_fail(err, ITX_E_FORMAT, "%s has %d numbers, expected %d", attr_info(id)->name,
                        a->n_ints, n);
    for (int i = 0; i < n; i++) {
        v[i] = a != NULL ? a->ints[i] : otherwise;
        if (v[i] < low || v[i] > OPERAND_LIMIT)
            return itx_fail(err, ITX_E_RANGE, "%s %" PRId64 " is out of range", attr_info(id)->name,
                            v[i]);
    }
    return ITX_OK;
}

static itx_status window_attrs(const struct node *node, const struct shape *x,
                               const int64_t *kernel, struct window *w, struct itx_error *err)
{
    int64_t pads[2 * WINDOW_MAX_DIMS];
    if (x->rank < 3)
        return itx_fail(err, ITX_E_FORMAT, "input has rank %d, expected at least 3", x->rank);
    w->n = x->rank - 2;
    if (kernel == NULL && node_attr(node, ATTR_KERNEL_SHAPE) == NULL)
        return itx_fail(err, ITX_E_FORMAT, "kernel_shape is missing");
    ITX_TRY(window_ints(node, ATTR_KERNEL_SHAPE, 1, 1, w->n, w->kernel, err));
    ITX_TRY(window_ints(node, ATTR_STRIDES, 1, 1, w->n, w->stride, err));
    ITX_TRY(window_ints(node, ATTR_DILATIONS, 1, 1, w->n, w->dilation, err));
    ITX_TRY(window_ints(node, ATTR_PADS, 0, 0, 2 * w->n, pads, err));
    for (int i = 0; i < w->n; i++) {
        if (kernel != NULL) {
            if (node_attr(node, ATTR_KERNEL_SHAPE) != NULL && w->kernel[i] != kernel[i])
                return itx_fail(err, ITX_E_FORMAT,
                                "kernel_shape %" PRId64 " contradicts the weights' %" PRId64,
                                w->kernel[i], kernel[i]);
            w->kernel[i] = kernel[i];
            if (kernel[i] < 1 || kernel[i] > OPERAND_LIMIT)
                return itx_fail(err, ITX_E_RANGE, "kernel size %" PRId64 " is out of range",
                                kernel[i]);
        }
        w->begin[i] = pads[i];
        w->end[i] = pads[w->n + i];
    }
    return ITX_OK;
}

enum auto_pad { PAD_EXPLICIT, PAD_VALID, PAD_SAME_UPPER, PAD_SAME_LOWER };

static itx_status auto_pad(const struct node *node, enum auto_pad *out, struct itx_error *err)
{
    static const char *const names[] = {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"};
    const char *text = node_text(node, ATTR_AUTO_PAD, "NOTSET");
    for (int i = 0; i < (int)ARRAY_LEN(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum auto_pad)i;
            return ITX_OK;
        }
    return itx_fail(err, ITX_E_FORMAT, "auto_pad '%s' is unknown", text);
}

/* `total` shared out over both ends; the odd one goes to the end (upper) or the beginning (lower). */
static void share_padding(struct window *w, int i, int64_t total, bool upper)
{
    w->begin[i] = upper ? total / 2 : total - total / 2;
    w->end[i] = total - w->begin[i];
}

itx_status operand_window(const struct node *n, const struct shape *x, const int64_t *kernel,
                          struct window *w, int64_t *out, struct itx_error *err)
{
    enum auto_pad pad = PAD_EXPLICIT;
    ITX_TRY(window_attrs(n, x, kernel, w, err));
    ITX_TRY(auto_pad(n, &pad, err));
    const bool ceil_mode = node_int(n, ATTR_CEIL_MODE, 0) != 0;
    for (int i = 0; i < w->n; i++) {
        const int64_t d = x->dim[2 + i], s = w->stride[i];
        const int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
        if (pad == PAD_VALID) w->begin[i] = w->end[i] = 0;
        if (pad == PAD_SAME_UPPER || pad == PAD_SAME_LOWER) {
            const int64_t total = ((d + s - 1) / s - 1) * s + reach - d;
            share_padding(w, i, total > 0 ? total : 0, pad == PAD_SAME_UPPER);
        }
        const int64_t room = d + w->begin[i] + w->end[i] - reach;
        if (room < 0 || d == 0)
            return itx_fail(err, ITX_E_RANGE,
                            "window of %" PRId64 " is larger than the padded input of %" PRId64,
                            reach, d + w->begin[i] + w->end[i]);
        out[i] = room / s + 1;
        if (ceil_mode && room % s != 0) {
            /* a window that would begin in the padding behind the input is left out */
            if (out[i] * s < d + w->begin[i]) out[i]++;
        }
    }
    return ITX_OK;
}

itx_status operand_transposed_window(const struct node *n, const struct shape *x,
                                     const int64_t *kernel, struct window *w, int64_t *out,
                                     struct itx_error *err)
{
    enum auto_pad pad = PAD_EXPLICIT;
    int64_t extra[WINDOW_MAX_DIMS], wanted[WINDOW_MAX_DIMS];
    ITX_TRY(window_attrs(n, x, kernel, w, err));
    ITX_TRY(auto_pad(n, &pad, err));
    ITX_TRY(window_ints(n, ATTR_OUTPUT_PADDING, 0, 0, w->n, extra, err));
    ITX_TRY(window_ints(n, ATTR_OUTPUT_SHAPE, 1, 1, w->n, wanted, err));
    const bool has_shape = node_attr(n, ATTR_OUTPUT_SHAPE) != NULL;
    for (int i = 0; i < w->n; i++) {
        const int64_t d = x->dim[2 + i], s = w->stride[i];
        const int64_t whole = s * (d - 1) + (w->kernel[i] - 1) * w->dilation[i] + 1;
        if (pad == PAD_VALID) w->begin[i] = w->end[i] = 0;
        if (d == 0) return itx_fail(err, ITX_E_RANGE, "input has no elements");
        if (has_shape || pad == PAD_SAME_UPPER || pad == PAD_SAME_LOWER) {
            const int64_t target = has_shape ? wanted[i] : d * s;
            const int64_t total = whole + extra[i] - target;
            share_padding(w, i, total > 0 ? total : 0, pad == PAD_SAME_UPPER);
            out[i] = target;
        } else {
            out[i] = whole + extra[i] - w->begin[i] - w->end[i];
        }
        w->end[i] = whole - w->begin[i] - out[i];
        if (out[i] <= 0)
            return itx_fail(err, ITX_E_RANGE, "pads %" PRId64 " leave nothing of %" PRId64 " rows",
                            w->begin[i] + w->end[i], whole);
    }
    return ITX_OK;
}
