/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames for rdk_run: made up, or read from the files that the board's tools take.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/format.h"
#include "rdk/rdk_bin.h"
#include "rdk/run.h"
#include "vision/picture.h"

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

/* Bytes of a number that input i is given. */
static size_t size_of(const struct plan *plan, int i)
{
    const enum itx_dtype dtype = rdk_input_dtype(plan, i);
    return dtype == ITX_S8 ? 1 : dtype == ITX_S16 ? 2 : sizeof(float);
}

static enum itx_range range_of(const struct plan *plan)
{
    return plan->inputs[0].video_range ? ITX_RANGE_VIDEO : ITX_RANGE_FULL;
}

/* The image of the model's own format whose bytes are there. */
static void set_image(struct rdk_frame *frame, const struct plan *plan, const uint8_t *bytes,
                      size_t row)
{
    const struct plan_tensor *const t = input_tensor(plan, 0);
    frame->image = (struct itx_image){
        .format = rdk_input_format(plan->inputs[0].kind),
        .range = range_of(plan),
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
    frame->numbers = arena_calloc(&frame->arena, (size_t)plan->n_inputs, sizeof *frame->numbers);
    if (frame->numbers == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    frame->n_numbers = plan->n_inputs;
    for (int i = 0; i < plan->n_inputs; i++) {
        frame->numbers[i].dtype = rdk_input_dtype(plan, i);
        frame->numbers[i].data = arena_calloc(&frame->arena, n_numbers(plan, i), size_of(plan, i));
        if (frame->numbers[i].data == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
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
    uint8_t *const bytes = arena_alloc(&frame->arena, size);
    if (bytes == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    uint32_t seed = 1;
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(seed >> 24);
    }
    set_image(frame, plan, bytes, row);
    return ITX_OK;
}

/* ---- files ---- */

static bool has_ending(const char *path, const char *endings)
{
    const char *const dot = strrchr(rdk_base_name(path), '.');
    if (dot == NULL) return false;
    for (const char *p = endings; *p != '\0'; p += strlen(p) + 1)
        if (ascii_compare(dot + 1, p) == 0) return true;
    return false;
}

static itx_status read_pixels(struct rdk_frame *frame, const struct plan *plan, const char *path,
                              struct itx_error *err)
{
    struct file_bytes map = {0};
    size_t exact, aligned;
    const size_t w = (size_t)input_tensor(plan, 0)->w;
    const size_t row = row_bytes(plan, w, &exact),
                 aligned_row = row_bytes(plan, (w + 15) & ~(size_t)15, &aligned);
    ITX_TRY(file_read(&map, path, SIZE_MAX, err));
    itx_status rc = ITX_OK;
    if (map.size != exact && map.size != aligned)
        rc = itx_fail(err, ITX_E_FORMAT, "%s: %zu bytes, the input %s has %zu", path, map.size,
                      plan->inputs[0].name, exact);
    const void *const bytes = rc == ITX_OK ? arena_dup(&frame->arena, map.data, map.size) : NULL;
    if (rc == ITX_OK && bytes == NULL) rc = itx_fail(err, ITX_E_NOMEM, "%s: out of memory", path);
    if (rc == ITX_OK) set_image(frame, plan, bytes, map.size == exact ? row : aligned_row);
    file_bytes_release(&map);
    return rc;
}

static itx_status read_photo(struct rdk_frame *frame, const struct plan *plan, const char *path,
                             int max_pixels, struct itx_error *err)
{
    struct picture photo = {0}, fit = {0};
    const struct plan_tensor *const t = input_tensor(plan, 0);
    size_t size;
    row_bytes(plan, ((size_t)t->w + 1) & ~(size_t)1, &size); /* rows of UV are even */
    uint8_t *const bytes = arena_alloc(&frame->arena, size);
    if (bytes == NULL) return itx_fail(err, ITX_E_NOMEM, "%s: out of memory", path);
    itx_status rc = picture_read(&photo, path, max_pixels, err);
    if (rc == ITX_OK) rc = picture_letterbox(&fit, &photo, t->w, t->h, err);
    if (rc == ITX_OK)
        rc =
            picture_bytes(&fit, rdk_input_format(plan->inputs[0].kind), range_of(plan), bytes, err);
    if (rc == ITX_OK) {
        set_image(frame, plan, bytes, row_bytes(plan, (size_t)t->w, &size));
        frame->image.stride[1] = ((size_t)t->w + 1) & ~(size_t)1;
    }
    picture_release(&photo);
    picture_release(&fit);
    return rc;
}

/* The number at *p, after which *p then is; false: none, or none of that type. */
static bool parse_number(const char **p, enum itx_dtype dtype, void *to, size_t at)
{
    char *end;
    errno = 0;
    if (dtype == ITX_F32) {
        ((float *)to)[at] = parse_float(*p, &end);
    } else {
        const long q = strtol(*p, &end, 10), most = dtype == ITX_S8 ? INT8_MAX : INT16_MAX;
        if (q > most || q < -most - 1) return false;
        if (dtype == ITX_S8)
            ((int8_t *)to)[at] = (int8_t)q;
        else
            ((int16_t *)to)[at] = (int16_t)q;
    }
    const bool ok = end != *p;
    *p = end;
    return ok;
}

static const char *name_of(enum itx_dtype dtype)
{
    return dtype == ITX_S8    ? "integers of -128 to 127"
           : dtype == ITX_S16 ? "integers of -32768 to 32767"
                              : "floats";
}

static itx_status parse_numbers(const char *text, enum itx_dtype dtype, void *to, size_t n,
                                const char *path, struct itx_error *err)
{
    const char *p = text;
    for (size_t i = 0; i < n; i++)
        if (!parse_number(&p, dtype, to, i))
            return itx_fail(err, ITX_E_FORMAT, "%s: %zu numbers, the input has %zu %s", path, i, n,
                            name_of(dtype));
    p += strspn(p, " \t\r\n");
    if (*p == '\0') return ITX_OK;
    return itx_fail(err, ITX_E_FORMAT, "%s: something follows the %zu numbers that the input has",
                    path, n);
}

static itx_status read_numbers(struct rdk_frame *frame, const struct plan *plan, int i,
                               const char *path, struct itx_error *err)
{
    struct file_bytes map = {0};
    struct strbuf text = {0};
    struct itx_numbers *const input = &frame->numbers[i];
    const size_t n = n_numbers(plan, i), size = size_of(plan, i);
    void *const to = arena_alloc(&frame->arena, n * size);
    if (to == NULL) return itx_fail(err, ITX_E_NOMEM, "%s: out of memory", path);
    input->data = to;
    ITX_TRY(file_read(&map, path, SIZE_MAX, err));
    itx_status rc = ITX_OK;
    if (has_ending(path, "txt\0")) {
        strbuf_add(&text, map.data, map.size);
        rc = text.failed || text.data == NULL
                 ? itx_fail(err, ITX_E_FORMAT, "%s: is empty or too large", path)
                 : parse_numbers(text.data, input->dtype, to, n, path, err);
    } else if (map.size != n * size) {
        rc = itx_fail(err, ITX_E_FORMAT, "%s: %zu bytes, the input has %zu %s of %zu byte%s", path,
                      map.size, n, name_of(input->dtype), size, size == 1 ? "" : "s");
    } else {
        memcpy(to, map.data, map.size);
    }
    strbuf_release(&text);
    file_bytes_release(&map);
    return rc;
}

itx_status rdk_frame_read(struct rdk_frame *frame, const struct plan *plan,
                          const char *const *paths, int n_paths, int max_pixels,
                          struct itx_error *err)
{
    if (n_paths != plan->n_inputs)
        return itx_fail(err, ITX_E_INVAL, "%d input files, model %s has %d input%s", n_paths,
                        plan->name, plan->n_inputs, plan->n_inputs == 1 ? "" : "s");
    if (!takes_numbers(plan)) {
        if (has_ending(paths[0], "jpg\0jpeg\0png\0"))
            return read_photo(frame, plan, paths[0], max_pixels, err);
        if (has_ending(paths[0], "bin\0")) return read_pixels(frame, plan, paths[0], err);
        return itx_fail(err, ITX_E_INVAL, "%s: a picture's name ends in bin, jpg, jpeg or png",
                        paths[0]);
    }
    ITX_TRY(make_numbers(frame, plan, err));
    for (int i = 0; i < n_paths; i++) {
        if (!has_ending(paths[i], "bin\0txt\0"))
            return itx_fail(err, ITX_E_INVAL,
                            "%s: the name of a file of numbers ends in bin or txt", paths[i]);
        ITX_TRY(read_numbers(frame, plan, i, paths[i], err));
    }
    return ITX_OK;
}

void rdk_frame_release(struct rdk_frame *frame)
{
    arena_release(&frame->arena);
    *frame = (struct rdk_frame){0};
}
