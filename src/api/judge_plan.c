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
    void *inputs[PLAN_MAX_IO];
    struct judge_sums sums;
    int n_photos; /* that are in the sums */
};

/* Noise over signal of one output. */
static void compare_output(struct hearing *h, const struct judge_photo *p, int output,
                           const struct yolo_tensor *t)
{
    const size_t plane = (size_t)t->h * (size_t)t->w;
    double error = 0, signal = 0;
    for (size_t at = 0; at < plane; at++) {
        yolo_tensor_pixel(t, (int)(at / (size_t)t->w), (int)(at % (size_t)t->w), h->pixel);
        for (size_t k = 0; k < (size_t)t->c; k++) {
            const double x = (double)p->outputs[output][k * plane + at];
            error += ((double)h->pixel[k] - x) * ((double)h->pixel[k] - x);
            signal += x * x;
        }
    }
    if (!(signal > 0)) return;
    h->sums.raw_error += error / signal;
    h->sums.n_raw++;
}

static itx_status compare_head(struct hearing *h, const struct judge_photo *p,
                               struct itx_error *err)
{
    const float_mode mode = float_mode_enter();
    const itx_status rc = judge_compare(&h->sums, h->judge, p, &h->bench, &h->head, err);
    float_mode_leave(mode);
    return rc;
}

/* What an error of each kind weighs beside an error of boxes or masks. */
#define SCORE_WEIGHT 0.1

/* One piece of the verdict; parts that saw nothing do not count. */
static double part(double error, double signal)
{
    return signal > 0 ? error / signal : 0;
}

/* The program's outputs of a photo. */
static void run_photo(struct hearing *h, const struct judge_photo *p)
{
    network_write_input(h->judge->network, h->plan, p->input.rgb, p->input.numbers, h->inputs);
    runtime_run(h->runtime);
}

static itx_status compare_photo(struct hearing *h, const struct judge_photo *p,
                                struct itx_error *err)
{
    if (h->judge->network->head.task != HEAD_RAW) return compare_head(h, p, err);
    for (int i = 0; i < h->plan->n_outputs; i++) {
        const struct yolo_tensor t =
            plan_tensor_view(h->plan, h->runtime, h->plan->outputs[i].tensor);
        compare_output(h, p, i, &t);
    }
    return ITX_OK;
}

/* Memory to compare with, h->head being set. */
static itx_status open_bench(struct hearing *h, struct itx_error *err)
{
    const struct network *n = h->judge->network;
    if (n->head.task != HEAD_RAW) return judge_bench_create(&h->bench, &h->head, err);
    int widest = 0;
    for (size_t i = 0; i < n->graph->outputs.len; i++) {
        const int c = network_output(n, (int)i).c;
        widest = c > widest ? c : widest;
    }
    h->pixel = mem_calloc((size_t)widest, sizeof *h->pixel);
    return h->pixel != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

static itx_status open_hearing(struct hearing *h, int n_threads, struct itx_error *err)
{
    const struct runtime_options o = {.cpu = cpu_detect(), .n_threads = n_threads};
    ITX_TRY(runtime_create(&h->runtime, h->plan, &o, err));
    for (int i = 0; i < h->plan->n_inputs; i++)
        h->inputs[i] = runtime_tensor(h->runtime, h->plan->inputs[i].tensor);
    if (h->judge->network->head.task != HEAD_RAW) h->head = plan_head_of(h->plan, h->runtime);
    return open_bench(h, err);
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
    verdict->error = sqrt(SCORE_WEIGHT * SCORE_WEIGHT * part(s->score_error, s->score_weight) +
                          part(s->box_error, s->box_weight) + part(s->mask_error, s->n_objects) +
                          part(s->raw_error, s->n_raw));
    verdict->loss = 100 * verdict->error;
    if (h->judge->network->head.task == HEAD_RAW) return;
    judge_agreement(s, h->judge, h->n_photos, &verdict->box_agreement, &verdict->mask_agreement);
    verdict->loss = 100 - 50 * (verdict->box_agreement + verdict->mask_agreement);
}

itx_status judge_plan(const struct judge *judge, const struct plan *plan, int n_photos,
                      int n_threads, struct verdict *verdict, struct itx_error *err)
{
    struct hearing h = {.judge = judge, .plan = plan};
    itx_status rc = open_hearing(&h, n_threads, err);
    for (int i = 0; rc == ITX_OK && i < n_photos && i < judge->n_photos; i++) {
        run_photo(&h, &judge->photos[i]);
        h.n_photos++;
        rc = compare_photo(&h, &judge->photos[i], err);
    }
    if (rc == ITX_OK) read_sums(&h, verdict);
    close_hearing(&h);
    return rc;
}

/* ---- the float network, altered ---- */

itx_status judge_float(const struct judge *judge, struct float_run *run, int n_photos,
                       struct verdict *verdict, struct itx_error *err)
{
    const struct network *n = judge->network;
    struct hearing h = {.judge = judge, .head = judge->head};
    itx_status rc = open_bench(&h, err);
    for (int i = 0; rc == ITX_OK && i < n_photos && i < judge->n_photos; i++) {
        const struct judge_photo *const p = &judge->photos[i];
        kept_input_restore(&p->input, run);
        h.n_photos++;
        rc = float_run_input(run, NULL, NULL, err);
        if (rc != ITX_OK) break;
        if (n->head.task != HEAD_RAW) network_head_data(&h.head, n, run->exec);
        for (size_t k = 0; n->head.task == HEAD_RAW && k < n->graph->outputs.len; k++) {
            struct yolo_tensor t = network_output(n, (int)k);
            t.data = float_exec_output(run->exec, (int)k)->data;
            compare_output(&h, p, (int)k, &t);
        }
        if (n->head.task != HEAD_RAW) rc = compare_head(&h, p, err);
    }
    if (rc == ITX_OK) read_sums(&h, verdict);
    close_hearing(&h);
    return rc;
}
