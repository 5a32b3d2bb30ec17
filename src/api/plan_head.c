/* SPDX-License-Identifier: Apache-2.0 */
#include "api/plan_head.h"

struct yolo_tensor plan_tensor_view(const struct plan *plan, const struct runtime *runtime,
                                    uint32_t i)
{
    const struct plan_tensor *t = &plan->tensors[i];
    return (struct yolo_tensor){
        .dtype = t->dtype,
        .data = runtime_tensor(runtime, i),
        .h = t->h,
        .w = t->w,
        .c = t->c,
        .row = (ptrdiff_t)t->pixel * t->w,
        .pixel = t->pixel,
        .channel = 1,
        .n_quant = t->n_quant,
        .scale = t->scale,
        .zero_point = t->zero_point,
    };
}

static struct yolo_tensor head_tensor(const struct plan *plan, const struct runtime *runtime,
                                      uint32_t output)
{
    return plan_tensor_view(plan, runtime, plan->outputs[output].tensor);
}

struct yolo_head plan_head_of(const struct plan *plan, const struct runtime *runtime)
{
    const struct plan_head *h = &plan->head;
    const bool has_masks = h->task == PLAN_SEGMENT;
    struct yolo_head head = {
        .n_levels = h->n_levels,
        .n_classes = h->n_classes,
        .reg_max = h->reg_max,
        .n_coefs = has_masks ? h->n_coefs : 0,
    };
    for (int i = 0; i < h->n_levels; i++) {
        head.level[i].stride = h->level[i].stride;
        head.level[i].cls = head_tensor(plan, runtime, h->level[i].cls);
        head.level[i].box = head_tensor(plan, runtime, h->level[i].box);
        if (has_masks) head.level[i].coef = head_tensor(plan, runtime, h->level[i].coef);
    }
    if (has_masks) head.proto = head_tensor(plan, runtime, h->proto);
    return head;
}
