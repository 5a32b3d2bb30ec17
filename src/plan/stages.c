/* SPDX-License-Identifier: Apache-2.0
 *
 * Which steps only serve the later outputs of a head. Dependence is followed through buffers: a step that reads any
 * part of a buffer needs whatever is written to it before.
 */
#include <string.h>

#include "base/mem.h"
#include "plan/plan.h"

static void need_by(uint8_t *stage, uint8_t by)
{
    if (by < *stage) *stage = by;
}

static void add_role(struct plan_output_stages *s, bool has_role, enum plan_stage stage)
{
    if (!has_role) return;
    if (!s->has_role || stage < s->first) s->first = stage;
    if (!s->has_role || stage > s->last) s->last = stage;
    s->has_role = true;
}

struct plan_output_stages plan_output_stages(const struct plan_head *h, uint32_t output)
{
    struct plan_output_stages s = {PLAN_STAGE_CLASSES, PLAN_STAGE_CLASSES, false};
    const bool is_segment = h->task == PLAN_SEGMENT;
    for (int i = 0; i < h->n_levels; i++) {
        add_role(&s, h->level[i].cls == output, PLAN_STAGE_CLASSES);
        add_role(&s, h->level[i].box == output, PLAN_STAGE_BOXES);
        add_role(&s, is_segment && h->level[i].coef == output, PLAN_STAGE_MASKS);
    }
    add_role(&s, is_segment && h->proto == output, PLAN_STAGE_MASKS);
    return s;
}

itx_status plan_stages(const struct plan *plan, uint8_t *stage, struct itx_error *err)
{
    uint8_t *const buffer = mem_alloc((size_t)plan->n_buffers); /* the earliest that reads it */
    if (buffer == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %d buffers", plan->n_buffers);
    memset(buffer, PLAN_STAGE_COUNT, (size_t)plan->n_buffers);
    for (int i = 0; i < plan->n_outputs; i++)
        need_by(&buffer[plan->tensors[plan->outputs[i].tensor].buffer],
                (uint8_t)plan_output_stages(&plan->head, (uint32_t)i).first);
    for (int i = plan->n_steps - 1; i >= 0; i--) {
        const struct plan_step *const s = &plan->steps[i];
        const uint8_t needed = buffer[plan->tensors[s->out].buffer];
        stage[i] = needed < PLAN_STAGE_COUNT ? needed : PLAN_STAGE_CLASSES;
        for (int k = 0; k < s->n_in; k++)
            need_by(&buffer[plan->tensors[s->in[k]].buffer], stage[i]);
    }
    mem_free(buffer);
    return ITX_OK;
}
