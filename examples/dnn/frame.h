/* SPDX-License-Identifier: Apache-2.0
 *
 * What the examples share that is not the library's business: a picture from a PPM file as a camera would give it (NV12),
 * and the strongest class in a network's outputs.
 */
#ifndef EXAMPLES_DNN_FRAME_H
#define EXAMPLES_DNN_FRAME_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <dnn/hb_dnn.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        const int32_t code = (call);                                                               \
        if (code != 0) {                                                                           \
            fprintf(stderr, "%s: %d\n", #call, (int)code);                                         \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

struct ppm {
    int w, h;
    unsigned char *rgb;
};

static inline struct ppm ppm_read(const char *path)
{
    struct ppm p = {0, 0, NULL};
    FILE *f = fopen(path, "rb");
    if (f == NULL || fscanf(f, "P6 %d %d 255", &p.w, &p.h) != 2 || fgetc(f) == EOF || p.w < 2 ||
        p.h < 2 || p.w > 65535 || p.h > 65535) {
        fprintf(stderr, "%s: no PPM file (P6)\n", path);
        exit(1);
    }
    const size_t size = (size_t)p.w * (size_t)p.h * 3;
    p.rgb = malloc(size);
    if (p.rgb == NULL || fread(p.rgb, 1, size, f) != size) {
        fprintf(stderr, "%s: too short\n", path);
        exit(1);
    }
    fclose(f);
    return p;
}

/* Fills w * h * 3 / 2 bytes (w, h even) with the picture, its proportions not kept; BT.601, full range. */
static inline void ppm_to_nv12(const struct ppm *p, int w, int h, uint8_t *nv12)
{
    uint8_t *const uv = nv12 + (size_t)w * (size_t)h;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const size_t from_y = (size_t)y * (size_t)p->h / (size_t)h;
            const size_t from_x = (size_t)x * (size_t)p->w / (size_t)w;
            const unsigned char *const c = p->rgb + 3 * (from_y * (size_t)p->w + from_x);
            const double luma = 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];
            nv12[(size_t)y * (size_t)w + (size_t)x] = (uint8_t)lrint(luma);
            if (y % 2 != 0 || x % 2 != 0) continue;
            uint8_t *const pair = uv + (size_t)(y / 2) * (size_t)w + (size_t)x;
            pair[0] = (uint8_t)fmax(0, fmin(255, lrint(128 + (c[2] - luma) / 1.772)));
            pair[1] = (uint8_t)fmax(0, fmin(255, lrint(128 + (c[0] - luma) / 1.402)));
        }
}

struct best {
    int class_id, x, y;
    float score;
};

/* The highest logit of an output [h, w, classes] of floats. */
static inline struct best find_best(const hbDNNTensorProperties *p, const void *data)
{
    const float *const logits = data;
    const int32_t w = p->validShape.dimensionSize[2], c = p->validShape.dimensionSize[3];
    const int32_t n = p->validShape.dimensionSize[1] * w * c;
    int32_t best = 0;
    for (int32_t i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    const struct best found = {best % c, best / c % w, best / c / w, 1 / (1 + expf(-logits[best]))};
    return found;
}

#endif
