/* SPDX-License-Identifier: Apache-2.0
 *
 * What a plan may ask for: a small file can describe work, or memory, without end. For this folder only.
 */
#ifndef RUNTIME_LIMIT_H
#define RUNTIME_LIMIT_H

#include "runtime/runtime.h"

/* One run's work, all steps together. */
itx_status limit_work(const struct plan *plan, const struct runtime_limits *limits,
                      struct itx_error *err);
/* `bytes` of scratch for step i. */
itx_status limit_scratch(const struct plan *plan, int i, size_t bytes,
                         const struct runtime_limits *limits, struct itx_error *err);
/* `bytes` of everything so far. */
itx_status limit_memory(uint64_t bytes, const struct runtime_limits *limits, struct itx_error *err);

#endif
