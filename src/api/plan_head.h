/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_PLAN_HEAD_H
#define API_PLAN_HEAD_H

#include "plan/plan.h"
#include "runtime/runtime.h"
#include "yolo/yolo.h"

/* Tensor i of a plan, where the runtime keeps it. */
struct yolo_tensor plan_tensor_view(const struct plan *plan, const struct runtime *runtime,
                                    uint32_t i);
/* The YOLO head of a plan that has one, its tensors where the runtime keeps them. */
struct yolo_head plan_head_of(const struct plan *plan, const struct runtime *runtime);

#endif
