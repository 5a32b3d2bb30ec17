/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/build_report.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/json.h"
#include "cmd/terminal.h"

enum { N_WORST = 5 };

static bool may_lose(const json_t *layer)
{
    const char *type = json_text_of(layer, "type");
    return json_is_number(json_object_get(layer, "snr_alone_db")) && strcmp(type, "MaxPool") != 0 &&
           strcmp(type, "Upsample") != 0;
}

static int by_damage(const void *a, const void *b)
{
    const json_t *const *x = a, *const *y = b;
    const double p = json_number(*x, "snr_alone_db"), q = json_number(*y, "snr_alone_db");
    return (p > q) - (p < q);
}

size_t build_report_worst(const json_t *report, const json_t ***list)
{
    const json_t *layers = json_object_get(report, "layers");
    size_t n = 0;
    *list = mem_calloc(json_array_size(layers) + 1, sizeof **list);
    if (*list == NULL) return 0;
    for (size_t i = 0; i < json_array_size(layers); i++)
        if (may_lose(json_array_get(layers, i))) (*list)[n++] = json_array_get(layers, i);
    qsort(*list, n, sizeof **list, by_damage);
    return n;
}

static void number_cell(struct table *t, const json_t *layer, const char *key, int digits,
                        enum color_name color)
{
    const json_t *value = json_object_get(layer, key);
    if (json_is_number(value))
        table_cell(t, color, "%.*f", digits, json_number_value(value));
    else
        table_cell(t, COLOR_FAINT, "--");
}

static enum color_name cosine_color(double cosine)
{
    return cosine < 0.95 ? COLOR_RED : cosine < 0.99 ? COLOR_YELLOW : COLOR_PLAIN;
}

static void add_heading(struct table *t, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) table_cell(t, COLOR_BOLD, "%s", names[i]);
    table_end_row(t);
}

static void add_layer(struct table *t, const json_t *layer)
{
    const json_t *threshold = json_object_get(layer, "threshold");
    table_cell(t, COLOR_PLAIN, "%s", json_text_of(layer, "name"));
    table_cell(t, COLOR_PLAIN, "%s", json_text_of(layer, "type"));
    table_cell(t, COLOR_PLAIN, "%s", json_text_of(layer, "dtype"));
    if (json_is_array(threshold))
        table_cell(t, COLOR_PLAIN, "%.4g .. %.4g", json_number_value(json_array_get(threshold, 0)),
                   json_number_value(json_array_get(threshold, 1)));
    else
        table_cell(t, COLOR_FAINT, "--");
    number_cell(t, layer, "cosine", 6, cosine_color(json_number(layer, "cosine")));
    number_cell(t, layer, "snr_alone_db", 1, COLOR_PLAIN);
    number_cell(t, layer, "snr_db", 1, COLOR_PLAIN);
    table_end_row(t);
}

static void print_layers(const json_t *const *layers, size_t n, const char *title, FILE *out)
{
    const char *const names[] = {title, "type", "dtype", "threshold", "cosine", "dB alone", "dB"};
    struct table t = {0};
    add_heading(&t, names, ARRAY_LEN(names));
    for (size_t i = 0; i < n; i++) add_layer(&t, layers[i]);
    table_print(&t, "lllrrrr", out);
    table_release(&t);
}

static void print_all_layers(const json_t *report, FILE *out)
{
    const json_t *array = json_object_get(report, "layers");
    const size_t n = json_array_size(array);
    const json_t **layers = mem_calloc(n + 1, sizeof *layers);
    for (size_t i = 0; layers != NULL && i < n; i++) layers[i] = json_array_get(array, i);
    if (layers != NULL) print_layers(layers, n, "layer", out);
    mem_free(layers);
}

static void print_outputs(const json_t *report, FILE *out)
{
    const char *const names[] = {"output", "cosine", "dB", "L1", "L2", "Chebyshev"};
    const json_t *outputs = json_object_get(report, "outputs");
    struct table t = {0};
    add_heading(&t, names, ARRAY_LEN(names));
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const json_t *o = json_array_get(outputs, i);
        table_cell(&t, COLOR_PLAIN, "%s", json_text_of(o, "name"));
        number_cell(&t, o, "cosine", 6, cosine_color(json_number(o, "cosine")));
        number_cell(&t, o, "snr_db", 1, COLOR_PLAIN);
        number_cell(&t, o, "l1", 6, COLOR_PLAIN);
        number_cell(&t, o, "l2", 6, COLOR_PLAIN);
        number_cell(&t, o, "chebyshev", 6, COLOR_PLAIN);
        table_end_row(&t);
    }
    table_print(&t, "lrrrrr", out);
    table_release(&t);
}

static bool is_said_before(const json_t *const *worst, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(json_text_of(worst[k], "advice"), json_text_of(worst[i], "advice")) == 0)
            return true;
    return false;
}

/* Each advice once, with the layers that it is for. */
static void print_advice(const json_t *const *worst, size_t n, FILE *out)
{
    for (size_t i = 0; i < n; i++) {
        const char *advice = json_text_of(worst[i], "advice");
        if (*advice == '\0' || is_said_before(worst, i)) continue;
        fprintf(out, "\n");
        for (size_t k = i; k < n; k++) {
            if (strcmp(json_text_of(worst[k], "advice"), advice) != 0) continue;
            fprintf(out, "%s", k != i ? ", " : "");
            print_safely(out, json_text_of(worst[k], "name"));
        }
        fprintf(out, ":\n    ");
        print_safely(out, advice);
        fprintf(out, "\n");
    }
}

void build_report_print(const json_t *report, bool all_layers, FILE *out)
{
    const json_t **worst;
    const size_t n = build_report_worst(report, &worst), n_worst = n < N_WORST ? n : N_WORST;
    if (all_layers)
        print_all_layers(report, out);
    else
        print_layers(worst, n_worst, "layers that lose most", out);
    fprintf(out, "\n");
    print_outputs(report, out);
    print_advice(worst, n_worst, out);
    mem_free(worst);
}
