/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations that rearrange elements, of any type.
 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "graph/eval.h"
#include "graph/operands.h"

/* n elements of `size` bytes, `stride` elements apart in src, dense in dst. */
static void copy_row(uint8_t *dst, const uint8_t *src, size_t size, int64_t stride, int64_t n)
{
    if (stride == 1) {
        memcpy(dst, src, (size_t)n * size);
        return;
    }
    const ptrdiff_t step = (ptrdiff_t)stride * (ptrdiff_t)size;
    switch (size) {
    case 4: /* of constant size, a copy is one move */
        for (int64_t i = 0; i < n; i++) memcpy(dst + 4 * i, src + i * step, 4);
        break;
    case 8:
        for (int64_t i = 0; i < n; i++) memcpy(dst + 8 * i, src + i * step, 8);
        break;
    default:
        for (int64_t i = 0; i < n; i++) memcpy(dst + (size_t)i * size, src + i * step, size);
    }
}

/* Walks `out` in order, reading `in` with these strides from `offset` on. */
static void copy_strided(const struct tensor *in, const struct tensor *out, const int64_t *stride,
                         int64_t offset)
{
    const size_t size = (size_t)dtype_size(out->dtype);
    uint8_t *dst = out->data;
    struct walk w;
    walk_init(&w, &out->shape);
    walk_strides(&w, 0, stride, offset);
    for (bool more = walk_first(&w); more; more = walk_next(&w)) {
        copy_row(dst, (const uint8_t *)in->data + (size_t)w.offset[0] * size, size, w.row_stride[0],
                 w.row);
        dst += (size_t)w.row * size;
    }
}

itx_status eval_copy(const struct eval *c)
{
    const size_t n = (size_t)shape_elements(&c->out[0].shape);
    if (n != 0) memcpy(c->out[0].data, c->in[0].data, n * (size_t)dtype_size(c->out[0].dtype));
    return ITX_OK;
}

itx_status eval_transpose(const struct eval *c)
{
    const struct attr *perm = node_attr(c->node, ATTR_PERM);
    const int rank = c->in[0].shape.rank;
    int64_t own[SHAPE_MAX_RANK], stride[SHAPE_MAX_RANK];
    dense_strides(&c->in[0].shape, own);
    for (int i = 0; i < rank; i++) stride[i] = own[perm != NULL ? perm->ints[i] : rank - 1 - i];
    copy_strided(&c->in[0], &c->out[0], stride, 0);
    return ITX_OK;
}

itx_status eval_slice(const struct eval *c)
{
    struct slice s;
    const struct node *n = c->node;
    int64_t stride[SHAPE_MAX_RANK], offset = 0;
    ITX_TRY(operand_slice(&c->in[0].shape, &c->in[1], &c->in[2],
                          operand_present(n, 3) ? &c->in[3] : NULL,
                          operand_present(n, 4) ? &c->in[4] : NULL, &s, c->err));
    dense_strides(&c->in[0].shape, stride);
    for (int i = 0; i < c->in[0].shape.rank; i++) {
        offset += s.start[i] * stride[i];
        stride[i] *= s.count[i] > 1 ? s.step[i] : 1;
    }
    copy_strided(&c->in[0], &c->out[0], stride, offset);
    return ITX_OK;
}

itx_status eval_expand(const struct eval *c)
{
    const struct shape *x = &c->in[0].shape;
    const int lead = c->out[0].shape.rank - x->rank;
    int64_t own[SHAPE_MAX_RANK], stride[SHAPE_MAX_RANK] = {0};
    dense_strides(x, own);
    for (int i = 0; i < x->rank; i++)
        if (x->dim[i] != 1) stride[lead + i] = own[i];
    copy_strided(&c->in[0], &c->out[0], stride, 0);
    return ITX_OK;
}

/* Elements before (outer) and after (inner) an axis. */
static void around_axis(const struct shape *s, int axis, size_t *outer, size_t *inner)
{
    *outer = *inner = 1;
    for (int i = 0; i < axis; i++) *outer *= (size_t)s->dim[i];
    for (int i = axis + 1; i < s->rank; i++) *inner *= (size_t)s->dim[i];
}

/* Concat and Split are one loop: blocks between one whole tensor and parts along an axis. */
static itx_status copy_parts(const struct eval *c, const struct tensor *whole,
                             const struct tensor *parts, int n_parts, bool is_split)
{
    size_t outer, inner, at = 0;
    int axis;
    ITX_TRY(operand_axis(node_int(c->node, ATTR_AXIS, is_split ? 0 : 1), whole->shape.rank, &axis,
                         c->err));
    around_axis(&whole->shape, axis, &outer, &inner);
    const size_t size = (size_t)dtype_size(whole->dtype);
    const size_t pitch = (size_t)whole->shape.dim[axis] * inner * size;
    for (int i = 0; i < n_parts; i++) {
        const size_t block = (size_t)parts[i].shape.dim[axis] * inner * size;
        for (size_t o = 0; o < outer && block != 0; o++) {
            uint8_t *a = (uint8_t *)whole->data + o * pitch + at;
            uint8_t *b = (uint8_t *)parts[i].data + o * block;
            if (is_split) {
                memcpy(b, a, block);
            } else {
                memcpy(a, b, block);
            }
        }
        at += block;
    }
    return ITX_OK;
}

itx_status eval_concat(const struct eval *c)
{
    return copy_parts(c, &c->out[0], c->in, c->node->n_inputs, false);
}

itx_status eval_split(const struct eval *c)
{
    return copy_parts(c, &c->in[0], c->out, c->node->n_outputs, true);
}

itx_status eval_gather(const struct eval *c)
{
    const struct tensor *x = &c->in[0], *indices = &c->in[1];
    const int64_t n = shape_elements(&indices->shape);
    size_t outer, inner;
    int axis;
    ITX_TRY(operand_axis(node_int(c->node, ATTR_AXIS, 0), x->shape.rank, &axis, c->err));
    around_axis(&x->shape, axis, &outer, &inner);
    const int64_t d = x->shape.dim[axis];
    const size_t block = inner * (size_t)dtype_size(x->dtype);
    uint8_t *dst = c->out[0].data;
    for (size_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < n; i++) {
            int64_t k;
            row_get_integer(indices, i, 1, 1, &k);
            if (k < -d || k >= d)
                return itx_fail(c->err, ITX_E_RANGE,
                                "index %" PRId64 " is outside of a dimension of %" PRId64, k, d);
            const size_t from = o * (size_t)d + (size_t)(k < 0 ? k + d : k);
            if (block != 0) memcpy(dst, (const uint8_t *)x->data + from * block, block);
            dst += block;
        }
    return ITX_OK;
}

/* --- by maps --- */

int64_t *eval_new_maps(const struct shape *out)
{
    size_t n = 0;
    for (int i = 0; i < out->rank; i++)
        if (!size_add(n, (size_t)out->dim[i], &n)) return NULL;
    return mem_calloc(n + 1, sizeof(int64_t));
}

/* Do n numbers follow one another? */
static bool is_run(const int64_t *map, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (map[i] < 0 || map[i] != map[0] + i) return false;
    return true;
}

/* Counts `index` up in the dimensions before the last; false at the end. */
static bool next_row(const struct shape *s, int64_t *index)
{
    for (int i = s->rank - 2; i >= 0; i--) {
        if (++index[i] < s->dim[i]) return true;
        index[i] = 0;
    }
    return false;
}

void eval_by_maps(const struct tensor *in, const struct tensor *out, const int64_t *maps,
                  const void *fill)
{
    const size_t size = (size_t)dtype_size(out->dtype);
    const int rank = out->shape.rank;
    int64_t stride[SHAPE_MAX_RANK], index[SHAPE_MAX_RANK] = {0};
    const int64_t *map[SHAPE_MAX_RANK + 1] = {maps};
    uint8_t *dst = out->data;
    if (shape_elements(&out->shape) == 0) return;
    if (rank == 0) {
        memcpy(dst, in->data, size);
        return;
    }
    dense_strides(&in->shape, stride);
    for (int i = 0; i < rank; i++) map[i + 1] = map[i] + out->shape.dim[i];
    const int64_t n = out->shape.dim[rank - 1];
    const int64_t *last = map[rank - 1];
    const bool whole_rows = is_run(last, n);
    do {
        int64_t offset = 0;
        bool outside = false;
        for (int i = 0; i < rank - 1; i++) {
            const int64_t k = map[i][index[i]];
            outside = outside || k < 0;
            offset += k * stride[i];
        }
        if (whole_rows && !outside) {
            memcpy(dst, (const uint8_t *)in->data + (size_t)(offset + last[0]) * size,
                   (size_t)n * size);
            dst += (size_t)n * size;
            continue;
        }
        for (int64_t i = 0; i < n; i++, dst += size)
            memcpy(dst,
                   outside || last[i] < 0 ? fill
                                          : (const void *)((const uint8_t *)in->data +
                                                           (size_t)(offset + last[i]) * size),
                   size);
    } while (next_row(&out->shape, index));
}

itx_status eval_tile(const struct eval *c)
{
    const struct shape *x = &c->in[0].shape, *y = &c->out[0].shape;
    int64_t *maps = eval_new_maps(y), *map = maps;
    if (maps == NULL) return itx_fail(c->err, ITX_E_NOMEM, "out of memory");
    for (int k = 0; k < y->rank; k++)
        for (int64_t i = 0; i < y->dim[k]; i++) *map++ = i % x->dim[k];
    eval_by_maps(&c->in[0], &c->out[0], maps, NULL);
    mem_free(maps);
    return ITX_OK;
}

enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };

/* Index into a dimension of d elements for position i, which may lie outside; -1: the constant. */
static int64_t pad_source(enum pad_mode mode, int64_t i, int64_t d)
{
    if (i >= 0 && i < d) return i;
    switch (mode) {
    case PAD_CONSTANT:
        return -1;
    case PAD_EDGE:
        return i < 0 ? 0 : d - 1;
    case PAD_WRAP:
        return (i % d + d) % d;
    case PAD_REFLECT: {
        const int64_t period = d > 1 ? 2 * (d - 1) : 1;
        const int64_t k = (i % period + period) % period;
        return k < d ? k : period - k;
    }
    }
    ITX_BUG();
}

itx_status eval_pad(const struct eval *c)
{
    static const char *const names[] = {"constant", "reflect", "edge", "wrap"};
    static const uint8_t zero[8];
    const struct shape *x = &c->in[0].shape, *y = &c->out[0].shape;
    const char *text = node_text(c->node, ATTR_MODE, names[0]);
    struct padding p;
    size_t mode = 0;
    while (mode < ARRAY_LEN(names) && strcmp(text, names[mode]) != 0) mode++;
    if (mode == ARRAY_LEN(names))
        return itx_fail(c->err, ITX_E_UNSUPPORTED, "mode '%s' is unknown", text);
    ITX_TRY(
        operand_padding(x, &c->in[1], operand_present(c->node, 3) ? &c->in[3] : NULL, &p, c->err));
    for (int k = 0; k < x->rank; k++)
        if (x->dim[k] == 0 && y->dim[k] != 0 && mode != PAD_CONSTANT)
            return itx_fail(c->err, ITX_E_RANGE, "nothing to repeat along empty dimension %d", k);
    int64_t *maps = eval_new_maps(y), *map = maps;
    if (maps == NULL) return itx_fail(c->err, ITX_E_NOMEM, "out of memory");
    for (int k = 0; k < y->rank; k++)
        for (int64_t i = 0; i < y->dim[k]; i++)
            *map++ = pad_source((enum pad_mode)mode, i - p.begin[k], x->dim[k]);
    eval_by_maps(&c->in[0], &c->out[0], maps,
                 operand_present(c->node, 2) ? c->in[2].data : (const void *)zero);
    mem_free(maps);
    return ITX_OK;
}
