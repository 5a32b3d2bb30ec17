/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that need not be computed, since they are those above. A letterbox's border is one colour, so its rows are
 * alike, and so are the rows that a convolution makes of them where no padding and no other row comes in: one is
 * computed and copied. Rows at the top of the input that equal the first one, and at the bottom that equal the last
 * one, are followed through the steps. An input whose rows are all alike is no picture, and computed like any other, so
 * that time measured on zeros is that of a frame. Nothing changes but the time. For this folder only.
 */
#ifndef RUNTIME_BORDER_H
#define RUNTIME_BORDER_H

#include "runtime/step.h"

/* Rows [y0, y1) are computed, the last of them is copied to the n_copies rows behind. */
struct border_range {
    int y0, y1, n_copies;
};

enum { BORDER_RANGES = 3 };

/* What of a step's output is computed: ranges, from the top; none: everything. */
struct border_rows {
    struct border_range range[BORDER_RANGES];
    int n;
};

struct border;

/* NULL when out of memory. All memory is the arena's. */
struct border *border_create(const struct plan *plan, uint32_t cpu, struct arena *arena);
/* A run begins, on what lies in `input`, the tensor of the plan's only input; NULL: it has several. */
void border_begin(struct border *b, const void *input);
/* For each step from the first on, in order. */
void border_plan(struct border *b, int step, struct border_rows *rows);
/* The worker's part of a step that has ranges. */
void border_run(const struct border *b, const struct step *s, const struct plan_step *p,
                const struct border_rows *rows, int worker, int n_workers, void *scratch);

#endif
