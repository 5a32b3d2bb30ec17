/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/limit.h"

#include <inttypes.h>

enum { MIB_SHIFT = 20 };

static uint64_t mib(uint64_t bytes)
{
    return (bytes >> MIB_SHIFT) + (bytes % ((uint64_t)1 << MIB_SHIFT) != 0);
}

itx_status limit_work(const struct plan *plan, const struct runtime_limits *limits,
                      struct itx_error *err)
{
    uint64_t work = 0;
    for (int i = 0; i < plan->n_steps; i++)
        if (__builtin_add_overflow(work, plan_step_work(plan, &plan->steps[i]), &work))
            work = UINT64_MAX;
    if (limits->work == 0 || work <= limits->work) return ITX_OK;
    return itx_fail(err, ITX_E_RANGE,
                    "model '%s' takes %.4g multiplications and reads of windows for a frame, the "
                    "limit is %.4g (--max-work, max_work)",
                    plan->name, (double)work, (double)limits->work);
}

itx_status limit_scratch(const struct plan *plan, int i, size_t bytes,
                         const struct runtime_limits *limits, struct itx_error *err)
{
    if (limits->scratch == 0 || bytes <= limits->scratch) return ITX_OK;
    return itx_fail(err, ITX_E_RANGE,
                    "step %d ('%s') takes %" PRIu64 " MiB of scratch, the limit is %" PRIu64
                    " MiB (--max-scratch, max_scratch)",
                    i, plan->steps[i].name, mib(bytes), mib(limits->scratch));
}

itx_status limit_memory(uint64_t bytes, const struct runtime_limits *limits, struct itx_error *err)
{
    if (limits->memory == 0 || bytes <= limits->memory) return ITX_OK;
    return itx_fail(err, ITX_E_RANGE,
                    "a session takes %" PRIu64 " MiB or more, the limit is %" PRIu64
                    " MiB (--max-memory, max_memory)",
                    mib(bytes), mib(limits->memory));
}
