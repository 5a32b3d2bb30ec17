/* SPDX-License-Identifier: Apache-2.0
 *
 * The contents of arrays: limits of each number, and that no accumulator can leave 32 bits.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "plan/check.h"

static itx_status check_quant(const struct plan_tensor *t, struct itx_error *err)
{
    if (t->scale == NULL || t->zero_point == NULL)
        return itx_fail(err, ITX_E_FORMAT, "scales or zero points are missing");
    for (int i = 0; i < t->n_quant; i++) {
        if (!isfinite(t->scale[i]) || t->scale[i] <= 0)
            return itx_fail(err, ITX_E_FORMAT, "scale %g of channel %d", t->scale[i], i);
        const int32_t z = t->zero_point[i];
        if (t->dtype == DTYPE_S8 ? z < -128 || z > 127 : z != 0)
            return itx_fail(err, ITX_E_FORMAT, "zero point %" PRId32 " of channel %d, type %s", z,
                            i, dtype_name(t->dtype));
    }
    return ITX_OK;
}

static float scale_of(const struct plan_tensor *t, int channel)
{
    return t->scale[t->n_quant == 1 ? 0 : channel];
}

static int32_t zero_of(const struct plan_tensor *t, int channel)
{
    return t->zero_point[t->n_quant == 1 ? 0 : channel];
}

/* Steps that move data do not change what it means. */
static itx_status check_same_quant(const struct plan *plan, const struct plan_step *s,
                                   struct itx_error *err)
{
    const struct plan_tensor *const in = &plan->tensors[s->in[0]];
    const struct plan_tensor *const out = &plan->tensors[s->out];
    for (int i = 0; i < out->c; i++)
        if (scale_of(in, i) != scale_of(out, i) || zero_of(in, i) != zero_of(out, i))
            return itx_fail(err, ITX_E_FORMAT,
                            "scale or zero point of channel %d changes on the way", i);
    return ITX_OK;
}

static itx_status check_presence(const struct plan *plan, const struct plan_step *s,
                                 struct itx_error *err)
{
    const struct plan_arrays n = plan_step_arrays(plan, s);
    const struct {
        const char *name;
        bool is_set, is_needed;
    } arrays[] = {
        {"weights", s->weights != NULL, n.weights != 0},
        {"bias", s->bias != NULL, n.bias != 0},
        {"scale", s->scale != NULL, n.scale != 0},
        {"multipliers", s->mul != NULL, n.mul != 0},
        {"multipliers of the second input", s->res_mul != NULL, n.res_mul != 0},
        {"offsets", s->offset != NULL, n.offset != 0},
        {"table", s->table != NULL, n.table != 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(arrays); i++)
        if (arrays[i].is_set != arrays[i].is_needed)
            return itx_fail(err, ITX_E_FORMAT, "%s: %s", arrays[i].name,
                            arrays[i].is_set ? "not used by this kind" : "missing");
    return ITX_OK;
}

/* Stage C of output channel i: v of stage B has 16 bits, an addition's is its first operand. */
static itx_status check_requant(const struct plan *plan, const struct plan_step *s, int i,
                                struct itx_error *err)
{
    if (s->mul[i] < 0 || (s->res_mul != NULL && s->res_mul[i] < 0))
        return itx_fail(err, ITX_E_FORMAT, "negative multiplier of channel %d", i);
    const int32_t offset = s->offset[i];
    if (offset <= -(1 << 29) || offset >= 1 << 29)
        return itx_fail(err, ITX_E_FORMAT, "offset %" PRId32 " of channel %d", offset, i);
    const int64_t v =
        s->kind == STEP_ADD ? plan_tensor_reach(&plan->tensors[s->in[0]]) : PLAN_MAX_REACH;
    int64_t most = v * s->mul[i] + (offset < 0 ? -offset : offset);
    if (s->res_mul != NULL)
        most += (int64_t)plan_tensor_reach(&plan->tensors[s->in[1]]) * s->res_mul[i];
    if (most > INT32_MAX)
        return itx_fail(err, ITX_E_FORMAT, "stage C of channel %d may reach %" PRId64, i, most);
    const int32_t plain = zero_of(&plan->tensors[s->out], i) * 32768 + 16384;
    if (s->res_mul == NULL && offset != plain)
        return itx_fail(err, ITX_E_FORMAT,
                        "offset %" PRId32 " of channel %d, %" PRId32
                        " expected from the zero point",
                        offset, i, plain);
    return ITX_OK;
}

/* sum |w| over `n` weights `stride` apart. -128 is refused: kernels negate weights. */
static itx_status sum_weights(const int8_t *w, size_t n, size_t stride, int64_t *sum,
                              struct itx_error *err)
{
    int64_t total = 0;
    int lowest = 0;
    if (stride == 1) {
        /* in pieces whose sums fit 32 bits, which compilers turn into vector code */
        for (size_t at = 0; at < n; at += 65536) {
            const size_t end = n - at < 65536 ? n : at + 65536;
            int32_t part = 0;
            for (size_t i = at; i < end; i++) {
                part += w[i] < 0 ? -w[i] : w[i];
                lowest = w[i] < lowest ? w[i] : lowest;
            }
            total += part;
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            const int v = w[i * stride];
            total += v < 0 ? -v : v;
            lowest = v < lowest ? v : lowest;
        }
    }
    if (lowest == -128) return itx_fail(err, ITX_E_FORMAT, "a weight is -128");
    *sum = total;
    return ITX_OK;
}

/* |acc| <= sum |w| * reach + |bias|, in 32 bits, of s16 inputs with room for transforms; times the scale of stage A too, with room for the two roundings. */
static itx_status check_bound(const struct plan *plan, const struct plan_step *s, int channel,
                              int64_t sum, int32_t bias, struct itx_error *err)
{
    const int64_t magnitude = bias < 0 ? -(int64_t)bias : bias;
    const struct plan_tensor *const in = &plan->tensors[s->in[0]];
    const int64_t products = sum * plan_tensor_reach(in), bound = products + magnitude;
    if (in->dtype == DTYPE_S16 && products >= PLAN_MAX_WIDE_SUM)
        return itx_fail(err, ITX_E_FORMAT, "the products of channel %d may reach %" PRId64, channel,
                        products);
    if (bound > INT32_MAX)
        return itx_fail(err, ITX_E_FORMAT, "the sum of channel %d may reach %" PRId64, channel,
                        bound);
    if (s->scale == NULL) return ITX_OK;
    const float scale = s->scale[channel];
    if (!isfinite(scale) || scale < 0 || (double)bound * scale >= 0x1p31 * (1 - 0x1p-20))
        return itx_fail(err, ITX_E_FORMAT, "scale %g of channel %d, whose sum may reach %" PRId64,
                        scale, channel, bound);
    return ITX_OK;
}

static itx_status check_channel(const struct plan *plan, const struct plan_step *s, int channel,
                                struct itx_error *err)
{
    const int out_c = plan->tensors[s->out].c;
    const size_t in_c = (size_t)plan->tensors[s->in[0]].c, i = (size_t)channel;
    const size_t area = (size_t)s->kernel[0] * (size_t)s->kernel[1];
    int64_t sum = 0;
    if (s->kind == STEP_DWCONV) {
        ITX_TRY(sum_weights(s->weights + i, area, (size_t)out_c, &sum, err));
        return check_bound(plan, s, channel, sum, s->bias[i], err);
    }
    if (s->kind == STEP_CONV) {
        ITX_TRY(sum_weights(s->weights + i * area * in_c, area * in_c, 1, &sum, err));
        return check_bound(plan, s, channel, sum, s->bias[i], err);
    }
    for (size_t tap = i * area; tap < (i + 1) * area; tap++) {
        ITX_TRY(sum_weights(s->weights + tap * in_c, in_c, 1, &sum, err));
        ITX_TRY(check_bound(plan, s, channel, sum, s->bias[tap], err));
    }
    return ITX_OK;
}

static itx_status check_reach(const struct plan *plan, const struct plan_step *s,
                              struct itx_error *err)
{
    const int reach = plan_step_reach(plan, s), declared = plan->tensors[s->out].reach;
    if (reach > declared)
        return itx_fail(err, ITX_E_FORMAT, "writes numbers up to %d where the tensor reaches %d",
                        reach, declared);
    return ITX_OK;
}

static itx_status check_step_numbers(const struct plan *plan, const struct plan_step *s,
                                     struct itx_error *err)
{
    ITX_TRY(check_presence(plan, s, err));
    const int out_c = plan->tensors[s->out].c;
    for (int i = 0; s->weights != NULL && i < out_c; i++) ITX_TRY(check_channel(plan, s, i, err));
    for (int i = 0; s->mul != NULL && i < out_c; i++) ITX_TRY(check_requant(plan, s, i, err));
    if (plan->tensors[s->out].dtype == DTYPE_S16) ITX_TRY(check_reach(plan, s, err));
    if (s->kind == STEP_MAXPOOL || s->kind == STEP_UPSAMPLE || s->kind == STEP_COPY)
        return check_same_quant(plan, s, err);
    return ITX_OK;
}

static itx_status check_all(const struct plan *plan, struct itx_error *err)
{
    for (int i = 0; i < plan->n_tensors; i++) {
        const itx_status status = check_quant(&plan->tensors[i], err);
        if (status != ITX_OK) {
            itx_error_prefix(err, "tensor %d ('%s')", i, plan->tensors[i].name);
            return status;
        }
    }
    for (int i = 0; i < plan->n_steps; i++) {
        const struct plan_step *const s = &plan->steps[i];
        const itx_status status = check_step_numbers(plan, s, err);
        if (status != ITX_OK) {
            itx_error_prefix(err, CHECK_STEP_PREFIX, i, step_kind_name(s->kind), s->name);
            return status;
        }
    }
    return ITX_OK;
}

itx_status plan_check_numbers(const struct plan *plan, struct itx_error *err)
{
    const itx_status status = check_all(plan, err);
    if (status != ITX_OK) itx_error_prefix(err, "model '%s'", plan->name);
    return status;
}
