/* SPDX-License-Identifier: Apache-2.0 */
#include "check_conv_case.h"

#include <math.h>
#include <string.h>

static int pick_kernel(struct check *c)
{
    static const int sizes[] = {1, 1, 2, 3, 3, 3, 5, 7};
    return sizes[check_pick(c, 0, (int)ARRAY_LEN(sizes) - 1)];
}

static int pick_channels(struct check *c)
{
    static const int sizes[] = {1, 3, 4, 17};
    const int i = check_pick(c, 0, 7);
    if (i < (int)ARRAY_LEN(sizes)) return sizes[i];
    return check_pick_size(c, i % 2 == 0 ? 16 : 64, 150);
}

/* Square half of the time. */
static int pick_other(struct check *c, int first, int other)
{
    return check_pick(c, 0, 1) == 0 ? first : other;
}

static int pick_gap(struct check *c)
{
    return check_pick(c, 0, 1) * check_pick(c, 0, 40);
}

/* The input's size that gives `out` pixels when the padding behind is at most the padding before, plus a remainder
 * that no window reaches. */
static int pick_input(struct check *c, int out, int stride, int extent, int pad)
{
    const int exact = (out - 1) * stride + extent - pad;
    const int size = exact - check_pick(c, 0, pad) + check_pick(c, 0, stride - 1);
    return size > 1 ? size : 1;
}

static void pick_window(struct check *c, struct conv_shape *s)
{
    s->kernel_h = pick_kernel(c);
    s->kernel_w = pick_other(c, s->kernel_h, pick_kernel(c));
    s->stride_h = check_pick(c, 1, 2);
    s->stride_w = pick_other(c, s->stride_h, check_pick(c, 1, 3));
    s->dilation_h = check_pick(c, 0, 3) == 0 ? check_pick(c, 1, 3) : 1;
    s->dilation_w = pick_other(c, s->dilation_h, check_pick(c, 1, 3));
    const int extent_h = (s->kernel_h - 1) * s->dilation_h + 1;
    const int extent_w = (s->kernel_w - 1) * s->dilation_w + 1;
    s->pad_top = check_pick(c, 0, extent_h - 1);
    s->pad_left = check_pick(c, 0, extent_w - 1);
    s->out_h = check_pick(c, 1, 6);
    s->out_w = check_pick(c, 0, 1) == 0 ? check_pick_size(c, 6, 40) : check_pick_size(c, 12, 40);
    s->in_h = pick_input(c, s->out_h, s->stride_h, extent_h, s->pad_top);
    s->in_w = pick_input(c, s->out_w, s->stride_w, extent_w, s->pad_left);
}

static void pick_upscale(struct check *c, struct conv_shape *s)
{
    s->upscale = s->kernel_h = s->kernel_w = check_pick(c, 2, 3);
    s->stride_h = s->stride_w = s->dilation_h = s->dilation_w = 1;
    s->in_h = check_pick(c, 1, 4);
    s->in_w = check_pick_size(c, 6, 30);
    s->out_h = s->in_h * s->upscale;
    s->out_w = s->in_w * s->upscale;
}

static void pick_pointwise(struct check *c, struct conv_shape *s)
{
    s->kernel_h = s->kernel_w = s->stride_h = s->stride_w = s->dilation_h = s->dilation_w = 1;
    s->in_h = s->out_h = check_pick(c, 1, 6);
    s->in_w = s->out_w = check_pick_size(c, 6, 40);
}

static int depth(const struct conv_shape *s, enum conv_kind kind)
{
    const int taps = s->upscale > 1 ? 1 : s->kernel_h * s->kernel_w;
    return kind == CONV_DEPTHWISE ? taps : taps * s->in_c;
}

int conv_case_most_reach(const struct conv_shape *s, enum conv_kind kind)
{
    const int most = ((1 << 29) - 1) / (127 * depth(s, kind));
    return most < 32768 ? most : 32768;
}

struct conv_shape conv_case_shape(struct check *c, enum conv_kind kind)
{
    struct conv_shape s = {.upscale = 1};
    s.in_c = pick_channels(c);
    s.out_c = kind == CONV_DEPTHWISE ? s.in_c : check_pick_size(c, 16, 150);
    if (kind == CONV_DENSE && check_pick(c, 0, 7) == 0)
        pick_upscale(c, &s);
    else if (kind == CONV_DENSE && check_pick(c, 0, 4) == 0)
        pick_pointwise(c, &s);
    else
        pick_window(c, &s);
    /* long sums now and then */
    if (s.out_h * s.out_w < 40 && kind == CONV_DENSE && check_pick(c, 0, 3) == 0)
        s.in_c = check_pick(c, 151, check_pick(c, 0, 1) ? 256 : 1200);
    s.in_pixel = s.in_c + (check_pick(c, 0, 2) == 0 ? (4 - s.in_c % 4) % 4 : pick_gap(c));
    s.out_pixel = s.out_c + pick_gap(c);
    s.res_pixel = s.out_c + pick_gap(c);
    s.is_wide = check_pick(c, 0, 2) == 0;
    if (!s.is_wide) return s;
    s.reach = conv_case_most_reach(&s, kind);
    if (s.reach > 8191 && check_pick(c, 0, 1) == 0) s.reach = 8191;
    return s;
}

static size_t round_64(int n)
{
    return ((size_t)n + 63) / 64 * 64;
}

/* Scales between two that matter: results of a few units, and the largest the contract allows. Powers of two give
 * many ties. */
static const float *pick_scales(struct check *c, size_t n, double largest_acc)
{
    float *const scale = check_input_aligned(c, n * sizeof *scale, 0, sizeof *scale);
    const int kind = check_pick(c, 0, 3);
    for (size_t i = 0; i < n; i++) {
        const double random = check_pick(c, 1, 1000) / 1000.0;
        if (kind == 0)
            scale[i] = ldexpf(1, -check_pick(c, 0, 12));
        else
            scale[i] = (float)(random * (kind == 1 ? 40000 : 3000000) / largest_acc);
        scale[i] = fminf(scale[i], (float)(2147000000 / largest_acc));
    }
    return scale;
}

/* The kind of epilogue; its arrays come later. */
static struct epilogue pick_epilogue(struct check *c)
{
    const enum epilogue_out out = (enum epilogue_out)check_pick(c, EPILOGUE_S8, EPILOGUE_S32);
    const enum act act = (enum act)check_pick(c, 0, ACT_COUNT - 1);
    return (struct epilogue){
        .out = check_pick(c, 0, 1) == 0 ? EPILOGUE_S8 : out,
        .act = check_pick(c, 0, 1) == 0 ? ACT_SILU : act,
        .range_log2 = check_pick(c, 0, 12),
        .shift = 15,
    };
}

enum residual { RESIDUAL_NO, RESIDUAL_YES };

/* The largest multipliers for which |v mul| + |r res_mul| + |offset| < 2^31 whatever v and r of 16 bits. */
enum { MAX_WIDE_MUL = 24000 };

static void fill_requant(struct check *c, struct epilogue *e, size_t n, enum residual residual)
{
    const int most = e->is_res_wide ? MAX_WIDE_MUL : 32767;
    int16_t *const mul = check_input_aligned(c, n * sizeof *mul, 0, sizeof *mul);
    int32_t *const offset = check_input_aligned(c, n * sizeof *offset, 0, sizeof *offset);
    check_fill_s16(c, mul, n, check_pick_fill(c), 0, most);
    e->mul = mul;
    e->offset = offset;
    if (residual == RESIDUAL_NO) {
        for (size_t i = 0; i < n; i++)
            offset[i] = (e->out == EPILOGUE_WIDE ? 0 : check_pick(c, -128, 127)) * 32768 + 16384;
        return;
    }
    int16_t *const res_mul = check_input_aligned(c, n * sizeof *mul, 0, sizeof *mul);
    check_fill_s16(c, res_mul, n, check_pick_fill(c), 0, most);
    check_fill_s32(c, offset, n, check_pick_fill(c), -(1 << 29) + 1, (1 << 29) - 1);
    e->res_mul = res_mul;
    e->shift = check_pick(c, e->out == EPILOGUE_WIDE ? 1 : 8, 15);
}

/* Memory that holds `layout` in 8 or 16 bits. */
static void *fill_pixels(struct check *c, const struct check_layout *layout, enum check_fill fill,
                         int lo, int hi)
{
    const size_t size = check_extent(layout);
    void *const data = check_input_aligned(c, size, CHECK_TAIL, layout->element);
    if (layout->element == 2)
        check_fill_s16(c, data, size / 2, fill, lo, hi);
    else
        check_fill_s8(c, data, size, fill, lo, hi);
    return data;
}

static int reach_of(const struct conv_shape *s)
{
    return s->is_wide ? s->reach : 128;
}

/* Makes weights zero from where a channel's sum of |w| would pass `most`. */
static void bound_sums(int8_t *w, int n_channels, int n_products, int most)
{
    for (int o = 0; o < n_channels; o++) {
        int left = most;
        for (int i = 0; i < n_products; i++, w++) {
            const int size = *w < 0 ? -*w : *w;
            if (size > left) *w = (int8_t)(*w < 0 ? -left : left);
            left -= size < left ? size : left;
        }
    }
}

static void fill_inputs(struct check *c, struct conv_case *t, int n_products,
                        enum conv_operands operands)
{
    const struct conv_shape *const s = &t->params.shape;
    const size_t element = s->is_wide ? 2 : 1;
    const struct check_layout in_layout = {s->in_h, s->in_w, s->in_c, (size_t)s->in_pixel,
                                           0,       element};
    const struct check_layout pad_layout = {1, 1, s->in_c, (size_t)s->in_c, 0, element};
    const bool is_limit = operands == CONV_LIMITS;
    const int reach = reach_of(s), high = reach - (reach == 128 || reach == 32768);
    const enum check_fill fill = is_limit ? CHECK_MIN : check_pick_fill(c);
    t->in = fill_pixels(c, &in_layout, fill, -reach, high);
    t->params.pad = fill_pixels(c, &pad_layout, is_limit ? fill : check_pick_fill(c), -reach, high);
    const size_t n_weights =
        (size_t)n_products * (size_t)s->out_c * (size_t)(s->upscale * s->upscale);
    int8_t *const weights = check_input(c, n_weights, 0);
    const enum check_fill limit = check_pick(c, 0, 1) ? CHECK_MIN : CHECK_MAX;
    check_fill_s8(c, weights, n_weights, is_limit ? limit : check_pick_fill(c), -127, 127);
    if (s->weight_sum > 0) bound_sums(weights, s->out_c, n_products, s->weight_sum);
    t->weights = weights;
}

enum { MAX_COARSE = 1 << 20 };

static bool can_have_coarse(const struct conv_case *t)
{
    const struct conv_shape *const s = &t->params.shape;
    return s->kernel_h * s->kernel_w * s->stride_h * s->stride_w * s->upscale == 1 &&
           s->pad_top + s->pad_left == 0 && t->params.epilogue.out != EPILOGUE_S32;
}

/* With factors that divide the output's size. */
static void fill_coarse(struct check *c, struct conv_case *t)
{
    const struct conv_shape *const s = &t->params.shape;
    struct conv_coarse *const k = &t->params.coarse;
    k->factor_h = check_pick(c, 1, s->out_h < 3 ? s->out_h : 3);
    k->factor_w = check_pick(c, 1, s->out_w < 3 ? s->out_w : 3);
    while (s->out_h % k->factor_h != 0) k->factor_h--;
    while (s->out_w % k->factor_w != 0) k->factor_w--;
    const size_t n =
        (size_t)(s->out_h / k->factor_h) * (size_t)(s->out_w / k->factor_w) * (size_t)s->out_c + 64;
    int32_t *const sums = check_input_aligned(c, n * sizeof *sums, 0, sizeof *sums);
    check_fill_s32(c, sums, n, check_pick_fill(c), -MAX_COARSE, MAX_COARSE);
    k->sums = sums;
}

/* Biases of the size of the products, or up to what s32 leaves. Returns the largest accumulator's magnitude. */
static double fill_bias(struct check *c, struct conv_case *t, int n_products)
{
    const struct conv_shape *const s = &t->params.shape;
    const size_t n_bias = round_64(s->out_c * s->upscale * s->upscale);
    const int32_t sum = reach_of(s) * 127 * n_products + MAX_COARSE;
    const int32_t limit = check_pick(c, 0, 1) == 0 ? 1000 * n_products : INT32_MAX - sum;
    int32_t *const bias = check_input_aligned(c, n_bias * sizeof *bias, 0, sizeof *bias);
    check_fill_s32(c, bias, n_bias, check_pick_fill(c), -limit, limit);
    t->params.bias = bias;
    return (double)limit + sum;
}

struct conv_case conv_case_create(struct check *c, enum conv_kind kind, const struct conv_shape *s,
                                  enum conv_operands operands)
{
    struct conv_case t = {.params = {.shape = *s, .epilogue = pick_epilogue(c)}};
    struct epilogue *const e = &t.params.epilogue;
    const bool can_add = e->out <= EPILOGUE_WIDE && s->upscale == 1;
    const enum residual residual = can_add && check_pick(c, 0, 1) ? RESIDUAL_YES : RESIDUAL_NO;
    const size_t element = epilogue_out_size(e);
    const int n_products = depth(s, kind);
    e->is_res_wide = residual == RESIDUAL_YES && check_pick(c, 0, 1);
    t.is_in_place =
        residual == RESIDUAL_YES && s->res_pixel == s->out_pixel && epilogue_res_size(e) == element;
    t.out_layout =
        (struct check_layout){s->out_h, s->out_w, s->out_c, (size_t)s->out_pixel, 0, element};
    t.out_size = check_extent(&t.out_layout);
    t.grid_h = s->out_h / s->upscale;
    t.grid_w = s->out_w / s->upscale;
    check_case(c,
               "in %d x %d x %d (%d), out %d x %d x %d (%d), kernel %d x %d, stride %d x %d, pad "
               "%d, %d, dilation %d x %d, upscale %d, wide %d; out %d, act %d, range %d, residual "
               "%d, wide %d",
               s->in_h, s->in_w, s->in_c, s->in_pixel, s->out_h, s->out_w, s->out_c, s->out_pixel,
               s->kernel_h, s->kernel_w, s->stride_h, s->stride_w, s->pad_top, s->pad_left,
               s->dilation_h, s->dilation_w, s->upscale, s->is_wide, (int)e->out, (int)e->act,
               e->range_log2, (int)residual, e->is_res_wide);
    fill_inputs(c, &t, n_products, operands);
    if (kind == CONV_DENSE && can_have_coarse(&t) && check_pick(c, 0, 1)) fill_coarse(c, &t);
    const double largest_acc = fill_bias(c, &t, n_products);
    if (e->out != EPILOGUE_S32) e->scale = pick_scales(c, round_64(s->out_c), largest_acc);
    if (e->out <= EPILOGUE_WIDE) fill_requant(c, e, round_64(s->out_c), residual);
    if (residual == RESIDUAL_YES && !t.is_in_place) {
        const struct check_layout layout = {
            s->out_h, s->out_w, s->out_c, (size_t)s->res_pixel, 0, epilogue_res_size(e)};
        const int most = e->is_res_wide ? 32768 : 128;
        t.res = fill_pixels(c, &layout, check_pick_fill(c), -most, most - 1);
    }
    return t;
}

struct conv_part conv_case_columns(const struct conv_case *t, void *out, int begin, int end)
{
    const struct conv_shape *const s = &t->params.shape;
    const size_t first = (size_t)(begin * s->upscale);
    struct conv_part part = {.params = t->params, .res = t->is_in_place ? out : t->res};
    part.params.shape = conv_columns(s, begin, end);
    if (part.res != NULL)
        part.res += first * (size_t)s->res_pixel * epilogue_res_size(&t->params.epilogue);
    part.out = (uint8_t *)out + first * (size_t)s->out_pixel * t->out_layout.element;
    return part;
}

const struct conv_layer conv_layers[] = {
#define X(family, ...) {#family, __VA_ARGS__},
#include "conv_layers.def"
#undef X
};
const int n_conv_layers = (int)ARRAY_LEN(conv_layers);

struct conv_shape conv_layer_shape(const struct conv_layer *l, bool is_wide)
{
    const int pad = l->upscale > 1 ? 0 : l->kernel / 2;
    const int out =
        l->upscale > 1 ? l->in_h * l->upscale : (l->in_h + 2 * pad - l->kernel) / l->stride + 1;
    struct conv_shape s = {
        .in_h = l->in_h,
        .in_w = l->in_h,
        .in_c = l->in_c,
        .out_h = out,
        .out_w = out,
        .out_c = l->out_c,
        .kernel_h = l->kernel,
        .kernel_w = l->kernel,
        .stride_h = l->stride,
        .stride_w = l->stride,
        .pad_top = pad,
        .pad_left = pad,
        .dilation_h = 1,
        .dilation_w = 1,
        .upscale = l->upscale,
        .in_pixel = l->in_c == 3 ? 4 : l->in_c,
        .out_pixel = l->out_c,
        .res_pixel = l->out_c,
        .is_wide = is_wide,
    };
    const int most = conv_case_most_reach(&s, CONV_DENSE);
    if (is_wide) s.reach = most < 8191 ? most : 8191;
    return s;
}

double conv_layer_macs(const struct conv_layer *l)
{
    const struct conv_shape s = conv_layer_shape(l, false);
    const bool is_depthwise = strcmp(l->family, "dwconv") == 0;
    const double grid = l->upscale > 1 ? (double)s.in_h * s.in_w : (double)s.out_h * s.out_w;
    return grid * l->kernel * l->kernel * l->out_c * (is_depthwise ? 1 : l->in_c);
}

struct conv_case conv_layer_case(struct check *c, const struct conv_layer *l, bool is_wide)
{
    const struct conv_shape s = conv_layer_shape(l, is_wide);
    const enum conv_kind kind = strcmp(l->family, "dwconv") == 0 ? CONV_DEPTHWISE : CONV_DENSE;
    const int n_products = depth(&s, kind);
    struct conv_case t = {
        .params = {
            .shape = s,
            .epilogue = {.out = EPILOGUE_S8, .act = ACT_SILU, .range_log2 = 1, .shift = 15}}};
    t.out_layout = (struct check_layout){s.out_h, s.out_w, s.out_c, (size_t)s.out_c, 0, 1};
    t.out_size = check_extent(&t.out_layout);
    t.grid_h = s.out_h / s.upscale;
    t.grid_w = s.out_w / s.upscale;
    check_case(c, "layer %d x %d x %d", l->in_h, l->in_h, l->in_c);
    fill_inputs(c, &t, n_products, CONV_BY_CHANCE);
    t.params.epilogue.scale = pick_scales(c, round_64(s.out_c), fill_bias(c, &t, n_products));
    fill_requant(c, &t.params.epilogue, round_64(s.out_c), RESIDUAL_NO);
    return t;
}
