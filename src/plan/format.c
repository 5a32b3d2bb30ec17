/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/format.h"

#include "base/bytes.h"
#include "base/utf8.h"

const char *step_kind_name(enum step_kind kind)
{
    static const char *const names[] = {
#define STEP(id, name, n_inputs) name,
#include "plan/steps.def"
#undef STEP
    };
    return names[kind];
}

static uint64_t mix(uint64_t state, uint64_t word)
{
    const uint64_t product = (state ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return product << 31 | product >> 33;
}

/* Four independent chains, so that the multiplications overlap. Each step is a bijection of the state for a given
 * word and of the word for a given state: a chain that went apart in one word never meets again. */
uint64_t format_checksum(const uint8_t *data, size_t size)
{
    uint64_t lane[4] = {1, 2, 3, 4};
    for (size_t at = 0; at + 32 <= size; at += 32)
        for (size_t i = 0; i < 4; i++) lane[i] = mix(lane[i], load_le64(data + at + 8 * i));
    uint64_t sum = size;
    for (int i = 0; i < 4; i++) sum = mix(sum, lane[i]);
    return sum;
}

bool format_is_utf8(const char *text)
{
    for (size_t n; *text != '\0'; text += n)
        if ((n = utf8_length(text, 4)) == 0) return false;
    return true;
}

uint64_t plan_tensor_extent(const struct plan_tensor *t)
{
    const uint64_t pixels = (uint64_t)t->h * (uint64_t)t->w;
    return ((pixels - 1) * (uint64_t)t->pixel + (uint64_t)t->c) * (uint64_t)dtype_size(t->dtype);
}

struct plan_arrays plan_step_arrays(const struct plan *plan, const struct plan_step *step)
{
    const uint64_t in_c = (uint64_t)plan->tensors[step->in[0]].c;
    const uint64_t out_c = (uint64_t)plan->tensors[step->out].c;
    const enum dtype out = plan->tensors[step->out].dtype;
    const uint64_t area = (uint64_t)step->kernel[0] * (uint64_t)step->kernel[1];
    struct plan_arrays n = {0};
    switch (step->kind) {
    case STEP_CONV:
    case STEP_DWCONV:
    case STEP_DECONV:
        n.weights = step->kind == STEP_DWCONV ? area * out_c : out_c * area * in_c;
        n.bias = step->kind == STEP_DECONV ? out_c * area : out_c;
        n.scale = out != DTYPE_S32 ? out_c : 0;
        n.mul = n.offset = out == DTYPE_S8 || (out == DTYPE_S16 && step->shift != 0) ? out_c : 0;
        n.res_mul = step->n_in == 2 ? out_c : 0;
        break;
    case STEP_ADD:
        n.mul = n.res_mul = n.offset = out_c;
        break;
    case STEP_LUT:
        n.table = 256;
        break;
    case STEP_MAXPOOL:
    case STEP_UPSAMPLE:
    case STEP_COPY:
    case STEP_ATTENTION:
    case STEP_KIND_COUNT:
        break;
    }
    return n;
}

int plan_tensor_reach(const struct plan_tensor *t)
{
    return t->dtype == DTYPE_S8 ? 128 : t->reach;
}

/* Stage C of all channels: v and r reach what they reach, then the sum is shifted and cut to 16 bits. */
static int requant_reach(const struct plan *plan, const struct plan_step *step)
{
    const bool is_add = step->kind == STEP_ADD;
    const int64_t v = is_add ? plan_tensor_reach(&plan->tensors[step->in[0]]) : PLAN_MAX_REACH;
    const int64_t r = step->n_in > 1 ? plan_tensor_reach(&plan->tensors[step->in[1]]) : 0;
    int64_t reach = 1;
    for (int i = 0; i < plan->tensors[step->out].c; i++) {
        const int64_t most = v * step->mul[i] + (r != 0 ? r * step->res_mul[i] : 0);
        const int64_t high = (step->offset[i] + most) >> step->shift;
        const int64_t low = -((step->offset[i] - most) >> step->shift);
        reach = high > reach ? high : reach;
        reach = low > reach ? low : reach;
    }
    return reach < PLAN_MAX_REACH ? (int)reach : PLAN_MAX_REACH;
}

int plan_step_reach(const struct plan *plan, const struct plan_step *step)
{
    switch (step->kind) {
    case STEP_CONV:
    case STEP_DWCONV:
    case STEP_DECONV:
        return step->shift != 0 ? requant_reach(plan, step) : PLAN_MAX_REACH;
    case STEP_ADD:
        return requant_reach(plan, step);
    case STEP_MAXPOOL:
    case STEP_UPSAMPLE:
    case STEP_COPY:
        return plan_tensor_reach(&plan->tensors[step->in[0]]);
    case STEP_LUT:
    case STEP_ATTENTION:
    case STEP_KIND_COUNT:
        break;
    }
    return PLAN_MAX_REACH;
}
