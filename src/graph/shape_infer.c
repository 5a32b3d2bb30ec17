/* SPDX-License-Identifier: Apache-2.0
 *
 * dtype and shape of every output from the inputs, one function an operation, found by table. A function that needs
 * numbers which are not constant (yet) leaves its outputs unknown; folding constants calls again later.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "graph/operands.h"
#include "graph/resize.h"

/* What an inference function sees. Inputs that are present have a known dtype and shape; data may be NULL. */
struct infer {
    const struct node *node;
    const struct tensor *in;
    struct tensor *out;
    struct itx_error *err;
};
typedef itx_status infer_fn(const struct infer *c);

static bool has(const struct infer *c, int i)
{
    return operand_present(c->node, i);
}

/* NULL when input i is absent. */
static const struct tensor *optional(const struct infer *c, int i)
{
    return has(c, i) ? &c->in[i] : NULL;
}

/* Present, but its numbers are not known yet. */
static bool is_pending(const struct infer *c, int i)
{
    return has(c, i) && c->in[i].data == NULL;
}

static itx_status set_output(const struct infer *c, int i, enum dtype dtype,
                             const struct shape *shape)
{
    char text[SHAPE_TEXT_SIZE];
    if (shape_elements(shape) < 0)
        return itx_fail(c->err, ITX_E_RANGE, "output %s has more than %" PRId64 " elements",
                        shape_text(shape, text), SHAPE_MAX_ELEMENTS);
    c->out[i].dtype = dtype;
    c->out[i].shape = *shape;
    return ITX_OK;
}

static itx_status check_rank(const struct infer *c, int i, int low, int high)
{
    const int rank = c->in[i].shape.rank;
    if (rank >= low && rank <= high) return ITX_OK;
    return itx_fail(c->err, ITX_E_FORMAT, "input %d has rank %d, expected %d to %d", i, rank, low,
                    high);
}

static itx_status check_same_dtype(const struct infer *c, int first, int last)
{
    for (int i = first; i <= last; i++)
        if (has(c, i) && c->in[i].dtype != c->in[first].dtype)
            return itx_fail(c->err, ITX_E_FORMAT, "types %s and %s of inputs %d and %d differ",
                            dtype_name(c->in[first].dtype), dtype_name(c->in[i].dtype), first, i);
    return ITX_OK;
}

/* Input i, where present, is a vector of n numbers. */
static itx_status check_vector(const struct infer *c, int i, int64_t n, const char *what)
{
    if (!has(c, i)) return ITX_OK;
    const struct shape *s = &c->in[i].shape;
    char text[SHAPE_TEXT_SIZE];
    if (s->rank == 1 && s->dim[0] == n) return ITX_OK;
    return itx_fail(c->err, ITX_E_FORMAT, "%s has shape %s, expected [%" PRId64 "]", what,
                    shape_text(s, text), n);
}

/* --- elementwise --- */

static itx_status infer_same(const struct infer *c)
{
    return set_output(c, 0, c->in[0].dtype, &c->in[0].shape);
}

static itx_status broadcast_all(const struct infer *c, int first, struct shape *shape)
{
    *shape = c->in[first].shape;
    for (int i = first + 1; i < c->node->n_inputs; i++)
        ITX_TRY(operand_broadcast(shape, &c->in[i].shape, c->err));
    return ITX_OK;
}

static itx_status infer_broadcast(const struct infer *c)
{
    struct shape shape;
    ITX_TRY(check_same_dtype(c, 0, c->node->n_inputs - 1));
    ITX_TRY(broadcast_all(c, 0, &shape));
    return set_output(c, 0, c->in[0].dtype, &shape);
}

/* Pow: the exponent may have another type. */
static itx_status infer_pow(const struct infer *c)
{
    struct shape shape;
    ITX_TRY(broadcast_all(c, 0, &shape));
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_compare(const struct infer *c)
{
    struct shape shape;
    ITX_TRY(check_same_dtype(c, 0, 1));
    ITX_TRY(broadcast_all(c, 0, &shape));
    return set_output(c, 0, DTYPE_BOOL, &shape);
}

static itx_status infer_where(const struct infer *c)
{
    struct shape shape;
    if (c->in[0].dtype != DTYPE_BOOL)
        return itx_fail(c->err, ITX_E_FORMAT, "condition has type %s, expected bool",
                        dtype_name(c->in[0].dtype));
    ITX_TRY(check_same_dtype(c, 1, 2));
    ITX_TRY(broadcast_all(c, 0, &shape));
    return set_output(c, 0, c->in[1].dtype, &shape);
}

static itx_status infer_clip(const struct infer *c)
{
    ITX_TRY(check_same_dtype(c, 0, 2));
    for (int i = 1; i <= 2; i++)
        if (has(c, i) && shape_elements(&c->in[i].shape) != 1)
            return itx_fail(c->err, ITX_E_FORMAT, "limit %d is not a single number", i);
    return infer_same(c);
}

/* PRelu: the slope broadcasts to x only. */
static itx_status infer_prelu(const struct infer *c)
{
    struct shape shape;
    ITX_TRY(check_same_dtype(c, 0, 1));
    ITX_TRY(broadcast_all(c, 0, &shape));
    if (!shape_eq(&shape, &c->in[0].shape))
        return itx_fail(c->err, ITX_E_FORMAT, "the slope is larger than the input");
    return infer_same(c);
}

static itx_status infer_cast(const struct infer *c)
{
    const int64_t to = node_int(c->node, ATTR_TO, DTYPE_NONE);
    if (to <= DTYPE_NONE || to >= DTYPE_COUNT)
        return itx_fail(c->err, ITX_E_FORMAT, "type %" PRId64 " to cast to is unknown", to);
    return set_output(c, 0, (enum dtype)to, &c->in[0].shape);
}

/* --- quantisation --- */

/* One scale and zero point, or one of each for every index of the axis. */
static itx_status check_steps(const struct infer *c, enum dtype zero)
{
    const struct shape *x = &c->in[0].shape;
    const bool is_single = c->in[1].shape.rank == 0;
    char text[SHAPE_TEXT_SIZE];
    int axis = 0;
    if (c->in[1].dtype != DTYPE_F32)
        return itx_fail(c->err, ITX_E_UNSUPPORTED, "the scale has type %s, expected f32",
                        dtype_name(c->in[1].dtype));
    if (!is_single) {
        const bool is_one = c->in[1].shape.rank == 1 && c->in[1].shape.dim[0] == 1;
        if (!is_one) ITX_TRY(operand_axis(node_int(c->node, ATTR_AXIS, 1), x->rank, &axis, c->err));
        ITX_TRY(check_vector(c, 1, is_one ? 1 : x->dim[axis], "scale"));
    }
    if (!has(c, 2)) return ITX_OK;
    if (c->in[2].dtype != zero || !shape_eq(&c->in[2].shape, &c->in[1].shape))
        return itx_fail(c->err, ITX_E_FORMAT, "the zero point is %s %s, which does not fit",
                        dtype_name(c->in[2].dtype), shape_text(&c->in[2].shape, text));
    return ITX_OK;
}

static itx_status infer_quantize(const struct infer *c)
{
    const enum dtype to = has(c, 2) ? c->in[2].dtype : DTYPE_U8;
    if (c->in[0].dtype != DTYPE_F32 || (to != DTYPE_U8 && to != DTYPE_S8 && to != DTYPE_S16))
        return itx_fail(c->err, ITX_E_UNSUPPORTED, "from %s to %s is not supported",
                        dtype_name(c->in[0].dtype), dtype_name(to));
    ITX_TRY(check_steps(c, to));
    return set_output(c, 0, to, &c->in[0].shape);
}

static itx_status infer_dequantize(const struct infer *c)
{
    const enum dtype from = c->in[0].dtype;
    if (from != DTYPE_U8 && from != DTYPE_S8 && from != DTYPE_S16 && from != DTYPE_S32)
        return itx_fail(c->err, ITX_E_UNSUPPORTED, "type %s is not supported", dtype_name(from));
    ITX_TRY(check_steps(c, from));
    return set_output(c, 0, DTYPE_F32, &c->in[0].shape);
}

/* --- shape arithmetic --- */

static itx_status infer_shape(const struct infer *c)
{
    const int64_t rank = c->in[0].shape.rank;
    int64_t start = node_int(c->node, ATTR_START, 0), end = node_int(c->node, ATTR_END, rank);
    start = start < -rank ? 0 : start < 0 ? start + rank : start > rank ? rank : start;
    end = end < -rank ? 0 : end < 0 ? end + rank : end > rank ? rank : end;
    const struct shape shape = {.rank = 1, .dim = {end > start ? end - start : 0}};
    return set_output(c, 0, DTYPE_S64, &shape);
}

/* Numbers of input i as a shape; every one >= 0. */
static itx_status shape_operand(const struct infer *c, int i, const char *what, struct shape *shape)
{
    ITX_TRY(operand_ints(&c->in[i], what, SHAPE_MAX_RANK, shape->dim, &shape->rank, c->err));
    for (int k = 0; k < shape->rank; k++)
        if (shape->dim[k] < 0)
            return itx_fail(c->err, ITX_E_RANGE, "%s has the negative number %" PRId64, what,
                            shape->dim[k]);
    return ITX_OK;
}

static itx_status infer_constant_of_shape(const struct infer *c)
{
    struct shape shape;
    const int64_t to = node_int(c->node, ATTR_TO, DTYPE_F32);
    if (to <= DTYPE_NONE || to >= DTYPE_COUNT)
        return itx_fail(c->err, ITX_E_FORMAT, "type %" PRId64 " is unknown", to);
    if (is_pending(c, 0)) return ITX_OK;
    ITX_TRY(shape_operand(c, 0, "shape", &shape));
    return set_output(c, 0, (enum dtype)to, &shape);
}

static double scalar_float(const struct tensor *t)
{
    return t->dtype == DTYPE_F32 ? (double)*(const float *)t->data : *(const double *)t->data;
}

static itx_status infer_range(const struct infer *c)
{
    ITX_TRY(check_same_dtype(c, 0, 2));
    for (int i = 0; i < 3; i++)
        if (shape_elements(&c->in[i].shape) != 1)
            return itx_fail(c->err, ITX_E_FORMAT, "input %d is not a single number", i);
    if (is_pending(c, 0) || is_pending(c, 1) || is_pending(c, 2)) return ITX_OK;
    struct shape shape = {.rank = 1};
    const enum dtype dtype = c->in[0].dtype;
    if (dtype == DTYPE_F32 || dtype == DTYPE_F64) {
        const double start = scalar_float(&c->in[0]), limit = scalar_float(&c->in[1]);
        const double n = ceil((limit - start) / scalar_float(&c->in[2]));
        if (!(n <= (double)SHAPE_MAX_ELEMENTS)) /* also NaN */
            return itx_fail(c->err, ITX_E_RANGE, "range does not end");
        shape.dim[0] = n > 0 ? (int64_t)n : 0;
        return set_output(c, 0, dtype, &shape);
    }
    int64_t v[3];
    int n;
    for (int i = 0; i < 3; i++) {
        const struct tensor scalar = {c->in[i].dtype, {.rank = 0}, c->in[i].data};
        ITX_TRY(operand_ints(&scalar, "range", 1, &v[i], &n, c->err));
    }
    if (v[2] == 0) return itx_fail(c->err, ITX_E_RANGE, "step is 0");
    const bool up = v[2] > 0;
    /* in unsigned arithmetic, where differences of any two s64 are exact */
    const uint64_t reach = up ? (uint64_t)v[1] - (uint64_t)v[0] : (uint64_t)v[0] - (uint64_t)v[1];
    const uint64_t step = up ? (uint64_t)v[2] : 0 - (uint64_t)v[2];
    const uint64_t count = (up ? v[1] > v[0] : v[1] < v[0]) ? (reach - 1) / step + 1 : 0;
    if (count > (uint64_t)SHAPE_MAX_ELEMENTS)
        return itx_fail(c->err, ITX_E_RANGE, "range has too many elements");
    shape.dim[0] = (int64_t)count;
    return set_output(c, 0, dtype, &shape);
}

/* --- movement --- */

static itx_status infer_reshape(const struct infer *c)
{
    int64_t v[SHAPE_MAX_RANK], known = 1;
    struct shape shape;
    int unknown = -1;
    const struct shape *x = &c->in[0].shape;
    char text[SHAPE_TEXT_SIZE];
    if (is_pending(c, 1)) return ITX_OK;
    ITX_TRY(operand_ints(&c->in[1], "shape", SHAPE_MAX_RANK, v, &shape.rank, c->err));
    for (int i = 0; i < shape.rank; i++) {
        const bool copies = v[i] == 0 && node_int(c->node, ATTR_ALLOWZERO, 0) == 0;
        if (v[i] < -1 || (v[i] == -1 && unknown >= 0) || (copies && i >= x->rank))
            return itx_fail(c->err, ITX_E_FORMAT, "number %" PRId64 " of shape at %d is not valid",
                            v[i], i);
        if (v[i] == -1) unknown = i;
        shape.dim[i] = v[i] == -1 ? 1 : copies ? x->dim[i] : v[i];
    }
    known = shape_elements(&shape);
    const int64_t n = shape_elements(x);
    if (unknown >= 0 && known > 0 && n % known == 0) {
        shape.dim[unknown] = n / known;
        known = n;
    }
    if (known != n) {
        char wanted[SHAPE_TEXT_SIZE];
        if (unknown >= 0) shape.dim[unknown] = -1;
        return itx_fail(c->err, ITX_E_FORMAT, "%s cannot be reshaped to %s", shape_text(x, text),
                        shape_text(&shape, wanted));
    }
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_expand(const struct infer *c)
{
    struct shape shape, x = c->in[0].shape;
    if (is_pending(c, 1)) return ITX_OK;
    ITX_TRY(shape_operand(c, 1, "shape", &shape));
    ITX_TRY(operand_broadcast(&x, &shape, c->err));
    return set_output(c, 0, c->in[0].dtype, &x);
}

static itx_status infer_flatten(const struct infer *c)
{
    const struct shape *x = &c->in[0].shape;
    int64_t axis = node_int(c->node, ATTR_AXIS, 1);
    if (axis < -x->rank || axis > x->rank)
        return itx_fail(c->err, ITX_E_RANGE, "axis %" PRId64 " is outside of rank %d", axis,
                        x->rank);
    if (axis < 0) axis += x->rank;
    struct shape shape = {.rank = 2, .dim = {1, 1}};
    for (int i = 0; i < x->rank; i++) {
        int64_t *d = &shape.dim[i < axis ? 0 : 1];
        if (__builtin_mul_overflow(*d, x->dim[i], d))
            return itx_fail(c->err, ITX_E_RANGE, "input is too large");
    }
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_concat(const struct infer *c)
{
    struct shape shape = c->in[0].shape;
    int axis;
    char text[2][SHAPE_TEXT_SIZE];
    ITX_TRY(operand_axis(node_int(c->node, ATTR_AXIS, 1), shape.rank, &axis, c->err));
    ITX_TRY(check_same_dtype(c, 0, c->node->n_inputs - 1));
    for (int i = 1; i < c->node->n_inputs; i++) {
        struct shape other = c->in[i].shape;
        if (other.rank == shape.rank) {
            const int64_t d = other.dim[axis]; /* at most 2^31 each, at most 1024 of them */
            other.dim[axis] = shape.dim[axis];
            if (shape_eq(&other, &shape)) {
                shape.dim[axis] += d;
                continue;
            }
        }
        return itx_fail(c->err, ITX_E_FORMAT, "input %d of shape %s does not fit %s along axis %d",
                        i, shape_text(&c->in[i].shape, text[0]),
                        shape_text(&c->in[0].shape, text[1]), axis);
    }
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_gather(const struct infer *c)
{
    const struct shape *x = &c->in[0].shape, *indices = &c->in[1].shape;
    struct shape shape = {.rank = x->rank - 1 + indices->rank};
    int axis;
    ITX_TRY(operand_axis(node_int(c->node, ATTR_AXIS, 0), x->rank, &axis, c->err));
    if (c->in[1].dtype != DTYPE_S64 && c->in[1].dtype != DTYPE_S32)
        return itx_fail(c->err, ITX_E_UNSUPPORTED, "indices have type %s, expected s64 or s32",
                        dtype_name(c->in[1].dtype));
    if (shape.rank > SHAPE_MAX_RANK)
        return itx_fail(c->err, ITX_E_RANGE, "output has rank %d, at most %d is supported",
                        shape.rank, SHAPE_MAX_RANK);
    int k = 0;
    for (int i = 0; i < axis; i++) shape.dim[k++] = x->dim[i];
    for (int i = 0; i < indices->rank; i++) shape.dim[k++] = indices->dim[i];
    for (int i = axis + 1; i < x->rank; i++) shape.dim[k++] = x->dim[i];
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_slice(const struct infer *c)
{
    struct slice s;
    for (int i = 1; i < 5; i++)
        if (is_pending(c, i)) return ITX_OK;
    ITX_TRY(operand_slice(&c->in[0].shape, &c->in[1], &c->in[2], optional(c, 3), optional(c, 4), &s,
                          c->err));
    struct shape shape = c->in[0].shape;
    for (int i = 0; i < shape.rank; i++) shape.dim[i] = s.count[i];
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status split_sizes(const struct infer *c, int64_t d, int64_t *sizes)
{
    const int n = c->node->n_outputs;
    if (has(c, 1)) {
        int64_t sum = 0;
        int given;
        ITX_TRY(operand_ints(&c->in[1], "split", n, sizes, &given, c->err));
        for (int i = 0; i < given; i++) {
            if (sizes[i] < 0 || sizes[i] > d)
                return itx_fail(c->err, ITX_E_RANGE, "part %d has size %" PRId64, i, sizes[i]);
            sum += sizes[i];
        }
        if (given != n || sum != d)
            return itx_fail(c->err, ITX_E_FORMAT,
                            "%d parts of together %" PRId64 " for %d outputs of %" PRId64, given,
                            sum, n, d);
        return ITX_OK;
    }
    const int64_t wanted = node_int(c->node, ATTR_NUM_OUTPUTS, n);
    if (wanted != n)
        return itx_fail(c->err, ITX_E_FORMAT, "num_outputs is %" PRId64 " for %d outputs", wanted,
                        n);
    const int64_t part = (d + n - 1) / n;
    for (int i = 0; i < n; i++) {
        const int64_t rest = d - part * i;
        sizes[i] = rest < 0 ? 0 : rest < part ? rest : part;
    }
    return ITX_OK;
}

static itx_status infer_split(const struct infer *c)
{
    struct shape shape = c->in[0].shape;
    int axis;
    if (is_pending(c, 1)) return ITX_OK;
    ITX_TRY(operand_axis(node_int(c->node, ATTR_AXIS, 0), shape.rank, &axis, c->err));
    int64_t *sizes = mem_calloc((size_t)c->node->n_outputs, sizeof *sizes);
    if (sizes == NULL) return itx_fail(c->err, ITX_E_NOMEM, "out of memory");
    itx_status status = split_sizes(c, shape.dim[axis], sizes);
    for (int i = 0; i < c->node->n_outputs && status == ITX_OK; i++) {
        shape.dim[axis] = sizes[i];
        status = set_output(c, i, c->in[0].dtype, &shape);
    }
    mem_free(sizes);
    return status;
}

static itx_status infer_squeeze(const struct infer *c)
{
    const struct shape *x = &c->in[0].shape;
    uint32_t mask, ones = 0;
    if (is_pending(c, 1)) return ITX_OK;
    for (int i = 0; i < x->rank; i++)
        if (x->dim[i] == 1) ones |= 1u << i;
    ITX_TRY(operand_axes(optional(c, 1), x->rank, ones, &mask, c->err));
    struct shape shape = {.rank = 0};
    for (int i = 0; i < x->rank; i++) {
        if ((mask >> i & 1) == 0) {
            shape.dim[shape.rank++] = x->dim[i];
        } else if (x->dim[i] != 1) {
            return itx_fail(c->err, ITX_E_FORMAT, "axis %d has size %" PRId64 ", not 1", i,
                            x->dim[i]);
        }
    }
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_unsqueeze(const struct infer *c)
{
    const struct shape *x = &c->in[0].shape;
    uint32_t mask;
    if (is_pending(c, 1)) return ITX_OK;
    const int64_t n = shape_elements(&c->in[1].shape);
    if (x->rank + n > SHAPE_MAX_RANK)
        return itx_fail(c->err, ITX_E_RANGE, "output has more than %d dimensions", SHAPE_MAX_RANK);
    struct shape shape = {.rank = x->rank + (int)n};
    ITX_TRY(operand_axes(&c->in[1], shape.rank, 0, &mask, c->err));
    for (int i = 0, k = 0; i < shape.rank; i++)
        shape.dim[i] = (mask >> i & 1) != 0 ? 1 : x->dim[k++];
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_tile(const struct infer *c)
{
    struct shape repeats, shape = c->in[0].shape;
    if (is_pending(c, 1)) return ITX_OK;
    ITX_TRY(shape_operand(c, 1, "repeats", &repeats));
    if (repeats.rank != shape.rank)
        return itx_fail(c->err, ITX_E_FORMAT, "%d repeats for rank %d", repeats.rank, shape.rank);
    for (int i = 0; i < shape.rank; i++)
        if (__builtin_mul_overflow(shape.dim[i], repeats.dim[i], &shape.dim[i]))
            return itx_fail(c->err, ITX_E_RANGE, "%" PRId64 " repeats are too many",
                            repeats.dim[i]);
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_transpose(const struct infer *c)
{
    const struct shape *x = &c->in[0].shape;
    const struct attr *perm = node_attr(c->node, ATTR_PERM);
    struct shape shape = {.rank = x->rank};
    uint32_t seen = 0;
    if (perm != NULL && perm->n_ints != x->rank)
        return itx_fail(c->err, ITX_E_FORMAT, "perm has %d numbers for rank %d", perm->n_ints,
                        x->rank);
    for (int i = 0; i < x->rank; i++) {
        const int64_t from = perm != NULL ? perm->ints[i] : x->rank - 1 - i;
        if (from < 0 || from >= x->rank || (seen >> from & 1) != 0)
            return itx_fail(c->err, ITX_E_FORMAT, "perm is no permutation of %d axes", x->rank);
        seen |= 1u << from;
        shape.dim[i] = x->dim[from];
    }
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_pad(const struct infer *c)
{
    struct padding p;
    struct shape shape = c->in[0].shape;
    if (is_pending(c, 1) || is_pending(c, 3)) return ITX_OK;
    if (has(c, 2) && (shape_elements(&c->in[2].shape) != 1 || c->in[2].dtype != c->in[0].dtype))
        return itx_fail(c->err, ITX_E_FORMAT, "the value is not a single %s",
                        dtype_name(c->in[0].dtype));
    ITX_TRY(operand_padding(&shape, &c->in[1], optional(c, 3), &p, c->err));
    for (int i = 0; i < shape.rank; i++) shape.dim[i] += p.begin[i] + p.end[i];
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_resize(const struct infer *c)
{
    struct resize r;
    for (int i = 1; i < 4; i++)
        if (is_pending(c, i)) return ITX_OK;
    ITX_TRY(resize_operands(c->node, &c->in[0].shape, optional(c, 1), optional(c, 2),
                            optional(c, 3), &r, c->err));
    return set_output(c, 0, c->in[0].dtype, &r.out);
}

/* --- sums --- */

static itx_status infer_reduce(const struct infer *c)
{
    const struct shape *x = &c->in[0].shape;
    const bool keep = node_int(c->node, ATTR_KEEPDIMS, 1) != 0;
    uint32_t mask;
    if (is_pending(c, 1)) return ITX_OK;
    ITX_TRY(operand_reduced(c->node, x, optional(c, 1), &mask, c->err));
    struct shape shape = {.rank = 0};
    for (int i = 0; i < x->rank; i++) {
        if ((mask >> i & 1) == 0) {
            shape.dim[shape.rank++] = x->dim[i];
        } else if (keep) {
            shape.dim[shape.rank++] = 1;
        }
    }
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_softmax(const struct infer *c)
{
    int axis;
    ITX_TRY(operand_axis(node_int(c->node, ATTR_AXIS, -1), c->in[0].shape.rank, &axis, c->err));
    return infer_same(c);
}

static itx_status infer_matmul(const struct infer *c)
{
    struct shape a = c->in[0].shape, b = c->in[1].shape;
    char text[2][SHAPE_TEXT_SIZE];
    ITX_TRY(check_same_dtype(c, 0, 1));
    ITX_TRY(check_rank(c, 0, 1, SHAPE_MAX_RANK));
    ITX_TRY(check_rank(c, 1, 1, SHAPE_MAX_RANK));
    /* a vector is a row on the left, a column on the right; the one is dropped again at the end */
    const bool row = a.rank == 1, column = b.rank == 1;
    if (row) a = (struct shape){.rank = 2, .dim = {1, a.dim[0]}};
    if (column) b = (struct shape){.rank = 2, .dim = {b.dim[0], 1}};
    const int64_t m = a.dim[a.rank - 2], n = b.dim[b.rank - 1];
    if (a.dim[a.rank - 1] != b.dim[b.rank - 2])
        return itx_fail(c->err, ITX_E_FORMAT, "shapes %s and %s do not multiply",
                        shape_text(&c->in[0].shape, text[0]), shape_text(&c->in[1].shape, text[1]));
    a.rank -= 2;
    b.rank -= 2;
    ITX_TRY(operand_broadcast(&a, &b, c->err));
    if (!row) a.dim[a.rank++] = m;
    if (!column) a.dim[a.rank++] = n;
    return set_output(c, 0, c->in[0].dtype, &a);
}

static itx_status infer_gemm(const struct infer *c)
{
    const struct shape *a = &c->in[0].shape, *b = &c->in[1].shape;
    char text[2][SHAPE_TEXT_SIZE];
    ITX_TRY(check_same_dtype(c, 0, 2));
    ITX_TRY(check_rank(c, 0, 2, 2));
    ITX_TRY(check_rank(c, 1, 2, 2));
    const int ta = node_int(c->node, ATTR_TRANS_A, 0) != 0;
    const int tb = node_int(c->node, ATTR_TRANS_B, 0) != 0;
    if (a->dim[1 - ta] != b->dim[tb])
        return itx_fail(c->err, ITX_E_FORMAT, "shapes %s and %s do not multiply",
                        shape_text(a, text[0]), shape_text(b, text[1]));
    struct shape shape = {.rank = 2, .dim = {a->dim[ta], b->dim[1 - tb]}};
    if (has(c, 2)) {
        struct shape sum = shape;
        ITX_TRY(operand_broadcast(&sum, &c->in[2].shape, c->err));
        if (!shape_eq(&sum, &shape))
            return itx_fail(c->err, ITX_E_FORMAT, "the summand %s is larger than the product %s",
                            shape_text(&c->in[2].shape, text[0]), shape_text(&shape, text[1]));
    }
    return set_output(c, 0, c->in[0].dtype, &shape);
}

/* --- windows --- */

static itx_status window_shape(const struct infer *c, int64_t channels, const int64_t *spatial,
                               struct shape *shape)
{
    *shape = c->in[0].shape;
    shape->dim[1] = channels;
    memcpy(&shape->dim[2], spatial, (size_t)(shape->rank - 2) * sizeof *spatial);
    return ITX_OK;
}

/* x and w of Conv and ConvTranspose: channels of x against w.dim[c_dim], which counts a group's. */
static itx_status check_weights(const struct infer *c, int x_dim, int64_t *groups)
{
    const struct shape *x = &c->in[0].shape, *w = &c->in[1].shape;
    char text[2][SHAPE_TEXT_SIZE];
    ITX_TRY(check_same_dtype(c, 0, 3));
    ITX_TRY(check_rank(c, 0, 3, SHAPE_MAX_RANK));
    *groups = node_int(c->node, ATTR_GROUP, 1);
    if (w->rank != x->rank || *groups < 1 || *groups > OPERAND_LIMIT || w->dim[0] < 1 ||
        w->dim[1] < 1 || w->dim[0] % *groups != 0 ||
        x->dim[1] != (x_dim == 1 ? w->dim[1] * *groups : w->dim[0]))
        return itx_fail(c->err, ITX_E_FORMAT,
                        "weights %s in %" PRId64 " groups do not fit the input %s",
                        shape_text(w, text[0]), *groups, shape_text(x, text[1]));
    return ITX_OK;
}

static itx_status infer_conv(const struct infer *c)
{
    struct window w;
    struct shape shape;
    int64_t groups, spatial[WINDOW_MAX_DIMS];
    char text[2][SHAPE_TEXT_SIZE];
    ITX_TRY(check_weights(c, 1, &groups));
    ITX_TRY(check_vector(c, 2, c->in[1].shape.dim[0], "bias"));
    ITX_TRY(operand_window(c->node, &c->in[0].shape, &c->in[1].shape.dim[2], &w, spatial, c->err));
    ITX_TRY(window_shape(c, c->in[1].shape.dim[0], spatial, &shape));
    if (has(c, 3) && !shape_eq(&shape, &c->in[3].shape))
        return itx_fail(c->err, ITX_E_FORMAT, "the residual %s does not fit the output %s",
                        shape_text(&c->in[3].shape, text[0]), shape_text(&shape, text[1]));
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_conv_transpose(const struct infer *c)
{
    struct window w;
    struct shape shape;
    int64_t groups, spatial[WINDOW_MAX_DIMS];
    ITX_TRY(check_weights(c, 0, &groups));
    const int64_t channels = c->in[1].shape.dim[1] * groups;
    ITX_TRY(check_vector(c, 2, channels, "bias"));
    ITX_TRY(operand_transposed_window(c->node, &c->in[0].shape, &c->in[1].shape.dim[2], &w, spatial,
                                      c->err));
    ITX_TRY(window_shape(c, channels, spatial, &shape));
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_pool(const struct infer *c)
{
    struct window w;
    struct shape shape;
    int64_t spatial[WINDOW_MAX_DIMS];
    ITX_TRY(operand_window(c->node, &c->in[0].shape, NULL, &w, spatial, c->err));
    ITX_TRY(window_shape(c, c->in[0].shape.dim[1], spatial, &shape));
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_global_pool(const struct infer *c)
{
    struct shape shape = c->in[0].shape;
    ITX_TRY(check_rank(c, 0, 2, SHAPE_MAX_RANK));
    for (int i = 2; i < shape.rank; i++) shape.dim[i] = 1;
    return set_output(c, 0, c->in[0].dtype, &shape);
}

static itx_status infer_batch_norm(const struct infer *c)
{
    static const char *const names[] = {"", "scale", "bias", "mean", "variance"};
    ITX_TRY(check_rank(c, 0, 2, SHAPE_MAX_RANK));
    ITX_TRY(check_same_dtype(c, 0, 4));
    for (int i = 1; i < 5; i++) ITX_TRY(check_vector(c, i, c->in[0].shape.dim[1], names[i]));
    return infer_same(c);
}

static itx_status infer_attention(const struct infer *c)
{
    const struct shape *q = &c->in[0].shape, *v = &c->in[2].shape;
    const int64_t heads = node_int(c->node, ATTR_HEADS, 1);
    ITX_TRY(check_same_dtype(c, 0, 2));
    ITX_TRY(check_rank(c, 0, 4, 4));
    ITX_TRY(check_rank(c, 2, 4, 4));
    if (!shape_eq(q, &c->in[1].shape) || q->dim[0] != v->dim[0] || q->dim[2] != v->dim[2] ||
        q->dim[3] != v->dim[3] || heads < 1 || q->dim[1] % heads != 0 || v->dim[1] % heads != 0)
        return itx_fail(c->err, ITX_E_FORMAT,
                        "queries, keys and values do not fit %" PRId64 " heads", heads);
    return set_output(c, 0, c->in[2].dtype, v);
}

static infer_fn *const infer_table[OP_COUNT] = {
    [OP_ABS] = infer_same,
    [OP_ADD] = infer_broadcast,
    [OP_AVERAGE_POOL] = infer_pool,
    [OP_BATCH_NORM] = infer_batch_norm,
    [OP_CAST] = infer_cast,
    [OP_CEIL] = infer_same,
    [OP_CLIP] = infer_clip,
    [OP_CONCAT] = infer_concat,
    [OP_CONSTANT_OF_SHAPE] = infer_constant_of_shape,
    [OP_CONV] = infer_conv,
    [OP_CONV_TRANSPOSE] = infer_conv_transpose,
    [OP_DEQUANTIZE_LINEAR] = infer_dequantize,
    [OP_DIV] = infer_broadcast,
    [OP_ELU] = infer_same,
    [OP_EQUAL] = infer_compare,
    [OP_ERF] = infer_same,
    [OP_EXP] = infer_same,
    [OP_EXPAND] = infer_expand,
    [OP_FLATTEN] = infer_flatten,
    [OP_FLOOR] = infer_same,
    [OP_GATHER] = infer_gather,
    [OP_GEMM] = infer_gemm,
    [OP_GLOBAL_AVERAGE_POOL] = infer_global_pool,
    [OP_GLOBAL_MAX_POOL] = infer_global_pool,
    [OP_GREATER] = infer_compare,
    [OP_HARD_SIGMOID] = infer_same,
    [OP_HARD_SWISH] = infer_same,
    [OP_IDENTITY] = infer_same,
    [OP_LEAKY_RELU] = infer_same,
    [OP_LESS] = infer_compare,
    [OP_LOG] = infer_same,
    [OP_MATMUL] = infer_matmul,
    [OP_MAX] = infer_broadcast,
    [OP_MAX_POOL] = infer_pool,
    [OP_MIN] = infer_broadcast,
    [OP_MUL] = infer_broadcast,
    [OP_NEG] = infer_same,
    [OP_PAD] = infer_pad,
    [OP_POW] = infer_pow,
    [OP_PRELU] = infer_prelu,
    [OP_QUANTIZE_LINEAR] = infer_quantize,
    [OP_RANGE] = infer_range,
    [OP_RECIPROCAL] = infer_same,
    [OP_REDUCE_MAX] = infer_reduce,
    [OP_REDUCE_MEAN] = infer_reduce,
    [OP_REDUCE_MIN] = infer_reduce,
    [OP_REDUCE_SUM] = infer_reduce,
    [OP_RELU] = infer_same,
    [OP_RESHAPE] = infer_reshape,
    [OP_RESIZE] = infer_resize,
    [OP_ROUND] = infer_same,
    [OP_SHAPE] = infer_shape,
    [OP_SIGMOID] = infer_same,
    [OP_SLICE] = infer_slice,
    [OP_SOFTMAX] = infer_softmax,
    [OP_SOFTPLUS] = infer_same,
    [OP_SPLIT] = infer_split,
    [OP_SQRT] = infer_same,
    [OP_SQUEEZE] = infer_squeeze,
    [OP_SUB] = infer_broadcast,
    [OP_TANH] = infer_same,
    [OP_TILE] = infer_tile,
    [OP_TRANSPOSE] = infer_transpose,
    [OP_UNSQUEEZE] = infer_unsqueeze,
    [OP_WHERE] = infer_where,
    [OP_SILU] = infer_same,
    [OP_ATTENTION] = infer_attention,
};

bool graph_can_infer(enum op op)
{
    return infer_table[op] != NULL;
}

/* Present inputs with a known shape only; refuses sizes that would overflow later. */
static itx_status check_inputs(const struct node *n, const struct tensor *in, bool *known,
                               struct itx_error *err)
{
    const struct op_info *info = op_info(n->op);
    char text[SHAPE_TEXT_SIZE];
    if (n->n_inputs < info->min_inputs || n->n_inputs > info->max_inputs ||
        n->n_outputs < info->min_outputs || n->n_outputs > info->max_outputs)
        return itx_fail(err, ITX_E_FORMAT, "%d inputs and %d outputs are not what it takes",
                        n->n_inputs, n->n_outputs);
    *known = true;
    for (int i = 0; i < n->n_inputs; i++) {
        if (!operand_present(n, i)) {
            if (i < info->min_inputs || info->max_inputs > 5)
                return itx_fail(err, ITX_E_FORMAT, "input %d is missing", i);
            continue;
        }
        if (in[i].shape.rank < 0 || in[i].dtype == DTYPE_NONE) {
            *known = false;
            continue;
        }
        bool fits = shape_elements(&in[i].shape) >= 0;
        for (int k = 0; k < in[i].shape.rank; k++)
            fits = fits && in[i].shape.dim[k] >= 0 && in[i].shape.dim[k] <= SHAPE_MAX_ELEMENTS;
        if (!fits)
            return itx_fail(err, ITX_E_RANGE, "input %d has the shape %s", i,
                            shape_text(&in[i].shape, text));
    }
    return ITX_OK;
}

itx_status operand_infer(const struct node *n, const struct tensor *in, struct tensor *out,
                         struct itx_error *err)
{
    const struct infer c = {n, in, out, err};
    bool known = false;
    for (int i = 0; i < n->n_outputs; i++)
        out[i] = (struct tensor){.dtype = DTYPE_NONE, .shape = {.rank = -1}};
    if (!graph_can_infer(n->op))
        return itx_fail(err, ITX_E_UNSUPPORTED, "no rule tells the shape of its result");
    ITX_TRY(check_inputs(n, in, &known, err));
    return known ? infer_table[n->op](&c) : ITX_OK;
}
