/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads on demand: which cells of the late steps (plan_stages) are needed for the needed cells of the outputs, and the
 * division of that work into waves of steps that do not wait for each other. For this folder only; runtime.h is how
 * it is used.
 */
#ifndef RUNTIME_DEMAND_H
#define RUNTIME_DEMAND_H

#include "plan/writers.h"
#include "runtime/gate.h"
#include "runtime/step.h"

/* A late step. Its cells are those of the grid its kernel goes over: of its output, or, for a transposed convolution,
 * of its input. */
struct demand_step {
    const struct step *step;
    int index;            /* in the plan */
    int scale_h, scale_w; /* rows and columns of its output that a cell makes */
    struct region need;   /* of the run under way */
    struct rect *rects;   /* what is run: the need, or everything */
    int n_rects;
    uint64_t macs;    /* multiply-adds of a cell */
    bool is_whole;    /* a later stage reads it: computed completely in its own */
    bool starts_wave; /* else it runs together with the step before */
};

/* A step of the first stage that writes class logits, computed where one of them may reach its bound. */
struct demand_gate {
    struct gate *gate;
    struct demand_step step; /* its need: the cells that the gate leaves open */
};

struct demand {
    const struct plan *plan;
    int begin[PLAN_STAGE_COUNT + 1]; /* into the plan's steps */
    struct demand_step *late;        /* [those from begin[1] on] */
    struct plan_writers writers;     /* the late steps */
    struct demand_gate gates[PLAN_MAX_LEVELS];
    int n_gates;
};

/* Bytes that demand_create takes for the late steps' cells. */
uint64_t demand_size(const struct plan *plan, const uint8_t *stage);
/* *demand stays NULL for plans that cannot be run so: those without a head, and those whose steps are in another order
 * than that of their stages. `stage` [n_steps] is plan_stages'; `steps` [n_steps] are prepared. All memory is the
 * arena's. */
itx_status demand_create(struct demand **demand, const struct plan *plan, const uint8_t *stage,
                         const struct step *steps, struct arena *arena, struct itx_error *err);
void demand_release(struct demand **demand); /* accepts NULL content, leaves NULL */

/* Nothing is needed. */
void demand_reset(struct demand *d);
/* Cells of an output are needed; for outputs of the first stage there is nothing to do. */
void demand_add(struct demand *d, uint32_t tensor, const struct rect *cells);

/* Works out the rectangles of all steps of a stage after PLAN_STAGE_CLASSES from what is needed now. Returns
 * their multiply-adds. */
uint64_t demand_plan(struct demand *d, enum plan_stage stage);
/* Late steps [begin, ...) of the plan. */
const struct demand_step *demand_steps(const struct demand *d, int begin);
/* Where the wave that begins with step `begin` of the plan ends, `end` at the latest. */
int demand_wave_end(const struct demand *d, int begin, int end);
/* Whether none of n steps has anything to do. */
bool demand_is_idle(const struct demand_step *steps, int n);
/* Runs the worker's part of n steps that were planned and do not wait for each other. */
void demand_run(const struct demand_step *steps, int n, int worker, int n_workers, void *scratch);

/* The gate of a step of the plan, or of what writes a tensor; NULL: there is none. */
struct demand_gate *demand_gate_of_step(struct demand *d, int index);
struct demand_gate *demand_gate_of_tensor(struct demand *d, uint32_t tensor);
/* Works out the rectangles of the step from what it needs, and returns their multiply-adds. */
uint64_t demand_plan_gate(const struct demand *d, struct demand_gate *g);

#endif
