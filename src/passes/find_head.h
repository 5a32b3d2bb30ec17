/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of find_head: what was found, and the two ways of finding it. Not for others.
 */
#ifndef PASSES_FIND_HEAD_H
#define PASSES_FIND_HEAD_H

#include "passes/head.h"
#include "passes/rewrite.h"

enum found_role { FOUND_CLS, FOUND_BOX, FOUND_COEF, FOUND_ROLES };

struct found_level {
    int stride;
    value_id part[FOUND_ROLES];
};

struct found_head {
    int n_levels;
    struct found_level level[HEAD_MAX_LEVELS];
    value_id proto;    /* 0: none, detection */
    bool is_ambiguous; /* two candidates for one part */
    /* Outputs of the file and the maps that take their place and name. */
    struct {
        value_id output, map;
    } renamed[HEAD_MAX_LEVELS * FOUND_ROLES + 1];
    size_t n_renamed;
};

/* v is the `role` of the level with that stride. */
void found_add(struct found_head *f, enum found_role role, value_id v, int stride);
/* Pixels of the input for one of map v [1, c, h, w]; 0 when there is no such number. */
int found_stride(const struct graph *g, value_id v);

itx_status head_tail_find(const struct rewrite *r, struct found_head *f, struct itx_error *err);
void head_maps_find(const struct rewrite *r, struct found_head *f);

#endif
