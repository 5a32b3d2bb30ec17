/* SPDX-License-Identifier: Apache-2.0 */
#include "api/feed.h"

#include <math.h>
#include <string.h>

#include "passes/entry.h"
#include "quant/quant.h"
#include "vision/picture.h"

#define MAX_RANDOM 10000
/* No network is fed shares of 255 divided by so much, nor bytes divided by less that it does not centre. */
#define LEAST_BYTES 16

static itx_status check_formats(const struct itx_build_options *o, struct itx_error *err)
{
    const enum itx_image_format in = o->input_format, train = o->train_format;
    if (in != ITX_IMAGE_NONE && in != ITX_IMAGE_RGB && in != ITX_IMAGE_BGR &&
        in != ITX_IMAGE_NV12 && in != ITX_IMAGE_YUV444 && in != ITX_IMAGE_GRAY)
        return itx_fail(err, ITX_E_INVAL,
                        "input format: RGB, BGR, NV12, YUV444, GRAY or none is possible");
    if (train != ITX_IMAGE_NONE && train != ITX_IMAGE_RGB && train != ITX_IMAGE_BGR &&
        train != ITX_IMAGE_YUV444 && train != ITX_IMAGE_GRAY)
        return itx_fail(err, ITX_E_INVAL,
                        "format of training: RGB, BGR, YUV444 or GRAY is possible");
    if (train == ITX_IMAGE_NONE) return ITX_OK;
    if (in == ITX_IMAGE_NONE)
        return itx_fail(err, ITX_E_INVAL,
                        "format of training: the input is no picture, so it has none");
    if ((train == ITX_IMAGE_GRAY) != (in == ITX_IMAGE_GRAY))
        return itx_fail(err, ITX_E_INVAL,
                        "grey and coloured: a network that was trained with the one cannot be fed "
                        "with the other");
    if (train == ITX_IMAGE_YUV444 && (in == ITX_IMAGE_RGB || in == ITX_IMAGE_BGR))
        return itx_fail(err, ITX_E_INVAL,
                        "a network that was trained with YUV444 can be fed with YUV444 or NV12");
    return ITX_OK;
}

static itx_status check_numbers(const struct itx_build_options *o, struct itx_error *err)
{
    if (o->n_mean < 0 || o->n_scale < 0 || (o->n_mean > 0 && o->mean == NULL) ||
        (o->n_scale > 0 && o->scale == NULL))
        return itx_fail(err, ITX_E_INVAL, "mean or scale: the numbers are not there");
    if ((o->n_mean > 0 || o->n_scale > 0) && o->input_format == ITX_IMAGE_NONE)
        return itx_fail(err, ITX_E_INVAL,
                        "mean and scale belong to pictures, and the input is none");
    for (int i = 0; i < o->n_mean; i++)
        if (!(fabsf(o->mean[i]) <= 65535))
            return itx_fail(err, ITX_E_RANGE, "mean %g: -65535 to 65535 is possible",
                            (double)o->mean[i]);
    for (int i = 0; i < o->n_scale; i++)
        if (!(o->scale[i] >= 1e-9f && o->scale[i] <= 1e9f))
            return itx_fail(err, ITX_E_RANGE, "scale %g: 1e-9 to 1e9 is possible",
                            (double)o->scale[i]);
    return ITX_OK;
}

static itx_status check_texts(const char *const *texts, int n, const char *what,
                              struct itx_error *err)
{
    if (n < 0) return itx_fail(err, ITX_E_INVAL, "%d %ss", n, what);
    for (int i = 0; i < n; i++)
        if (texts == NULL || texts[i] == NULL)
            return itx_fail(err, ITX_E_INVAL, "%s %d is NULL", what, i);
    return ITX_OK;
}

static itx_status check_max_constants(const struct itx_build_options *o, struct itx_error *err)
{
    const int64_t most = (int64_t)1 << 40;
    if (o->max_constants >= 0 && o->max_constants <= most) return ITX_OK;
    return itx_fail(err, ITX_E_RANGE, "max_constants %lld is out of range 0..%lld",
                    (long long)o->max_constants, (long long)most);
}

itx_status feed_check_data(const struct itx_build_options *o, struct itx_error *err)
{
    ITX_TRY(check_texts(o->images, o->n_images, "calibration picture", err));
    ITX_TRY(check_texts(o->tensors, o->n_tensors, "calibration file", err));
    if ((int)o->tensors_type < ITX_TENSOR_F32 || o->tensors_type > ITX_TENSOR_S32)
        return itx_fail(err, ITX_E_INVAL, "unknown type %d of calibration files",
                        (int)o->tensors_type);
    if (o->random < 0 || o->random > MAX_RANDOM)
        return itx_fail(err, ITX_E_RANGE, "%d made-up inputs: up to %d are possible", o->random,
                        MAX_RANDOM);
    if (o->max_pixels < 0 || o->max_pixels > PICTURE_MAX_PIXELS)
        return itx_fail(err, ITX_E_RANGE, "max_pixels %lld is out of range 0..%lld",
                        (long long)o->max_pixels, (long long)PICTURE_MAX_PIXELS);
    const int n_kinds = (o->n_images > 0) + (o->n_tensors > 0) + (o->random > 0);
    if (n_kinds == 0) return itx_fail(err, ITX_E_INVAL, "there are no calibration pictures");
    if (n_kinds > 1)
        return itx_fail(err, ITX_E_INVAL,
                        "calibration data: either pictures, or files of numbers, or made-up "
                        "inputs");
    if (o->n_images > 0 && o->input_format == ITX_IMAGE_NONE)
        return itx_fail(err, ITX_E_INVAL,
                        "calibration pictures: the input is none; files of numbers are needed");
    return ITX_OK;
}

itx_status feed_options(struct itx_build_options *o, const struct itx_build_options *given,
                        struct itx_error *err)
{
    static const struct itx_build_options defaults = ITX_BUILD_OPTIONS_INIT;
    if (given->size < sizeof(size_t) || given->size > sizeof *o)
        return itx_fail(err, ITX_E_INVAL, "itx_build_options: size %zu is not set right",
                        given->size);
    *o = defaults;
    memcpy(o, given, given->size);
    ITX_TRY(check_formats(o, err));
    ITX_TRY(check_numbers(o, err));
    ITX_TRY(check_max_constants(o, err));
    return check_texts(o->output_nodes, o->n_output_nodes, "output node", err);
}

/* ---- a network's own ---- */

/* Channels of its one input when that can be a picture, else 0. */
static int picture_channels(const struct graph *g)
{
    if (g->inputs.len != 1) return 0;
    const struct shape *const s = &graph_value(g, g->inputs.data[0])->shape;
    const bool is_picture = s->rank == 4 && s->dim[0] == 1 && (s->dim[1] == 3 || s->dim[1] == 1) &&
                            s->dim[2] <= IMAGE_MAX_DIM && s->dim[3] <= IMAGE_MAX_DIM;
    return is_picture ? (int)s->dim[1] : 0;
}

/* y = (x - mean) / deviation: bytes have large ones, shares of 255 have them within 1. */
static enum feed_units channel_units(double scale, double add)
{
    const double deviation = 1 / scale, mean = fabs(add / scale);
    if (deviation == 1 && mean == 0) return FEED_UNITS_USUAL;
    if (deviation <= 1 && mean <= 1) return FEED_UNITS_SHARE;
    const bool is_large = deviation >= LEAST_BYTES && (mean == 0 || mean > 1);
    const bool is_centred = deviation >= 1 && mean > 1;
    return (is_large || is_centred) && mean <= 256 ? FEED_UNITS_BYTES : FEED_UNITS_UNCLEAR;
}

static enum feed_units find_units(const struct scaling *own)
{
    enum feed_units units = FEED_UNITS_USUAL;
    if (own->is_integer) return FEED_UNITS_BYTES;
    for (int c = 0; c < own->n_channels; c++) {
        const enum feed_units u = channel_units(own->scale[c], own->add[c]);
        if (units != FEED_UNITS_USUAL && u != FEED_UNITS_USUAL && u != units)
            return FEED_UNITS_UNCLEAR;
        if (u != FEED_UNITS_USUAL) units = u;
    }
    return units == FEED_UNITS_USUAL && own->is_negative ? FEED_UNITS_UNCLEAR : units;
}

/* What channel c of the graph as it is now sees of a byte: (byte - mean) * scale. `o` may be NULL. BGR was turned
 * round. */
static void read_numbers(const struct feed *feed, const struct itx_build_options *o, int c,
                         double *mean, double *scale)
{
    const bool is_turned = o != NULL && o->train_format == ITX_IMAGE_BGR;
    const int at = is_turned ? feed->n_channels - 1 - c : c;
    *mean = 0;
    *scale = feed->units == FEED_UNITS_BYTES ? 1 : 1.0 / 255;
    if (o != NULL && (o->n_mean > 0 || o->n_scale > 0)) {
        *mean = o->n_mean > 0 ? (double)o->mean[o->n_mean > 1 ? at : 0] : 0;
        *scale = o->n_scale > 0 ? (double)o->scale[o->n_scale > 1 ? at : 0] : 1;
    }
    if (!feed->own.is_there) return;
    *scale *= feed->own.scale[at];
    *mean -= feed->own.add[at] / *scale;
}

static void set_exact_values(struct feed *feed, const struct itx_build_options *o)
{
    for (int c = 0; c < feed->n_channels; c++) {
        double mean, scale;
        read_numbers(feed, o, c, &mean, &scale);
        for (int b = 0; b < 256; b++) feed->value[c][b] = (float)((b - mean) * scale);
    }
}

itx_status feed_default(struct feed *feed, const struct scaling *own, struct graph *g,
                        struct itx_error *err)
{
    static const float scale = 1.0f / 255;
    static const int32_t zero = -128;
    *feed = (struct feed){.n_channels = picture_channels(g)};
    if (feed->n_channels == 0) return ITX_OK;
    feed->is_picture = true;
    feed->colours = feed->n_channels == 3 ? IMAGE_AS_RGB : IMAGE_AS_GRAY;
    feed->own = *own;
    feed->units = find_units(own);
    set_exact_values(feed, NULL);
    return quant_give_input(g, g->inputs.data[0], 1, &scale, &zero, err);
}

itx_status feed_check_units(const struct feed *feed, const struct graph *g,
                            const struct itx_build_options *o, struct itx_error *err)
{
    if (feed->units != FEED_UNITS_UNCLEAR || (o != NULL && (o->n_mean > 0 || o->n_scale > 0)))
        return ITX_OK;
    return itx_fail(err, ITX_E_UNSUPPORTED,
                    "input '%s' is scaled by the network itself, and its constants do not tell "
                    "what it takes: --scale 1 says bytes, --scale 0.00392157 bytes / 255 (scale of "
                    "itx_build_options)",
                    graph_value(g, g->inputs.data[0])->name);
}

void feed_choose_format(struct itx_build_options *o, const struct feed *feed)
{
    if (o->input_format == ITX_IMAGE_RGB && o->train_format == ITX_IMAGE_NONE &&
        feed->n_channels == 1)
        o->input_format = ITX_IMAGE_GRAY;
}

/* ---- as the options say ---- */

static const char *format_text(enum itx_image_format format)
{
    return format == ITX_IMAGE_GRAY ? "GRAY" : format == ITX_IMAGE_YUV444 ? "YUV444" : "coloured";
}

static itx_status check_channels(const struct feed *feed, const struct graph *g,
                                 const struct itx_build_options *o, struct itx_error *err)
{
    const int c = feed->n_channels;
    if (c == 0)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "its input is no picture [1, 3, height, width] or [1, 1, height, width]: "
                        "its input format is none, and it is calibrated with files of numbers");
    const char *const name = graph_value(g, g->inputs.data[0])->name;
    if ((c == 1) != (o->input_format == ITX_IMAGE_GRAY))
        return itx_fail(err, ITX_E_INVAL, "input '%s' has %d channel%s: its input format %s GRAY",
                        name, c, c == 1 ? "" : "s", c == 1 ? "can only be" : "cannot be");
    if (o->train_format != ITX_IMAGE_NONE && (c == 1) != (o->train_format == ITX_IMAGE_GRAY))
        return itx_fail(err, ITX_E_INVAL,
                        "input '%s' has %d channel%s: it was not trained with %s pictures", name, c,
                        c == 1 ? "" : "s", format_text(o->train_format));
    if ((o->n_mean > 1 && o->n_mean != c) || (o->n_scale > 1 && o->n_scale != c))
        return itx_fail(err, ITX_E_INVAL,
                        "%d means and %d scales: 1 of each, or %d, as input '%s' has channels",
                        o->n_mean, o->n_scale, c, name);
    return ITX_OK;
}

/* Something joins channels of the input that are stored differently. */
static itx_status find_conflict(const struct graph *g, bool *conflict, struct itx_error *err)
{
    struct quant_atoms atoms = {0};
    ITX_TRY(quant_atoms_create(&atoms, g, err));
    const value_id v = g->inputs.data[0];
    const struct value_quant *const q = &graph_value(g, v)->quant;
    const uint32_t *const of = atoms.of + atoms.first[v];
    *conflict = false;
    for (int i = 1; i < q->n; i++)
        for (int k = 0; k < i; k++)
            if (of[i] == of[k] &&
                (q->scale[i] != q->scale[k] || q->zero_point[i] != q->zero_point[k]))
                *conflict = true;
    quant_atoms_release(&atoms);
    return ITX_OK;
}

/* Bytes less whole numbers, times scales: stored = byte - 128. What is left of the means becomes biases. */
static itx_status store_as_bytes(struct feed *feed, struct graph *g,
                                 const struct itx_build_options *o, struct itx_error *err)
{
    float scales[3], shift[3];
    int32_t zeros[3];
    bool is_shifted = false, is_far = false, same = true, conflict;
    for (int c = 0; c < feed->n_channels; c++) {
        double mean, scale;
        read_numbers(feed, o, c, &mean, &scale);
        const double whole = fmin(255, fmax(0, rint(mean)));
        scales[c] = (float)scale;
        zeros[c] = (int32_t)whole - 128;
        shift[c] = (float)((whole - mean) * scale);
        is_shifted = is_shifted || whole != mean;
        is_far = is_far || fabs(whole - mean) > 0.5;
        same = same && scales[c] == scales[0] && zeros[c] == zeros[0];
        for (int b = 0; b < 256; b++) feed->value[c][b] = (float)((b - whole) * scale);
    }
    const value_id v = g->inputs.data[0];
    ITX_TRY(quant_give_input(g, v, same ? 1 : feed->n_channels, scales, zeros, err));
    ITX_TRY(find_conflict(g, &conflict, err));
    if (!is_shifted && !conflict) return ITX_OK;
    if (!conflict && entry_can_shift(g, v, is_far)) return entry_shift(g, v, shift, err);
    return entry_shift_apart(g, v, shift, err);
}

/* What the caller's mean and scale make of the pixels is not what the network's own scaling is made for. */
static void warn_of_doubt(const struct feed *feed, const struct itx_build_options *o)
{
    bool is_odd = false;
    for (int i = 0; i < o->n_scale && o->warn != NULL; i++) {
        const bool is_small = 255 * (double)o->scale[i] <= LEAST_BYTES;
        is_odd = is_odd || (feed->units == FEED_UNITS_BYTES && is_small) ||
                 (feed->units == FEED_UNITS_SHARE && !is_small);
    }
    if (is_odd)
        o->warn(o->ctx, feed->units == FEED_UNITS_BYTES
                            ? "the input is scaled twice: the network itself scales bytes, and is "
                              "given what mean and scale make of them"
                            : "the network itself scales bytes / 255, and is given larger values "
                              "by mean and scale");
}

itx_status feed_apply(struct feed *feed, struct graph *g, const struct itx_build_options *o,
                      enum feed_use use, struct itx_error *err)
{
    if (o->input_format == ITX_IMAGE_NONE) {
        *feed = (struct feed){0};
        for (size_t i = 0; i < g->inputs.len; i++)
            graph_value(g, g->inputs.data[i])->quant = (struct value_quant){0};
        return ITX_OK;
    }
    ITX_TRY(check_channels(feed, g, o, err));
    if (o->train_format == ITX_IMAGE_BGR) ITX_TRY(entry_reverse(g, g->inputs.data[0], err));
    if (o->train_format == ITX_IMAGE_YUV444) feed->colours = IMAGE_AS_YUV;
    ITX_TRY(feed_check_units(feed, g, o, err));
    if (o->n_mean > 0 || o->n_scale > 0 || feed->units != FEED_UNITS_USUAL) {
        if (use == FEED_EXACT)
            set_exact_values(feed, o);
        else
            ITX_TRY(store_as_bytes(feed, g, o, err));
    }
    warn_of_doubt(feed, o);
    return graph_check(g, err);
}

void feed_convert(const struct feed *feed, const uint8_t *rgb, size_t n_pixels, float *input)
{
    enum { PIECE = 256 };
    const size_t n = (size_t)feed->n_channels;
    uint8_t bytes[3 * PIECE];
    for (size_t at = 0; at < n_pixels; at += PIECE) {
        const size_t n_here = n_pixels - at < PIECE ? n_pixels - at : PIECE;
        image_colours(rgb + 3 * at, feed->colours, n_here, bytes);
        for (size_t i = 0; i < n_here; i++)
            for (size_t c = 0; c < n; c++)
                input[c * n_pixels + at + i] = feed->value[c][bytes[i * n + c]];
    }
}
