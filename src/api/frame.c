/* SPDX-License-Identifier: Apache-2.0 */
#include "api/frame.h"

#include <string.h>

#include "base/float_mode.h"
#include "base/mem.h"

itx_status frame_create(struct frame *f, int width, int height, uint32_t cpu, int n_workers,
                        struct itx_error *err)
{
    const size_t pixels = (size_t)width * (size_t)height;
    *f = (struct frame){
        .width = width,
        .height = height,
        .kernels = image_choose(cpu),
        .n_workers = n_workers,
        .scratch_size = size_align(letterbox_scratch_size(width), 64),
        .rgb = mem_alloc_aligned(64, pixels * 3),
        .nv12 = mem_alloc_aligned(64, pixels * 2 + (size_t)width + (size_t)height + 2),
        .table = mem_alloc_aligned(64, letterbox_table_size(width, height)),
    };
    f->scratch = mem_alloc_aligned(64, f->scratch_size * (size_t)n_workers);
    if (f->rgb == NULL || f->nv12 == NULL || f->table == NULL || f->scratch == NULL) {
        frame_release(f);
        return itx_fail(err, ITX_E_NOMEM, "out of memory for an input of %dx%d", width, height);
    }
    return ITX_OK;
}

void frame_release(struct frame *f)
{
    mem_free_aligned(f->rgb);
    mem_free_aligned(f->nv12);
    mem_free_aligned(f->table);
    mem_free_aligned(f->scratch);
    *f = (struct frame){0};
}

static const struct {
    enum image_format format;
    int bytes; /* of a pixel in plane 0 */
} formats[] = {
    [ITX_IMAGE_RGB] = {IMAGE_RGB, 3},   [ITX_IMAGE_BGR] = {IMAGE_BGR, 3},
    [ITX_IMAGE_NV12] = {IMAGE_NV12, 1}, [ITX_IMAGE_GRAY] = {IMAGE_GRAY, 1},
    [ITX_IMAGE_RGBA] = {IMAGE_RGBA, 4}, [ITX_IMAGE_YUV444] = {IMAGE_YUV444, 3},
};

static itx_status check_picture(const struct itx_image *p, struct image *image,
                                struct itx_error *err)
{
    if (p->format <= ITX_IMAGE_NONE || (size_t)p->format >= ARRAY_LEN(formats))
        return itx_fail(err, ITX_E_INVAL, "unknown picture format %d", (int)p->format);
    if (p->width < 1 || p->width > IMAGE_MAX_DIM || p->height < 1 || p->height > IMAGE_MAX_DIM)
        return itx_fail(err, ITX_E_RANGE, "a picture of %dx%d: 1 to %d are possible", p->width,
                        p->height, IMAGE_MAX_DIM);
    const bool has_chroma = p->format == ITX_IMAGE_NV12;
    if (p->plane[0] == NULL || (has_chroma && p->plane[1] == NULL))
        return itx_fail(err, ITX_E_INVAL, "the picture has no data");
    const size_t row = (size_t)p->width * (size_t)formats[p->format].bytes;
    if (p->stride[0] < row || (has_chroma && p->stride[1] < (size_t)(p->width + 1) / 2 * 2))
        return itx_fail(err, ITX_E_RANGE, "the picture's rows are shorter than its width");
    *image = (struct image){
        .format = formats[p->format].format,
        .range = p->range == ITX_RANGE_VIDEO ? IMAGE_VIDEO : IMAGE_FULL,
        .w = p->width,
        .h = p->height,
        .plane = {p->plane[0], p->plane[1]},
        .stride = {p->stride[0], p->stride[1]},
    };
    return ITX_OK;
}

struct job {
    struct frame *f;
    const struct image *image;
    struct image_nv12 nv12;
    enum { LETTERBOX, TO_NV12, FROM_NV12 } what;
};

static void run_part(void *ctx, int worker, int n_workers)
{
    const struct job *const job = ctx;
    struct frame *const f = job->f;
    const size_t stride = (size_t)f->width * 3;
    int begin, end;
    if (job->what == TO_NV12) {
        pool_part((f->height + 1) / 2, 1, worker, n_workers, &begin, &end);
        f->kernels->rgb_to_nv12(f->rgb, stride, &job->nv12, begin, end);
        return;
    }
    pool_part(f->height, 2, worker, n_workers, &begin, &end);
    const struct rgb_rows rows = {f->rgb, stride, begin, end};
    if (job->what == LETTERBOX) {
        f->kernels->letterbox(&f->letterbox, f->table, job->image, &rows,
                              f->scratch + (size_t)worker * f->scratch_size);
        return;
    }
    const struct image back = {
        .format = IMAGE_NV12,
        .range = job->nv12.range,
        .w = f->width,
        .h = f->height,
        .plane = {job->nv12.y, job->nv12.uv},
        .stride = {job->nv12.y_stride, job->nv12.uv_stride},
    };
    f->kernels->nv12_to_rgb(&back, &rows);
}

static void fit(struct frame *f, const struct image *image)
{
    const struct letterbox *const old = &f->letterbox;
    if (old->in_w == image->w && old->in_h == image->h) return;
    const float_mode mode = float_mode_enter();
    f->letterbox = letterbox_fit(image->w, image->h, f->width, f->height);
    letterbox_prepare(&f->letterbox, f->table);
    float_mode_leave(mode);
}

itx_status frame_view(struct frame *f, const struct itx_image *picture, enum itx_image_format via,
                      enum itx_range range, struct pool *pool, struct frame_pixels *pixels,
                      struct itx_error *err)
{
    struct image image = {0};
    if (picture->format != ITX_IMAGE_RGB || picture->width != f->width ||
        picture->height != f->height || via == ITX_IMAGE_NV12) {
        *pixels = (struct frame_pixels){f->rgb, (size_t)f->width * 3};
        return frame_prepare(f, picture, via, range, pool, err);
    }
    ITX_TRY(check_picture(picture, &image, err));
    fit(f, &image);
    *pixels = (struct frame_pixels){picture->plane[0], picture->stride[0]};
    return ITX_OK;
}

itx_status frame_prepare(struct frame *f, const struct itx_image *picture,
                         enum itx_image_format via, enum itx_range range, struct pool *pool,
                         struct itx_error *err)
{
    struct image image = {0};
    ITX_TRY(check_picture(picture, &image, err));
    fit(f, &image);
    struct job job = {
        .f = f,
        .image = &image,
        .nv12 = {.range = range == ITX_RANGE_VIDEO ? IMAGE_VIDEO : IMAGE_FULL,
                 .w = f->width,
                 .h = f->height,
                 .y = f->nv12,
                 .uv = f->nv12 + (size_t)f->width * (size_t)f->height,
                 .y_stride = (size_t)f->width,
                 .uv_stride = (size_t)(f->width + 1) / 2 * 2},
        .what = LETTERBOX,
    };
    pool_run(pool, run_part, &job);
    const bool is_that_already =
        picture->format == ITX_IMAGE_NV12 && image.w == f->width && image.h == f->height;
    if (via != ITX_IMAGE_NV12 || is_that_already) return ITX_OK;
    job.what = TO_NV12;
    pool_run(pool, run_part, &job);
    job.what = FROM_NV12;
    pool_run(pool, run_part, &job);
    return ITX_OK;
}
