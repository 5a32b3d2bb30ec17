/* SPDX-License-Identifier: Apache-2.0
 *
 * Resize: nearest by index maps, any type; linear and cubic as weighted sums along one dimension after the other, in f64.
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "graph/eval.h"
#include "graph/operands.h"
#include "graph/resize.h"

static double round_coordinate(enum resize_rounding rounding, double x)
{
    switch (rounding) {
    case RESIZE_PREFER_FLOOR:
        return ceil(x - 0.5);
    case RESIZE_PREFER_CEIL:
        return floor(x + 0.5);
    case RESIZE_FLOOR:
        return floor(x);
    case RESIZE_CEIL:
        return ceil(x);
    case RESIZE_ROUNDING_COUNT:
        break;
    }
    ITX_BUG();
}

static bool is_outside(const struct resize *r, int k, double x)
{
    return r->coordinates == RESIZE_CROP && !(x >= 0 && x <= (double)(r->in.dim[k] - 1));
}

/* An unchanged dimension is copied; a region of interest may move it all the same. */
static bool is_copied(const struct resize *r, int k)
{
    return r->in.dim[k] == r->out.dim[k] && r->scale[k] == 1.0f && r->coordinates != RESIZE_CROP;
}

/* x as an index in [0, d); x may be anything. */
static int64_t clamp_index(double x, int64_t d)
{
    return !(x > 0) ? 0 : x < (double)(d - 1) ? (int64_t)x : d - 1;
}

static itx_status resize_nearest(const struct eval *c, const struct resize *r)
{
    const struct tensor *out = &c->out[0];
    uint8_t fill[8] = {0};
    const struct tensor one = {out->dtype, {.rank = 0}, fill};
    const double real = (double)r->extrapolation;
    const int64_t integer = 0;
    if (dtype_is_real(out->dtype)) {
        row_put_real(&one, 0, 1, &real);
    } else if (dtype_is_integer(out->dtype)) {
        row_put_integer(&one, 0, 1, &integer);
    }
    int64_t *maps = eval_new_maps(&r->out), *map = maps;
    if (maps == NULL) return itx_fail(c->err, ITX_E_NOMEM, "out of memory");
    for (int k = 0; k < r->out.rank; k++)
        for (int64_t i = 0; i < r->out.dim[k]; i++) {
            const double x = is_copied(r, k) ? (double)i : resize_coordinate(r, k, i);
            *map++ = is_outside(r, k, x)
                         ? -1
                         : clamp_index(round_coordinate(r->rounding, x), r->in.dim[k]);
        }
    eval_by_maps(&c->in[0], out, maps, fill);
    mem_free(maps);
    return ITX_OK;
}

/* Weights of the input elements first, first + 1, ... of one output element. */
struct taps {
    int n;
    int64_t first;
    double weight[4];
};

static struct taps linear_taps(double x)
{
    const double low = floor(x);
    return (struct taps){2, (int64_t)low, {1 - (x - low), x - low}};
}

/* Keys' cubic convolution, R. Keys 1981, with his a. */
static struct taps cubic_taps(double x, double a)
{
    const double low = floor(x), f = x - low, g = 1 - f, far_f = f + 1, far_g = g + 1;
    return (struct taps){4,
                         (int64_t)low - 1,
                         {((a * far_f - 5 * a) * far_f + 8 * a) * far_f - 4 * a,
                          ((a + 2) * f - (a + 3)) * f * f + 1, ((a + 2) * g - (a + 3)) * g * g + 1,
                          ((a * far_g - 5 * a) * far_g + 8 * a) * far_g - 4 * a}};
}

static struct taps taps_of(const struct resize *r, int k, double x)
{
    const int64_t d = r->in.dim[k];
    /* far outside only the border's value is left; keeps the index arithmetic in range */
    x = fmax(-4, fmin((double)d + 4, x));
    struct taps t = r->mode == RESIZE_LINEAR ? linear_taps(x) : cubic_taps(x, (double)r->cubic_a);
    if (r->mode == RESIZE_CUBIC && r->exclude_outside) {
        double sum = 0;
        for (int i = 0; i < t.n; i++) {
            if (t.first + i < 0 || t.first + i >= d) t.weight[i] = 0;
            sum += t.weight[i];
        }
        for (int i = 0; i < t.n; i++) t.weight[i] = sum != 0 ? t.weight[i] / sum : 0;
    }
    return t;
}

/* Resamples dimension k of `in` [outer, d, inner] into `out` [outer, new d, inner]. */
static void resample(const struct resize *r, int k, const struct shape *shape, const double *in,
                     double *out)
{
    size_t outer = 1, inner = 1;
    const size_t d = (size_t)r->in.dim[k], d_new = (size_t)r->out.dim[k];
    for (int i = 0; i < k; i++) outer *= (size_t)shape->dim[i];
    for (int i = k + 1; i < shape->rank; i++) inner *= (size_t)shape->dim[i];
    for (size_t i = 0; i < d_new; i++) {
        const double x = resize_coordinate(r, k, (int64_t)i);
        const bool outside = is_outside(r, k, x);
        const struct taps t = taps_of(r, k, x);
        for (size_t o = 0; o < outer; o++) {
            double *dst = out + (o * d_new + i) * inner;
            for (size_t j = 0; j < inner; j++) dst[j] = outside ? (double)r->extrapolation : 0;
            for (int tap = 0; tap < t.n && !outside; tap++) {
                const int64_t at = clamp_index((double)(t.first + tap), (int64_t)d);
                const double *src = in + (o * d + (size_t)at) * inner;
                for (size_t j = 0; j < inner; j++) dst[j] += t.weight[tap] * src[j];
            }
        }
    }
}

static itx_status resize_smooth(const struct eval *c, const struct resize *r)
{
    const struct tensor *x = &c->in[0];
    struct shape shape = x->shape;
    itx_status status = ITX_OK;
    if (!dtype_is_real(x->dtype)) return eval_refuse_dtype(c, x->dtype);
    double *now = mem_calloc((size_t)shape_elements(&shape) + 1, sizeof *now);
    if (now == NULL) return itx_fail(c->err, ITX_E_NOMEM, "out of memory");
    for (int64_t at = 0, n = shape_elements(&shape); at < n; at += EVAL_PIECE)
        row_get_real(x, at, 1, n - at < EVAL_PIECE ? (int)(n - at) : EVAL_PIECE, now + at);
    for (int k = 0; k < shape.rank; k++) {
        if (is_copied(r, k)) continue;
        struct shape next = shape;
        next.dim[k] = r->out.dim[k];
        const int64_t n = shape_elements(&next);
        double *then = n < 0 ? NULL : mem_calloc((size_t)n + 1, sizeof *then);
        if (then == NULL) {
            status = itx_fail(c->err, ITX_E_NOMEM, "out of memory");
            goto out;
        }
        resample(r, k, &shape, now, then);
        mem_free(now);
        now = then;
        shape = next;
    }
    for (int64_t at = 0, n = shape_elements(&shape); at < n; at += EVAL_PIECE)
        row_put_real(&c->out[0], at, n - at < EVAL_PIECE ? (int)(n - at) : EVAL_PIECE, now + at);
out:
    mem_free(now);
    return status;
}

itx_status eval_resize(const struct eval *c)
{
    struct resize r;
    const struct tensor *operand[4] = {NULL};
    for (int i = 1; i < 4; i++)
        if (operand_present(c->node, i)) operand[i] = &c->in[i];
    ITX_TRY(
        resize_operands(c->node, &c->in[0].shape, operand[1], operand[2], operand[3], &r, c->err));
    if (shape_elements(&r.out) == 0) return ITX_OK;
    if (shape_elements(&r.in) == 0)
        return itx_fail(c->err, ITX_E_RANGE, "nothing to resize in an empty input");
    return r.mode == RESIZE_NEAREST ? resize_nearest(c, &r) : resize_smooth(c, &r);
}
