/* SPDX-License-Identifier: Apache-2.0
 *
 * Buffers of values: which layouts exist, how long each is in use, where it lies.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "float/internal.h"

#define BUFFER_ALIGN 64

size_t value_size(const struct graph *g, value_id v)
{
    const struct value *value = graph_value(g, v);
    return (size_t)shape_elements(&value->shape) * (size_t)dtype_size(value->dtype);
}

bool has_layout(const struct float_exec *e, value_id v, enum layout layout)
{
    return e->buffers.data[v * 2 + (buffer_id)layout].kind != BUFFER_NONE;
}

buffer_id new_buffer(struct float_exec *e, value_id v, enum layout layout)
{
    const buffer_id id = v * 2 + (buffer_id)layout;
    const int now = (int)e->steps.len;
    e->buffers.data[id] = (struct buffer){
        .kind = BUFFER_PLANNED, .first = now, .last = now, .size = value_size(e->g, v)};
    return id;
}

itx_status new_temporary(struct float_exec *e, size_t size, buffer_id *id, struct itx_error *err)
{
    const int now = (int)e->steps.len;
    *id = (buffer_id)e->buffers.len;
    return vec_push(
               &e->buffers,
               (struct buffer){.kind = BUFFER_PLANNED, .first = now, .last = now, .size = size})
               ? ITX_OK
               : out_of_memory(err);
}

itx_status need_buffer(struct float_exec *e, value_id v, enum layout layout, buffer_id *id,
                       struct itx_error *err)
{
    *id = v * 2 + (buffer_id)layout;
    if (has_layout(e, v, layout)) return ITX_OK;
    const enum layout other = layout == LAYOUT_PLAIN ? LAYOUT_NHWC : LAYOUT_PLAIN;
    const struct value *value = graph_value(e->g, v);
    const buffer_id from = v * 2 + (buffer_id)other;
    const dnnl_memory_desc_t from_desc = layout_desc(&value->shape, other);
    const dnnl_memory_desc_t to_desc = layout_desc(&value->shape, layout);
    struct primitive *p;
    if (!has_layout(e, v, other) || value->dtype != DTYPE_F32)
        return itx_fail(err, ITX_E_INTERNAL, "value '%s' is used before it is computed",
                        value->name);
    new_buffer(e, v, layout);
    ITX_TRY(new_reorder(e, &from_desc, &to_desc, &p, err));
    ITX_TRY(bind_buffer(e, p, DNNL_ARG_FROM, &from_desc, from, err));
    ITX_TRY(bind_buffer(e, p, DNNL_ARG_TO, &to_desc, *id, err));
    return add_primitive(e, p, err);
}

void *buffer_data(const struct float_exec *e, buffer_id id)
{
    const struct buffer *b = &e->buffers.data[id];
    switch (b->kind) {
    case BUFFER_PLANNED:
        return e->memory + b->offset;
    /* both are only read; one pointer type serves tensors that are written, too */
    case BUFFER_CONSTANT:
        return (void *)b->constant;
    case BUFFER_INPUT:
        return (void *)e->inputs[b->input];
    case BUFFER_WATCHED:
        return e->watched;
    case BUFFER_NONE:
        break;
    }
    ITX_BUG();
}

itx_status add_step(struct float_exec *e, step_fn *run, void *data, struct itx_error *err)
{
    return vec_push(&e->steps, (struct step){run, data}) ? ITX_OK : out_of_memory(err);
}

void step_touches(struct float_exec *e, buffer_id id)
{
    e->buffers.data[id].last = (int)e->steps.len - 1;
}

struct placed {
    size_t begin, end;
};

static int by_begin(const void *a, const void *b)
{
    const struct placed *pa = a, *pb = b;
    return pa->begin < pb->begin ? -1 : pa->begin > pb->begin;
}

/* The lowest gap of `size` bytes between the buffers before `id` that are in use at the same time. */
static size_t find_place(const struct float_exec *e, buffer_id id, struct placed *busy)
{
    const struct buffer *b = &e->buffers.data[id];
    const size_t size = size_align(b->size, BUFFER_ALIGN);
    size_t n = 0, at = 0;
    for (buffer_id i = 0; i < id; i++) {
        const struct buffer *o = &e->buffers.data[i];
        if (o->kind == BUFFER_PLANNED && o->first <= b->last && b->first <= o->last)
            busy[n++] = (struct placed){o->offset, o->offset + size_align(o->size, BUFFER_ALIGN)};
    }
    if (n != 0) qsort(busy, n, sizeof *busy, by_begin);
    for (size_t i = 0; i < n && busy[i].begin < at + size; i++)
        if (busy[i].end > at) at = busy[i].end;
    return at;
}

itx_status plan_buffers(struct float_exec *e, struct itx_error *err)
{
    struct placed *busy = mem_calloc(e->buffers.len, sizeof *busy);
    if (busy == NULL) return out_of_memory(err);
    e->memory_size = 0;
    for (buffer_id i = 0; i < e->buffers.len; i++) {
        struct buffer *b = &e->buffers.data[i];
        if (b->kind != BUFFER_PLANNED) continue;
        b->offset = find_place(e, i, busy);
        const size_t end = b->offset + size_align(b->size, BUFFER_ALIGN);
        if (end > e->memory_size) e->memory_size = end;
    }
    mem_free(busy);
    e->memory = mem_alloc_aligned(BUFFER_ALIGN, e->memory_size + BUFFER_ALIGN);
    e->scratch = mem_alloc_aligned(BUFFER_ALIGN, e->scratch_size + BUFFER_ALIGN);
    e->watched = mem_alloc_aligned(BUFFER_ALIGN, e->observe_size + BUFFER_ALIGN);
    return e->memory != NULL && e->scratch != NULL && e->watched != NULL ? ITX_OK
                                                                         : out_of_memory(err);
}
