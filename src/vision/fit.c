/* SPDX-License-Identifier: Apache-2.0 */
#include "vision/picture.h"

#include "base/cpu.h"
#include "base/float_mode.h"
#include "base/mem.h"
#include "kernels/image/image.h"

itx_status picture_letterbox(struct picture *out, const struct picture *in, int width, int height,
                             struct itx_error *err)
{
    ITX_TRY(picture_create(out, width, height, err));
    void *table = mem_alloc_aligned(64, letterbox_table_size(width, height));
    uint8_t *scratch = mem_alloc_aligned(64, size_align(letterbox_scratch_size(width), 64));
    itx_status rc =
        table != NULL && scratch != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK) {
        const struct image image = {.format = IMAGE_RGB,
                                    .w = in->width,
                                    .h = in->height,
                                    .plane = {in->rgb},
                                    .stride = {in->stride}};
        const struct rgb_rows rows = {out->rgb, out->stride, 0, height};
        const float_mode mode = float_mode_enter();
        const struct letterbox fit = letterbox_fit(in->width, in->height, width, height);
        letterbox_prepare(&fit, table);
        float_mode_leave(mode);
        image_choose(cpu_detect())->letterbox(&fit, table, &image, &rows, scratch);
    } else {
        picture_release(out);
    }
    mem_free_aligned(table);
    mem_free_aligned(scratch);
    return rc;
}
