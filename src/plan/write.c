/* SPDX-License-Identifier: Apache-2.0
 *
 * From plans to the bytes of a file. Texts and arrays are laid down in the order in which the records name them, each
 * as often as it is named, so that the bytes follow from the plans' contents alone.
 */
#include "plan/plan.h"

#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/str.h"
#include "plan/format.h"

struct writer {
    struct strbuf sections[SECTION_COUNT];
};

static void put_u32(struct strbuf *b, uint32_t v)
{
    uint8_t bytes[4];
    store_le32(bytes, v);
    strbuf_add(b, bytes, sizeof bytes);
}

static void put_u64(struct strbuf *b, uint64_t v)
{
    uint8_t bytes[8];
    store_le64(bytes, v);
    strbuf_add(b, bytes, sizeof bytes);
}

static void put_int(struct strbuf *b, int v)
{
    put_u32(b, (uint32_t)v);
}

static void put_zeros(struct strbuf *b, size_t n)
{
    static const uint8_t zeros[PLAN_ALIGN];
    strbuf_add(b, zeros, n);
}

static void put_text(struct writer *w, struct strbuf *b, const char *text)
{
    struct strbuf *const texts = &w->sections[SECTION_TEXT];
    put_u32(b, (uint32_t)texts->len);
    strbuf_add(texts, text, strlen(text) + 1);
}

/* An array in little-endian order; `size` is that of an element. */
static void put_array(struct writer *w, struct strbuf *b, const void *array, uint64_t n,
                      size_t size)
{
    struct strbuf *const data = &w->sections[SECTION_DATA];
    put_u64(b, array != NULL ? data->len : 0);
    if (array == NULL) return;
    for (size_t i = 0; size > 1 && i < n; i++) {
        uint8_t bytes[4];
        uint32_t v32;
        uint16_t v16;
        if (size == 4) {
            memcpy(&v32, (const uint8_t *)array + 4 * i, 4);
            store_le32(bytes, v32);
        } else {
            memcpy(&v16, (const uint8_t *)array + 2 * i, 2);
            store_le16(bytes, v16);
        }
        strbuf_add(data, bytes, size);
    }
    if (size == 1) strbuf_add(data, array, (size_t)n);
    put_zeros(data, size_align(data->len, PLAN_ALIGN) - data->len);
}

static void put_model(struct writer *w, const struct plan *plan)
{
    struct strbuf *const b = &w->sections[SECTION_MODELS];
    put_text(w, b, plan->name);
    put_text(w, b, plan->meta);
    put_int(b, plan->n_buffers);
    put_int(b, plan->n_tensors);
    put_int(b, plan->n_steps);
    put_int(b, plan->n_inputs);
    put_int(b, plan->n_outputs);
    put_u32(b, 0);
    put_u64(b, plan->arena_size);
    const struct plan_head *const head = &plan->head;
    put_u32(b, (uint32_t)head->task);
    put_int(b, head->n_classes);
    put_int(b, head->reg_max);
    put_int(b, head->n_coefs);
    put_int(b, head->n_levels);
    put_u32(b, head->proto);
    for (int i = 0; i < PLAN_MAX_LEVELS; i++) {
        put_int(b, head->level[i].stride);
        put_u32(b, head->level[i].cls);
        put_u32(b, head->level[i].box);
        put_u32(b, head->level[i].coef);
    }
    for (int i = 0; i < head->n_classes; i++)
        put_text(w, &w->sections[SECTION_CLASSES], head->names[i]);
}

static void put_tensor(struct writer *w, const struct plan_tensor *t)
{
    struct strbuf *const b = &w->sections[SECTION_TENSORS];
    put_text(w, b, t->name);
    put_u32(b, (uint32_t)t->dtype);
    put_int(b, t->h);
    put_int(b, t->w);
    put_int(b, t->c);
    put_int(b, t->pixel);
    put_u32(b, t->buffer);
    put_int(b, t->n_quant);
    put_u64(b, t->offset);
    put_array(w, b, t->scale, (uint64_t)t->n_quant, sizeof *t->scale);
    put_array(w, b, t->zero_point, (uint64_t)t->n_quant, sizeof *t->zero_point);
    put_int(b, t->reach);
    put_u32(b, 0);
}

static void put_step(struct writer *w, const struct plan *plan, const struct plan_step *s)
{
    struct strbuf *const b = &w->sections[SECTION_STEPS];
    put_u32(b, (uint32_t)s->kind);
    put_text(w, b, s->name);
    put_int(b, s->n_in);
    for (int k = 0; k < 3; k++) put_u32(b, s->in[k]);
    put_u32(b, s->out);
    for (int k = 0; k < 2; k++) put_int(b, s->kernel[k]);
    for (int k = 0; k < 2; k++) put_int(b, s->stride[k]);
    for (int k = 0; k < 4; k++) put_int(b, s->pad[k]);
    for (int k = 0; k < 2; k++) put_int(b, s->dilation[k]);
    put_u32(b, (uint32_t)s->act);
    put_int(b, s->range_log2);
    put_int(b, s->shift);
    put_int(b, s->heads);
    put_u32(b, bits_of_float(s->logit_scale));
    put_u32(b, bits_of_float(s->out_scale));
    put_u32(b, 0);
    const struct plan_arrays n = plan_step_arrays(plan, s);
    put_array(w, b, s->weights, n.weights, sizeof *s->weights);
    put_array(w, b, s->bias, n.bias, sizeof *s->bias);
    put_array(w, b, s->scale, n.scale, sizeof *s->scale);
    put_array(w, b, s->mul, n.mul, sizeof *s->mul);
    put_array(w, b, s->res_mul, n.res_mul, sizeof *s->res_mul);
    put_array(w, b, s->offset, n.offset, sizeof *s->offset);
    put_array(w, b, s->table, n.table, sizeof *s->table);
    put_u64(b, 0);
}

static void put_plan(struct writer *w, const struct plan *plan)
{
    put_model(w, plan);
    for (int i = 0; i < plan->n_buffers; i++) {
        put_u64(&w->sections[SECTION_BUFFERS], plan->buffers[i].offset);
        put_u64(&w->sections[SECTION_BUFFERS], plan->buffers[i].size);
    }
    for (int i = 0; i < plan->n_tensors; i++) put_tensor(w, &plan->tensors[i]);
    for (int i = 0; i < plan->n_steps; i++) put_step(w, plan, &plan->steps[i]);
    for (int i = 0; i < plan->n_inputs; i++) {
        struct strbuf *const b = &w->sections[SECTION_INPUTS];
        put_text(w, b, plan->inputs[i].name);
        put_u32(b, plan->inputs[i].tensor);
        put_u32(b, (uint32_t)plan->inputs[i].kind);
        put_int(b, plan->inputs[i].video_range | plan->inputs[i].is_yuv << 1 |
                       plan->inputs[i].is_stored << 2);
    }
    for (int i = 0; i < plan->n_outputs; i++) {
        struct strbuf *const b = &w->sections[SECTION_OUTPUTS];
        put_text(w, b, plan->outputs[i].name);
        put_u32(b, plan->outputs[i].tensor);
        put_text(w, b, plan->outputs[i].dequantize);
        put_u32(b, 0);
    }
}

/* Header, table, sections; the checksum last. */
static uint8_t *assemble(const struct writer *w, int n_models, size_t *size)
{
    size_t offset[SECTION_COUNT], end = FORMAT_HEADER_SIZE + SECTION_COUNT * FORMAT_ENTRY_SIZE;
    for (int i = 0; i < SECTION_COUNT; i++) {
        offset[i] = size_align(end, PLAN_ALIGN);
        end = offset[i] + w->sections[i].len;
    }
    const size_t total = size_align(end, PLAN_ALIGN) + PLAN_TAIL;
    uint8_t *const file = mem_calloc(1, total);
    if (file == NULL) return NULL;
    memcpy(file, FORMAT_MAGIC, FORMAT_MAGIC_SIZE);
    store_le32(file + 8, PLAN_VERSION);
    store_le64(file + 16, total);
    store_le32(file + 32, (uint32_t)n_models);
    store_le32(file + 36, SECTION_COUNT);
    for (int i = 0; i < SECTION_COUNT; i++) {
        uint8_t *const entry = file + FORMAT_HEADER_SIZE + i * FORMAT_ENTRY_SIZE;
        store_le32(entry, (uint32_t)i);
        store_le32(entry + 4, section_record_size((enum section_id)i));
        store_le64(entry + 8, offset[i]);
        store_le64(entry + 16, w->sections[i].len);
        if (w->sections[i].len != 0)
            memcpy(file + offset[i], w->sections[i].data, w->sections[i].len);
    }
    store_le64(file + 24, format_checksum(file + FORMAT_CHECKED_FROM, total - FORMAT_CHECKED_FROM));
    *size = total;
    return file;
}

static itx_status check_models(const struct plan *const *models, int n_models,
                               struct itx_error *err)
{
    if (n_models < 1 || n_models > PLAN_MAX_MODELS)
        return itx_fail(err, ITX_E_RANGE, "%d models: a file holds 1 to %d", n_models,
                        PLAN_MAX_MODELS);
    for (int i = 0; i < n_models; i++) {
        ITX_TRY(plan_check(models[i], err));
        for (int k = 0; k < i; k++)
            if (strcmp(models[i]->name, models[k]->name) == 0)
                return itx_fail(err, ITX_E_INVAL, "two models are called '%s'", models[i]->name);
    }
    return ITX_OK;
}

itx_status plan_write(const struct plan *const *models, int n_models, void **data, size_t *size,
                      struct itx_error *err)
{
    ITX_TRY(check_models(models, n_models, err));
    struct writer w = {0};
    put_zeros(&w.sections[SECTION_DATA], PLAN_ALIGN); /* place 0 stands for no array */
    for (int i = 0; i < n_models; i++) put_plan(&w, models[i]);
    bool is_complete = true;
    for (int i = 0; i < SECTION_COUNT; i++) is_complete = is_complete && !w.sections[i].failed;
    const bool fits = w.sections[SECTION_TEXT].len <= UINT32_MAX;
    uint8_t *const file = is_complete && fits ? assemble(&w, n_models, size) : NULL;
    for (int i = 0; i < SECTION_COUNT; i++) strbuf_release(&w.sections[i]);
    if (!fits) return itx_fail(err, ITX_E_RANGE, "texts take more than 4 GiB");
    if (file == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for the file");
    *data = file;
    return ITX_OK;
}
