/* SPDX-License-Identifier: Apache-2.0
 *
 * Persistent worker threads. The calling thread is worker 0. Workers spin briefly for the next job, then sleep.
 * Work is divided by shape and thread count only, so results never depend on timing. The one file with atomics
 * in the run path.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/status.h"

struct pool;

/* Called once for every worker in [0, n_workers); `worker` names scratch space, and with n_workers divides the job.
 * Which thread takes a worker's part is open: one that the system keeps from running is not waited for, others do
 * its part. The floating-point environment is that of base/float_mode.h. */
typedef void pool_fn(void *ctx, int worker, int n_workers);

/* n_threads in [1, 256]; 1 makes no thread. */
itx_status pool_create(struct pool **pool, int n_threads, struct itx_error *err);
/* Accepts NULL content. In a child of the process that made the pool, as in pool_run, the caller is all that is left of it:
 * nothing is waited for, and the caller does everybody's work. */
void pool_destroy(struct pool **pool);
int pool_n_threads(const struct pool *pool);

/* Runs fn for every worker and returns when all are done. One job at a time per pool. `pool` may be NULL: one worker. */
void pool_run(struct pool *pool, pool_fn *fn, void *ctx);

/* The part [*begin, *end) of n items that falls to `worker`: contiguous, sizes differ by at most one grain.
 * Every part but the last is a multiple of `grain` items. */
static inline void pool_part(int n, int grain, int worker, int n_workers, int *begin, int *end)
{
    const int n_grains = (n + grain - 1) / grain;
    const int b = (int)((long long)n_grains * worker / n_workers) * grain;
    const int e = (int)((long long)n_grains * (worker + 1) / n_workers) * grain;
    *begin = b < n ? b : n;
    *end = e < n ? e : n;
}

#endif
