/* SPDX-License-Identifier: Apache-2.0 */
#include "dnn/output.h"

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
    return dnn_scales_init(&o->properties, o->stored.channels, o->stored.scale,
                           o->stored.zero_point, err);
}

void dnn_output_release(struct dnn_output *o)
{
    dnn_scales_release(&o->properties);
    *o = (struct dnn_output){0};
}

bool dnn_output_is_direct(const struct dnn_output *o, const void *to)
{
    return !o->is_float && o->stored.pixel == (size_t)o->stored.channels &&
           (uintptr_t)to % DIRECT_ALIGN == 0;
}

itx_status dnn_output_write(const struct dnn_output *o, itx_session *session, int i, void *to,
                            struct itx_error *err)
{
    if (o->is_float) return itx_session_read_output(session, i, to, err);
    const void *const stored = itx_session_output(session, i);
    if (stored != to) dnn_values_dense(&o->stored, stored, to);
    return ITX_OK;
}
