/* SPDX-License-Identifier: Apache-2.0
 *
 * The structure of a plan: what can be said without looking into its arrays. Steps one by one are in check_step.c,
 * the arena and the order of steps in check_memory.c, numbers in check_numbers.c.
 */
#include "plan/check.h"

#include <inttypes.h>

#include "base/mem.h"
#include "plan/format.h"

static itx_status check_count(const char *what, int n, int min, int max, struct itx_error *err)
{
    if (n < min || n > max)
        return itx_fail(err, ITX_E_FORMAT, "%d %s: %d to %d are possible", n, what, min, max);
    return ITX_OK;
}

static itx_status check_text(const char *what, const char *text, struct itx_error *err)
{
    if (text == NULL) return itx_fail(err, ITX_E_FORMAT, "%s is missing", what);
    if (!format_is_utf8(text)) return itx_fail(err, ITX_E_FORMAT, "%s is not UTF-8", what);
    return ITX_OK;
}

static itx_status check_counts(const struct plan *plan, struct itx_error *err)
{
    ITX_TRY(check_count("buffers", plan->n_buffers, 1, PLAN_MAX_TENSORS, err));
    ITX_TRY(check_count("tensors", plan->n_tensors, 1, PLAN_MAX_TENSORS, err));
    ITX_TRY(check_count("steps", plan->n_steps, 1, PLAN_MAX_STEPS, err));
    ITX_TRY(check_count("inputs", plan->n_inputs, 1, PLAN_MAX_IO, err));
    ITX_TRY(check_count("outputs", plan->n_outputs, 1, PLAN_MAX_IO, err));
    if (plan->arena_size > PLAN_MAX_ARENA || plan->arena_size % PLAN_ALIGN != 0)
        return itx_fail(err, ITX_E_FORMAT,
                        "arena of %" PRIu64 " bytes: up to %" PRIu64 " in multiples of %d",
                        plan->arena_size, PLAN_MAX_ARENA, PLAN_ALIGN);
    for (int i = 0; i < plan->n_buffers; i++) {
        const struct plan_buffer *const b = &plan->buffers[i];
        if (b->size == 0 || b->offset % PLAN_ALIGN != 0 || b->size % PLAN_ALIGN != 0 ||
            b->offset > plan->arena_size || b->size > plan->arena_size - b->offset)
            return itx_fail(err, ITX_E_FORMAT,
                            "buffer %d, %" PRIu64 " bytes at %" PRIu64
                            ", does not lie in the arena of %" PRIu64 " bytes",
                            i, b->size, b->offset, plan->arena_size);
    }
    return ITX_OK;
}

static itx_status check_tensor(const struct plan *plan, const struct plan_tensor *t,
                               struct itx_error *err)
{
    ITX_TRY(check_text("name", t->name, err));
    if (t->dtype != DTYPE_S8 && t->dtype != DTYPE_S16 && t->dtype != DTYPE_S32)
        return itx_fail(err, ITX_E_FORMAT, "'%s' has element type %d", t->name, (int)t->dtype);
    if (t->h < 1 || t->h > PLAN_MAX_DIM || t->w < 1 || t->w > PLAN_MAX_DIM || t->c < 1 ||
        t->c > PLAN_MAX_DIM || t->pixel < t->c || t->pixel > PLAN_MAX_DIM)
        return itx_fail(err, ITX_E_FORMAT, "'%s' has size %d x %d x %d in pixels of %d", t->name,
                        t->h, t->w, t->c, t->pixel);
    if (t->n_quant != 1 && t->n_quant != t->c)
        return itx_fail(err, ITX_E_FORMAT, "'%s' has %d scales for %d channels", t->name,
                        t->n_quant, t->c);
    if (t->dtype == DTYPE_S16 ? t->reach < 1 || t->reach > PLAN_MAX_REACH : t->reach != 0)
        return itx_fail(err, ITX_E_FORMAT, "'%s', type %s, has reach %d", t->name,
                        dtype_name(t->dtype), t->reach);
    if (t->buffer >= (uint32_t)plan->n_buffers)
        return itx_fail(err, ITX_E_FORMAT, "'%s' lies in buffer %" PRIu32 " of %d", t->name,
                        t->buffer, plan->n_buffers);
    const uint64_t size = (uint64_t)dtype_size(t->dtype), room = plan->buffers[t->buffer].size;
    const uint64_t pixel = (uint64_t)t->pixel * size;
    if (t->offset % size != 0 || t->offset >= pixel || t->offset + (uint64_t)t->c * size > pixel ||
        plan_tensor_extent(t) > room - t->offset || t->offset > room)
        return itx_fail(err, ITX_E_FORMAT, "'%s' does not lie in its buffer of %" PRIu64 " bytes",
                        t->name, room);
    return ITX_OK;
}

/* Every tensor by itself, and that those of a buffer agree about its grid. */
static itx_status check_tensors(const struct plan *plan, struct itx_error *err)
{
    const struct plan_tensor **first = mem_calloc((size_t)plan->n_buffers, sizeof *first);
    if (first == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %d buffers", plan->n_buffers);
    itx_status status = ITX_OK;
    for (int i = 0; status == ITX_OK && i < plan->n_tensors; i++) {
        const struct plan_tensor *const t = &plan->tensors[i];
        status = check_tensor(plan, t, err);
        if (status != ITX_OK) {
            itx_error_prefix(err, "tensor %d", i);
            break;
        }
        if (first[t->buffer] == NULL) first[t->buffer] = t;
        const struct plan_tensor *const other = first[t->buffer];
        if (t->h != other->h || t->w != other->w || t->pixel != other->pixel ||
            dtype_size(t->dtype) != dtype_size(other->dtype))
            status = itx_fail(err, ITX_E_FORMAT,
                              "tensor %d: '%s' has another grid than '%s' in the same buffer", i,
                              t->name, other->name);
    }
    mem_free(first);
    return status;
}

static itx_status check_input(const struct plan *plan, const struct plan_input *input,
                              struct itx_error *err)
{
    ITX_TRY(check_text("name of an input", input->name, err));
    if (input->tensor >= (uint32_t)plan->n_tensors)
        return itx_fail(err, ITX_E_FORMAT, "input '%s' is tensor %" PRIu32 " of %d", input->name,
                        input->tensor, plan->n_tensors);
    if ((unsigned)input->kind >= PLAN_INPUT_KIND_COUNT)
        return itx_fail(err, ITX_E_FORMAT, "input '%s' has kind %d", input->name, (int)input->kind);
    const bool is_yuv = input->kind == PLAN_INPUT_NV12 || input->kind == PLAN_INPUT_YUV444;
    if (input->video_range != 0 && (input->video_range != 1 || !is_yuv))
        return itx_fail(err, ITX_E_FORMAT, "input '%s' has range %d", input->name,
                        input->video_range);
    if (input->is_yuv != 0 && (input->is_yuv != 1 || !is_yuv))
        return itx_fail(err, ITX_E_FORMAT, "input '%s' is stored as Y, U, V, and is none",
                        input->name);
    if (input->is_stored != 0 && (input->is_stored != 1 || input->kind != PLAN_INPUT_TENSOR))
        return itx_fail(err, ITX_E_FORMAT, "input '%s' is a picture without a quantise node",
                        input->name);
    const struct plan_tensor *const t = &plan->tensors[input->tensor];
    if (t->dtype == DTYPE_S32)
        return itx_fail(err, ITX_E_FORMAT, "input '%s' has element type %s", input->name,
                        dtype_name(t->dtype));
    const int c = input->kind == PLAN_INPUT_GRAY ? 1 : 3;
    if (input->kind != PLAN_INPUT_TENSOR && (t->dtype != DTYPE_S8 || t->c != c))
        return itx_fail(err, ITX_E_FORMAT,
                        "input '%s' is a picture and must have %d channel%s of type s8",
                        input->name, c, c == 1 ? "" : "s");
    if (t->dtype == DTYPE_S16 && t->reach != PLAN_MAX_REACH)
        return itx_fail(err, ITX_E_FORMAT, "input '%s' has reach %d, %d expected", input->name,
                        t->reach, PLAN_MAX_REACH);
    return ITX_OK;
}

static itx_status check_ports(const struct plan *plan, struct itx_error *err)
{
    for (int i = 0; i < plan->n_inputs; i++) ITX_TRY(check_input(plan, &plan->inputs[i], err));
    for (int i = 0; i < plan->n_outputs; i++) {
        const struct plan_output *const output = &plan->outputs[i];
        ITX_TRY(check_text("name of an output", output->name, err));
        ITX_TRY(check_text("name of a dequantise node", output->dequantize, err));
        if (output->tensor >= (uint32_t)plan->n_tensors)
            return itx_fail(err, ITX_E_FORMAT, "output '%s' is tensor %" PRIu32 " of %d",
                            output->name, output->tensor, plan->n_tensors);
    }
    return ITX_OK;
}

/* One output that the head decodes: it exists and has `c` channels. */
static itx_status check_head_output(const struct plan *plan, const char *what, uint32_t index,
                                    int c, struct itx_error *err)
{
    if (index >= (uint32_t)plan->n_outputs)
        return itx_fail(err, ITX_E_FORMAT, "head: %s is output %" PRIu32 " of %d", what, index,
                        plan->n_outputs);
    const struct plan_tensor *const t = &plan->tensors[plan->outputs[index].tensor];
    if (t->c != c)
        return itx_fail(err, ITX_E_FORMAT, "head: %s '%s' has %d channels, %d expected", what,
                        plan->outputs[index].name, t->c, c);
    return ITX_OK;
}

static bool is_same_grid(const struct plan *plan, uint32_t a, uint32_t b)
{
    const struct plan_tensor *const x = &plan->tensors[plan->outputs[a].tensor];
    const struct plan_tensor *const y = &plan->tensors[plan->outputs[b].tensor];
    return x->h == y->h && x->w == y->w;
}

static itx_status check_level(const struct plan *plan, int i, struct itx_error *err)
{
    const struct plan_head *const head = &plan->head;
    const uint32_t cls = head->level[i].cls, box = head->level[i].box, coef = head->level[i].coef;
    if (head->level[i].stride < 1 || head->level[i].stride > PLAN_MAX_DIM)
        return itx_fail(err, ITX_E_FORMAT, "head: stride %d", head->level[i].stride);
    ITX_TRY(check_head_output(plan, "class output", cls, head->n_classes, err));
    ITX_TRY(check_head_output(plan, "box output", box, 4 * head->reg_max, err));
    bool is_same = is_same_grid(plan, cls, box);
    if (head->task == PLAN_SEGMENT) {
        ITX_TRY(check_head_output(plan, "coefficient output", coef, head->n_coefs, err));
        is_same = is_same && is_same_grid(plan, cls, coef);
    }
    if (!is_same)
        return itx_fail(err, ITX_E_FORMAT, "head: the outputs of level %d differ in size", i);
    return ITX_OK;
}

static itx_status check_head(const struct plan *plan, struct itx_error *err)
{
    const struct plan_head *const head = &plan->head;
    if ((unsigned)head->task >= PLAN_TASK_COUNT)
        return itx_fail(err, ITX_E_FORMAT, "head: task %d", (int)head->task);
    const bool is_raw = head->task == PLAN_RAW, is_segment = head->task == PLAN_SEGMENT;
    ITX_TRY(check_count("classes", head->n_classes, !is_raw, is_raw ? 0 : PLAN_MAX_CLASSES, err));
    ITX_TRY(check_count("box bins", head->reg_max, !is_raw, is_raw ? 0 : PLAN_MAX_REG, err));
    ITX_TRY(check_count("levels", head->n_levels, !is_raw, is_raw ? 0 : PLAN_MAX_LEVELS, err));
    ITX_TRY(check_count("mask coefficients", head->n_coefs, is_segment,
                        is_segment ? PLAN_MAX_COEFS : 0, err));
    if (!is_raw && plan->inputs[0].kind == PLAN_INPUT_TENSOR)
        return itx_fail(err, ITX_E_FORMAT, "head: the first input is not a picture");
    for (int i = 0; i < head->n_levels; i++) ITX_TRY(check_level(plan, i, err));
    if (is_segment)
        ITX_TRY(check_head_output(plan, "prototype output", head->proto, head->n_coefs, err));
    if (head->n_classes > 0 && head->names == NULL)
        return itx_fail(err, ITX_E_FORMAT, "head: names of classes are missing");
    for (int i = 0; i < head->n_classes; i++)
        ITX_TRY(check_text("name of a class", head->names[i], err));
    return ITX_OK;
}

static itx_status check_steps(const struct plan *plan, struct itx_error *err)
{
    for (int i = 0; i < plan->n_steps; i++) {
        const struct plan_step *const s = &plan->steps[i];
        if ((unsigned)s->kind >= STEP_KIND_COUNT)
            return itx_fail(err, ITX_E_FORMAT, "step %d has kind %d", i, (int)s->kind);
        ITX_TRY(check_text("name of a step", s->name, err));
        const itx_status status = check_step(plan, s, err);
        if (status != ITX_OK) {
            itx_error_prefix(err, CHECK_STEP_PREFIX, i, step_kind_name(s->kind), s->name);
            return status;
        }
    }
    return ITX_OK;
}

static itx_status check_parts(const struct plan *plan, struct itx_error *err)
{
    ITX_TRY(check_counts(plan, err));
    ITX_TRY(check_tensors(plan, err));
    ITX_TRY(check_ports(plan, err));
    ITX_TRY(check_head(plan, err));
    ITX_TRY(check_steps(plan, err));
    return check_memory(plan, err);
}

itx_status plan_check_structure(const struct plan *plan, struct itx_error *err)
{
    ITX_TRY(check_text("name of a model", plan->name, err));
    itx_status status = check_text("metadata", plan->meta, err);
    if (status == ITX_OK) status = check_parts(plan, err);
    if (status != ITX_OK) itx_error_prefix(err, "model '%s'", plan->name);
    return status;
}

itx_status plan_check(const struct plan *plan, struct itx_error *err)
{
    ITX_TRY(plan_check_structure(plan, err));
    return plan_check_numbers(plan, err);
}
