/* SPDX-License-Identifier: Apache-2.0
 *
 * From the bytes of a file to plans. Records are decoded into structs, texts and arrays are used where they lie.
 * Nothing is trusted: the layout is checked here, the meaning by plan_check's halves.
 */
#include "plan/plan.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/look.h"
#include "base/mem.h"
#include "plan/check.h"
#include "plan/format.h"

struct section {
    const uint8_t *data;
    uint64_t size; /* bytes in use */
    uint32_t n;    /* records, and how many of them are taken */
    uint32_t n_taken;
};

/* Records may name a text or an array again and again; what is checked, and made of it, then grows with all of them
 * together. Bytes more than the section has: */
#define MAX_TEXT_AGAIN ((uint64_t)1 << 26)
#define MAX_DATA_AGAIN ((uint64_t)1 << 28)

struct reader {
    const uint8_t *data;
    size_t size;
    int n_models;
    struct arena *arena;
    uint64_t text_left, data_left; /* bytes that may still be named */
    struct section sections[SECTION_COUNT];
};

/* Walks through one record; the sizes are section_record_size's. */
struct cursor {
    const uint8_t *at;
};

static uint32_t get_u32(struct cursor *c)
{
    const uint32_t v = load_le32(c->at);
    c->at += 4;
    return v;
}

static uint64_t get_u64(struct cursor *c)
{
    const uint64_t v = load_le64(c->at);
    c->at += 8;
    return v;
}

/* Too large a number becomes negative, which no check lets pass. */
static int get_int(struct cursor *c)
{
    return (int)get_u32(c);
}

static float get_float(struct cursor *c)
{
    return float_of_bits(get_u32(c));
}

static itx_status get_text(struct reader *r, struct cursor *c, const char **text,
                           struct itx_error *err)
{
    const struct section *const s = &r->sections[SECTION_TEXT];
    const uint32_t at = get_u32(c);
    if (at >= s->size || (at > 0 && s->data[at - 1] != 0))
        return itx_fail(err, ITX_E_FORMAT, "no text begins at %" PRIu32 " of %" PRIu64 " bytes", at,
                        s->size);
    *text = (const char *)s->data + at;
    const uint64_t n = strnlen(*text, r->text_left < SIZE_MAX ? (size_t)r->text_left : SIZE_MAX);
    if (n >= r->text_left)
        return itx_fail(err, ITX_E_FORMAT,
                        "texts take more than %" PRIu64 " bytes, those that are named several "
                        "times counted so often",
                        s->size + MAX_TEXT_AGAIN);
    r->text_left -= n + 1;
    return ITX_OK;
}

/* An array of `n` elements of `size` bytes; place 0 stands for none. Sections begin at multiples of 64 and so do
 * arrays, so that they are aligned for any type when the file is. */
static itx_status get_array(struct reader *r, struct cursor *c, uint64_t n, uint64_t size,
                            const void **array, struct itx_error *err)
{
    const struct section *const s = &r->sections[SECTION_DATA];
    const uint64_t at = get_u64(c);
    *array = NULL;
    if (at == 0) return ITX_OK;
    uint64_t bytes;
    if (at % PLAN_ALIGN != 0 || at > s->size || __builtin_mul_overflow(n, size, &bytes) ||
        bytes > s->size - at)
        return itx_fail(err, ITX_E_FORMAT,
                        "array of %" PRIu64 " x %" PRIu64 " bytes at %" PRIu64
                        " is not within the %" PRIu64 " bytes of data",
                        n, size, at, s->size);
    if (bytes > r->data_left)
        return itx_fail(err, ITX_E_FORMAT,
                        "arrays take more than %" PRIu64 " bytes, those that are named several "
                        "times counted so often",
                        s->size + MAX_DATA_AGAIN);
    r->data_left -= bytes;
    *array = s->data + at;
    return ITX_OK;
}

static itx_status refuse_zeros(struct itx_error *err)
{
    return itx_fail(err, ITX_E_FORMAT, "reserved bytes are not zero");
}

/* ---- header and sections ---- */

bool plan_is_header(const void *data, size_t size)
{
    const size_t n = size < FORMAT_MAGIC_SIZE ? size : FORMAT_MAGIC_SIZE;
    return n != 0 && memcmp(data, FORMAT_MAGIC, n) == 0;
}

static itx_status read_header(struct reader *r, struct itx_error *err)
{
    if (!plan_is_header(r->data, r->size)) return look_refuse(LOOK_FOR_PLAN, r->data, r->size, err);
    if (r->size < FORMAT_HEADER_SIZE)
        return itx_fail(err, ITX_E_FORMAT, "file is truncated: %zu bytes, at least %d expected",
                        r->size, FORMAT_HEADER_SIZE);
    const uint32_t version = load_le32(r->data + 8);
    if (version > PLAN_VERSION)
        return itx_fail(err, ITX_E_VERSION,
                        "made by a newer version: file format %" PRIu32
                        ", this program reads %d: update it",
                        version, PLAN_VERSION);
    if (version < PLAN_VERSION && version > 0)
        return itx_fail(err, ITX_E_VERSION,
                        "made by an older version: file format %" PRIu32
                        ", this program reads %d: build it again",
                        version, PLAN_VERSION);
    if (version == 0) return itx_fail(err, ITX_E_VERSION, "file format 0 does not exist");
    const uint64_t expected = load_le64(r->data + 16);
    if (r->size < expected)
        return itx_fail(err, ITX_E_FORMAT, "file is truncated: %zu bytes, %" PRIu64 " expected",
                        r->size, expected);
    if (r->size > expected)
        return itx_fail(err, ITX_E_FORMAT, "file is too long: %zu bytes, %" PRIu64 " expected",
                        r->size, expected);
    if (load_le32(r->data + 12) != 0) return refuse_zeros(err);
    if (r->size % PLAN_ALIGN != 0 ||
        format_checksum(r->data + FORMAT_CHECKED_FROM, r->size - FORMAT_CHECKED_FROM) !=
            load_le64(r->data + 24))
        return itx_fail(err, ITX_E_FORMAT, "checksum mismatch: file is damaged");
    const uint32_t n_models = load_le32(r->data + 32), n_sections = load_le32(r->data + 36);
    if (n_models < 1 || n_models > PLAN_MAX_MODELS)
        return itx_fail(err, ITX_E_FORMAT, "%" PRIu32 " models: 1 to %d are possible", n_models,
                        PLAN_MAX_MODELS);
    if (n_sections != SECTION_COUNT)
        return itx_fail(err, ITX_E_FORMAT, "%" PRIu32 " sections, %d expected", n_sections,
                        SECTION_COUNT);
    for (size_t i = 40; i < FORMAT_HEADER_SIZE; i++)
        if (r->data[i] != 0) return refuse_zeros(err);
    r->n_models = (int)n_models;
    return ITX_OK;
}

/* Sections follow each other in the table's order, each at the next multiple of PLAN_ALIGN; PLAN_TAIL or more zeros
 * end the file. */
static itx_status read_sections(struct reader *r, struct itx_error *err)
{
    uint64_t end = FORMAT_HEADER_SIZE + SECTION_COUNT * FORMAT_ENTRY_SIZE;
    if (r->size < end + PLAN_TAIL)
        return itx_fail(err, ITX_E_FORMAT, "no room for the table of sections");
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        struct cursor c = {r->data + FORMAT_HEADER_SIZE + i * FORMAT_ENTRY_SIZE};
        const uint32_t id = get_u32(&c), record = get_u32(&c);
        const uint64_t offset = get_u64(&c), size = get_u64(&c), zero = get_u64(&c);
        if (id != i || record != section_record_size((enum section_id)i) || zero != 0)
            return itx_fail(err, ITX_E_FORMAT,
                            "entry %" PRIu32 " of the table of sections is wrong", i);
        const uint64_t limit = r->size - PLAN_TAIL;
        if (offset != size_align(end, PLAN_ALIGN) || offset > limit || size > limit - offset ||
            size % record != 0 || size / record > UINT32_MAX)
            return itx_fail(err, ITX_E_FORMAT,
                            "section %" PRIu32 " at %" PRIu64 ", %" PRIu64 " bytes, is misplaced",
                            i, offset, size);
        r->sections[i] = (struct section){
            .data = r->data + offset, .size = size, .n = (uint32_t)(size / record)};
        end = offset + size;
    }
    if (r->size != size_align(end, PLAN_ALIGN) + PLAN_TAIL)
        return itx_fail(err, ITX_E_FORMAT, "the sections end at %" PRIu64 " of %zu bytes", end,
                        r->size);
    const struct section *const text = &r->sections[SECTION_TEXT];
    if (text->size == 0 || text->data[text->size - 1] != 0)
        return itx_fail(err, ITX_E_FORMAT, "text is not terminated");
    if (r->sections[SECTION_MODELS].n != (uint32_t)r->n_models)
        return itx_fail(err, ITX_E_FORMAT, "%" PRIu32 " records for %d models",
                        r->sections[SECTION_MODELS].n, r->n_models);
    return ITX_OK;
}

/* The next n records of a section. */
static itx_status take(struct reader *r, enum section_id id, int n, struct cursor *c,
                       struct itx_error *err)
{
    struct section *const s = &r->sections[id];
    if (n < 0 || (uint32_t)n > s->n - s->n_taken)
        return itx_fail(err, ITX_E_FORMAT,
                        "%d records asked of section %d, which has %" PRIu32 " left", n, (int)id,
                        s->n - s->n_taken);
    c->at = s->data + (size_t)s->n_taken * section_record_size(id);
    s->n_taken += (uint32_t)n;
    return ITX_OK;
}

/* Same, with room for the n structs they become. */
static itx_status take_into(struct reader *r, enum section_id id, int n, size_t size,
                            struct cursor *c, void **room, struct itx_error *err)
{
    ITX_TRY(take(r, id, n, c, err));
    *room = arena_calloc(r->arena, (size_t)n, size);
    if (*room == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for %d records", n);
    return ITX_OK;
}

/* ---- records, in the order of their fields in docs/plan-format.md ---- */

static itx_status read_head(struct reader *r, struct cursor *c, struct plan_head *head,
                            struct itx_error *err)
{
    head->task = (enum plan_task)get_u32(c);
    head->n_classes = get_int(c);
    head->reg_max = get_int(c);
    head->n_coefs = get_int(c);
    head->n_levels = get_int(c);
    head->proto = get_u32(c);
    for (int i = 0; i < PLAN_MAX_LEVELS; i++) {
        head->level[i].stride = get_int(c);
        head->level[i].cls = get_u32(c);
        head->level[i].box = get_u32(c);
        head->level[i].coef = get_u32(c);
    }
    struct cursor texts = {0};
    void *room = NULL;
    ITX_TRY(take_into(r, SECTION_CLASSES, head->n_classes, sizeof(char *), &texts, &room, err));
    const char **names = room;
    for (int i = 0; i < head->n_classes; i++) ITX_TRY(get_text(r, &texts, &names[i], err));
    head->names = names;
    return ITX_OK;
}

static itx_status read_buffers(struct reader *r, struct plan *plan, struct itx_error *err)
{
    struct cursor c = {0};
    void *room = NULL;
    ITX_TRY(take_into(r, SECTION_BUFFERS, plan->n_buffers, sizeof *plan->buffers, &c, &room, err));
    plan->buffers = room;
    for (int i = 0; i < plan->n_buffers; i++) {
        plan->buffers[i].offset = get_u64(&c);
        plan->buffers[i].size = get_u64(&c);
    }
    return ITX_OK;
}

static itx_status read_tensors(struct reader *r, struct plan *plan, struct itx_error *err)
{
    struct cursor c = {0};
    void *room = NULL;
    ITX_TRY(take_into(r, SECTION_TENSORS, plan->n_tensors, sizeof *plan->tensors, &c, &room, err));
    plan->tensors = room;
    for (int i = 0; i < plan->n_tensors; i++) {
        struct plan_tensor *const t = &plan->tensors[i];
        ITX_TRY(get_text(r, &c, &t->name, err));
        t->dtype = (enum dtype)get_u32(&c);
        t->h = get_int(&c);
        t->w = get_int(&c);
        t->c = get_int(&c);
        t->pixel = get_int(&c);
        t->buffer = get_u32(&c);
        t->n_quant = get_int(&c);
        t->offset = get_u64(&c);
        c.at += 16; /* arrays: bind_tensors */
        t->reach = get_int(&c);
        if (get_u32(&c) != 0) return refuse_zeros(err);
    }
    return ITX_OK;
}

static itx_status read_step(struct reader *r, struct cursor *c, struct plan_step *s,
                            struct itx_error *err)
{
    s->kind = (enum step_kind)get_u32(c);
    ITX_TRY(get_text(r, c, &s->name, err));
    s->n_in = get_int(c);
    for (int k = 0; k < 3; k++) s->in[k] = get_u32(c);
    s->out = get_u32(c);
    for (int k = 0; k < 2; k++) s->kernel[k] = get_int(c);
    for (int k = 0; k < 2; k++) s->stride[k] = get_int(c);
    for (int k = 0; k < 4; k++) s->pad[k] = get_int(c);
    for (int k = 0; k < 2; k++) s->dilation[k] = get_int(c);
    s->act = (enum act)get_u32(c);
    s->range_log2 = get_int(c);
    s->shift = get_int(c);
    s->heads = get_int(c);
    s->logit_scale = get_float(c);
    s->out_scale = get_float(c);
    const uint32_t zero = get_u32(c);
    c->at += 56; /* arrays: bind_step */
    if (zero != 0 || get_u64(c) != 0) return refuse_zeros(err);
    return ITX_OK;
}

static itx_status read_steps(struct reader *r, struct plan *plan, struct itx_error *err)
{
    struct cursor c = {0};
    void *room = NULL;
    ITX_TRY(take_into(r, SECTION_STEPS, plan->n_steps, sizeof *plan->steps, &c, &room, err));
    plan->steps = room;
    for (int i = 0; i < plan->n_steps; i++) ITX_TRY(read_step(r, &c, &plan->steps[i], err));
    return ITX_OK;
}

static itx_status read_ports(struct reader *r, struct plan *plan, struct itx_error *err)
{
    struct cursor c = {0};
    void *room = NULL;
    ITX_TRY(take_into(r, SECTION_INPUTS, plan->n_inputs, sizeof *plan->inputs, &c, &room, err));
    plan->inputs = room;
    for (int i = 0; i < plan->n_inputs; i++) {
        struct plan_input *const input = &plan->inputs[i];
        ITX_TRY(get_text(r, &c, &input->name, err));
        input->tensor = get_u32(&c);
        input->kind = (enum plan_input_kind)get_u32(&c);
        const uint32_t flags = get_u32(&c);
        if (flags > 7)
            return itx_fail(err, ITX_E_FORMAT, "input '%s' has flags %" PRIu32, input->name, flags);
        input->video_range = flags & 1;
        input->is_yuv = flags >> 1 & 1;
        input->is_stored = flags >> 2 & 1;
    }
    ITX_TRY(take_into(r, SECTION_OUTPUTS, plan->n_outputs, sizeof *plan->outputs, &c, &room, err));
    plan->outputs = room;
    for (int i = 0; i < plan->n_outputs; i++) {
        struct plan_output *const output = &plan->outputs[i];
        ITX_TRY(get_text(r, &c, &output->name, err));
        output->tensor = get_u32(&c);
        ITX_TRY(get_text(r, &c, &output->dequantize, err));
        if (get_u32(&c) != 0) return refuse_zeros(err);
    }
    return ITX_OK;
}

/* ---- arrays, whose lengths follow from the checked records ---- */

static itx_status bind_tensors(struct reader *r, const uint8_t *records, struct plan *plan,
                               struct itx_error *err)
{
    for (int i = 0; i < plan->n_tensors; i++) {
        struct plan_tensor *const t = &plan->tensors[i];
        struct cursor c = {records + (size_t)i * section_record_size(SECTION_TENSORS) + 40};
        const uint64_t n = (uint64_t)t->n_quant;
        const void *scale, *zero_point;
        ITX_TRY(get_array(r, &c, n, sizeof *t->scale, &scale, err));
        ITX_TRY(get_array(r, &c, n, sizeof *t->zero_point, &zero_point, err));
        t->scale = scale;
        t->zero_point = zero_point;
    }
    return ITX_OK;
}

static itx_status bind_step(struct reader *r, const uint8_t *record, const struct plan *plan,
                            struct plan_step *s, struct itx_error *err)
{
    struct cursor c = {record + 96};
    const struct plan_arrays n = plan_step_arrays(plan, s);
    const void *weights, *bias, *scale, *mul, *res_mul, *offset, *table;
    ITX_TRY(get_array(r, &c, n.weights, sizeof *s->weights, &weights, err));
    ITX_TRY(get_array(r, &c, n.bias, sizeof *s->bias, &bias, err));
    ITX_TRY(get_array(r, &c, n.scale, sizeof *s->scale, &scale, err));
    ITX_TRY(get_array(r, &c, n.mul, sizeof *s->mul, &mul, err));
    ITX_TRY(get_array(r, &c, n.res_mul, sizeof *s->res_mul, &res_mul, err));
    ITX_TRY(get_array(r, &c, n.offset, sizeof *s->offset, &offset, err));
    ITX_TRY(get_array(r, &c, n.table, sizeof *s->table, &table, err));
    s->weights = weights;
    s->bias = bias;
    s->scale = scale;
    s->mul = mul;
    s->res_mul = res_mul;
    s->offset = offset;
    s->table = table;
    return ITX_OK;
}

static itx_status read_model(struct reader *r, struct cursor *c, struct plan *plan,
                             struct itx_error *err)
{
    ITX_TRY(get_text(r, c, &plan->name, err));
    ITX_TRY(get_text(r, c, &plan->meta, err));
    plan->n_buffers = get_int(c);
    plan->n_tensors = get_int(c);
    plan->n_steps = get_int(c);
    plan->n_inputs = get_int(c);
    plan->n_outputs = get_int(c);
    const uint32_t zero = get_u32(c);
    plan->arena_size = get_u64(c);
    if (zero != 0) return refuse_zeros(err);
    ITX_TRY(read_head(r, c, &plan->head, err));
    ITX_TRY(read_buffers(r, plan, err));
    const struct section *const tensors = &r->sections[SECTION_TENSORS];
    const struct section *const steps = &r->sections[SECTION_STEPS];
    const uint8_t *const tensor_records =
        tensors->data + (size_t)tensors->n_taken * section_record_size(SECTION_TENSORS);
    const uint8_t *const step_records =
        steps->data + (size_t)steps->n_taken * section_record_size(SECTION_STEPS);
    ITX_TRY(read_tensors(r, plan, err));
    ITX_TRY(read_steps(r, plan, err));
    ITX_TRY(read_ports(r, plan, err));
    ITX_TRY(plan_check_structure(plan, err));
    ITX_TRY(bind_tensors(r, tensor_records, plan, err));
    for (int i = 0; i < plan->n_steps; i++)
        ITX_TRY(bind_step(r, step_records + (size_t)i * section_record_size(SECTION_STEPS), plan,
                          &plan->steps[i], err));
    return plan_check_numbers(plan, err);
}

static itx_status read_file(struct reader *r, struct plan_file *file, struct itx_error *err)
{
    ITX_TRY(read_header(r, err));
    ITX_TRY(read_sections(r, err));
    r->text_left = r->sections[SECTION_TEXT].size + MAX_TEXT_AGAIN;
    r->data_left = r->sections[SECTION_DATA].size + MAX_DATA_AGAIN;
    struct cursor c = {0};
    void *room = NULL;
    ITX_TRY(take_into(r, SECTION_MODELS, r->n_models, sizeof *file->models, &c, &room, err));
    file->models = room;
    file->n_models = r->n_models;
    for (int i = 0; i < file->n_models; i++) {
        struct plan *const plan = &file->models[i];
        ITX_TRY(read_model(r, &c, plan, err));
        for (int k = 0; k < i; k++)
            if (strcmp(file->models[k].name, plan->name) == 0)
                return itx_fail(err, ITX_E_FORMAT, "two models are called '%s'", plan->name);
    }
    for (int id = 0; id < SECTION_TEXT; id++)
        if (r->sections[id].n_taken != r->sections[id].n)
            return itx_fail(err, ITX_E_FORMAT, "records of section %d belong to no model", id);
    return ITX_OK;
}

itx_status plan_read(struct plan_file *file, const void *data, size_t size, struct itx_error *err)
{
    const uint16_t probe = 1;
    if (*(const uint8_t *)&probe != 1)
        return itx_fail(err, ITX_E_UNSUPPORTED, "plans are read on little-endian machines only");
    if ((uintptr_t)data % 8 != 0)
        return itx_fail(err, ITX_E_INVAL, "a plan must lie at a multiple of 8 bytes in memory");
    struct plan_file result = {0};
    struct reader r = {.data = data, .size = size, .arena = &result.arena};
    const itx_status status = read_file(&r, &result, err);
    if (status != ITX_OK) {
        plan_file_release(&result);
        return status;
    }
    *file = result;
    return ITX_OK;
}

void plan_file_release(struct plan_file *file)
{
    arena_release(&file->arena);
    *file = (struct plan_file){0};
}
