/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions: a model made ready for this CPU, run on frames.
 */
#include <string.h>

#include "api/frame.h"
#include "api/input.h"
#include "api/instances.h"
#include "api/model.h"
#include "api/output.h"
#include "api/plan_head.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "runtime/runtime.h"

struct itx_session {
    const itx_model *model;
    const struct plan *plan;
    struct itx_session_options options;
    uint32_t cpu;
    struct runtime *runtime;
    struct frame frame;
    bool has_picture; /* its input is one picture */
    struct instances instances;
    struct yolo_params params;
    struct itx_timing timing;
    bool has_run;
    bool has_frame;   /* the last run was of a picture */
    bool is_complete; /* the last run computed all outputs */
};

static itx_status read_options(itx_session *s, const struct itx_session_options *given,
                               struct itx_error *err)
{
    ITX_TRY(instances_options(&s->options, given, err));
    if (s->options.n_threads == 0) s->options.n_threads = cpu_count();
    uint32_t mask = CPU_ALL;
    if (s->options.cpu != NULL && !cpu_parse(s->options.cpu, &mask))
        return itx_fail(err, ITX_E_INVAL, "unknown instruction set \"%s\"", s->options.cpu);
    s->cpu = cpu_detect() & mask;
    s->options.cpu = NULL; /* the caller's text is not kept */
    return instances_params(&s->params, &s->options, err);
}

static itx_status create_instances(itx_session *s, struct itx_error *err)
{
    if (s->plan->head.task == PLAN_RAW || !s->has_picture) return ITX_OK;
    const struct yolo_head head = plan_head_of(s->plan, s->runtime);
    return instances_create(&s->instances, &head, s->options.max_det, err);
}

static uint32_t class_tensor(const struct plan *p, int level)
{
    return p->outputs[p->head.level[level].cls].tensor;
}

/* Class logits matter from the threshold on. */
static void set_bounds(itx_session *s)
{
    for (int i = 0; i < s->plan->head.n_levels; i++) {
        int32_t *const bound = runtime_bounds(s->runtime, class_tensor(s->plan, i));
        if (bound != NULL) yolo_head_bounds(&s->instances.head, i, s->params.conf, bound);
    }
}

static itx_status create_parts(itx_session *s, struct itx_error *err)
{
    const struct plan *p = s->plan;
    const struct runtime_options o = {
        .cpu = s->cpu,
        .n_threads = s->options.n_threads,
        .keep_tensors = s->options.keep_tensors != 0,
        .profile = s->options.profile != 0,
        .demand = !s->options.dense && !s->options.keep_tensors,
        .limits = {s->options.max_work, s->options.max_scratch, s->options.max_memory},
    };
    ITX_TRY(runtime_create(&s->runtime, p, &o, err));
    s->has_picture = p->n_inputs == 1 && p->inputs[0].kind != PLAN_INPUT_TENSOR;
    if (!s->has_picture) return ITX_OK;
    const struct plan_tensor *in = &p->tensors[p->inputs[0].tensor];
    ITX_TRY(frame_create(&s->frame, in->w, in->h, s->cpu, s->options.n_threads, err));
    ITX_TRY(create_instances(s, err));
    if (s->instances.decoder != NULL) set_bounds(s);
    return ITX_OK;
}

itx_status itx_session_create(itx_session **out, const itx_model *model,
                              const struct itx_session_options *options, struct itx_error *err)
{
    if (out == NULL || model == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_session_create: an argument is NULL");
    itx_session *s = mem_calloc(1, sizeof *s);
    if (s == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    s->model = model;
    s->plan = model->plan;
    model_retain(model);
    itx_status rc = read_options(s, options, err);
    if (rc == ITX_OK) rc = create_parts(s, err);
    if (rc == ITX_OK)
        *out = s;
    else
        itx_session_destroy(&s);
    return rc;
}

void itx_session_destroy(itx_session **session)
{
    if (session == NULL || *session == NULL) return;
    itx_session *s = *session;
    instances_release(&s->instances);
    frame_release(&s->frame);
    runtime_destroy(&s->runtime);
    model_release(s->model);
    mem_free(s);
    *session = NULL;
}

static void begin_run(itx_session *s)
{
    s->timing = (struct itx_timing){0};
    s->instances.n = 0;
    s->has_run = true;
    s->has_frame = s->is_complete = false;
}

/* Inputs are in place since now; `start`: when they began to be made. */
static void run_network(itx_session *s, uint64_t start)
{
    const uint64_t ready = clock_ns();
    begin_run(s);
    runtime_run(s->runtime);
    s->timing.prepare_ns = ready - start;
    s->timing.network_ns = clock_ns() - ready;
    s->timing.multiply_adds = runtime_multiply_adds(s->runtime);
    s->is_complete = true;
}

struct input_job {
    const itx_session *s;
    struct frame_pixels pixels;
    void *to;
};

static void write_input(void *ctx, int worker, int n_workers)
{
    const struct input_job *const job = ctx;
    const struct frame *f = &job->s->frame;
    int begin, end;
    pool_part(f->height, 1, worker, n_workers, &begin, &end);
    input_write_rows(job->s->plan, f->kernels, job->pixels.rgb, job->pixels.stride, job->to, begin,
                     end);
}

static itx_status prepare_input(itx_session *s, const struct itx_image *picture,
                                struct itx_error *err)
{
    struct pool *const pool = runtime_pool(s->runtime);
    struct input_job job = {.s = s, .to = runtime_tensor(s->runtime, s->plan->inputs[0].tensor)};
    ITX_TRY(frame_view(&s->frame, picture, s->options.via, s->options.via_range, pool, &job.pixels,
                       err));
    pool_run(pool, write_input, &job);
    return ITX_OK;
}

itx_status itx_session_run(itx_session *s, const struct itx_image *picture, struct itx_error *err)
{
    if (s == NULL || picture == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_session_run: an argument is NULL");
    if (!s->has_picture)
        return itx_fail(err, ITX_E_UNSUPPORTED, "model %s does not take pictures", s->plan->name);
    const uint64_t start = clock_ns();
    ITX_TRY(prepare_input(s, picture, err));
    run_network(s, start);
    s->has_frame = true;
    return ITX_OK;
}

/* Numbers that are too few to wake other threads for. */
enum { FEW = 16384 };

/* Numbers on their way into the network or out of it. */
struct numbers_job {
    const struct plan_tensor *tensor;
    void *stored;
    struct itx_numbers from; /* [c, h, w], or: */
    float *to;               /* [h, w, c] */
};

static void convert_part(void *ctx, int worker, int n_workers)
{
    const struct numbers_job *const job = ctx;
    const struct plan_tensor *const t = job->tensor;
    int begin, end;
    pool_part(t->h * t->w, 64, worker, n_workers, &begin, &end);
    if (job->to != NULL)
        output_write_real(t, job->stored, job->to, begin, end);
    else if (job->from.dtype == ITX_F32)
        input_write_numbers(t, job->from.data, job->stored, begin, end);
    else
        input_write_stored(t, job->from.data, job->stored, begin, end);
}

static void convert_numbers(const itx_session *s, uint32_t tensor, struct numbers_job *job)
{
    const struct plan_tensor *const t = &s->plan->tensors[tensor];
    const bool is_small = (int64_t)t->h * t->w * t->c <= FEW;
    job->tensor = t;
    job->stored = runtime_tensor(s->runtime, tensor);
    pool_run(is_small ? NULL : runtime_pool(s->runtime), convert_part, job);
}

static itx_status check_numbers(const itx_session *s, const struct itx_numbers *inputs,
                                int n_inputs, struct itx_error *err)
{
    const struct plan *const p = s->plan;
    if (n_inputs != p->n_inputs)
        return itx_fail(err, ITX_E_INVAL, "%d inputs: model %s has %d", n_inputs, p->name,
                        p->n_inputs);
    for (int i = 0; i < n_inputs; i++) {
        const enum dtype stored = p->tensors[p->inputs[i].tensor].dtype;
        if (inputs[i].data == NULL) return itx_fail(err, ITX_E_INVAL, "input %d is NULL", i);
        if (inputs[i].dtype != ITX_F32 && inputs[i].dtype != public_dtype(stored))
            return itx_fail(err, ITX_E_INVAL, "input %s takes floats or %s", p->inputs[i].name,
                            dtype_name(stored));
    }
    return ITX_OK;
}

itx_status itx_session_run_numbers(itx_session *s, const struct itx_numbers *inputs, int n_inputs,
                                   struct itx_error *err)
{
    if (s == NULL || inputs == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_session_run_numbers: an argument is NULL");
    ITX_TRY(check_numbers(s, inputs, n_inputs, err));
    const uint64_t start = clock_ns();
    for (int i = 0; i < n_inputs; i++)
        convert_numbers(s, s->plan->inputs[i].tensor, &(struct numbers_job){.from = inputs[i]});
    run_network(s, start);
    return ITX_OK;
}

itx_status itx_session_run_float(itx_session *s, const float *const *inputs, int n_inputs,
                                 struct itx_error *err)
{
    struct itx_numbers numbers[PLAN_MAX_IO];
    if (s == NULL || inputs == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_session_run_float: an argument is NULL");
    const int n = n_inputs == s->plan->n_inputs ? n_inputs : 0; /* others are refused */
    for (int i = 0; i < n; i++) numbers[i] = (struct itx_numbers){ITX_F32, inputs[i]};
    return itx_session_run_numbers(s, numbers, n_inputs, err);
}

const void *itx_session_output(const itx_session *s, int i)
{
    if (s == NULL || !s->is_complete || i < 0 || i >= s->plan->n_outputs) return NULL;
    return runtime_tensor(s->runtime, s->plan->outputs[i].tensor);
}

itx_status itx_session_read_output(itx_session *s, int i, float *to, struct itx_error *err)
{
    if (s == NULL || to == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_session_read_output: an argument is NULL");
    if (i < 0 || i >= s->plan->n_outputs)
        return itx_fail(err, ITX_E_RANGE, "output %d: there are %d", i, s->plan->n_outputs);
    if (!s->is_complete)
        return itx_fail(err, ITX_E_INVAL,
                        "itx_session_read_output: no run before it computed all outputs");
    convert_numbers(s, s->plan->outputs[i].tensor, &(struct numbers_job){.to = to});
    return ITX_OK;
}

static bool is_output_twice(const struct plan *p, int output)
{
    int n = 0;
    for (int i = 0; i < p->n_outputs; i++) n += p->outputs[i].tensor == p->outputs[output].tensor;
    return n > 1;
}

itx_status itx_session_bind_output(itx_session *s, int i, void *data, struct itx_error *err)
{
    if (s == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_session_bind_output: an argument is NULL");
    if (i < 0 || i >= s->plan->n_outputs)
        return itx_fail(err, ITX_E_RANGE, "output %d: there are %d", i, s->plan->n_outputs);
    if ((uintptr_t)data % PLAN_ALIGN != 0)
        return itx_fail(err, ITX_E_INVAL,
                        "output %s: its memory must lie at a multiple of %d bytes",
                        s->plan->outputs[i].name, PLAN_ALIGN);
    if (is_output_twice(s->plan, i) || !runtime_bind(s->runtime, s->plan->outputs[i].tensor, data))
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "output %s: it shares memory with something else of the network",
                        s->plan->outputs[i].name);
    begin_run(s); /* nothing of the last run is left that could be asked for */
    s->has_run = false;
    if (s->instances.decoder != NULL) s->instances.head = plan_head_of(s->plan, s->runtime);
    return ITX_OK;
}

const void *itx_session_tensor(const itx_session *s, int i)
{
    if (s == NULL || !s->has_run || !s->options.keep_tensors || i < 0 || i >= s->plan->n_tensors)
        return NULL;
    return runtime_tensor(s->runtime, (uint32_t)i);
}

/* The cells whose class logits may pass. */
static void open_cells(const itx_session *s, struct yolo_cells *cells)
{
    for (int i = 0; i < s->plan->head.n_levels; i++)
        cells[i].bits = runtime_open_cells(s->runtime, class_tensor(s->plan, i), &cells[i].words);
}

static void need_cells(itx_session *s, uint32_t output, const struct yolo_rect *r)
{
    runtime_need(s->runtime, s->plan->outputs[output].tensor,
                 &(struct runtime_cells){r->x, r->y, r->w, r->h});
}

static void need_boxes(itx_session *s)
{
    const struct yolo_place *at;
    const int n = yolo_decoder_places(s->instances.decoder, &at);
    for (int i = 0; i < n; i++)
        need_cells(s, s->plan->head.level[at[i].level].box,
                   &(struct yolo_rect){at[i].x, at[i].y, 1, 1});
}

static void need_masks(itx_session *s)
{
    if (s->plan->head.task != PLAN_SEGMENT) return;
    for (int i = 0; i < s->instances.n; i++) {
        struct yolo_place at;
        struct yolo_rect cells;
        instances_mask_needs(&s->instances, i, &at, &cells);
        need_cells(s, s->plan->head.level[at.level].coef, &(struct yolo_rect){at.x, at.y, 1, 1});
        need_cells(s, s->plan->head.proto, &cells);
    }
}

/* Adds the time since *start to `sum`, and begins anew. */
static void take_time(uint64_t *sum, uint64_t *start)
{
    const uint64_t now = clock_ns();
    *sum += now - *start;
    *start = now;
}

/* The frame's input is in place since `start`. Decoding goes on as soon as what it reads is there. */
static void segment_on_demand(itx_session *s, uint64_t start)
{
    struct itx_timing *const t = &s->timing;
    struct yolo_cells cells[YOLO_MAX_LEVELS];
    runtime_run_stage(s->runtime, PLAN_STAGE_CLASSES);
    take_time(&t->network_ns, &start);
    open_cells(s, cells);
    instances_scan(&s->instances, &s->params, cells);
    take_time(&t->decode_ns, &start);
    need_boxes(s);
    runtime_run_stage(s->runtime, PLAN_STAGE_BOXES);
    take_time(&t->network_ns, &start);
    instances_finish(&s->instances, &s->frame.letterbox);
    take_time(&t->decode_ns, &start);
    need_masks(s);
    runtime_run_stage(s->runtime, PLAN_STAGE_MASKS);
    take_time(&t->network_ns, &start);
    t->multiply_adds = runtime_multiply_adds(s->runtime);
}

itx_status itx_session_segment(itx_session *s, const struct itx_image *picture,
                               const struct itx_instance **instances, int *n_instances,
                               struct itx_error *err)
{
    if (s == NULL || instances == NULL || n_instances == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_session_segment: an argument is NULL");
    if (s->instances.decoder == NULL)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "model %s has no YOLO head that was recognised; its raw outputs can be had",
                        s->plan->name);
    if (picture == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_session_segment: an argument is NULL");
    uint64_t start = clock_ns();
    if (runtime_has_demand(s->runtime)) {
        ITX_TRY(prepare_input(s, picture, err));
        begin_run(s);
        take_time(&s->timing.prepare_ns, &start);
        segment_on_demand(s, start);
    } else {
        ITX_TRY(itx_session_run(s, picture, err));
        start = clock_ns();
        instances_decode(&s->instances, &s->params, &s->frame.letterbox);
        take_time(&s->timing.decode_ns, &start);
    }
    s->has_frame = true;
    *instances = s->instances.item;
    *n_instances = s->instances.n;
    return ITX_OK;
}

itx_status itx_session_set_thresholds(itx_session *s, const struct itx_session_options *options,
                                      struct itx_error *err)
{
    if (s == NULL || options == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_session_set_thresholds: an argument is NULL");
    if (s->instances.decoder == NULL)
        return itx_fail(err, ITX_E_UNSUPPORTED, "model %s has no YOLO head", s->plan->name);
    ITX_TRY(instances_thresholds(&s->instances, &s->params, options, err));
    set_bounds(s);
    return ITX_OK;
}

itx_status itx_session_decode(itx_session *s, const struct itx_session_options *options,
                              const struct itx_instance **instances, int *n_instances,
                              struct itx_error *err)
{
    if (s == NULL || options == NULL || instances == NULL || n_instances == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_session_decode: an argument is NULL");
    if (s->instances.decoder == NULL || !s->has_frame)
        return itx_fail(err, ITX_E_INVAL, "itx_session_decode: no frame was run, or no YOLO head");
    if (!s->is_complete)
        return itx_fail(err, ITX_E_INVAL,
                        "itx_session_decode: the last frame's outputs are not complete; run it, or "
                        "let the session be dense");
    const uint64_t start = clock_ns();
    ITX_TRY(instances_decode_again(&s->instances, options, &s->frame.letterbox, err));
    s->timing.decode_ns = clock_ns() - start;
    *instances = s->instances.item;
    *n_instances = s->instances.n;
    return ITX_OK;
}

itx_status itx_session_mask(itx_session *s, int i, uint8_t *mask, size_t stride,
                            struct itx_error *err)
{
    if (s == NULL || mask == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_session_mask: an argument is NULL");
    return instances_mask(&s->instances, i, mask, stride, err);
}

itx_status itx_session_mask_box(itx_session *s, int i, int *x, int *y, int *w, int *h,
                                const uint8_t **mask, struct itx_error *err)
{
    if (s == NULL || x == NULL || y == NULL || w == NULL || h == NULL || mask == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_session_mask_box: an argument is NULL");
    struct yolo_rect r;
    ITX_TRY(instances_mask_box(&s->instances, i, &r, mask, err));
    *x = r.x;
    *y = r.y;
    *w = r.w;
    *h = r.h;
    return ITX_OK;
}

itx_status itx_session_timing(const itx_session *s, struct itx_timing *timing,
                              struct itx_error *err)
{
    if (s == NULL || timing == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_session_timing: an argument is NULL");
    *timing = s->timing;
    return ITX_OK;
}

itx_status itx_session_memory(const itx_session *s, struct itx_memory *memory,
                              struct itx_error *err)
{
    if (s == NULL || memory == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_session_memory: an argument is NULL");
    const struct runtime_memory m = runtime_memory(s->runtime);
    *memory = (struct itx_memory){m.arena, m.weights, m.scratch};
    return ITX_OK;
}

uint64_t itx_session_step_ns(const itx_session *s, int i)
{
    if (s == NULL || !s->options.profile || i < 0 || i >= s->plan->n_steps) return 0;
    return runtime_step_ns(s->runtime, i);
}

const char *itx_session_step_kernel(const itx_session *s, int i)
{
    if (s == NULL || i < 0 || i >= s->plan->n_steps) return NULL;
    return runtime_step_kernel(s->runtime, i);
}

uint64_t itx_session_step_products(const itx_session *s, int i, int *bits)
{
    enum peak_kind operands = PEAK_8_BITS;
    const uint64_t n = s != NULL ? runtime_step_products(s->runtime, i, &operands) : 0;
    if (bits != NULL) *bits = operands == PEAK_8_BITS ? 8 : 16;
    return n;
}

double itx_session_peak(const itx_session *s, int bits)
{
    if (s == NULL || (bits != 8 && bits != 16)) return 0;
    return kernels_peak(runtime_cpu(s->runtime), bits == 8 ? PEAK_8_BITS : PEAK_16_BITS);
}

const char *itx_session_cpu(const itx_session *s)
{
    return s != NULL ? cpu_level_name(s->cpu) : NULL;
}

int itx_session_n_threads(const itx_session *s)
{
    return s != NULL ? s->options.n_threads : 0;
}
