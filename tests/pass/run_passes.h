/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of passes share: a pass by name, a graph as text, a head as text.
 */
#ifndef TESTS_PASS_RUN_PASSES_H
#define TESTS_PASS_RUN_PASSES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/pass.h"

static inline itx_status run_pass(const char *name, size_t len, struct graph *g,
                                  struct head_info *head, struct itx_error *err)
{
    static const struct {
        const char *name;
        itx_status (*run)(struct graph *, struct itx_error *);
    } rows[] = {
        {"fold_const", pass_fold_const},         {"normalize", pass_normalize},
        {"merge_slices", pass_merge_slices},     {"simplify", pass_simplify},
        {"fold_norm", pass_fold_norm},           {"fuse_silu", pass_fuse_silu},
        {"fuse_softmax", pass_fuse_softmax},     {"fuse_conv", pass_fuse_conv},
        {"fuse_attention", pass_fuse_attention}, {"canonical", pass_canonical},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
            return rows[i].run(g, err);
    if (len == 9 && memcmp(name, "find_head", len) == 0) return pass_find_head(g, head, err);
    if (len == 3 && memcmp(name, "all", len) == 0) return passes_run(g, head, NULL, NULL, err);
    return itx_fail(err, ITX_E_INVAL, "no pass '%.*s'", (int)len, name);
}

static inline void print_head(FILE *out, const struct graph *g, const struct head_info *h)
{
    static const char *const tasks[] = {"raw", "detect", "segment"};
    fprintf(out, "# head: %s %dx%d, %d classes, %d bins, %d coefficients, prototypes %d\n",
            tasks[h->task], h->input_w, h->input_h, h->n_classes, h->reg_max, h->n_coefs, h->proto);
    for (int i = 0; i < h->n_levels; i++)
        fprintf(out, "# stride %d: class %s, box %s, coefficients %s\n", h->level[i].stride,
                graph_value(g, g->outputs.data[h->level[i].cls])->name,
                graph_value(g, g->outputs.data[h->level[i].box])->name,
                h->level[i].coef < 0 ? "none"
                                     : graph_value(g, g->outputs.data[h->level[i].coef])->name);
    for (int i = 0; i < h->n_classes && i < 3; i++) fprintf(out, "# name %d: %s\n", i, h->names[i]);
}

/* NULL when out of memory. */
static inline char *graph_text(const struct graph *g)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) return NULL;
    const itx_status rc = graph_print(g, out, false, NULL);
    fclose(out);
    if (rc == ITX_OK) return text;
    free(text);
    return NULL;
}

#endif
