/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_PLAN_HEAD_H
#define API_PLAN_HEAD_H

#include "plan/plan.h"
#include "runtime/runtime.h"
#include "yolo/yolo.h"

/* The YOLO head of a plan that has one, its tensors where the runtime keeps them. */
struct yolo_head plan_head_of(const struct plan *plan, const struct runtime *runtime);

#endif
