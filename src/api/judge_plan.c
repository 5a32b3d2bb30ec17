/* SPDX-License-Identifier: Apache-2.0
 *
 * Photos through programs, and the verdict.
 */
#include <math.h>

#include "api/judge_internal.h"
#include "api/plan_head.h"
#include "base/cpu.h"
#include "base/float_mode.h"
#include "base/mem.h"
#include "runtime/runtime.h"

/* A program at work on one thread. */
struct hearing {
    const struct judge *judge;
    const struct plan *plan;
    struct runtime *runtime;
    struct judge_bench bench; /* with a head: it */
    struct yolo_head head;
    float *pixel; /* without: the widest output */
    struct judge_sums sums;
};

/* Noise over signal of every output. */
static void compare_outputs(struct hearing *h, const struct judge_photo *p)
{
    for (int i = 0; i < h->plan->n_outputs; i++) {
        const struct yolo_tensor t =
            plan_tensor_view(h->plan, h->runtime, h->plan->outputs[i].tensor);
        const size_t plane = (size_t)t.h * (size_t)t.w;
        double error = 0, signal = 0;
        for (size_t at = 0; at < plane; at++) {
            yolo_tensor_pixel(&t, (int)(at / (size_t)t.w), (int)(at % (size_t)t.w), h->pixel);
            for (size_t k = 0; k < (size_t)t.c; k++) {
                const double x = (double)p->outputs[i][k * plane + at];
                error += ((double)h->pixel[k] - x) * ((double)h->pixel[k] - x);
                signal += x * x;
            }
        }
        if (!(signal > 0)) continue;
        h->sums.raw_error += sqrt(error / signal);
        h->sums.n_raw++;
    }
}

/* What a program loses in agreement is about twice this share of the scores' error and of the boxes' or masks': from
 * YOLO11n-seg compiled in eight ways. */
#define SCORE_WEIGHT 0.35

/* One piece of the verdict; parts that saw nothing do not count. */
static double part(double error, double signal)
{
    return signal > 0 ? error / signal : 0;
}

/* The program's outputs of a photo. */
static void run_photo(struct hearing *h, const struct judge_photo *p)
{
    const struct network *n = h->judge->network;
    const struct plan *const plan = h->plan;
    const uint32_t in = plan->inputs[0].tensor;
    const struct image_row *kernels = image_choose(cpu_detect());
    kernels->to_input(p->rgb, (size_t)n->width * 3, n->width, runtime_tensor(h->runtime, in),
                      plan->tensors[in].pixel, 0, n->height);
    runtime_run(h->runtime);
}

static itx_status compare_photo(struct hearing *h, const struct judge_photo *p,
                                struct itx_error *err)
{
    const float_mode mode = float_mode_enter();
    itx_status rc = ITX_OK;
    if (h->judge->network->head.task == HEAD_RAW)
        compare_outputs(h, p);
    else
        rc = judge_compare(&h->sums, h->judge, p, &h->bench, &h->head, err);
    float_mode_leave(mode);
    return rc;
}

static itx_status open_hearing(struct hearing *h, int n_threads, struct itx_error *err)
{
    const struct runtime_options o = {.cpu = cpu_detect(), .n_threads = n_threads};
    ITX_TRY(runtime_create(&h->runtime, h->plan, &o, err));
    if (h->judge->network->head.task != HEAD_RAW) {
        h->head = plan_head_of(h->plan, h->runtime);
        return judge_bench_create(&h->bench, &h->head, err);
    }
    int widest = 0;
    for (int i = 0; i < h->plan->n_outputs; i++) {
        const int c = h->plan->tensors[h->plan->outputs[i].tensor].c;
        widest = c > widest ? c : widest;
    }
    h->pixel = mem_calloc((size_t)widest, sizeof *h->pixel);
    return h->pixel != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

static void close_hearing(struct hearing *h)
{
    vec_release(&h->sums.claims);
    mem_free(h->pixel);
    judge_bench_release(&h->bench);
    runtime_destroy(&h->runtime);
}

static void read_sums(struct hearing *h, struct verdict *verdict)
{
    struct judge_sums *const s = &h->sums;
    *verdict = (struct verdict){.box_agreement = 1, .mask_agreement = 1};
    verdict->error = SCORE_WEIGHT * part(s->score_error, s->score_signal) +
                     part(s->box_error, s->box_weight) + part(s->mask_error, s->n_objects) +
                     part(s->raw_error, s->n_raw);
    verdict->loss = 100 * verdict->error;
    if (h->judge->network->head.task == HEAD_RAW) return;
    judge_agreement(s, h->judge, &verdict->box_agreement, &verdict->mask_agreement);
    verdict->loss = 100 - 50 * (verdict->box_agreement + verdict->mask_agreement);
}

itx_status judge_plan(const struct judge *judge, const struct plan *plan, int n_photos,
                      int n_threads, struct verdict *verdict, struct itx_error *err)
{
    struct hearing h = {.judge = judge, .plan = plan};
    itx_status rc = open_hearing(&h, n_threads, err);
    for (int i = 0; rc == ITX_OK && i < n_photos && i < judge->n_photos; i++) {
        run_photo(&h, &judge->photos[i]);
        rc = compare_photo(&h, &judge->photos[i], err);
    }
    if (rc == ITX_OK) read_sums(&h, verdict);
    close_hearing(&h);
    return rc;
}

/* ---- a program in the place of the float network ---- */

static itx_status keep_outputs(struct judge_photo *p, const struct hearing *h,
                               struct itx_error *err)
{
    const int n = h->plan->n_outputs;
    p->outputs = arena_calloc(&p->arena, (size_t)n, sizeof *p->outputs);
    for (int i = 0; p->outputs != NULL && i < n; i++) {
        const struct yolo_tensor t =
            plan_tensor_view(h->plan, h->runtime, h->plan->outputs[i].tensor);
        const size_t plane = (size_t)t.h * (size_t)t.w;
        float *const out = arena_calloc(&p->arena, plane * (size_t)t.c, sizeof *out);
        if (out == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
        p->outputs[i] = out;
        for (size_t at = 0; at < plane; at++) {
            yolo_tensor_pixel(&t, (int)(at / (size_t)t.w), (int)(at % (size_t)t.w), h->pixel);
            for (size_t k = 0; k < (size_t)t.c; k++) out[k * plane + at] = h->pixel[k];
        }
    }
    return p->outputs != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

static itx_status keep_photo(struct judge_photo *p, struct hearing *h, struct itx_error *err)
{
    run_photo(h, p);
    if (h->judge->network->head.task == HEAD_RAW) return keep_outputs(p, h, err);
    const float_mode mode = float_mode_enter();
    const itx_status rc = judge_keep(p, &h->bench, &h->head, h->judge->n_anchors, err);
    float_mode_leave(mode);
    return rc;
}

itx_status judge_of_plan(struct judge **out, const struct judge *from, const struct plan *plan,
                         int n_photos, int n_threads, struct itx_error *err)
{
    struct judge *j = NULL;
    ITX_TRY(
        judge_open(&j, from->network, n_photos < from->n_photos ? n_photos : from->n_photos, err));
    struct hearing h = {.judge = j, .plan = plan};
    itx_status rc = open_hearing(&h, n_threads, err);
    for (int i = 0; rc == ITX_OK && i < j->n_photos; i++) {
        j->photos[i].rgb = from->photos[i].rgb;
        j->photos[i].fit = from->photos[i].fit;
        rc = keep_photo(&j->photos[i], &h, err);
    }
    close_hearing(&h);
    if (rc == ITX_OK) {
        judge_count_objects(j);
        *out = j;
    } else {
        judge_destroy(&j);
    }
    return rc;
}
