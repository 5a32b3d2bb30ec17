/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/distances.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/json.h"
#include "cmd/terminal.h"

static bool fit(const struct itx_tensor_info *a, const struct itx_tensor_info *b)
{
    return strcmp(a->name, b->name) == 0 && a->height == b->height && a->width == b->width &&
           a->channels == b->channels;
}

static itx_status find_partner(struct distances *d, int reference,
                               const struct itx_tensor_info *info, struct itx_error *err)
{
    for (int i = 0; i < d->candidate->info.n_outputs; i++) {
        struct itx_tensor_info other;
        ITX_TRY(net_get_output(d->candidate, i, &other, err));
        if (!fit(info, &other)) continue;
        const struct distance pair = {.reference = reference, .candidate = i};
        return vec_push(&d->list, pair) ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    return ITX_OK;
}

itx_status distances_open(struct distances *d, const struct net *reference,
                          const struct net *candidate, struct itx_error *err)
{
    d->reference = reference;
    d->candidate = candidate;
    for (int i = 0; i < reference->info.n_outputs; i++) {
        struct itx_tensor_info info;
        ITX_TRY(net_get_output(reference, i, &info, err));
        ITX_TRY(find_partner(d, i, &info, err));
    }
    return ITX_OK;
}

void distances_release(struct distances *d)
{
    vec_release(&d->list);
    *d = (struct distances){0};
}

/* The stored number behind element i of a channel. */
static double value_at(const struct itx_tensor_info *t, const void *data, size_t i, int channel)
{
    const size_t at = i * t->pixel + (size_t)channel;
    const int q = t->n_quant > 1 ? channel : 0;
    switch (t->dtype) {
    case ITX_F32: /* in planes */
        return (double)((const float *)data)[(size_t)channel * t->row * (size_t)t->height + i];
    case ITX_S8:
        return (((const int8_t *)data)[at] - t->zero_point[q]) * (double)t->scale[q];
    case ITX_S16:
        return (((const int16_t *)data)[at] - t->zero_point[q]) * (double)t->scale[q];
    case ITX_S32:
        return ((double)((const int32_t *)data)[at] - t->zero_point[q]) * (double)t->scale[q];
    }
    ITX_BUG();
}

static itx_status add_pair(struct distances *d, struct distance *pair, struct itx_error *err)
{
    struct itx_tensor_info truth, measured;
    ITX_TRY(net_get_output(d->reference, pair->reference, &truth, err));
    ITX_TRY(net_get_output(d->candidate, pair->candidate, &measured, err));
    const void *const a = net_output(d->reference, pair->reference);
    const void *const b = net_output(d->candidate, pair->candidate);
    if (a == NULL || b == NULL)
        return itx_fail(err, ITX_E_INVAL, "output %s: nothing was run", truth.name);
    const size_t n = (size_t)truth.height * (size_t)truth.width;
    for (int c = 0; c < truth.channels; c++)
        for (size_t i = 0; i < n; i++)
            closeness_add(&pair->closeness, value_at(&truth, a, i, c),
                          value_at(&measured, b, i, c));
    return ITX_OK;
}

itx_status distances_add(struct distances *d, struct itx_error *err)
{
    for (size_t i = 0; i < d->list.len; i++) ITX_TRY(add_pair(d, &d->list.data[i], err));
    return ITX_OK;
}

/* ---- what is said ---- */

static const char *name_of(const struct distances *d, const struct distance *pair)
{
    struct itx_tensor_info info;
    return net_get_output(d->reference, pair->reference, &info, NULL) == ITX_OK ? info.name : "?";
}

void distances_print(const struct distances *d, FILE *out)
{
    static const char *const heading[] = {"output", "cosine", "SNR dB", "L1", "L2", "Chebyshev"};
    if (d->list.len == 0) return;
    struct table t = {0};
    for (size_t i = 0; i < ARRAY_LEN(heading); i++) table_cell(&t, COLOR_BOLD, "%s", heading[i]);
    table_end_row(&t);
    for (size_t i = 0; i < d->list.len; i++) {
        const struct closeness *c = &d->list.data[i].closeness;
        table_cell(&t, COLOR_PLAIN, "%s", name_of(d, &d->list.data[i]));
        table_cell(&t, COLOR_PLAIN, "%.6f", closeness_cosine(c));
        table_cell(&t, COLOR_PLAIN, "%.2f", closeness_snr(c));
        table_cell(&t, COLOR_PLAIN, "%.6f", closeness_l1(c));
        table_cell(&t, COLOR_PLAIN, "%.6f", closeness_l2(c));
        table_cell(&t, COLOR_PLAIN, "%.6f", closeness_chebyshev(c));
        table_end_row(&t);
    }
    table_print(&t, "lrrrrr", out);
    table_release(&t);
}

json_t *distances_json(const struct distances *d)
{
    json_t *list = json_array();
    for (size_t i = 0; i < d->list.len; i++) {
        const struct closeness *c = &d->list.data[i].closeness;
        const double snr = closeness_snr(c);
        json_t *row = json_pack("{s:o, s:f, s:f, s:f, s:f}", "name",
                                json_safe_string(name_of(d, &d->list.data[i])), "cosine",
                                closeness_cosine(c), "l1", closeness_l1(c), "l2", closeness_l2(c),
                                "chebyshev", closeness_chebyshev(c));
        json_object_set_new(row, "snr_db", isfinite(snr) ? json_real(snr) : json_null());
        json_array_append_new(list, row);
    }
    return list;
}
