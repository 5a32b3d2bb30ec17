/* SPDX-License-Identifier: Apache-2.0
 *
 * How much there is to do for a plan, whatever computes it.
 */
#include "plan/plan.h"

uint64_t plan_step_multiply_adds(const struct plan *plan, const struct plan_step *step)
{
    const struct plan_tensor *const in = &plan->tensors[step->in[0]];
    const struct plan_tensor *const out = &plan->tensors[step->out];
    const uint64_t in_pixels = (uint64_t)in->h * (uint64_t)in->w;
    const uint64_t out_pixels = (uint64_t)out->h * (uint64_t)out->w;
    if (step->kind == STEP_ATTENTION) /* every query with every key, then with every value */
        return in_pixels * in_pixels * ((uint64_t)in->c + (uint64_t)out->c);
    /* a transposed convolution spreads each input pixel, the others gather for each output pixel */
    return plan_step_arrays(plan, step).weights *
           (step->kind == STEP_DECONV ? in_pixels : out_pixels);
}

/* Elements under the windows, with padding and what wide strides leave out: kernels bring them into their own form. */
static uint64_t span_of_windows(const struct plan *plan, const struct plan_step *p)
{
    const struct plan_tensor *const out = &plan->tensors[p->out];
    const int size[2] = {out->h, out->w};
    uint64_t span = (uint64_t)plan->tensors[p->in[0]].c;
    for (int i = 0; i < 2; i++) {
        const uint64_t extent = (uint64_t)(p->kernel[i] - 1) * (uint64_t)p->dilation[i] + 1;
        span *= (uint64_t)(size[i] - 1) * (uint64_t)p->stride[i] + extent;
    }
    return span;
}

uint64_t plan_step_work(const struct plan *plan, const struct plan_step *p)
{
    const struct plan_tensor *const out = &plan->tensors[p->out];
    const uint64_t elements = (uint64_t)out->h * (uint64_t)out->w * (uint64_t)out->c;
    switch (p->kind) {
    case STEP_CONV:
    case STEP_DWCONV:
        return elements + plan_step_multiply_adds(plan, p) + span_of_windows(plan, p);
    case STEP_MAXPOOL:
        return elements * ((uint64_t)p->kernel[0] * (uint64_t)p->kernel[1] + 1) +
               span_of_windows(plan, p);
    case STEP_DECONV:
    case STEP_ATTENTION:
        return elements + plan_step_multiply_adds(plan, p);
    case STEP_UPSAMPLE:
    case STEP_COPY:
    case STEP_ADD:
    case STEP_LUT:
    case STEP_KIND_COUNT:
        break;
    }
    return elements;
}
