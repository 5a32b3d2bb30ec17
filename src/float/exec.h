/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs any graph in float32 on oneDNN: for calibration, and as the truth that the int8 program is compared with.
 *
 * An executor is for one thread at a time; several executors may share one graph, which must outlive them and stay
 * unchanged. The same graph, input and n_threads give the same bytes on the same machine.
 */
#ifndef FLOAT_EXEC_H
#define FLOAT_EXEC_H

#include "graph/graph.h"

struct float_exec;

/* The executor has a function for the operation, its own or graph_eval's. */
bool float_can_run(enum op op);

/* All shapes must be known (graph_infer) and inputs f32. n_threads in [1, 256]. Errors name the node. */
itx_status float_exec_create(struct float_exec **e, const struct graph *g, int n_threads,
                             struct itx_error *err);
void float_exec_destroy(struct float_exec **e); /* accepts NULL content, leaves NULL */

/* A computed value, right after its node ran: dense, row-major in the order of its shape, valid during the call. */
typedef void float_observe_fn(void *ctx, value_id id, const struct tensor *t);

/* One dense array for each input of the graph, in order. `observe` may be NULL; values come in the order of the nodes. */
itx_status float_exec_run(struct float_exec *e, const float *const *inputs,
                          float_observe_fn *observe, void *ctx, struct itx_error *err);

/* A computed value, right after its node ran and before anyone reads it, to be changed in place. [1, c, ...] dense: row-major
 * in the order of its shape, or with the channels last. */
typedef void float_alter_fn(void *ctx, value_id id, const struct shape *shape, bool channels_last,
                            float *data);
/* For all runs to come; NULL: none. */
void float_exec_alter(struct float_exec *e, float_alter_fn *alter, void *ctx);

/* Output i of the last run, valid until the next one (an output that is an input: while the caller keeps that). */
const struct tensor *float_exec_output(const struct float_exec *e, int i);

#endif
