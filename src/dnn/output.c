/* SPDX-License-Identifier: Apache-2.0 */
#include "dnn/output.h"

#include "base/mem.h"
#include "base/status.h"
#include "dnn/values.h"

#define DIRECT_ALIGN 64 /* as itx_session_bind_output asks */

static itx_status describe(struct dnn_output *o, const itx_model *model, int i,
                           struct itx_error *err)
{
    struct itx_step_info step;
    ITX_TRY(itx_model_get_output(model, i, &o->stored, err));
    if (o->stored.step >= 0) ITX_TRY(itx_model_get_step(model, o->stored.step, &step, err));
    const struct itx_step_info *const last = o->stored.step >= 0 ? &step : NULL;
    const struct dnn_form form = dnn_form_of_output(&o->stored, last);
    if (!dnn_form_properties(&form, &o->properties))
        return itx_fail(err, ITX_E_UNSUPPORTED, "output %s has more than 2 GiB", o->stored.name);
    o->is_float = dnn_form_is_float(&form);
    return ITX_OK;
}

itx_status dnn_output_init(struct dnn_output *o, const itx_model *model, int i,
                           struct itx_error *err)
{
    ITX_TRY(describe(o, model, i, err));
    if (o->properties.quantiType != SCALE) return ITX_OK;
    const size_t c = (size_t)o->stored.channels;
    hbDNNQuantiScale *const q = &o->properties.scale;
    q->scaleData = mem_calloc(c, sizeof *q->scaleData);
    q->zeroPointData = mem_calloc(c, 1);
    if (q->scaleData == NULL || q->zeroPointData == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (size_t k = 0; k < c; k++) {
        const size_t from = o->stored.n_quant > 1 ? k : 0;
        q->scaleData[k] = o->stored.scale[from];
        q->zeroPointData[k] = (int8_t)o->stored.zero_point[from];
    }
    return ITX_OK;
}

void dnn_output_release(struct dnn_output *o)
{
    mem_free(o->properties.scale.scaleData);
    mem_free(o->properties.scale.zeroPointData);
    *o = (struct dnn_output){0};
}

bool dnn_output_is_direct(const struct dnn_output *o, const void *to)
{
    return !o->is_float && o->stored.pixel == (size_t)o->stored.channels &&
           (uintptr_t)to % DIRECT_ALIGN == 0;
}

void dnn_output_write(const struct dnn_output *o, const void *stored, void *to)
{
    if (stored == to) return;
    if (o->is_float)
        dnn_values_real(&o->stored, stored, to);
    else
        dnn_values_dense(&o->stored, stored, to);
}
