/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step adds has three sources: what it reads is rounded, its weights are, its result is. What the last does is
 * measured (comparison.rounding_square); how the first two compare follows from the size of weights and values.
 */
#include "api/advice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/distribution.h"
#include "base/format.h"
#include "base/mem.h"

/* Above this much signal to noise (dB) a step is as good as 8 bits get; nothing is said of it. */
#define GOOD_SNR 40
/* A source within so many dB of the whole noise makes up half of it. */
#define HALF 3
/* So many times the noise of another source is what counts. */
#define MAIN_SOURCE 2
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

static bool overlap(const struct plan_tensor *a, const struct plan_tensor *b)
{
    const uint64_t size = (uint64_t)dtype_size(a->dtype);
    return a->buffer == b->buffer && a->offset < b->offset + (uint64_t)b->c * size &&
           b->offset < a->offset + (uint64_t)a->c * size;
}

/* Of the steps that make what `s` reads first, in 8 bits, the one whose result loses most; NULL: none. */
static const struct plan_step *worst_source(const struct advice_input *in,
                                            const struct plan_step *s)
{
    const struct plan_step *worst = NULL;
    double most = 0;
    for (int i = 0; i < in->plan->n_steps; i++) {
        const struct plan_step *m = &in->plan->steps[i];
        const struct plan_tensor *t = &in->plan->tensors[m->out];
        const double square = in->comparison[m->out].rounding_square;
        if (!may_lose(in, m) || t->dtype != DTYPE_S8 || square <= most ||
            !overlap(t, &in->plan->tensors[s->in[0]]))
            continue;
        most = square;
        worst = m;
    }
    return worst;
}

/* How much more noise a convolution has from the rounding of what it reads than from that of its weights. Both are a
 * twelfth of a step, squared, times the square of what they are multiplied with: a weight, or a stored value. */
static double input_over_weights(const struct advice_input *in, const struct plan_step *s)
{
    const struct comparison *c = &in->comparison[s->in[0]];
    const uint64_t n = plan_step_arrays(in->plan, s).weights;
    double sum = 0;
    for (uint64_t i = 0; i < n; i++) sum += (double)s->weights[i] * s->weights[i];
    if (c->n_stored == 0 || !(c->stored_square > 0)) return 0; /* a picture: exact */
    if (in->plan->tensors[s->in[0]].dtype != DTYPE_S8) return 0;
    return sum / (double)n / (c->stored_square / (double)c->n_stored);
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

static bool may_be_wide(const struct advice_input *in, const struct plan_step *s)
{
    const value_id v = in->comparison[s->out].value;
    return v != 0 && quant_groups_allow(in->groups, in->graph, v, NULL) == ITX_OK;
}

static void advise_on_output(const struct advice_input *in, const struct plan_step *s, char *text)
{
    const struct plan_tensor *t = &in->plan->tensors[s->out];
    struct distribution d;
    if (distribution_of(&d, in->stats, in->comparison[s->out].value) &&
        span_of(t) > OUTLIERS * (d.inner[1] - d.inner[0])) {
        const int n =
            format_text(text, ADVICE_SIZE,
                        "its range is set by outliers (%.4g to %.4g; 99.9 %% of its values lie "
                        "within %.4g to %.4g): ",
                        d.least, d.most, d.inner[0], d.inner[1]);
        if (in->is_minmax)
            snprintf(text + n, ADVICE_SIZE - (size_t)n, "try --method least-squares or percentile");
        else if (may_be_wide(in, s))
            snprintf(text + n, ADVICE_SIZE - (size_t)n, "keep it in 16 bits: --int16 %s", s->name);
        else
            snprintf(text + n, ADVICE_SIZE - (size_t)n, "and it cannot have 16 bits");
        return;
    }
    snprintf(text, ADVICE_SIZE, "storing its output in 8 bits loses most%s%s",
             may_be_wide(in, s) ? ": keep it in 16: --int16 " : ", and it cannot have 16",
             may_be_wide(in, s) ? s->name : "");
}

static bool is_tiny(const struct advice_input *in, const struct plan_step *s)
{
    const struct plan_tensor *t = &in->plan->tensors[s->out];
    struct distribution d;
    return s->scale != NULL && t->dtype == DTYPE_S8 &&
           distribution_of(&d, in->stats, in->comparison[s->out].value) &&
           d.most - d.least < 255 * FINEST_SCALE;
}

static void advise_on_convolution(const struct advice_input *in, const struct plan_step *s,
                                  char *text)
{
    const double ratio = input_over_weights(in, s);
    const struct plan_step *source = worst_source(in, s);
    const char *more = in->effort == 0 ? ": a higher --effort rounds weights better" : "";
    if (ratio < 1.0 / MAIN_SOURCE || source == NULL)
        snprintf(text, ADVICE_SIZE, "rounding its weights to 8 bits loses most%s", more);
    else if (!may_be_wide(in, source))
        snprintf(text, ADVICE_SIZE,
                 "rounding what it reads counts, but that cannot have 16 bits: %s is read by what "
                 "works in 8 only",
                 source->name);
    else if (ratio > MAIN_SOURCE)
        snprintf(text, ADVICE_SIZE,
                 "rounding what it reads loses most: keep that in 16 bits: --int16 %s",
                 source->name);
    else
        snprintf(text, ADVICE_SIZE,
                 "rounding its weights and what it reads loses most, one as the other: --int16 %s "
                 "keeps the latter in 16 bits",
                 source->name);
}

void advice_on(const struct advice_input *in, int step, char *text)
{
    const struct plan_step *s = &in->plan->steps[step];
    const struct comparison *c = &in->comparison[s->out];
    const double alone = closeness_snr(&c->alone);
    *text = '\0';
    if (!may_lose(in, s) || !(alone < GOOD_SNR)) return;
    if (is_tiny(in, s)) {
        format_text(
            text, ADVICE_SIZE,
            "its values are tiny (within %.3g): the arithmetic behind a convolution has steps of "
            "%.3g",
            span_of(&in->plan->tensors[s->out]), FINEST_SCALE);
        return;
    }
    if (in->plan->tensors[s->out].dtype == DTYPE_S8 && stored_snr(c) < alone + HALF) {
        advise_on_output(in, s, text);
        return;
    }
    if (s->weights != NULL) advise_on_convolution(in, s, text);
}
