/* SPDX-License-Identifier: Apache-2.0 */
#include "dnn/picture.h"

#include "dnn/log.h"

#define MAX_SIDE 65535
#define MAX_ROW 1048576

/* Where height and width are in the shapes, and how pixels lie. */
struct geometry {
    int h, w; /* dimensions */
    int n_planes, channels;
};

static bool find_geometry(const hbDNNTensorProperties *p, struct geometry *g)
{
    const bool is_nhwc = p->tensorLayout == HB_DNN_LAYOUT_NHWC;
    switch (p->tensorType) {
    case HB_DNN_IMG_TYPE_Y:
        *g = (struct geometry){is_nhwc ? 1 : 2, is_nhwc ? 2 : 3, 1, 1};
        return true;
    case HB_DNN_IMG_TYPE_NV12:
    case HB_DNN_IMG_TYPE_NV12_SEPARATE:
        *g = (struct geometry){2, 3, 2, 1};
        return true;
    case HB_DNN_IMG_TYPE_YUV444:
    case HB_DNN_IMG_TYPE_RGB:
    case HB_DNN_IMG_TYPE_BGR:
        *g = is_nhwc ? (struct geometry){1, 2, 1, 3} : (struct geometry){2, 3, 3, 1};
        return true;
    default:
        return false;
    }
}

static bool is_nv12(int32_t type)
{
    return type == HB_DNN_IMG_TYPE_NV12 || type == HB_DNN_IMG_TYPE_NV12_SEPARATE;
}

/* The size, and the distances of rows and planes; false when they make no sense. */
static bool measure(const hbDNNTensorProperties *p, const struct geometry *g,
                    struct dnn_picture *to, size_t *row, size_t *rows)
{
    const int32_t *const valid = p->validShape.dimensionSize;
    const int32_t *const aligned = p->alignedShape.dimensionSize;
    if (p->validShape.numDimensions != 4 || p->alignedShape.numDimensions != 4) return false;
    to->h = valid[g->h];
    to->w = valid[g->w];
    if (to->h < 1 || to->h > MAX_SIDE || to->w < 1 || to->w > MAX_SIDE) return false;
    if (aligned[g->h] < to->h || aligned[g->h] > MAX_ROW) return false;
    if (aligned[g->w] < to->w || aligned[g->w] > MAX_ROW) return false;
    if (is_nv12(p->tensorType) && (to->h % 2 != 0 || to->w % 2 != 0 || aligned[g->w] % 2 != 0))
        return false;
    *row = (size_t)aligned[g->w] * (size_t)g->channels;
    *rows = (size_t)aligned[g->h];
    return true;
}

static int32_t keep(const char *what, const hbDNNTensor *tensor, int i, size_t size,
                    struct dnn_picture *p)
{
    const hbSysMem *const mem = &tensor->sysMem[i];
    if (sys_pin(mem, size, &p->blocks[i])) return HB_DNN_SUCCESS;
    if (mem->virAddr != NULL && mem->memSize < size)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT,
                        "%s: tensor aligned shape size is %zu , but tensor hbSysMem memSize is %u, "
                        "tensor hbSysMem memSize should >= tensor aligned shape size!",
                        what, size, (unsigned)mem->memSize);
    return dnn_fail(HB_DNN_INVALID_ARGUMENT, "%s: sysMem[%d] has no memory, or it was freed", what,
                    i);
}

int32_t dnn_picture_of(const char *what, const hbDNNTensor *tensor, struct dnn_picture *p)
{
    const hbDNNTensorProperties *const given = &tensor->properties;
    struct geometry g;
    size_t row, rows;
    *p = (struct dnn_picture){0};
    if (!find_geometry(given, &g))
        return dnn_fail(HB_DNN_INVALID_ARGUMENT, "%s: type %d is no picture", what,
                        (int)given->tensorType);
    if (!measure(given, &g, p, &row, &rows))
        return dnn_fail(HB_DNN_INVALID_ARGUMENT, "%s: no possible shape of a picture", what);
    p->type = is_nv12(given->tensorType) ? HB_DNN_IMG_TYPE_NV12 : given->tensorType;
    p->n_planes = g.n_planes;
    const bool is_separate = given->tensorType == HB_DNN_IMG_TYPE_NV12_SEPARATE;
    const size_t chroma = is_nv12(p->type) ? row * (size_t)p->h / 2 : 0;
    const size_t others = is_separate ? 0 : chroma;
    int32_t code =
        keep(what, tensor, 0, row * rows * (is_nv12(p->type) ? 1 : (size_t)g.n_planes) + others, p);
    if (code == HB_DNN_SUCCESS && is_separate) {
        code = keep(what, tensor, 1, chroma, p);
        if (code != HB_DNN_SUCCESS) dnn_picture_release(p);
    }
    if (code != HB_DNN_SUCCESS) return code;
    for (int i = 0; i < g.n_planes; i++)
        p->plane[i] = (struct dnn_picture_plane){
            (uint8_t *)tensor->sysMem[0].virAddr + row * rows * (size_t)i, row, g.channels, 0};
    if (!is_nv12(p->type)) return HB_DNN_SUCCESS;
    p->plane[1].channels = 2;
    p->plane[1].shift = 1;
    if (is_separate) p->plane[1].data = tensor->sysMem[1].virAddr;
    return HB_DNN_SUCCESS;
}

void dnn_picture_release(struct dnn_picture *p)
{
    sys_unpin(p->blocks[0]);
    sys_unpin(p->blocks[1]);
    *p = (struct dnn_picture){0};
}

/* ---- scaling ---- */

/* As the board's resizer: the corners fall on each other, and pixel i of the result lies at i * step / 65536 of the part. */
uint32_t dnn_picture_step(int from, int to)
{
    if (to < 2) return 0;
    return (uint32_t)(((uint64_t)(from - 1) * 65536 + (uint64_t)(to - 1) / 2) / (uint64_t)(to - 1));
}

/* The two pixels around a place, and how far it is from the first in 1/65536. */
struct between {
    size_t first, second;
    uint32_t weight;
};

static struct between place(int i, uint32_t step, int n)
{
    const uint64_t at = (uint64_t)i * step;
    const size_t first = (size_t)(at >> 16);
    const size_t last = (size_t)n - 1;
    if (first >= last) return (struct between){last, last, 0};
    return (struct between){first, first + 1, (uint32_t)(at & 65535)};
}

static uint32_t mix(uint8_t a, uint8_t b, uint32_t weight)
{
    return a * (65536 - weight) + b * weight; /* < 2^24 */
}

struct sized {
    uint8_t *data;
    size_t row;
    int w, h;
};

static void scale_plane(const struct sized *from, const struct sized *to, size_t channels)
{
    const uint32_t step_x = dnn_picture_step(from->w, to->w),
                   step_y = dnn_picture_step(from->h, to->h);
    for (int y = 0; y < to->h; y++) {
        const struct between v = place(y, step_y, from->h);
        const uint8_t *const upper = from->data + v.first * from->row;
        const uint8_t *const lower = from->data + v.second * from->row;
        uint8_t *const line = to->data + (size_t)y * to->row;
        for (int x = 0; x < to->w; x++) {
            const struct between u = place(x, step_x, from->w);
            for (size_t k = 0; k < channels; k++) {
                const size_t a = u.first * channels + k, b = u.second * channels + k;
                const uint64_t sum =
                    (uint64_t)mix(upper[a], upper[b], u.weight) * (65536 - v.weight) +
                    (uint64_t)mix(lower[a], lower[b], u.weight) * v.weight;
                line[(size_t)x * channels + k] = (uint8_t)((sum + ((uint64_t)1 << 31)) >> 32);
            }
        }
    }
}

void dnn_picture_scale(const struct dnn_picture *from, const struct dnn_picture_part *part,
                       const struct dnn_picture *to)
{
    for (int i = 0; i < to->n_planes; i++) {
        const struct dnn_picture_plane *const f = &from->plane[i], *const t = &to->plane[i];
        const int s = f->shift, left = part->left >> s, top = part->top >> s,
                  right = (part->left + part->w - 1) >> s, bottom = (part->top + part->h - 1) >> s;
        const size_t c = (size_t)f->channels;
        const struct sized source = {f->data + (size_t)top * f->row + (size_t)left * c, f->row,
                                     right - left + 1, bottom - top + 1};
        const struct sized target = {t->data, t->row, (to->w + t->shift) >> t->shift,
                                     (to->h + t->shift) >> t->shift};
        scale_plane(&source, &target, c);
    }
}
