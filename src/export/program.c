/* SPDX-License-Identifier: Apache-2.0
 *
 * From inputs through the steps to the outputs. A buffer of the plan is a set of tensors that steps write and others read in
 * other divisions: what was written is joined and cut as it is read.
 */
#include "export/program.h"

#include <math.h>

#include "base/mem.h"

int32_t tensor_zero(const struct plan_tensor *t, int channel)
{
    return t->zero_point[t->n_quant > 1 ? channel : 0];
}

static int first_channel(const struct plan_tensor *t)
{
    return (int)(t->offset / (uint64_t)dtype_size(t->dtype));
}

/* --- quantising --- */

static value_id zero_points(struct program *p, const struct plan_tensor *t, bool is_single)
{
    int8_t *data = arena_calloc(&p->g->arena, (size_t)t->n_quant, 1);
    const struct shape shape = {.rank = is_single ? 0 : 1, .dim = {t->n_quant}};
    if (data == NULL) {
        program_check(p, itx_fail(p->err, ITX_E_NOMEM, "out of memory"));
        return 0;
    }
    for (int i = 0; i < t->n_quant; i++) data[i] = (int8_t)t->zero_point[i];
    return constant(p, "zero_point", DTYPE_S8, &shape, data);
}

/* One in all, or one for each channel: numbers of the tensor's scale, or ones. */
static value_id scales(struct program *p, const struct plan_tensor *t, bool is_single, bool is_real)
{
    const struct shape shape = {.rank = is_single ? 0 : 1, .dim = {t->n_quant}};
    if (is_real) return constant(p, "scale", DTYPE_F32, &shape, t->scale);
    if (is_single) return p->one;
    float *data = arena_calloc(&p->g->arena, (size_t)t->n_quant, sizeof *data);
    if (data == NULL) {
        program_check(p, itx_fail(p->err, ITX_E_NOMEM, "out of memory"));
        return 0;
    }
    for (int i = 0; i < t->n_quant; i++) data[i] = 1;
    return constant(p, "ones", DTYPE_F32, &shape, data);
}

enum steps { STEPS_OF_ONE, STEPS_OF_SCALE };

/* QuantizeLinear or DequantizeLinear along this axis. */
static value_id linear(struct program *p, enum op op, value_id x, const struct plan_tensor *t,
                       enum steps steps, int axis)
{
    bool is_single = steps == STEPS_OF_ONE || t->n_quant == 1;
    for (int i = 1; i < t->n_quant; i++)
        is_single = is_single && t->zero_point[i] == t->zero_point[0];
    const value_id in[] = {x, scales(p, t, is_single, steps == STEPS_OF_SCALE),
                           t->dtype == DTYPE_S8 ? zero_points(p, t, is_single) : 0};
    const value_id v = emit(p, op, op_info(op)->name, 3, in);
    if (!is_single) set_int(p, ATTR_AXIS, axis);
    infer_last(p);
    return v;
}

value_id quantize(struct program *p, value_id x, const struct plan_tensor *t)
{
    return linear(p, OP_QUANTIZE_LINEAR, x, t, STEPS_OF_ONE, 1);
}

/* --- tensors --- */

void program_write(struct program *p, uint32_t tensor, value_id v)
{
    const struct plan_tensor *const t = &p->plan->tensors[tensor];
    const struct written w = {t->buffer, first_channel(t), t->c, v};
    if (p->rc == ITX_OK && !vec_push(&p->written, w))
        p->rc = itx_fail(p->err, ITX_E_NOMEM, "out of memory");
}

static value_id cut(struct program *p, value_id v, int from, int end)
{
    const value_id in[] = {v, constant_ints(p, "start", 1, (const int64_t[]){from}),
                           constant_ints(p, "end", 1, (const int64_t[]){end}),
                           constant_ints(p, "axis", 1, (const int64_t[]){1})};
    const value_id out = emit(p, OP_SLICE, "Slice", 4, in);
    infer_last(p);
    return out;
}

/* The part of [from, end) of a buffer's channels that begins at `from` and was written by one step. */
static value_id piece(struct program *p, uint32_t buffer, int from, int end, int *next)
{
    for (size_t i = p->written.len; i-- > 0 && p->rc == ITX_OK;) {
        const struct written *const w = &p->written.data[i];
        if (w->buffer != buffer || from < w->channel || from >= w->channel + w->c) continue;
        *next = end < w->channel + w->c ? end : w->channel + w->c;
        if (from == w->channel && *next == w->channel + w->c) return w->value;
        return cut(p, w->value, from - w->channel, *next - w->channel);
    }
    program_check(p, itx_fail(p->err, ITX_E_FORMAT, "%s is read before it is written", p->base));
    *next = end;
    return 0;
}

static value_id gather_pieces(struct program *p, const struct plan_tensor *t)
{
    const int end = first_channel(t) + t->c;
    VEC(value_id) parts = {0};
    for (int at = first_channel(t); at < end && p->rc == ITX_OK;)
        if (!vec_push(&parts, piece(p, t->buffer, at, end, &at)))
            program_check(p, itx_fail(p->err, ITX_E_NOMEM, "out of memory"));
    value_id v = parts.len != 0 ? parts.data[0] : 0;
    if (parts.len > 1) {
        v = emit(p, OP_CONCAT, "Concat", (int)parts.len, parts.data);
        set_int(p, ATTR_AXIS, 1);
        infer_last(p);
    }
    vec_release(&parts);
    if (p->rc != ITX_OK) return 0;
    const struct shape *const s = &graph_value(p->g, v)->shape;
    if (s->dim[2] == t->h && s->dim[3] == t->w) return v;
    return emit_reshape(p, "Reshape", v, (const int64_t[]){1, t->c, t->h, t->w});
}

value_id program_stored(struct program *p, uint32_t tensor)
{
    const char *const base = p->base;
    if (p->stored[tensor] == 0) {
        p->base = p->plan->tensors[tensor].name;
        p->stored[tensor] = gather_pieces(p, &p->plan->tensors[tensor]);
        p->base = base;
    }
    return p->stored[tensor];
}

value_id program_centred(struct program *p, uint32_t tensor)
{
    const struct plan_tensor *const t = &p->plan->tensors[tensor];
    const value_id stored = program_stored(p, tensor);
    const char *const base = p->base;
    if (p->centred[tensor] == 0) {
        p->base = t->name;
        p->centred[tensor] = t->dtype == DTYPE_S8
                                 ? linear(p, OP_DEQUANTIZE_LINEAR, stored, t, STEPS_OF_ONE, 1)
                                 : stored;
        p->base = base;
    }
    return p->centred[tensor];
}

/* --- digits --- */

#define EXACT_SUM 16777216.0 /* 2^24 */

struct digits program_digits(struct program *p, value_id x, double reach, double sum)
{
    struct digits d = {.base = 1};
    if (reach * sum > EXACT_SUM)
        while ((double)(2 * d.base - 1) * sum <= EXACT_SUM) d.base *= 2;
    for (; reach * sum > EXACT_SUM && d.base > 1 && d.n < MAX_DIGITS - 1 && p->rc == ITX_OK;
         d.n++) {
        const value_id part =
            emit2(p, OP_MUL, "digit_of", x, constant_float(p, "1/base", 1 / (float)d.base));
        const value_id rest = emit1(p, OP_FLOOR, "upper", part);
        const value_id back =
            emit2(p, OP_MUL, "upper_base", rest, constant_float(p, "base", (float)d.base));
        d.digit[d.n] = emit2(p, OP_SUB, "lower", x, back);
        x = rest;
        reach = ceil(reach / (double)d.base);
    }
    if (reach * sum > EXACT_SUM && p->rc == ITX_OK)
        p->rc = itx_fail(p->err, ITX_E_UNSUPPORTED,
                         "%s: its sums are too large to be exact in float32", p->base);
    d.digit[d.n++] = x;
    return d;
}

value_id program_sum_digits(struct program *p, const struct digits *d, const value_id *products,
                            enum dtype dtype)
{
    const double base = (double)d->base;
    value_id sum = emit_cast(p, "exact", products[d->n - 1], dtype);
    for (int i = d->n - 2; i >= 0; i--) {
        const value_id upper =
            emit2(p, OP_MUL, "upper_sum", sum, constant_channels(p, "base", dtype, 1, &base));
        sum = emit2(p, OP_ADD, "sum", upper, emit_cast(p, "exact", products[i], dtype));
    }
    return sum;
}

/* --- steps --- */

/* In float between a DequantizeLinear and a QuantizeLinear, which is how integer pooling is written in ONNX. */
static value_id max_pool(struct program *p)
{
    const struct plan_step *const s = p->step;
    const bool is_narrow = p->plan->tensors[s->in[0]].dtype == DTYPE_S8;
    const int64_t kernel[] = {s->kernel[0], s->kernel[1]}, stride[] = {s->stride[0], s->stride[1]};
    const int64_t pads[] = {s->pad[0], s->pad[1], s->pad[2], s->pad[3]};
    value_id x = program_stored(p, s->in[0]);
    if (is_narrow)
        x = emit(p, OP_DEQUANTIZE_LINEAR, "DequantizeLinear", 3,
                 (const value_id[]){x, p->one, p->zero});
    infer_last(p);
    x = emit(p, OP_MAX_POOL, NULL, 1, &x);
    set_ints(p, ATTR_KERNEL_SHAPE, 2, kernel);
    set_ints(p, ATTR_PADS, 4, pads);
    set_ints(p, ATTR_STRIDES, 2, stride);
    infer_last(p);
    if (is_narrow)
        x = emit(p, OP_QUANTIZE_LINEAR, "QuantizeLinear", 3,
                 (const value_id[]){x, p->one, p->zero});
    infer_last(p);
    return x;
}

static value_id upsample(struct program *p)
{
    const struct plan_step *const s = p->step;
    const float scales[] = {1, 1, (float)s->stride[0], (float)s->stride[1]};
    const value_id factors =
        constant(p, "scales", DTYPE_F32, &(struct shape){.rank = 1, .dim = {4}}, scales);
    const value_id v =
        emit(p, OP_RESIZE, NULL, 3, (const value_id[]){program_stored(p, s->in[0]), 0, factors});
    set_text(p, ATTR_COORDINATE_MODE, "asymmetric");
    set_text(p, ATTR_MODE, "nearest");
    set_text(p, ATTR_NEAREST_MODE, "floor");
    infer_last(p);
    return v;
}

/* Stored numbers below 0 count from the table's end, as ONNX and the plan both have it. */
static value_id look_up(struct program *p)
{
    const struct plan_step *const s = p->step;
    const value_id table =
        constant(p, "table", DTYPE_S8, &(struct shape){.rank = 1, .dim = {256}}, s->table);
    return emit2(p, OP_GATHER, NULL, table,
                 emit_cast(p, "index", program_stored(p, s->in[0]), DTYPE_S32));
}

static value_id run_step(struct program *p)
{
    switch (p->step->kind) {
    case STEP_CONV:
    case STEP_DWCONV:
    case STEP_DECONV:
        return program_epilogue(p, program_conv(p));
    case STEP_MAXPOOL:
        return max_pool(p);
    case STEP_UPSAMPLE:
        return upsample(p);
    case STEP_COPY:
        return program_stored(p, p->step->in[0]);
    case STEP_ADD:
        return program_add(p);
    case STEP_LUT:
        return look_up(p);
    case STEP_ATTENTION:
        return program_attention(p);
    case STEP_KIND_COUNT:
        break;
    }
    ITX_BUG();
}

static void export_step(struct program *p, const struct plan_step *s)
{
    p->step = s;
    p->base = s->name;
    const value_id v = run_step(p);
    if (s->kind != STEP_COPY) set_name(p, v, p->plan->tensors[s->out].name);
    program_write(p, s->out, v);
}

/* --- ends --- */

static value_id channel_scales(struct program *p, const struct plan_tensor *t)
{
    double *v = arena_calloc(&p->g->arena, (size_t)t->c, sizeof *v);
    if (v == NULL) {
        program_check(p, itx_fail(p->err, ITX_E_NOMEM, "out of memory"));
        return 0;
    }
    for (int c = 0; c < t->c; c++) v[c] = (double)t->scale[t->n_quant > 1 ? c : 0];
    return constant_channels(p, "scale", DTYPE_F32, t->c, v);
}

/* A byte b of a picture is stored as b - 128, whatever the zero points of its channels. */
static void export_input(struct program *p, const struct plan_input *in)
{
    const struct plan_tensor *const t = &p->plan->tensors[in->tensor];
    const bool is_picture = in->kind != PLAN_INPUT_TENSOR;
    const struct shape nhwc = {.rank = 4, .dim = {1, t->h, t->w, t->c}};
    const struct shape nchw = {.rank = 4, .dim = {1, t->c, t->h, t->w}};
    value_id v = 0;
    p->base = in->name;
    program_check(p, graph_add_value(p->g, in->name, is_picture ? DTYPE_U8 : DTYPE_F32,
                                     is_picture ? &nhwc : &nchw, &v, p->err));
    if (p->rc == ITX_OK && !vec_push(&p->g->inputs, v))
        p->rc = itx_fail(p->err, ITX_E_NOMEM, "out of memory");
    if (is_picture) {
        v = emit_transpose(p, "Transpose", v, (const int64_t[]){0, 3, 1, 2});
        const int8_t zero = -128;
        const value_id in_bytes[] = {
            emit_cast(p, "Cast", v, DTYPE_F32), p->one,
            constant(p, "zero_point", DTYPE_S8, &(struct shape){0}, &zero)};
        v = emit(p, OP_QUANTIZE_LINEAR, "QuantizeLinear", 3, in_bytes);
        infer_last(p);
    } else if (t->dtype == DTYPE_S8) {
        v = linear(p, OP_QUANTIZE_LINEAR, v, t, STEPS_OF_SCALE, 1);
    } else {
        v = emit2(p, OP_DIV, "Div", v, channel_scales(p, t));
        v = emit_clip(p, "Clip", emit1(p, OP_ROUND, "Round", v), p->low, p->high);
    }
    set_name(p, v, t->name);
    program_write(p, in->tensor, v);
}

/* As RDK's tools have it: the dequantise node is the last one, and has the name by which it can be removed. */
static void export_output(struct program *p, const struct plan_output *out, value_id y)
{
    const struct plan_tensor *const t = &p->plan->tensors[out->tensor];
    value_id v = program_stored(p, out->tensor);
    p->base = out->name;
    if (t->dtype == DTYPE_S16) v = emit_cast(p, "Cast", v, DTYPE_S32);
    v = emit_transpose(p, "Transpose", v, (const int64_t[]){0, 2, 3, 1});
    p->base = out->dequantize[0] != '\0' ? out->dequantize : out->name;
    v = linear(p, OP_DEQUANTIZE_LINEAR, v, t, STEPS_OF_SCALE, 3);
    if (p->rc != ITX_OK) return;
    graph_swap_names(p->g, v, y);
    if (!vec_push(&p->g->outputs, v)) p->rc = itx_fail(p->err, ITX_E_NOMEM, "out of memory");
}

static void export_all(struct program *p)
{
    const struct plan *const plan = p->plan;
    value_id *names = arena_calloc(&p->g->arena, (size_t)plan->n_outputs, sizeof *names);
    if (names == NULL) p->rc = itx_fail(p->err, ITX_E_NOMEM, "out of memory");
    p->base = "intarsia";
    p->one = constant_float(p, "one", 1);
    p->zero = constant(p, "zero", DTYPE_S8, &(struct shape){.rank = 0}, &(int8_t){0});
    p->low = constant_float(p, "low", INT16_MIN);
    p->high = constant_float(p, "high", INT16_MAX);
    /* names that are the outputs' must not be taken by what leads to them */
    for (int i = 0; i < plan->n_outputs && p->rc == ITX_OK; i++)
        program_check(
            p, graph_add_value(p->g, plan->outputs[i].name, DTYPE_NONE, NULL, &names[i], p->err));
    for (int i = 0; i < plan->n_inputs && p->rc == ITX_OK; i++) export_input(p, &plan->inputs[i]);
    for (int i = 0; i < plan->n_steps && p->rc == ITX_OK; i++) export_step(p, &plan->steps[i]);
    for (int i = 0; i < plan->n_outputs && p->rc == ITX_OK; i++)
        export_output(p, &plan->outputs[i], names[i]);
    if (p->rc == ITX_OK) program_check(p, graph_compact(p->g, p->err));
    if (p->rc == ITX_OK) program_check(p, graph_check(p->g, p->err));
}

itx_status export_program(struct graph **g, const struct plan *plan, struct itx_error *err)
{
    struct program p = {.plan = plan, .err = err};
    ITX_TRY(graph_create(&p.g, err));
    const size_t n = (size_t)plan->n_tensors;
    p.stored = mem_calloc(n, sizeof *p.stored);
    p.centred = mem_calloc(n, sizeof *p.centred);
    if (p.stored == NULL || p.centred == NULL)
        p.rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    else
        export_all(&p);
    mem_free(p.stored);
    mem_free(p.centred);
    vec_release(&p.written);
    if (p.rc == ITX_OK)
        *g = p.g;
    else
        graph_destroy(&p.g);
    return p.rc;
}
