/* SPDX-License-Identifier: Apache-2.0
 *
 * One step by itself: the numbers of its record and the shapes and types of its tensors.
 */
#include "plan/check.h"

#include <inttypes.h>

#include "tensor/attention_limits.h"

static itx_status check_indices(const struct plan *plan, const struct plan_step *s,
                                struct itx_error *err)
{
    static const uint8_t n_inputs[] = {
#define STEP(id, name, n) n,
#include "plan/steps.def"
#undef STEP
    };
    const bool may_add = s->kind == STEP_CONV || s->kind == STEP_DWCONV;
    if (s->n_in != n_inputs[s->kind] && !(may_add && s->n_in == 2))
        return itx_fail(err, ITX_E_FORMAT, "%d inputs, %d expected", s->n_in, n_inputs[s->kind]);
    for (int i = 0; i < 3; i++)
        if (i < s->n_in ? s->in[i] >= (uint32_t)plan->n_tensors : s->in[i] != 0)
            return itx_fail(err, ITX_E_FORMAT, "input %d is tensor %" PRIu32 " of %d", i, s->in[i],
                            plan->n_tensors);
    if (s->out >= (uint32_t)plan->n_tensors)
        return itx_fail(err, ITX_E_FORMAT, "output is tensor %" PRIu32 " of %d", s->out,
                        plan->n_tensors);
    return ITX_OK;
}

static itx_status check_types(const struct plan *plan, const struct plan_step *s,
                              struct itx_error *err)
{
    const bool is_conv = s->kind == STEP_CONV || s->kind == STEP_DWCONV || s->kind == STEP_DECONV;
    const bool is_move = s->kind == STEP_COPY || s->kind == STEP_UPSAMPLE;
    const bool may_be_wide = is_conv || s->kind == STEP_ADD || s->kind == STEP_MAXPOOL;
    const enum dtype out = plan->tensors[s->out].dtype;
    for (int i = 0; i < s->n_in; i++) {
        const enum dtype in = plan->tensors[s->in[i]].dtype;
        const bool is_same = is_move || s->kind == STEP_MAXPOOL;
        if (is_same ? in != out : in != DTYPE_S8 && !(may_be_wide && in == DTYPE_S16))
            return itx_fail(err, ITX_E_FORMAT, "input %d has element type %s", i, dtype_name(in));
    }
    const bool is_sum = is_conv && s->n_in == 1; /* the accumulator may leave */
    if (!is_move && out != DTYPE_S8 && !(may_be_wide && out == DTYPE_S16) &&
        !(is_sum && out == DTYPE_S32))
        return itx_fail(err, ITX_E_FORMAT, "output has element type %s", dtype_name(out));
    return ITX_OK;
}

/* What the kind does not use is zero. */
static itx_status check_unused(const struct plan_step *s, struct itx_error *err)
{
    const bool is_conv = s->kind == STEP_CONV || s->kind == STEP_DWCONV || s->kind == STEP_DECONV;
    const bool has_window = is_conv || s->kind == STEP_MAXPOOL;
    bool is_zero = true;
    for (int i = 0; i < 2; i++) {
        if (!has_window) is_zero = is_zero && s->kernel[i] == 0 && s->dilation[i] == 0;
        if (!has_window && s->kind != STEP_UPSAMPLE) is_zero = is_zero && s->stride[i] == 0;
    }
    for (int i = 0; i < 4; i++)
        if (!has_window) is_zero = is_zero && s->pad[i] == 0;
    if (!is_conv) is_zero = is_zero && s->act == ACT_NONE && s->range_log2 == 0;
    if (!is_conv && s->kind != STEP_ADD) is_zero = is_zero && s->shift == 0;
    if (s->kind != STEP_ATTENTION)
        is_zero = is_zero && s->heads == 0 && s->logit_scale == 0 && s->out_scale == 0;
    if (!is_zero) return itx_fail(err, ITX_E_FORMAT, "a number that this kind does not use is set");
    return ITX_OK;
}

static itx_status check_window_numbers(const struct plan_step *s, struct itx_error *err)
{
    for (int i = 0; i < 2; i++)
        if (s->kernel[i] < 1 || s->kernel[i] > PLAN_MAX_KERNEL || s->stride[i] < 1 ||
            s->stride[i] > PLAN_MAX_KERNEL || s->dilation[i] < 1 ||
            s->dilation[i] > PLAN_MAX_KERNEL)
            return itx_fail(err, ITX_E_FORMAT,
                            "kernel %d, stride %d, dilation %d: 1 to %d are possible", s->kernel[i],
                            s->stride[i], s->dilation[i], PLAN_MAX_KERNEL);
    for (int i = 0; i < 4; i++)
        if (s->pad[i] < 0 || s->pad[i] > PLAN_MAX_PAD)
            return itx_fail(err, ITX_E_FORMAT, "padding %d: 0 to %d are possible", s->pad[i],
                            PLAN_MAX_PAD);
    return ITX_OK;
}

/* Output size of a window that slides over `in` elements with padding, -1 when it does not fit. */
static int window_size(const struct plan_step *s, int axis, int in)
{
    const int extent = (s->kernel[axis] - 1) * s->dilation[axis] + 1;
    const int room = in + s->pad[axis] + s->pad[axis + 2] - extent;
    return room < 0 ? -1 : room / s->stride[axis] + 1;
}

static itx_status check_size(const char *what, const struct plan_tensor *t, int h, int w, int c,
                             struct itx_error *err)
{
    if (t->h != h || t->w != w || t->c != c)
        return itx_fail(err, ITX_E_FORMAT, "%s is %d x %d x %d, %d x %d x %d expected", what, t->h,
                        t->w, t->c, h, w, c);
    return ITX_OK;
}

static itx_status check_epilogue(const struct plan *plan, const struct plan_step *s,
                                 struct itx_error *err)
{
    const enum dtype out = plan->tensors[s->out].dtype;
    if ((unsigned)s->act >= ACT_COUNT)
        return itx_fail(err, ITX_E_FORMAT, "activation %d", (int)s->act);
    if (s->range_log2 < 0 || s->range_log2 > 12)
        return itx_fail(err, ITX_E_FORMAT, "range 2^%d: 0 to 12 are possible", s->range_log2);
    if (out == DTYPE_S32 && (s->act != ACT_NONE || s->range_log2 != 0))
        return itx_fail(err, ITX_E_FORMAT, "an s32 output has an activation");
    int low = s->n_in == 1 ? 15 : out == DTYPE_S8 ? 8 : 1, high = 15;
    if (out == DTYPE_S32 || (out == DTYPE_S16 && s->n_in == 1 && s->shift == 0)) low = high = 0;
    if (s->shift < low || s->shift > high)
        return itx_fail(err, ITX_E_FORMAT, "shift %d is not possible here", s->shift);
    return ITX_OK;
}

static itx_status check_conv(const struct plan *plan, const struct plan_step *s,
                             struct itx_error *err)
{
    const struct plan_tensor *const in = &plan->tensors[s->in[0]];
    const struct plan_tensor *const out = &plan->tensors[s->out];
    ITX_TRY(check_window_numbers(s, err));
    ITX_TRY(check_epilogue(plan, s, err));
    const uint64_t n_weights = plan_step_arrays(plan, s).weights;
    if (n_weights >= PLAN_MAX_WEIGHTS)
        return itx_fail(err, ITX_E_FORMAT,
                        "%" PRIu64 " weights: fewer than %" PRIu64 " are possible", n_weights,
                        PLAN_MAX_WEIGHTS);
    if (s->kind == STEP_DECONV) {
        const int n = s->kernel[0];
        if (s->kernel[1] != n || s->stride[0] != n || s->stride[1] != n || s->dilation[0] != 1 ||
            s->dilation[1] != 1 || (s->pad[0] | s->pad[1] | s->pad[2] | s->pad[3]) != 0)
            return itx_fail(err, ITX_E_FORMAT, "kernel and stride differ, or there is padding");
        return check_size("output", out, in->h * n, in->w * n, out->c, err);
    }
    const int out_c = s->kind == STEP_DWCONV ? in->c : out->c;
    if (s->n_in == 2)
        ITX_TRY(check_size("residual", &plan->tensors[s->in[1]], out->h, out->w, out->c, err));
    return check_size("output", out, window_size(s, 0, in->h), window_size(s, 1, in->w), out_c,
                      err);
}

static itx_status check_maxpool(const struct plan *plan, const struct plan_step *s,
                                struct itx_error *err)
{
    const struct plan_tensor *const in = &plan->tensors[s->in[0]];
    ITX_TRY(check_window_numbers(s, err));
    if (s->dilation[0] != 1 || s->dilation[1] != 1)
        return itx_fail(err, ITX_E_FORMAT, "dilation %d x %d of a maximum", s->dilation[0],
                        s->dilation[1]);
    /* an empty window gives the lowest number, whatever the reach */
    for (int i = 0; i < 4 && in->dtype == DTYPE_S16; i++)
        if (s->pad[i] >= s->kernel[i % 2])
            return itx_fail(err, ITX_E_FORMAT, "padding %d of a window of %d", s->pad[i],
                            s->kernel[i % 2]);
    return check_size("output", &plan->tensors[s->out], window_size(s, 0, in->h),
                      window_size(s, 1, in->w), in->c, err);
}

static itx_status check_upsample(const struct plan *plan, const struct plan_step *s,
                                 struct itx_error *err)
{
    const struct plan_tensor *const in = &plan->tensors[s->in[0]];
    for (int i = 0; i < 2; i++)
        if (s->stride[i] < 1 || s->stride[i] > PLAN_MAX_KERNEL)
            return itx_fail(err, ITX_E_FORMAT, "factor %d: 1 to %d are possible", s->stride[i],
                            PLAN_MAX_KERNEL);
    return check_size("output", &plan->tensors[s->out], in->h * s->stride[0], in->w * s->stride[1],
                      in->c, err);
}

static itx_status check_attention(const struct plan *plan, const struct plan_step *s,
                                  struct itx_error *err)
{
    const struct plan_tensor *const q = &plan->tensors[s->in[0]];
    const struct plan_tensor *const k = &plan->tensors[s->in[1]];
    const struct plan_tensor *const v = &plan->tensors[s->in[2]];
    const struct plan_tensor *const out = &plan->tensors[s->out];
    if (s->heads < 1 || q->c % s->heads != 0 || v->c % s->heads != 0)
        return itx_fail(err, ITX_E_FORMAT, "%d heads for %d and %d channels", s->heads, q->c, v->c);
    ITX_TRY(check_size("key", k, q->h, q->w, q->c, err));
    ITX_TRY(check_size("value", v, q->h, q->w, v->c, err));
    ITX_TRY(check_size("output", out, q->h, q->w, v->c, err));
    if (q->n_quant != 1 || k->n_quant != 1 || v->n_quant != 1 || out->n_quant != 1)
        return itx_fail(err, ITX_E_FORMAT, "a tensor has a scale for each channel");
    if (!attention_fits((long long)q->h * q->w, q->c / s->heads, v->c / s->heads) ||
        (int64_t)q->h * q->w * s->heads > INT32_MAX)
        return itx_fail(err, ITX_E_FORMAT, "%d x %d tokens, %d heads are too many", q->h, q->w,
                        s->heads);
    /* written so that a NaN is refused too */
    if (!(s->logit_scale >= 0 && s->logit_scale <= 0x1p100f) ||
        !(s->out_scale > 0 && s->out_scale <= 0x1p100f))
        return itx_fail(err, ITX_E_FORMAT, "scales %g and %g are not possible", s->logit_scale,
                        s->out_scale);
    return ITX_OK;
}

static itx_status check_same_size(const struct plan *plan, const struct plan_step *s,
                                  struct itx_error *err)
{
    const struct plan_tensor *const in = &plan->tensors[s->in[0]];
    if (s->kind == STEP_ADD) {
        ITX_TRY(check_size("second input", &plan->tensors[s->in[1]], in->h, in->w, in->c, err));
        if (s->shift < 0 || s->shift > 15)
            return itx_fail(err, ITX_E_FORMAT, "shift %d: 0 to 15 are possible", s->shift);
    }
    return check_size("output", &plan->tensors[s->out], in->h, in->w, in->c, err);
}

itx_status check_step(const struct plan *plan, const struct plan_step *s, struct itx_error *err)
{
    ITX_TRY(check_indices(plan, s, err));
    ITX_TRY(check_types(plan, s, err));
    ITX_TRY(check_unused(s, err));
    switch (s->kind) {
    case STEP_CONV:
    case STEP_DWCONV:
    case STEP_DECONV:
        return check_conv(plan, s, err);
    case STEP_MAXPOOL:
        return check_maxpool(plan, s, err);
    case STEP_UPSAMPLE:
        return check_upsample(plan, s, err);
    case STEP_COPY:
    case STEP_ADD:
    case STEP_LUT:
        return check_same_size(plan, s, err);
    case STEP_ATTENTION:
        return check_attention(plan, s, err);
    case STEP_KIND_COUNT:
        break;
    }
    ITX_BUG();
}
