/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sample.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/float_mode.h"
#include "base/format.h"
#include "base/mem.h"
#include "tensor/npy.h"

int sample_count(const struct itx_build_options *o, const struct network *n)
{
    if (o->n_tensors > 0) return o->n_tensors / (int)n->graph->inputs.len;
    return o->random > 0 ? o->random : o->n_images;
}

itx_status sample_check(const struct itx_build_options *o, const struct network *n,
                        struct itx_error *err)
{
    const int n_inputs = (int)n->graph->inputs.len;
    if (o->n_tensors % n_inputs != 0)
        return itx_fail(err, ITX_E_INVAL,
                        "%d calibration files: the network has %d inputs, and takes one file for "
                        "each in turn",
                        o->n_tensors, n_inputs);
    return ITX_OK;
}

/* ---- pictures ---- */

/* As the runtime will see it: letterboxed, sent through NV12 where the options say so. */
static itx_status show(struct float_run *r, const struct itx_build_options *o,
                       const struct itx_image *image, struct itx_error *err)
{
    const enum itx_image_format via =
        o->input_format == ITX_IMAGE_NV12 ? ITX_IMAGE_NV12 : ITX_IMAGE_NONE;
    return frame_prepare(&r->frame, image, via, o->input_range, NULL, err);
}

static itx_status load_picture(struct sample *s, struct float_run *r,
                               const struct itx_build_options *o, int i, struct itx_error *err)
{
    s->is_unreadable = true;
    ITX_TRY(picture_read(&s->picture, o->images[i], o->max_pixels, err));
    s->is_unreadable = false;
    const struct itx_image image = {
        .format = ITX_IMAGE_RGB,
        .width = s->picture.width,
        .height = s->picture.height,
        .plane = {s->picture.rgb},
        .stride = {s->picture.stride},
    };
    return show(r, o, &image, err);
}

/* Bytes of a picture of the input's size in the order of training, [h, w, channels]; what the network is shown of it
 * becomes the sample's picture. */
static itx_status load_bytes(struct sample *s, struct float_run *r,
                             const struct itx_build_options *o, const uint8_t *bytes,
                             struct itx_error *err)
{
    const struct network *const n = r->network;
    const enum itx_image_format format = n->feed.n_channels == 1             ? ITX_IMAGE_GRAY
                                         : o->train_format == ITX_IMAGE_NONE ? ITX_IMAGE_RGB
                                                                             : o->train_format;
    const struct itx_image image = {
        .format = format,
        .width = n->width,
        .height = n->height,
        .plane = {bytes},
        .stride = {(size_t)n->width * (size_t)n->feed.n_channels},
    };
    ITX_TRY(show(r, o, &image, err));
    ITX_TRY(picture_create(&s->picture, n->width, n->height, err));
    for (size_t y = 0; y < (size_t)n->height; y++)
        memcpy(s->picture.rgb + y * s->picture.stride, r->frame.rgb + y * (size_t)n->width * 3,
               (size_t)n->width * 3);
    return ITX_OK;
}

/* ---- files of numbers ---- */

struct numbers {
    enum number_type type;
    const uint8_t *data;
    bool channels_last;
};

static enum number_type type_of_raw(enum itx_tensor_type type)
{
    static const enum number_type types[] = {[ITX_TENSOR_F32] = NUMBER_F32,
                                             [ITX_TENSOR_U8] = NUMBER_U8,
                                             [ITX_TENSOR_S8] = NUMBER_S8,
                                             [ITX_TENSOR_S16] = NUMBER_S16,
                                             [ITX_TENSOR_S32] = NUMBER_S32};
    return types[type];
}

/* Why a file may have another size than n numbers of a type. */
static void guess_cause(char *text, size_t room, const struct file_bytes *map, size_t n,
                        enum number_type type)
{
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff}, png[] = {0x89, 'P', 'N', 'G'};
    static const enum number_type usual[] = {NUMBER_F32, NUMBER_U8, NUMBER_S16, NUMBER_F64};
    const size_t size = map->size, expected = n * number_size(type);
    if (size == 0) {
        snprintf(text, room, "it is empty");
        return;
    }
    if ((size > sizeof jpeg && memcmp(map->data, jpeg, sizeof jpeg) == 0) ||
        (size > sizeof png && memcmp(map->data, png, sizeof png) == 0)) {
        snprintf(text, room, "it is a picture, not raw numbers");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        if (usual[i] != type && size == n * number_size(usual[i])) {
            snprintf(text, room, "that would be right for %s", number_type_name(usual[i]));
            return;
        }
    if (size % expected == 0) {
        snprintf(text, room, "that would be %zu inputs, and one file holds one", size / expected);
        return;
    }
    const double side = sqrt((double)size / (double)number_size(type) / 3);
    if (side == rint(side))
        format_text(text, room, "that would be 3 x %.0f x %.0f, another size of the input", side,
                    side);
    else
        snprintf(text, room, "was it made for this input and of this type?");
}

static itx_status open_raw(struct numbers *a, const struct file_bytes *map, const struct value *v,
                           enum itx_tensor_type type, bool is_turned, struct itx_error *err)
{
    const size_t n = (size_t)shape_elements(&v->shape);
    *a = (struct numbers){type_of_raw(type), map->data, is_turned};
    if (map->size == n * number_size(a->type)) return ITX_OK;
    char cause[120], shape[SHAPE_TEXT_SIZE];
    guess_cause(cause, sizeof cause, map, n, a->type);
    shape_text(&v->shape, shape);
    return itx_fail(err, ITX_E_FORMAT, "%zu bytes, %zu expected for input '%s', %s of %s: %s",
                    map->size, n * number_size(a->type), v->name, shape, number_type_name(a->type),
                    cause);
}

/* Equal but for dimensions of 1; `order` says which dimension of the input comes first, second, ... */
static bool is_shape(const struct npy *npy, const struct shape *s, const int order[4])
{
    int at = 0;
    for (int i = 0; i < s->rank; i++) {
        const int64_t d = s->dim[s->rank == 4 ? order[i] : i];
        if (d == 1) continue;
        while (at < npy->rank && npy->dim[at] == 1) at++;
        if (at == npy->rank || npy->dim[at++] != d) return false;
    }
    while (at < npy->rank && npy->dim[at] == 1) at++;
    return at == npy->rank;
}

static itx_status open_npy(struct numbers *a, const struct file_bytes *map, const struct value *v,
                           bool is_turned, struct itx_error *err)
{
    static const int planes[4] = {0, 1, 2, 3}, last[4] = {0, 2, 3, 1};
    struct npy npy;
    ITX_TRY(npy_open(&npy, map->data, map->size, err));
    const bool as_planes = is_shape(&npy, &v->shape, planes),
               as_last = is_shape(&npy, &v->shape, last);
    *a = (struct numbers){npy.type, npy.data,
                          v->shape.rank == 4 && as_last && (is_turned || !as_planes)};
    if (as_planes || as_last) return ITX_OK;
    struct shape found = {.rank = npy.rank < SHAPE_MAX_RANK ? npy.rank : SHAPE_MAX_RANK};
    char has[SHAPE_TEXT_SIZE], expected[SHAPE_TEXT_SIZE];
    memcpy(found.dim, npy.dim, (size_t)found.rank * sizeof *found.dim);
    shape_text(&found, has);
    shape_text(&v->shape, expected);
    return itx_fail(err, ITX_E_FORMAT, "its shape is %s, %s expected for input '%s'", has, expected,
                    v->name);
}

/* All numbers in the order [c, h, w] of the graph's input. */
static void read_planes(const struct numbers *a, const struct shape *s, float *to)
{
    const size_t n = (size_t)shape_elements(s);
    if (!a->channels_last) {
        numbers_to_floats(a->type, a->data, n, to);
        return;
    }
    const size_t c = (size_t)s->dim[1], plane = n / c;
    for (size_t i = 0; i < n; i++)
        numbers_to_floats(a->type, a->data + i * number_size(a->type), 1,
                          to + i % c * plane + i / c);
}

/* [c, plane] numbers as bytes [plane, c]. */
static uint8_t *to_bytes(const float *x, size_t c, size_t plane)
{
    uint8_t *const bytes = mem_calloc(plane, c);
    for (size_t i = 0; bytes != NULL && i < plane; i++)
        for (size_t k = 0; k < c; k++) {
            const float v = rintf(x[k * plane + i]);
            bytes[i * c + k] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
    return bytes;
}

static itx_status find_limits(struct sample *s, const float *x, size_t n, struct itx_error *err)
{
    if (!s->is_numbers) s->least = s->most = x[0];
    s->is_numbers = true;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) return itx_fail(err, ITX_E_RANGE, "number %zu is not finite", i);
        s->least = fminf(s->least, x[i]);
        s->most = fmaxf(s->most, x[i]);
    }
    return ITX_OK;
}

static itx_status load_file(struct sample *s, struct float_run *r,
                            const struct itx_build_options *o, const struct file_bytes *map,
                            int input, struct itx_error *err)
{
    const struct graph *const g = r->network->graph;
    const struct value *const v = graph_value(g, g->inputs.data[input]);
    const bool is_turned = r->network->is_turned && input == 0;
    struct numbers a;
    if (npy_is(map->data, map->size))
        ITX_TRY(open_npy(&a, map, v, is_turned, err));
    else
        ITX_TRY(open_raw(&a, map, v, o->tensors_type, is_turned, err));
    read_planes(&a, &v->shape, r->inputs[input]);
    ITX_TRY(find_limits(s, r->inputs[input], r->sizes[input], err));
    if (!r->network->feed.is_picture) return ITX_OK;
    const size_t c = (size_t)r->network->feed.n_channels;
    const float_mode mode = float_mode_enter();
    uint8_t *const bytes = to_bytes(r->inputs[input], c, r->sizes[input] / c);
    float_mode_leave(mode);
    const itx_status rc = bytes != NULL ? load_bytes(s, r, o, bytes, err)
                                        : itx_fail(err, ITX_E_NOMEM, "out of memory");
    mem_free(bytes);
    return rc;
}

static itx_status load_files(struct sample *s, struct float_run *r,
                             const struct itx_build_options *o, int i, struct itx_error *err)
{
    for (int k = 0; k < r->n_inputs; k++) {
        const char *const path = o->tensors[i * r->n_inputs + k];
        struct file_bytes map = {0};
        ITX_TRY(file_read(&map, path, SIZE_MAX, err));
        const itx_status rc = load_file(s, r, o, &map, k, err);
        file_bytes_release(&map);
        if (rc != ITX_OK) {
            itx_error_prefix(err, "%s", path);
            return rc;
        }
    }
    return ITX_OK;
}

/* ---- made up ---- */

/* "xorshift64*" by S. Vigna. */
static uint32_t random_bits(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

static itx_status make_up(struct sample *s, struct float_run *r, const struct itx_build_options *o,
                          int i, struct itx_error *err)
{
    uint64_t state = ((uint64_t)i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    if (r->network->feed.is_picture) {
        uint8_t *const bytes = mem_alloc(r->sizes[0]);
        if (bytes == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
        for (size_t k = 0; k < r->sizes[0]; k++) bytes[k] = (uint8_t)(random_bits(&state) >> 24);
        const itx_status rc = load_bytes(s, r, o, bytes, err);
        mem_free(bytes);
        return rc;
    }
    for (int k = 0; k < r->n_inputs; k++)
        for (size_t j = 0; j < r->sizes[k]; j++)
            r->inputs[k][j] = (float)(random_bits(&state) >> 8) / 8388608 - 1;
    return ITX_OK;
}

itx_status sample_load(struct sample *s, struct float_run *r, const struct itx_build_options *o,
                       int i, struct itx_error *err)
{
    *s = (struct sample){0};
    const itx_status rc = o->n_tensors > 0 ? load_files(s, r, o, i, err)
                          : o->random > 0  ? make_up(s, r, o, i, err)
                                           : load_picture(s, r, o, i, err);
    if (rc != ITX_OK) picture_release(&s->picture);
    return rc;
}

void sample_release(struct sample *s)
{
    picture_release(&s->picture);
}
