/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step adds has three sources: what it reads is rounded, its weights are, its result is. The first and the last
 * can be measured by themselves (comparison.rounding_square); what neither explains comes from the weights, or from
 * inputs whose noise they amplify.
 */
#include "api/advice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/distribution.h"
#include "base/mem.h"

/* Above this much signal to noise (dB) a step is as good as 8 bits get; nothing is said of it. */
#define GOOD_SNR 40
/* A source within so many dB of the whole noise makes up half of it. */
#define MAIN_SOURCE 3
/* The finest scale that a convolution can store (quant/ranges.c). */
#define FINEST_SCALE (1.0 / 4088)
/* Thresholds so many times wider than what holds 99.9 % of the values are set by outliers. */
#define OUTLIERS 3

static bool may_lose(const struct advice_input *in, const struct plan_step *s)
{
    return s->kind != STEP_COPY && s->kind != STEP_MAXPOOL && s->kind != STEP_UPSAMPLE &&
           in->comparison[s->out].alone.n != 0;
}

struct ranked {
    double snr;
    int step;
};

static int by_snr(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->snr != y->snr) return x->snr < y->snr ? -1 : 1;
    return x->step - y->step;
}

int advice_order(const struct advice_input *in, int *order)
{
    struct ranked *list = mem_calloc((size_t)in->plan->n_steps, sizeof *list);
    int n = 0;
    if (list == NULL) return 0; /* nothing is advised without memory */
    for (int i = 0; i < in->plan->n_steps; i++) {
        const struct plan_step *s = &in->plan->steps[i];
        if (may_lose(in, s))
            list[n++] = (struct ranked){closeness_snr(&in->comparison[s->out].alone), i};
    }
    qsort(list, (size_t)n, sizeof *list, by_snr);
    for (int i = 0; i < n; i++) order[i] = list[i].step;
    mem_free(list);
    return n;
}

static double stored_snr(const struct comparison *c)
{
    const struct closeness stored = {.true_square = c->whole.true_square,
                                     .error_square = c->rounding_square};
    return closeness_snr(&stored);
}

/* The step that makes all of a tensor; NULL when there is none. */
static const struct plan_step *maker(const struct plan *plan, uint32_t tensor)
{
    for (int i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].out == tensor) return &plan->steps[i];
    return NULL;
}

/* The made tensor among those it reads that loses most by being stored in 8 bits. */
static const struct plan_step *worst_source(const struct advice_input *in,
                                            const struct plan_step *s, double *snr)
{
    const struct plan_step *worst = NULL;
    *snr = INFINITY;
    for (int k = 0; k < s->n_in; k++) {
        const struct plan_step *m = maker(in->plan, s->in[k]);
        if (m == NULL || in->plan->tensors[m->out].dtype != DTYPE_S8) continue;
        const double db = stored_snr(&in->comparison[m->out]);
        if (in->comparison[m->out].whole.n == 0 || db >= *snr) continue;
        *snr = db;
        worst = m;
    }
    return worst;
}

static double span_of(const struct plan_tensor *t)
{
    double low = 0, high = 0;
    for (int c = 0; c < t->n_quant; c++) {
        low = fmin(low, (-128 - t->zero_point[c]) * (double)t->scale[c]);
        high = fmax(high, (127 - t->zero_point[c]) * (double)t->scale[c]);
    }
    return high - low;
}

static void advise_on_output(const struct advice_input *in, const struct plan_step *s, char *text)
{
    const struct plan_tensor *t = &in->plan->tensors[s->out];
    struct distribution d;
    if (distribution_of(&d, in->stats, in->comparison[s->out].value) &&
        span_of(t) > OUTLIERS * (d.inner[1] - d.inner[0])) {
        snprintf(
            text, ADVICE_SIZE,
            "its range is set by outliers (%.4g to %.4g; 99.9 %% of its values lie within %.4g "
            "to %.4g): %s",
            d.least, d.most, d.inner[0], d.inner[1],
            in->is_minmax ? "try --method least-squares or percentile"
                          : "try --method percentile, or keep it in 16 bits");
        if (!in->is_minmax)
            snprintf(text + strlen(text), ADVICE_SIZE - strlen(text), ": --int16 %s", s->name);
        return;
    }
    snprintf(text, ADVICE_SIZE,
             "storing its output in 8 bits loses most: keep it in 16: --int16 %s", s->name);
}

static bool is_tiny(const struct advice_input *in, const struct plan_step *s)
{
    const struct plan_tensor *t = &in->plan->tensors[s->out];
    struct distribution d;
    return s->scale != NULL && t->dtype == DTYPE_S8 &&
           distribution_of(&d, in->stats, in->comparison[s->out].value) &&
           d.most - d.least < 255 * FINEST_SCALE;
}

/* Bytes of pictures are exact in 8 bits. */
static bool reads_picture(const struct plan *plan, const struct plan_step *s)
{
    return s->n_in == 1 && s->in[0] == plan->inputs[0].tensor &&
           plan->inputs[0].kind != PLAN_INPUT_TENSOR;
}

void advice_on(const struct advice_input *in, int step, char *text)
{
    const struct plan_step *s = &in->plan->steps[step];
    const struct comparison *c = &in->comparison[s->out];
    const double alone = closeness_snr(&c->alone);
    double source_snr;
    *text = '\0';
    if (!may_lose(in, s) || !(alone < GOOD_SNR)) return;
    if (is_tiny(in, s)) {
        snprintf(
            text, ADVICE_SIZE,
            "its values are tiny (within %.3g): the arithmetic behind a convolution has steps of "
            "%.3g",
            span_of(&in->plan->tensors[s->out]), FINEST_SCALE);
        return;
    }
    if (in->plan->tensors[s->out].dtype == DTYPE_S8 && stored_snr(c) < alone + MAIN_SOURCE) {
        advise_on_output(in, s, text);
        return;
    }
    const struct plan_step *source = worst_source(in, s, &source_snr);
    if (source != NULL && source_snr < alone + MAIN_SOURCE)
        snprintf(text, ADVICE_SIZE, "reading %s in 8 bits loses most: keep that in 16: --int16 %s",
                 source->name, source->name);
    else if (s->weights != NULL)
        snprintf(
            text, ADVICE_SIZE,
            "its weights in 8 bits%s lose most, not storing its output: a higher --effort rounds "
            "weights better",
            reads_picture(in->plan, s) ? "" : ", or the rounding of all it reads,");
}
