/* SPDX-License-Identifier: Apache-2.0
 *
 * makertbin: what becomes of a picture on its way to the network: HZ_PREPROCESS_FOR_images in the table of nodes. The
 * calibration data are given to the program in the form that it is fed, and what its first step reads is compared with what
 * they were: NV12 has one colour for four pixels.
 */
#include <math.h>

#include "base/closeness.h"
#include "base/mem.h"
#include "rdk/mapper_work.h"
#include "tensor/npy.h"
#include "vision/picture.h"

enum { MAX_SAMPLES = 8 };

struct view {
    const struct mapper *m;
    const struct plan_input *input;
    const struct plan_tensor *tensor;
    size_t n_pixels, n_channels;
    enum itx_image_format format; /* of `bytes` */
    float *numbers, *given; /* [h, w, c]: of the file; in the order of the tensor's channels */
    uint8_t *bytes;         /* the same, rounded */
    uint8_t *yuv;           /* and that as YUV444 */
    struct closeness sum;
};

static itx_status no_memory(struct itx_error *err)
{
    return itx_fail(err, ITX_E_NOMEM, "out of memory");
}

/* ---- one file ---- */

static enum number_type type_of(const char *name)
{
    int i = 0;
    while (i + 1 < NUMBER_TYPE_COUNT && strcmp(number_type_name((enum number_type)i), name) != 0)
        i++;
    return (enum number_type)i;
}

/* Numbers in the training's layout and order become `given`. */
static void take_numbers(struct view *v, bool is_nhwc)
{
    const size_t n = v->n_pixels, c = v->n_channels;
    const bool is_bgr = strcmp(v->m->input[0].type_train, "bgr") == 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < c; k++) {
            const size_t from = is_bgr ? c - 1 - k : k;
            const float x = v->numbers[is_nhwc ? i * c + from : from * n + i];
            v->given[i * c + k] = x;
            v->bytes[i * c + k] = (uint8_t)rintf(fminf(fmaxf(x, 0), 255));
        }
}

/* Sizes were checked before the network was built from these files. */
static itx_status read_numbers(struct view *v, const char *path, struct itx_error *err)
{
    const struct mapper_input *const in = &v->m->input[0];
    const size_t n = v->n_pixels * v->n_channels;
    struct file_bytes map = {0};
    struct npy a = {.type = type_of(in->data_type), .n = n};
    bool is_nhwc = strcmp(in->layout_train, "NHWC") == 0;
    ITX_TRY(file_read(&map, path, SIZE_MAX, err));
    a.data = map.data;
    itx_status rc = ITX_OK;
    if (npy_is(map.data, map.size)) {
        rc = npy_open(&a, map.data, map.size, err);
        if (a.rank >= 3 && a.dim[a.rank - 3] != a.dim[a.rank - 1])
            is_nhwc = a.dim[a.rank - 1] == (int64_t)v->n_channels;
    } else if (map.size != n * number_size(a.type)) {
        a.n = 0;
    }
    if (rc == ITX_OK && a.n != n)
        rc = itx_fail(err, ITX_E_FORMAT, "%s: has another size than input %s", path, in->name);
    if (rc == ITX_OK) {
        numbers_to_floats(a.type, a.data, n, v->numbers);
        take_numbers(v, is_nhwc);
    }
    file_bytes_release(&map);
    return rc;
}

static itx_status read_picture(struct view *v, const char *path, struct itx_error *err)
{
    struct picture photo = {0}, fit = {0};
    itx_status rc = picture_read(&photo, path, v->m->build.max_pixels, err);
    if (rc == ITX_OK) rc = picture_letterbox(&fit, &photo, v->tensor->w, v->tensor->h, err);
    if (rc == ITX_OK) rc = picture_bytes(&fit, v->format, ITX_RANGE_FULL, v->bytes, err);
    for (size_t i = 0; rc == ITX_OK && i < v->n_pixels * v->n_channels; i++)
        v->given[i] = v->bytes[i];
    picture_release(&photo);
    picture_release(&fit);
    return rc;
}

/* ---- what the network reads of it ---- */

/* Sessions send pictures through NV12 themselves. */
static itx_status make_image(struct view *v, struct itx_image *image, struct itx_error *err)
{
    const size_t w = (size_t)v->tensor->w, row = w * v->n_channels;
    *image = (struct itx_image){.format = v->format,
                                .width = v->tensor->w,
                                .height = v->tensor->h,
                                .plane = {v->bytes},
                                .stride = {row}};
    if (v->input->kind != PLAN_INPUT_YUV444 || v->format != ITX_IMAGE_RGB) return ITX_OK;
    const struct picture rgb = {image->width, image->height, row, v->bytes};
    image->format = ITX_IMAGE_YUV444;
    image->range = v->input->video_range ? ITX_RANGE_VIDEO : ITX_RANGE_FULL;
    image->plane[0] = v->yuv;
    return picture_bytes(&rgb, image->format, image->range, v->yuv, err);
}

static itx_status compare(struct view *v, itx_session *session, struct itx_error *err)
{
    const struct plan_tensor *const t = v->tensor;
    struct itx_image image;
    ITX_TRY(make_image(v, &image, err));
    ITX_TRY(itx_session_run(session, &image, err));
    const int8_t *const stored = itx_session_tensor(session, (int)v->input->tensor);
    for (size_t i = 0; i < v->n_pixels; i++)
        for (size_t k = 0; k < v->n_channels; k++) {
            const size_t q = t->n_quant > 1 ? k : 0;
            const double zero = t->zero_point[q], scale = (double)t->scale[q];
            closeness_add(&v->sum, ((double)v->given[i * v->n_channels + k] - 128 - zero) * scale,
                          (stored[i * (size_t)t->pixel + k] - zero) * scale);
        }
    return ITX_OK;
}

static itx_status compare_files(struct view *v, itx_session *session, struct itx_error *err)
{
    const size_t n = v->m->files.len < MAX_SAMPLES ? v->m->files.len : MAX_SAMPLES;
    for (size_t i = 0; i < n; i++) {
        const char *const path = v->m->files.data[i];
        if (v->m->are_pictures && read_picture(v, path, err) != ITX_OK)
            continue; /* the build has warned of it */
        if (!v->m->are_pictures) ITX_TRY(read_numbers(v, path, err));
        ITX_TRY(compare(v, session, err));
    }
    return ITX_OK;
}

static itx_status open_and_compare(struct view *v, struct itx_error *err)
{
    itx_model *model = NULL;
    itx_session *session = NULL;
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    o.keep_tensors = 1;
    if (v->input->kind == PLAN_INPUT_NV12) o.via = ITX_IMAGE_NV12;
    o.via_range = v->input->video_range ? ITX_RANGE_VIDEO : ITX_RANGE_FULL;
    itx_status rc = itx_model_open(&model, v->m->bin, NULL, err);
    if (rc == ITX_OK) rc = itx_session_create(&session, model, &o, err);
    if (rc == ITX_OK) rc = compare_files(v, session, err);
    itx_session_destroy(&session);
    itx_model_close(&model);
    return rc;
}

itx_status mapper_compare_input(struct mapper *m, struct itx_error *err)
{
    const struct plan *const plan = &m->made.file.models[0];
    struct view v = {.m = m, .input = &plan->inputs[0]};
    m->has_input_cosine = false;
    if (v.input->kind == PLAN_INPUT_TENSOR || m->files.len == 0) return ITX_OK;
    v.tensor = &plan->tensors[v.input->tensor];
    v.n_pixels = (size_t)v.tensor->h * (size_t)v.tensor->w;
    v.n_channels = (size_t)v.tensor->c;
    v.format = v.n_channels == 1 ? ITX_IMAGE_GRAY
               : v.input->is_yuv ? ITX_IMAGE_YUV444
                                 : ITX_IMAGE_RGB;
    const size_t n = v.n_pixels * v.n_channels;
    v.numbers = mem_calloc(n, sizeof *v.numbers);
    v.given = mem_calloc(n, sizeof *v.given);
    v.bytes = mem_alloc(n);
    v.yuv = mem_alloc(n);
    itx_status rc = v.numbers != NULL && v.given != NULL && v.bytes != NULL && v.yuv != NULL
                        ? open_and_compare(&v, err)
                        : no_memory(err);
    mem_free(v.numbers);
    mem_free(v.given);
    mem_free(v.bytes);
    mem_free(v.yuv);
    m->input_cosine = closeness_cosine(&v.sum);
    m->has_input_cosine = rc == ITX_OK && v.sum.n > 0;
    return rc;
}
