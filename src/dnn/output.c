/* SPDX-License-Identifier: Apache-2.0 */
#include "dnn/output.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"

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
    const size_t c = (size_t)o->stored.channels;
    hbDNNQuantiScale *const q = &o->properties.scale;
    o->scale = mem_calloc(c, sizeof *o->scale);
    o->zero_point = mem_calloc(c, sizeof *o->zero_point);
    if (o->properties.quantiType == SCALE) {
        q->scaleData = mem_calloc(c, sizeof *q->scaleData);
        q->zeroPointData = mem_calloc(c, 1);
    }
    if (o->scale == NULL || o->zero_point == NULL ||
        (o->properties.quantiType == SCALE && (q->scaleData == NULL || q->zeroPointData == NULL)))
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (size_t k = 0; k < c; k++) {
        const size_t from = o->stored.n_quant > 1 ? k : 0;
        o->scale[k] = o->stored.scale[from];
        o->zero_point[k] = o->stored.zero_point[from];
        if (q->scaleData == NULL) continue;
        q->scaleData[k] = o->scale[k];
        q->zeroPointData[k] = (int8_t)o->zero_point[k];
    }
    return ITX_OK;
}

void dnn_output_release(struct dnn_output *o)
{
    mem_free(o->scale);
    mem_free(o->zero_point);
    mem_free(o->properties.scale.scaleData);
    mem_free(o->properties.scale.zeroPointData);
    *o = (struct dnn_output){0};
}

static void from_s8(const struct dnn_output *o, const int8_t *from, float *restrict to)
{
    for (size_t k = 0; k < (size_t)o->stored.channels; k++)
        to[k] = (float)(from[k] - o->zero_point[k]) * o->scale[k];
}

static void from_s16(const struct dnn_output *o, const int16_t *from, float *restrict to)
{
    for (size_t k = 0; k < (size_t)o->stored.channels; k++)
        to[k] = (float)(from[k] - o->zero_point[k]) * o->scale[k];
}

static void from_s32(const struct dnn_output *o, const int32_t *from, float *restrict to)
{
    for (size_t k = 0; k < (size_t)o->stored.channels; k++)
        to[k] = (float)(from[k] - o->zero_point[k]) * o->scale[k];
}

static void write_floats(const struct dnn_output *o, const void *stored, float *to)
{
    const struct itx_tensor_info *const t = &o->stored;
    const size_t pixels = (size_t)t->height * (size_t)t->width, c = (size_t)t->channels;
    switch (t->dtype) {
    case ITX_S8:
        for (size_t i = 0; i < pixels; i++)
            from_s8(o, (const int8_t *)stored + i * t->pixel, to + i * c);
        break;
    case ITX_S16:
        for (size_t i = 0; i < pixels; i++)
            from_s16(o, (const int16_t *)stored + i * t->pixel, to + i * c);
        break;
    case ITX_S32:
        for (size_t i = 0; i < pixels; i++)
            from_s32(o, (const int32_t *)stored + i * t->pixel, to + i * c);
        break;
    case ITX_F32: /* of the float network only */
        break;
    }
}

bool dnn_output_is_direct(const struct dnn_output *o, const void *to)
{
    return !o->is_float && o->stored.pixel == (size_t)o->stored.channels &&
           (uintptr_t)to % DIRECT_ALIGN == 0;
}

void dnn_output_write(const struct dnn_output *o, const void *stored, void *to)
{
    if (stored == to) return;
    if (o->is_float) {
        write_floats(o, stored, to);
        return;
    }
    const struct itx_tensor_info *const t = &o->stored;
    const size_t pixels = (size_t)t->height * (size_t)t->width;
    const size_t size = dnn_output_size(o) / pixels / (size_t)t->channels,
                 row = size * (size_t)t->channels;
    if (t->pixel == (size_t)t->channels) {
        memcpy(to, stored, pixels * row);
        return;
    }
    for (size_t i = 0; i < pixels; i++)
        memcpy((uint8_t *)to + i * row, (const uint8_t *)stored + i * t->pixel * size, row);
}
