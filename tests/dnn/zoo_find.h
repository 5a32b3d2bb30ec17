/* SPDX-License-Identifier: Apache-2.0
 *
 * What a program for the board finds in the ten outputs of a segmentation network, as text: the same code for outputs that
 * came through libdnn and for those of libintarsia, so that any difference is theirs. C and C++.
 */
#ifndef TESTS_DNN_ZOO_FIND_H
#define TESTS_DNN_ZOO_FIND_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ZOO_OUTPUTS = 10, ZOO_LEVELS = 3, ZOO_BINS = 16, ZOO_COEFS = 32, ZOO_MOST = 300 };

/* Real numbers [h, w, c]. */
struct zoo_output {
    int h, w, c;
    const float *data;
};

struct zoo_box {
    float x1, y1, x2, y2, score;
    int class_id, is_dropped;
    const float *coefs; /* [ZOO_COEFS] */
};

static inline float zoo_distance(const float *bins)
{
    float sum = 0, weighted = 0, most = bins[0];
    for (int i = 1; i < ZOO_BINS; i++) most = bins[i] > most ? bins[i] : most;
    for (int i = 0; i < ZOO_BINS; i++) {
        const float e = expf(bins[i] - most);
        sum += e;
        weighted += e * (float)i;
    }
    return weighted / sum;
}

static inline int zoo_add_level(const struct zoo_output *out, int stride, struct zoo_box *boxes,
                                int n)
{
    for (int i = 0; i < out[0].h * out[0].w && n < ZOO_MOST; i++) {
        const float *const cls = out[0].data + (size_t)i * (size_t)out[0].c;
        int best = 0;
        for (int k = 1; k < out[0].c; k++)
            if (cls[k] > cls[best]) best = k;
        if (cls[best] < -1.0986123f) continue; /* a score of 0.25 */
        const float *const box = out[1].data + (size_t)i * 4 * ZOO_BINS;
        const float x = (float)(i % out[0].w) + 0.5f, y = (float)(i / out[0].w) + 0.5f;
        const float s = (float)stride;
        struct zoo_box *const b = &boxes[n++];
        b->x1 = (x - zoo_distance(box)) * s;
        b->y1 = (y - zoo_distance(box + ZOO_BINS)) * s;
        b->x2 = (x + zoo_distance(box + 2 * ZOO_BINS)) * s;
        b->y2 = (y + zoo_distance(box + 3 * ZOO_BINS)) * s;
        b->score = 1 / (1 + expf(-cls[best]));
        b->class_id = best;
        b->is_dropped = 0;
        b->coefs = out[2].data + (size_t)i * ZOO_COEFS;
    }
    return n;
}

static inline float zoo_overlap(const struct zoo_box *a, const struct zoo_box *b)
{
    const float w = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1);
    const float h = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    if (w <= 0 || h <= 0) return 0;
    const float areas = (a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1);
    return w * h / (areas - w * h);
}

/* Prototypes' pixels of the box that belong to the object. */
static inline int zoo_mask_area(const struct zoo_box *b, const struct zoo_output *proto)
{
    int area = 0;
    for (int y = (int)(b->y1 / 4); y <= (int)(b->y2 / 4) && y < proto->h; y++)
        for (int x = (int)(b->x1 / 4); x <= (int)(b->x2 / 4) && x < proto->w; x++) {
            if (x < 0 || y < 0) continue;
            const float *const p =
                proto->data + ((size_t)y * (size_t)proto->w + (size_t)x) * ZOO_COEFS;
            float sum = 0;
            for (int k = 0; k < ZOO_COEFS; k++) sum += p[k] * b->coefs[k];
            area += sum > 0;
        }
    return area;
}

static inline uint64_t zoo_hash(const struct zoo_output *out)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < (size_t)out->h * (size_t)out->w * (size_t)out->c; i++) {
        uint32_t bits;
        memcpy(&bits, &out->data[i], sizeof bits);
        hash = (hash ^ bits) * 1099511628211u;
    }
    return hash;
}

static inline void zoo_print(const struct zoo_output *out)
{
    static struct zoo_box boxes[ZOO_MOST];
    int n = 0;
    for (int i = 0; i < ZOO_OUTPUTS; i++)
        printf("output %d: %dx%dx%d, %016llx\n", i, out[i].h, out[i].w, out[i].c,
               (unsigned long long)zoo_hash(&out[i]));
    for (int i = 0; i < ZOO_LEVELS; i++) n = zoo_add_level(out + 3 * i, 8 << i, boxes, n);
    for (;;) {
        struct zoo_box *best = NULL;
        for (int i = 0; i < n; i++)
            if (!boxes[i].is_dropped && (best == NULL || boxes[i].score > best->score))
                best = &boxes[i];
        if (best == NULL) return;
        printf("object: class %d, %.3f, box %.1f %.1f %.1f %.1f, mask %d\n", best->class_id,
               (double)best->score, (double)best->x1, (double)best->y1, (double)best->x2,
               (double)best->y2, zoo_mask_area(best, &out[ZOO_OUTPUTS - 1]));
        best->is_dropped = 1;
        for (int i = 0; i < n; i++)
            if (zoo_overlap(best, &boxes[i]) > 0.45f) boxes[i].is_dropped = 1;
    }
}

#endif
