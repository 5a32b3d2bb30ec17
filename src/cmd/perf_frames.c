/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/status.h"
#include "cmd/perf.h"

static itx_status make_numbers(struct perf_frame *frame, const struct itx_model_info *m,
                               struct itx_error *err)
{
    if (m->n_inputs != 1)
        return itx_fail(err, ITX_E_UNSUPPORTED, "the model has %d inputs, only one can be made up",
                        m->n_inputs);
    const size_t n = (size_t)m->input_width * (size_t)m->input_height * (size_t)m->input_channels;
    frame->numbers = mem_calloc(n, sizeof(float));
    return frame->numbers != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

static itx_status make_noise(struct perf_frame *frame, const struct itx_model_info *m,
                             struct itx_error *err)
{
    const size_t w = (size_t)m->input_width, h = (size_t)m->input_height;
    frame->noise = mem_alloc(w * h * 3);
    if (frame->noise == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    uint32_t seed = 1;
    for (size_t i = 0; i < w * h * 3; i++) {
        seed = seed * 1664525u + 1013904223u;
        frame->noise[i] = (uint8_t)(seed >> 24);
    }
    frame->image = (struct itx_image){.format = ITX_IMAGE_RGB,
                                      .width = m->input_width,
                                      .height = m->input_height,
                                      .plane = {frame->noise},
                                      .stride = {w * 3}};
    if (m->input_format == ITX_IMAGE_NV12) {
        frame->image.format = ITX_IMAGE_NV12;
        frame->image.range = m->input_range;
        frame->image.plane[1] = frame->noise + w * h;
        frame->image.stride[0] = frame->image.stride[1] = w;
    }
    return ITX_OK;
}

itx_status perf_frame_make(struct perf_frame *frame, const struct itx_model_info *m,
                           const char *path, int max_pixels, struct itx_error *err)
{
    *frame = (struct perf_frame){0};
    if (m->input_format == ITX_IMAGE_NONE) {
        if (path != NULL)
            return itx_fail(err, ITX_E_UNSUPPORTED, "%s: the model takes no pictures", path);
        return make_numbers(frame, m, err);
    }
    if (path == NULL) return make_noise(frame, m, err);
    ITX_TRY(picture_read(&frame->picture, path, max_pixels, err));
    frame->image = net_frame(&frame->picture);
    return ITX_OK;
}

void perf_frame_release(struct perf_frame *frame)
{
    picture_release(&frame->picture);
    mem_free(frame->noise);
    mem_free(frame->numbers);
    *frame = (struct perf_frame){0};
}
