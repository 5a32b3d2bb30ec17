/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames for rdk_run: made up, or read from the files that the board's tools take.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"
#include "rdk/rdk_bin.h"
#include "rdk/run.h"

static const struct plan_tensor *input_tensor(const struct plan *plan, int i)
{
    return &plan->tensors[plan->inputs[i].tensor];
}

static bool takes_numbers(const struct plan *plan)
{
    return plan->inputs[0].kind == PLAN_INPUT_TENSOR;
}

static size_t n_numbers(const struct plan *plan, int i)
{
    const struct plan_tensor *const t = input_tensor(plan, i);
    return (size_t)t->h * (size_t)t->w * (size_t)t->c;
}

/* The image of the model's own format whose bytes begin at frame->bytes. */
static void set_image(struct rdk_frame *frame, const struct plan *plan, size_t row)
{
    static const enum itx_image_format formats[PLAN_INPUT_KIND_COUNT] = {
        [PLAN_INPUT_RGB] = ITX_IMAGE_RGB,       [PLAN_INPUT_BGR] = ITX_IMAGE_BGR,
        [PLAN_INPUT_NV12] = ITX_IMAGE_NV12,     [PLAN_INPUT_GRAY] = ITX_IMAGE_GRAY,
        [PLAN_INPUT_YUV444] = ITX_IMAGE_YUV444,
    };
    const struct plan_tensor *const t = input_tensor(plan, 0);
    const uint8_t *const bytes = frame->bytes;
    frame->image = (struct itx_image){
        .format = formats[plan->inputs[0].kind],
        .range = plan->inputs[0].video_range ? ITX_RANGE_VIDEO : ITX_RANGE_FULL,
        .width = t->w,
        .height = t->h,
        .plane = {bytes},
        .stride = {row, row},
    };
    if (frame->image.format == ITX_IMAGE_NV12) frame->image.plane[1] = bytes + row * (size_t)t->h;
}

static itx_status make_numbers(struct rdk_frame *frame, const struct plan *plan,
                               struct itx_error *err)
{
    frame->numbers = mem_calloc((size_t)plan->n_inputs, sizeof *frame->numbers);
    if (frame->numbers == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    frame->n_numbers = plan->n_inputs;
    for (int i = 0; i < plan->n_inputs; i++) {
        frame->numbers[i] = mem_calloc(n_numbers(plan, i), sizeof(float));
        if (frame->numbers[i] == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    return ITX_OK;
}

/* Bytes of a row, and of the whole, of a picture in the model's format with rows of `w` pixels. */
static size_t row_bytes(const struct plan *plan, size_t w, size_t *whole)
{
    const struct plan_tensor *const t = input_tensor(plan, 0);
    const size_t h = (size_t)t->h, c = (size_t)t->c;
    const bool is_nv12 = plan->inputs[0].kind == PLAN_INPUT_NV12;
    *whole = is_nv12 ? w * (h + (h + 1) / 2) : c * w * h;
    return is_nv12 ? w : c * w;
}

itx_status rdk_frame_make(struct rdk_frame *frame, const struct plan *plan, struct itx_error *err)
{
    if (takes_numbers(plan)) return make_numbers(frame, plan, err);
    size_t size;
    const size_t w = (size_t)input_tensor(plan, 0)->w,
                 row = row_bytes(plan, (w + 1) & ~(size_t)1, &size);
    uint8_t *const bytes = frame->bytes = mem_alloc(size);
    if (bytes == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    uint32_t seed = 1;
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(seed >> 24);
    }
    set_image(frame, plan, row);
    return ITX_OK;
}

/* ---- files ---- */

static bool has_ending(const char *path, const char *endings)
{
    const char *const dot = strrchr(rdk_base_name(path), '.');
    if (dot == NULL) return false;
    for (const char *p = endings; *p != '\0'; p += strlen(p) + 1)
        if (strcasecmp(dot + 1, p) == 0) return true;
    return false;
}

static itx_status read_pixels(struct rdk_frame *frame, const struct plan *plan, const char *path,
                              struct itx_error *err)
{
    struct file_map map = {0};
    size_t exact, aligned;
    const size_t w = (size_t)input_tensor(plan, 0)->w;
    const size_t row = row_bytes(plan, w, &exact),
                 aligned_row = row_bytes(plan, (w + 15) & ~(size_t)15, &aligned);
    ITX_TRY(file_map_open(&map, path, err));
    itx_status rc = ITX_OK;
    if (map.size != exact && map.size != aligned)
        rc = itx_fail(err, ITX_E_FORMAT, "%s: %zu bytes, the input %s has %zu", path, map.size,
                      plan->inputs[0].name, exact);
    if (rc == ITX_OK && (frame->bytes = mem_alloc(map.size)) == NULL)
        rc = itx_fail(err, ITX_E_NOMEM, "%s: out of memory", path);
    if (rc == ITX_OK) {
        memcpy(frame->bytes, map.data, map.size);
        set_image(frame, plan, map.size == exact ? row : aligned_row);
    }
    file_map_release(&map);
    return rc;
}

static itx_status parse_numbers(const char *text, float *to, size_t n, const char *path,
                                struct itx_error *err)
{
    const char *p = text;
    for (size_t i = 0; i < n; i++) {
        char *end;
        to[i] = strtof(p, &end);
        if (end == p)
            return itx_fail(err, ITX_E_FORMAT, "%s: %zu numbers, the input has %zu", path, i, n);
        p = end;
    }
    p += strspn(p, " \t\r\n");
    if (*p == '\0') return ITX_OK;
    return itx_fail(err, ITX_E_FORMAT, "%s: something follows the %zu numbers that the input has",
                    path, n);
}

static itx_status read_numbers(float *to, size_t n, const char *path, struct itx_error *err)
{
    struct file_map map = {0};
    struct strbuf text = {0};
    ITX_TRY(file_map_open(&map, path, err));
    itx_status rc = ITX_OK;
    if (has_ending(path, "txt\0")) {
        strbuf_add(&text, map.data, map.size);
        rc = text.failed || text.data == NULL
                 ? itx_fail(err, ITX_E_FORMAT, "%s: is empty or too large", path)
                 : parse_numbers(text.data, to, n, path, err);
    } else if (map.size != n * sizeof(float)) {
        rc = itx_fail(err, ITX_E_FORMAT, "%s: %zu bytes, the input has %zu floats of 4 bytes", path,
                      map.size, n);
    } else {
        memcpy(to, map.data, map.size);
    }
    strbuf_release(&text);
    file_map_release(&map);
    return rc;
}

itx_status rdk_frame_read(struct rdk_frame *frame, const struct plan *plan,
                          const char *const *paths, int n_paths, struct itx_error *err)
{
    if (n_paths != plan->n_inputs)
        return itx_fail(err, ITX_E_INVAL, "%d input files, model %s has %d input%s", n_paths,
                        plan->name, plan->n_inputs, plan->n_inputs == 1 ? "" : "s");
    if (!takes_numbers(plan)) {
        if (has_ending(paths[0], "jpg\0jpeg\0png\0")) {
            ITX_TRY(picture_read(&frame->picture, paths[0], err));
            frame->image = (struct itx_image){.format = ITX_IMAGE_RGB,
                                              .width = frame->picture.width,
                                              .height = frame->picture.height,
                                              .plane = {frame->picture.rgb},
                                              .stride = {frame->picture.stride}};
            return ITX_OK;
        }
        if (has_ending(paths[0], "bin\0")) return read_pixels(frame, plan, paths[0], err);
        return itx_fail(err, ITX_E_INVAL, "%s: a picture's name ends in bin, jpg, jpeg or png",
                        paths[0]);
    }
    ITX_TRY(make_numbers(frame, plan, err));
    for (int i = 0; i < n_paths; i++) {
        if (!has_ending(paths[i], "bin\0txt\0"))
            return itx_fail(err, ITX_E_INVAL,
                            "%s: the name of a file of numbers ends in bin or txt", paths[i]);
        ITX_TRY(read_numbers(frame->numbers[i], n_numbers(plan, i), paths[i], err));
    }
    return ITX_OK;
}

void rdk_frame_release(struct rdk_frame *frame)
{
    picture_release(&frame->picture);
    mem_free(frame->bytes);
    for (int i = 0; i < frame->n_numbers; i++) mem_free(frame->numbers[i]);
    mem_free(frame->numbers);
    *frame = (struct rdk_frame){0};
}
