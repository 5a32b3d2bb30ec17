/* SPDX-License-Identifier: Apache-2.0
 *
 * Executes a plan: chooses a kernel for each step, packs weights for it, lays out the arena, and runs the steps one
 * after another, each divided among threads. The same plan and inputs give the same bytes in every tensor whatever
 * the CPU, the kernels allowed and the number of threads.
 *
 * One runtime is for one thread at a time; any number of them may share a plan.
 */
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"
#include "kernels/peak/peak.h"
#include "plan/plan.h"

struct runtime;

/* 0: none. */
struct runtime_limits {
    uint64_t work;    /* of one run, as plan_step_work counts it */
    uint64_t scratch; /* bytes of a step, of all threads together */
    uint64_t memory;  /* bytes of everything: tensors, weights, scratch */
};

struct runtime_options {
    uint32_t
        cpu; /* enum cpu_flags that may be used, if this CPU has them; CPU_ALL: no restriction */
    int n_threads;     /* 1 to 256, the caller's included */
    bool keep_tensors; /* buffers share no memory, so that every tensor can be read after a run */
    bool profile;      /* runtime_step_ns is filled */
    bool guest;        /* no memory for tensors: runtime_use_memory comes before the first run */
    bool demand;       /* runtime_run_stage can be used, where the plan allows it */
    struct runtime_limits
        limits; /* beyond them ITX_E_RANGE, before anything of that size is allocated */
};

/* The plan has passed plan_check; it is not copied and outlives the runtime, except its arrays, which may go. */
itx_status runtime_create(struct runtime **runtime, const struct plan *plan,
                          const struct runtime_options *options, struct itx_error *err);
void runtime_destroy(struct runtime **runtime); /* accepts NULL content, leaves NULL */

/* Runs all steps on what lies in the tensors of the plan's inputs. Allocates nothing, cannot fail. */
void runtime_run(struct runtime *runtime);

/* Runs step i in [0, n_steps) alone, on what lies in the tensors it reads. For runtimes with keep_tensors, where the
 * caller may write into any tensor. */
void runtime_run_step(struct runtime *runtime, int i);

/* Heads on demand: false when the plan has no head, or its steps are not in the order of their stages. */
bool runtime_has_demand(const struct runtime *runtime);
/* Runs one stage; all of them, in order, on what lies in the inputs, make one run. PLAN_STAGE_CLASSES is computed
 * completely, class logits up to runtime_bounds; of later ones what was asked for with runtime_need since, which is then as after runtime_run, and in other
 * places of those outputs lies anything. Allocates nothing, cannot fail. */
void runtime_run_stage(struct runtime *runtime, enum plan_stage stage);
/* Columns [x, x + w) of rows [y, y + h) of an output's tensor are wanted. */
struct runtime_cells {
    int x, y, w, h;
};
void runtime_need(struct runtime *runtime, uint32_t tensor, const struct runtime_cells *cells);
/* Bounds [c] of an s32 output of class logits, for the caller to write; NULL: it is always computed completely. Cells
 * in which every channel k is below bound[k] need not be computed by PLAN_STAGE_CLASSES; anything lies there then. At
 * first no cell is below. */
int32_t *runtime_bounds(struct runtime *runtime, uint32_t tensor);
/* The cells that are above a bound and some more, all computed: column x of row y in bit x % 64 of word y * *words + x / 64; NULL: all. For
 * runtimes that have demand, valid until the next run. */
const uint64_t *runtime_open_cells(const struct runtime *runtime, uint32_t tensor, int *words);
/* Multiply-adds of the last run, as plan_step_multiply_adds counts them. */
uint64_t runtime_multiply_adds(const struct runtime *runtime);

/* First element of tensor i (layout: plan->tensors[i]), readable PLAN_TAIL bytes past its last. Inputs are written
 * there before a run; outputs (with keep_tensors: all) are valid from a run to the next. */
void *runtime_tensor(const struct runtime *runtime, uint32_t i);

/* From now on all tensors lie in `data`, the caller's, zeroed at first, aligned to PLAN_ALIGN, runtime_memory().arena
 * bytes; NULL: in the runtime's own memory again, where it has some. So one runtime goes on with what another, with earlier steps on the
 * same tensors, left there. Not with `demand`. */
void runtime_use_memory(struct runtime *runtime, void *data);

/* From now on tensor i lies in `data`, the caller's, aligned to PLAN_ALIGN, plan_tensor_extent bytes; NULL: in the
 * runtime's own memory again. False, and nothing changes, for a tensor that shares its buffer with another one, that a
 * step reads, or that is an input. */
bool runtime_bind(struct runtime *runtime, uint32_t tensor, void *data);

/* Time of step i in the last run; 0 without `profile` or out of range. */
uint64_t runtime_step_ns(const struct runtime *runtime, int i);
/* Name of the kernel row that runs step i; NULL out of range. */
const char *runtime_step_kernel(const struct runtime *runtime, int i);
/* Multiplications that step i executes in a run, and what it multiplies; 0 where they are not counted. */
uint64_t runtime_step_products(const struct runtime *runtime, int i, enum peak_kind *operands);

/* The workers, for other work between runs. */
struct pool *runtime_pool(const struct runtime *runtime);
/* Flags of the kernels that may be used here. */
uint32_t runtime_cpu(const struct runtime *runtime);

struct runtime_memory {
    size_t arena;   /* all tensors */
    size_t weights; /* packed, with what goes with them */
    size_t scratch; /* of all workers */
};
struct runtime_memory runtime_memory(const struct runtime *runtime);

#endif
