/* SPDX-License-Identifier: Apache-2.0 */
#include "api/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/calibrate.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "runtime/runtime.h"
#include "vision/picture.h"

struct comparison {
    const struct plan *plan;
    const struct runtime *runtime;
    const uint32_t *tensor_of; /* [values], UINT32_MAX: none */
    struct closeness *closeness;
};

static double stored_value(const struct plan_tensor *t, const void *data, size_t i, int c)
{
    const int q = t->n_quant > 1 ? c : 0;
    int32_t v = 0;
    if (t->dtype == DTYPE_S8) v = ((const int8_t *)data)[i];
    if (t->dtype == DTYPE_S16) v = ((const int16_t *)data)[i];
    if (t->dtype == DTYPE_S32) v = ((const int32_t *)data)[i];
    return (double)(v - t->zero_point[q]) * (double)t->scale[q];
}

/* Called by the float network for each value, when the int8 program has already seen the same picture. */
static void compare_value(void *ctx, value_id v, const struct tensor *x)
{
    const struct comparison *const cmp = ctx;
    const uint32_t index = cmp->tensor_of[v];
    if (index == UINT32_MAX) return;
    const struct plan_tensor *t = &cmp->plan->tensors[index];
    const void *const data = runtime_tensor(cmp->runtime, index);
    struct closeness *const sum = &cmp->closeness[index];
    const float *f = x->data;
    const size_t plane = (size_t)t->h * (size_t)t->w;
    for (int c = 0; c < t->c; c++) {
        for (size_t i = 0; i < plane; i++, f++) {
            const size_t at = i * (size_t)t->pixel + (size_t)c;
            closeness_add(sum, (double)*f, stored_value(t, data, at, c));
        }
    }
}

/* The whole tensor that has the value's name. */
static void map_tensors(const struct graph *g, const struct plan *plan, uint32_t *tensor_of)
{
    for (size_t v = 0; v < g->values.len; v++) {
        const struct value *value = &g->values.data[v];
        tensor_of[v] = UINT32_MAX;
        if (v == 0 || value->data != NULL || value->shape.rank != 4) continue;
        for (int i = 0; i < plan->n_tensors; i++)
            if (plan->tensors[i].c == value->shape.dim[1] &&
                strcmp(plan->tensors[i].name, value->name) == 0) {
                tensor_of[v] = (uint32_t)i;
                break;
            }
    }
}

static itx_status compare_photo(struct comparison *cmp, struct runtime *runtime,
                                struct float_run *run, const struct itx_build_options *o,
                                const struct picture *p, struct itx_error *err)
{
    struct frame *const f = &run->frame;
    ITX_TRY(calibration_frame(f, p, o, err));
    const uint32_t in = cmp->plan->inputs[0].tensor;
    f->kernels->to_input(f->rgb, (size_t)f->width * 3, f->width, runtime_tensor(runtime, in),
                         cmp->plan->tensors[in].pixel, 0, f->height);
    runtime_run(runtime);
    return float_run_frame(run, compare_value, cmp, err);
}

itx_status report_compare(struct closeness **out, const struct network *n, const struct plan *plan,
                          const struct itx_build_options *o, int n_threads, int n_photos,
                          struct itx_error *err)
{
    const struct runtime_options ro = {
        .cpu = cpu_detect(), .n_threads = n_threads, .keep_tensors = true};
    struct runtime *runtime = NULL;
    struct float_run run = {0};
    uint32_t *tensor_of = mem_calloc(n->graph->values.len, sizeof *tensor_of);
    struct closeness *closeness = mem_calloc((size_t)plan->n_tensors, sizeof *closeness);
    itx_status rc = tensor_of != NULL && closeness != NULL
                        ? runtime_create(&runtime, plan, &ro, err)
                        : itx_fail(err, ITX_E_NOMEM, "out of memory");
    /* One thread, so that the figures do not depend on their number. */
    if (rc == ITX_OK) rc = float_run_create(&run, n, 1, err);
    if (rc == ITX_OK) map_tensors(n->graph, plan, tensor_of);
    struct comparison cmp = {plan, runtime, tensor_of, closeness};
    for (int i = 0, done = 0; rc == ITX_OK && i < o->n_images && done < n_photos; i++) {
        struct picture picture = {0};
        if (picture_read(&picture, o->images[i], NULL) != ITX_OK)
            continue; /* warned about before */
        rc = compare_photo(&cmp, runtime, &run, o, &picture, err);
        picture_release(&picture);
        done++;
    }
    if (rc == ITX_OK)
        *out = closeness;
    else
        mem_free(closeness);
    float_run_release(&run);
    runtime_destroy(&runtime);
    mem_free(tensor_of);
    return rc;
}

void json_text(struct strbuf *json, const char *text)
{
    strbuf_add(json, "\"", 1);
    for (const char *p = text; *p != '\0';) {
        const unsigned char c = (unsigned char)*p;
        const size_t n = utf8_length(p, 4);
        if (n == 0)
            strbuf_addf(json, "\\ufffd");
        else if (c == '"' || c == '\\')
            strbuf_addf(json, "\\%c", c);
        else if (c < 0x20)
            strbuf_addf(json, "\\u%04x", c);
        else
            strbuf_add(json, p, n);
        p += n != 0 ? n : 1;
    }
    strbuf_add(json, "\"", 1);
}

/* "NAME": V with so many digits behind the point, negative: significant ones. JSON has a point, whatever the locale of
 * the program around us. */
static void add_number(struct strbuf *json, const char *name, int digits, double v)
{
    char text[64];
    if (digits < 0)
        snprintf(text, sizeof text, "%.*g", -digits, v);
    else
        snprintf(text, sizeof text, "%.*f", digits, v);
    const size_t point = strcspn(text, ",");
    if (text[point] != '\0') text[point] = '.';
    strbuf_addf(json, "\"%s\": %s", name, text);
}

static void add_layer(struct strbuf *json, const struct plan *plan, const struct plan_step *s,
                      const struct closeness *closeness)
{
    const struct plan_tensor *t = &plan->tensors[s->out];
    strbuf_addf(json, "{\"name\": ");
    json_text(json, s->name);
    strbuf_addf(json, ", \"type\": \"%s\", \"activation\": \"%s\", \"shape\": [%d, %d, %d], ",
                step_kind_name(s->kind), act_name(s->act), t->h, t->w, t->c);
    strbuf_addf(json, "\"dtype\": \"%s\", \"n_scales\": %d, ", dtype_name(t->dtype), t->n_quant);
    add_number(json, "scale", -9, (double)t->scale[0]);
    strbuf_addf(json, ", \"zero_point\": %d, ", t->zero_point[0]);
    float most = t->scale[0];
    for (int c = 1; c < t->n_quant; c++) most = fmaxf(most, t->scale[c]);
    add_number(json, "scale_max", -9, (double)most);
    const struct closeness *c = &closeness[s->out];
    if (c->n == 0) { /* not compared: a copy of what was */
        strbuf_addf(json, ", \"cosine\": null, \"snr_db\": null}");
        return;
    }
    strbuf_addf(json, ", ");
    add_number(json, "cosine", 6, closeness_cosine(c));
    const double snr = closeness_snr(c);
    if (isfinite(snr)) {
        strbuf_addf(json, ", ");
        add_number(json, "snr_db", 2, snr);
        strbuf_addf(json, "}");
    } else {
        strbuf_addf(json, ", \"snr_db\": null}");
    }
}

void report_meta(struct strbuf *json, const struct network *n, const struct plan *plan,
                 const struct closeness *closeness, const struct itx_build_options *o,
                 const char *source, const char *method, int n_used)
{
    static const char *const formats[] = {
        [ITX_IMAGE_RGB] = "rgb", [ITX_IMAGE_BGR] = "bgr", [ITX_IMAGE_NV12] = "nv12"};
    const char *const base = strrchr(source, '/');
    strbuf_addf(json, "{\"producer\": \"intarsia %s\", \"source\": ", itx_version());
    json_text(json, base != NULL ? base + 1 : source);
    strbuf_addf(json,
                ", \"options\": {\"input\": \"%s\", \"range\": \"%s\", \"effort\": %d, \"method\": "
                "\"%s\"}, ",
                formats[o->input_format], o->input_range == ITX_RANGE_VIDEO ? "video" : "full",
                o->effort, method);
    strbuf_addf(json, "\"calibration\": {\"images\": %d, \"images_given\": %d}, ", n_used,
                o->n_images);
    strbuf_addf(json, "\"source_metadata\": {");
    for (size_t i = 0; i < n->graph->meta.len; i++) {
        if (i != 0) strbuf_addf(json, ", ");
        json_text(json, n->graph->meta.data[i].key);
        strbuf_addf(json, ": ");
        json_text(json, n->graph->meta.data[i].text);
    }
    strbuf_addf(json, "}, \"layers\": [");
    for (int i = 0; i < plan->n_steps; i++) {
        strbuf_addf(json, i != 0 ? ",\n" : "\n");
        add_layer(json, plan, &plan->steps[i], closeness);
    }
    strbuf_addf(json, "]}");
}
