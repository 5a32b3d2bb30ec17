/* SPDX-License-Identifier: Apache-2.0
 *
 * The row of passes. Read it aloud: this is the compiler's front half.
 */
#include <stddef.h>

#include "passes/pass.h"

typedef itx_status pass_fn(struct graph *g, struct itx_error *err);

static const struct {
    const char *name;
    pass_fn *run; /* NULL: find_head, which also fills head_info */
} passes[] = {
    {"fold_const", pass_fold_const},
    {"normalize", pass_normalize},
    {"merge_slices", pass_merge_slices},
    {"simplify", pass_simplify},
    {"fold_norm", pass_fold_norm},
    {"fuse_silu", pass_fuse_silu},
    {"fuse_softmax", pass_fuse_softmax},
    {"simplify_again", pass_simplify}, /* transposes around a softmax that was written out */
    {"find_head", NULL},
    {"fuse_attention", pass_fuse_attention},
    {"fuse_conv", pass_fuse_conv},
    {"canonical", pass_canonical},
};

itx_status passes_run(struct graph *g, struct head_info *head, passes_dump_fn *dump, void *ctx,
                      struct itx_error *err)
{
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        if (head == NULL && (passes[i].run == NULL || passes[i].run == pass_canonical)) continue;
        const itx_status rc =
            passes[i].run != NULL ? passes[i].run(g, err) : pass_find_head(g, head, err);
        ITX_TRY(rc);
        const itx_status checked = graph_check(g, err);
        if (checked != ITX_OK) {
            itx_error_prefix(err, "after pass %s", passes[i].name);
            return checked;
        }
        if (dump != NULL) ITX_TRY(dump(ctx, passes[i].name, g, err));
    }
    return ITX_OK;
}
