/* SPDX-License-Identifier: Apache-2.0
 *
 * A photo becomes what a camera would give, and libintarsia's outputs for these bytes become text.
 * usage: zoo_truth MODEL.bin PHOTO.ppm FRAME.nv12 (written)
 */
#include <stdlib.h>

#include "intarsia/intarsia.h"
#include "zoo_find.h"

struct photo {
    int w, h;
    uint8_t *rgb;
};

static struct photo read_photo(const char *path)
{
    struct photo p = {0, 0, NULL};
    FILE *const f = fopen(path, "rb");
    if (f == NULL || fscanf(f, "P6 %d %d 255", &p.w, &p.h) != 2 || fgetc(f) == EOF) exit(2);
    const size_t size = (size_t)p.w * (size_t)p.h * 3;
    p.rgb = malloc(size);
    if (p.rgb == NULL || fread(p.rgb, 1, size, f) != size) exit(2);
    fclose(f);
    return p;
}

/* The photo's pixel for place (x, y) of the network's input, its proportions kept; grey outside. */
static void pixel_at(const struct photo *p, int w, int h, int x, int y, int rgb[3])
{
    const double scale = fmin((double)w / p->w, (double)h / p->h);
    const int from_x = (int)floor((x - (w - p->w * scale) / 2) / scale);
    const int from_y = (int)floor((y - (h - p->h * scale) / 2) / scale);
    const int is_inside = from_x >= 0 && from_x < p->w && from_y >= 0 && from_y < p->h;
    for (int k = 0; k < 3; k++)
        rgb[k] = is_inside
                     ? p->rgb[3 * ((size_t)from_y * (size_t)p->w + (size_t)from_x) + (size_t)k]
                     : 127;
}

/* BT.601, full range. */
static uint8_t *make_nv12(const struct photo *p, int w, int h)
{
    uint8_t *const nv12 = malloc((size_t)w * (size_t)h * 3 / 2);
    if (nv12 == NULL) exit(2);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            int c[3];
            pixel_at(p, w, h, x, y, c);
            const double luma = 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];
            nv12[y * w + x] = (uint8_t)lrint(luma);
            if (y % 2 != 0 || x % 2 != 0) continue;
            uint8_t *const uv = nv12 + (size_t)w * (size_t)h + (size_t)(y / 2) * (size_t)w + x;
            uv[0] = (uint8_t)fmin(255, fmax(0, lrint(128 + (c[2] - luma) / 1.772)));
            uv[1] = (uint8_t)fmin(255, fmax(0, lrint(128 + (c[0] - luma) / 1.402)));
        }
    return nv12;
}

static struct zoo_output real_output(const itx_model *model, const itx_session *session, int i)
{
    struct itx_tensor_info t;
    if (itx_model_get_output(model, i, &t, NULL) != ITX_OK) exit(2);
    const void *const stored = itx_session_output(session, i);
    const struct zoo_output out = {
        t.height, t.width, t.channels,
        malloc((size_t)t.height * (size_t)t.width * (size_t)t.channels * sizeof(float))};
    float *to = (float *)(uintptr_t)out.data;
    if (to == NULL) exit(2);
    for (int y = 0; y < t.height; y++)
        for (int x = 0; x < t.width; x++)
            for (int k = 0; k < t.channels; k++) {
                const size_t at = (size_t)y * t.row + (size_t)x * t.pixel + (size_t)k;
                const int c = t.n_quant > 1 ? k : 0;
                const int32_t q = t.dtype == ITX_S8    ? ((const int8_t *)stored)[at]
                                  : t.dtype == ITX_S16 ? ((const int16_t *)stored)[at]
                                                       : ((const int32_t *)stored)[at];
                *to++ = (float)(q - t.zero_point[c]) * t.scale[c];
            }
    return out;
}

int main(int argc, char **argv)
{
    itx_model *model = NULL;
    itx_session *session = NULL;
    struct itx_model_info info;
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    o.n_threads = 1;
    if (argc != 4 || itx_model_open(&model, argv[1], NULL, NULL) != ITX_OK ||
        itx_model_get_info(model, &info, NULL) != ITX_OK || info.n_outputs != ZOO_OUTPUTS ||
        itx_session_create(&session, model, &o, NULL) != ITX_OK)
        return 2;
    const int w = info.input_width, h = info.input_height;
    const struct photo photo = read_photo(argv[2]);
    uint8_t *const nv12 = make_nv12(&photo, w, h);
    const struct itx_image image = {.format = ITX_IMAGE_NV12,
                                    .width = w,
                                    .height = h,
                                    .plane = {nv12, nv12 + w * h},
                                    .stride = {(size_t)w, (size_t)w}};
    const size_t size = (size_t)w * (size_t)h * 3 / 2;
    FILE *const f = fopen(argv[3], "wb");
    if (f == NULL || fwrite(nv12, 1, size, f) != size || fclose(f) != 0) return 2;
    if (itx_session_run(session, &image, NULL) != ITX_OK) return 2;
    struct zoo_output out[ZOO_OUTPUTS];
    for (int i = 0; i < ZOO_OUTPUTS; i++) out[i] = real_output(model, session, i);
    zoo_print(out);
    for (int i = 0; i < ZOO_OUTPUTS; i++) free((void *)(uintptr_t)out[i].data);
    free(nv12);
    free(photo.rgb);
    itx_session_destroy(&session);
    itx_model_close(&model);
    return 0;
}
