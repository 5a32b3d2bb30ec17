/* SPDX-License-Identifier: Apache-2.0 */
#include "api/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/advice.h"
#include "api/distribution.h"

void json_text(struct strbuf *json, const char *text)
{
    strbuf_add_json(json, str_of(text));
}

/* V with so many digits behind the point, negative: significant ones. */
static void add_value(struct strbuf *json, int digits, double v)
{
    if (digits < 0)
        strbuf_addf(json, "%.*g", -digits, v);
    else
        strbuf_addf(json, "%.*f", digits, v);
}

void json_value(struct strbuf *json, const char *name, int digits, double v)
{
    strbuf_addf(json, "\"%s\": ", name);
    add_value(json, digits, v);
}

/* "NAME": [A, B] */
static void add_pair(struct strbuf *json, const char *name, double a, double b)
{
    strbuf_addf(json, "\"%s\": [", name);
    add_value(json, -6, a);
    strbuf_addf(json, ", ");
    add_value(json, -6, b);
    strbuf_addf(json, "]");
}

/* What the tensor can hold, of all channels together and from channel to channel. Sums in 32 bits are exact. */
static void add_threshold(struct strbuf *json, const struct plan_tensor *t)
{
    if (t->dtype == DTYPE_S32) {
        strbuf_addf(json, "\"threshold\": null");
        return;
    }
    const double least = t->dtype == DTYPE_S8 ? INT8_MIN : INT16_MIN;
    const double most = t->dtype == DTYPE_S8 ? INT8_MAX : INT16_MAX;
    double low[2] = {INFINITY, -INFINITY}, high[2] = {INFINITY, -INFINITY};
    for (int c = 0; c < t->n_quant; c++) {
        const double l = (least - t->zero_point[c]) * (double)t->scale[c];
        const double h = (most - t->zero_point[c]) * (double)t->scale[c];
        low[0] = fmin(low[0], l);
        low[1] = fmax(low[1], l);
        high[0] = fmin(high[0], h);
        high[1] = fmax(high[1], h);
    }
    add_pair(json, "threshold", low[0], high[1]);
    if (t->n_quant == 1) return;
    strbuf_addf(json, ", ");
    add_pair(json, "channels_low", low[0], low[1]);
    strbuf_addf(json, ", ");
    add_pair(json, "channels_high", high[0], high[1]);
}

/* "NAME": signal-to-noise, null where nothing differs. */
static void add_snr(struct strbuf *json, const char *name, const struct closeness *c)
{
    const double snr = closeness_snr(c);
    if (isfinite(snr))
        json_value(json, name, 2, snr);
    else
        strbuf_addf(json, "\"%s\": null", name);
}

static void add_closeness(struct strbuf *json, const struct comparison *c)
{
    const struct closeness stored = {.true_square = c->whole.true_square,
                                     .error_square = c->rounding_square};
    json_value(json, "cosine", 6, closeness_cosine(&c->whole));
    strbuf_addf(json, ", ");
    add_snr(json, "snr_db", &c->whole);
    strbuf_addf(json, ", ");
    json_value(json, "cosine_alone", 6, closeness_cosine(&c->alone));
    strbuf_addf(json, ", ");
    add_snr(json, "snr_alone_db", &c->alone);
    strbuf_addf(json, ", ");
    add_snr(json, "snr_stored_db", &stored);
    strbuf_addf(json, ", ");
    json_value(json, "clipped", -3, (double)c->n_clipped / (double)c->whole.n);
}

/* [least, most] of the values, and the shares of them in equal parts between. */
static void add_histogram(struct strbuf *json, const struct report *r, uint32_t tensor)
{
    enum { N_PARTS = 96 };
    struct distribution d;
    double parts[N_PARTS];
    if (!distribution_of(&d, r->stats, r->comparison[tensor].value)) return;
    distribution_parts(&d, parts, N_PARTS);
    strbuf_addf(json, ", \"histogram\": {");
    add_pair(json, "range", d.least, d.most);
    strbuf_addf(json, ", ");
    add_pair(json, "inner", d.inner[0], d.inner[1]);
    strbuf_addf(json, ", \"parts\": [");
    for (int i = 0; i < N_PARTS; i++) {
        if (i != 0) strbuf_addf(json, ", ");
        add_value(json, -3, parts[i]);
    }
    strbuf_addf(json, "]}");
}

static void add_layer(struct strbuf *json, const struct report *r, const struct plan_step *s,
                      const char *advice, enum report_detail detail)
{
    const struct plan_tensor *t = &r->plan->tensors[s->out];
    strbuf_addf(json, "{\"name\": ");
    json_text(json, s->name);
    strbuf_addf(json, ", \"type\": \"%s\", \"activation\": \"%s\", \"shape\": [%d, %d, %d], ",
                step_kind_name(s->kind), act_name(s->act), t->h, t->w, t->c);
    strbuf_addf(json, "\"dtype\": \"%s\", \"n_scales\": %d, ", dtype_name(t->dtype), t->n_quant);
    json_value(json, "scale", -9, (double)t->scale[0]);
    strbuf_addf(json, ", \"zero_point\": %d, ", t->zero_point[0]);
    float most = t->scale[0];
    for (int c = 1; c < t->n_quant; c++) most = fmaxf(most, t->scale[c]);
    json_value(json, "scale_max", -9, (double)most);
    strbuf_addf(json, ", ");
    add_threshold(json, t);
    strbuf_addf(json, ", ");
    const struct comparison *c = &r->comparison[s->out];
    if (s->kind != STEP_COPY && c->whole.n != 0)
        add_closeness(json, c);
    else /* a copy of what was compared where it was made */
        strbuf_addf(json, "\"cosine\": null, \"snr_db\": null");
    if (detail == REPORT_HISTOGRAMS && s->kind != STEP_COPY) add_histogram(json, r, s->out);
    if (advice != NULL) {
        strbuf_addf(json, ", \"advice\": ");
        json_text(json, advice);
    }
    strbuf_addf(json, "}");
}

static void add_output(struct strbuf *json, const struct report *r, const struct plan_output *o)
{
    const struct closeness *c = &r->comparison[o->tensor].whole;
    strbuf_addf(json, "{\"name\": ");
    json_text(json, o->name);
    strbuf_addf(json, ", ");
    json_value(json, "cosine", 6, closeness_cosine(c));
    strbuf_addf(json, ", ");
    add_snr(json, "snr_db", c);
    strbuf_addf(json, ", ");
    json_value(json, "l1", -6, closeness_l1(c));
    strbuf_addf(json, ", ");
    json_value(json, "l2", -6, closeness_l2(c));
    strbuf_addf(json, ", ");
    json_value(json, "chebyshev", -6, closeness_chebyshev(c));
    strbuf_addf(json, "}");
}

/* , "NAME": [...] */
static void add_floats(struct strbuf *json, const char *name, const float *v, int n)
{
    strbuf_addf(json, ", \"%s\": [", name);
    for (int i = 0; i < n; i++) {
        if (i != 0) strbuf_addf(json, ", ");
        add_value(json, -9, (double)v[i]);
    }
    strbuf_addf(json, "]");
}

static void add_origin(struct strbuf *json, const struct report *r)
{
    static const char *const formats[] = {
        [ITX_IMAGE_NONE] = "numbers", [ITX_IMAGE_RGB] = "rgb",   [ITX_IMAGE_BGR] = "bgr",
        [ITX_IMAGE_NV12] = "nv12",    [ITX_IMAGE_GRAY] = "gray", [ITX_IMAGE_YUV444] = "yuv444"};
    const struct itx_build_options *const o = r->options;
    const char *const base = strrchr(r->source, '/');
    strbuf_addf(json, "\"producer\": \"intarsia %s\", \"source\": ", itx_version());
    json_text(json, base != NULL ? base + 1 : r->source);
    strbuf_addf(json,
                ", \"options\": {\"input\": \"%s\", \"range\": \"%s\", \"effort\": %d, \"method\": "
                "\"%s\"",
                formats[o->input_format], o->input_range == ITX_RANGE_VIDEO ? "video" : "full",
                o->effort, r->method);
    if (o->train_format != ITX_IMAGE_NONE)
        strbuf_addf(json, ", \"train\": \"%s\"", formats[o->train_format]);
    if (o->n_mean > 0) add_floats(json, "mean", o->mean, o->n_mean);
    if (o->n_scale > 0) add_floats(json, "scale", o->scale, o->n_scale);
    strbuf_addf(json, "}, \"calibration\": {\"images\": %d, \"images_given\": %d, ",
                r->photos->n_used, r->photos->n_given);
    if (o->n_images == 0)
        strbuf_addf(json, "\"data\": \"%s\", ", o->n_tensors > 0 ? "files" : "random");
    strbuf_addf(json, "\"warnings\": [");
    for (int i = 0; i < r->photos->warnings.n; i++) {
        if (i != 0) strbuf_addf(json, ", ");
        json_text(json, r->photos->warnings.text[i]);
    }
    strbuf_addf(json, "]}, ");
    if (r->network->names_note[0] != '\0') {
        strbuf_addf(json, "\"warnings\": [");
        json_text(json, r->network->names_note);
        strbuf_addf(json, "], ");
    }
    strbuf_addf(json, "\"source_metadata\": {");
    const struct graph *const g = r->network->graph;
    for (size_t i = 0; i < g->meta.len; i++) {
        if (i != 0) strbuf_addf(json, ", ");
        json_text(json, g->meta.data[i].key);
        strbuf_addf(json, ": ");
        json_text(json, g->meta.data[i].text);
    }
    strbuf_addf(json, "}");
}

/* Advice for the worst steps: texts[i], NULL for the others. All live in `arena`. */
static itx_status find_advice(const char **texts, struct arena *arena, const struct report *r,
                              struct itx_error *err)
{
    enum { N_ADVISED = 5 };
    struct quant_groups groups = {0};
    const struct graph *const g = r->network->graph;
    ITX_TRY(quant_groups_create(&groups, g, err));
    const struct advice_input in = {.plan = r->plan,
                                    .comparison = r->comparison,
                                    .stats = r->stats,
                                    .graph = g,
                                    .groups = &groups,
                                    .is_minmax = r->is_minmax,
                                    .effort = r->options->effort};
    int *order = arena_calloc(arena, (size_t)r->plan->n_steps, sizeof *order);
    itx_status rc = order != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
    const int n = rc == ITX_OK ? advice_order(&in, order) : 0;
    for (int i = 0; rc == ITX_OK && i < n && i < N_ADVISED; i++) {
        char text[ADVICE_SIZE];
        advice_on(&in, order[i], text);
        if (text[0] == '\0') continue;
        texts[order[i]] = arena_text(arena, text, strlen(text));
        if (texts[order[i]] == NULL) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    quant_groups_release(&groups);
    return rc;
}

/* What the result is worth on calibration pictures, and what 16 bits cost. */
static void add_accuracy(struct strbuf *json, const struct quantised *q)
{
    strbuf_addf(json, ", \"accuracy\": {\"images\": %d, ", q->n_judged);
    json_value(json, "box_agreement", 4, q->verdict.box_agreement);
    strbuf_addf(json, ", ");
    json_value(json, "mask_agreement", 4, q->verdict.mask_agreement);
    strbuf_addf(json, ", ");
    json_value(json, "loss_percent", 3, q->verdict.loss);
    strbuf_addf(json, ", ");
    json_value(json, "cost_percent", 3, 100 * q->choice.cost);
    strbuf_addf(json, "}");
}

itx_status report_meta(struct strbuf *json, const struct report *r, enum report_detail detail,
                       struct itx_error *err)
{
    struct arena arena = {0};
    const char **advice = arena_calloc(&arena, (size_t)r->plan->n_steps, sizeof *advice);
    itx_status rc = advice != NULL ? find_advice(advice, &arena, r, err)
                                   : itx_fail(err, ITX_E_NOMEM, "out of memory");
    strbuf_addf(json, "{");
    add_origin(json, r);
    strbuf_addf(json, ", \"layers\": [");
    for (int i = 0; rc == ITX_OK && i < r->plan->n_steps; i++) {
        strbuf_addf(json, i != 0 ? ",\n" : "\n");
        add_layer(json, r, &r->plan->steps[i], advice[i], detail);
    }
    strbuf_addf(json, "], \"outputs\": [");
    for (int i = 0; i < r->plan->n_outputs; i++) {
        strbuf_addf(json, i != 0 ? ",\n" : "\n");
        add_output(json, r, &r->plan->outputs[i]);
    }
    strbuf_addf(json, "]");
    if (rc == ITX_OK && r->quantised->choice.is_measured) {
        add_accuracy(json, r->quantised);
        rc = choice_report(&r->quantised->choice, r->network->graph, json, err);
    }
    strbuf_addf(json, "}");
    arena_release(&arena);
    if (rc == ITX_OK && json->failed) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    return rc;
}
