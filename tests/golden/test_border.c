/* SPDX-License-Identifier: Apache-2.0
 *
 * A photo that needs no scaling, and the same pixels with the letterbox's border already around them, are the same input. So
 * every instance, box and mask must be the same, whether the border is a whole number of prototype cells or not.
 */
#include "build_network.h"
#include "vision/files.h"

#include "test.h"

#define MODEL SOURCE_DIR "/models/parts-seg.onnx"
#define PHOTOS SOURCE_DIR "/data/parts/val/images"
enum { SIDE = 320, N_PHOTOS = 3, MAX_FOUND = 300 };

/* An instance and its mask within the photo. */
struct seen {
    struct itx_instance item;
    int x, y, w, h;
    uint8_t mask[SIDE * SIDE];
};

static struct seen in_photo[MAX_FOUND], in_whole[MAX_FOUND];

static int find(itx_float *net, const struct itx_image *frame, struct seen *seen)
{
    const struct itx_instance *found;
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    struct itx_error err = {.text = ""};
    int n = 0;
    o.conf = 0.05f;
    CHECK_MSG(itx_float_segment(net, frame, &o, &found, &n, &err) == ITX_OK, "%s", err.text);
    for (int i = 0; i < n; i++) {
        struct seen *const s = &seen[i];
        const uint8_t *mask;
        s->item = found[i];
        if (itx_float_mask_box(net, i, &s->x, &s->y, &s->w, &s->h, &mask, &err) != ITX_OK)
            return -1;
        memcpy(s->mask, mask, (size_t)s->w * (size_t)s->h);
    }
    return n;
}

static int clamp(int v, int max)
{
    return v < 0 ? 0 : v < max ? v : max;
}

/* `b` without the border (left, top) is `a`, in a photo [h, w]. */
static bool is_same(const struct seen *a, const struct seen *b, int left, int top, int w, int h)
{
    const int x = clamp(b->x - left, w), y = clamp(b->y - top, h);
    if (a->x != x || a->y != y || a->x + a->w != clamp(b->x - left + b->w, w) ||
        a->y + a->h != clamp(b->y - top + b->h, h))
        return false;
    for (int i = 0; i < a->h; i++)
        if (memcmp(a->mask + i * a->w, b->mask + (y + i + top - b->y) * b->w + (x + left - b->x),
                   (size_t)a->w) != 0)
            return false;
    return a->item.class_id == b->item.class_id && a->item.score == b->item.score;
}

static bool is_in_photo(const struct seen *b, int left, int top, int w, int h)
{
    return b->x < left + w && b->x + b->w > left && b->y < top + h && b->y + b->h > top;
}

/* A part [h, w] of the photo, by itself and in the middle of grey. Returns how many instances it has. */
static int compare(itx_float *net, const struct picture *p, int w, int h)
{
    static uint8_t grey[SIDE * SIDE * 3];
    const int left = (SIDE - w) / 2, top = (SIDE - h) / 2;
    const uint8_t *const part = p->rgb + 100 * p->stride + 3 * 100;
    const struct itx_image photo = {
        .format = ITX_IMAGE_RGB, .width = w, .height = h, .plane = {part}, .stride = {p->stride}};
    const struct itx_image whole = {.format = ITX_IMAGE_RGB,
                                    .width = SIDE,
                                    .height = SIDE,
                                    .plane = {grey},
                                    .stride = {(size_t)SIDE * 3}};
    memset(grey, 114, sizeof grey);
    for (int y = 0; y < h; y++)
        memcpy(grey + ((top + y) * SIDE + left) * 3, part + (size_t)y * p->stride, (size_t)w * 3);
    const int n = find(net, &photo, in_photo), n_whole = find(net, &whole, in_whole);
    int at = 0, n_wrong = 0;
    for (int i = 0; i < n_whole; i++) {
        if (!is_in_photo(&in_whole[i], left, top, w, h)) continue;
        n_wrong += at >= n || !is_same(&in_photo[at], &in_whole[i], left, top, w, h);
        at++;
    }
    CHECK_MSG(at == n && n_wrong == 0, "%d x %d: %d of %d and %d instances differ", w, h, n_wrong,
              n, at);
    return n;
}

static void test_border__of_any_size(void)
{
    static const int sizes[][2] = {{SIDE, 211}, {SIDE, 212}, {211, SIDE}, {SIDE, 318},
                                   {301, SIDE}, {SIDE, 97},  {SIDE, SIDE}};
    struct itx_error err = {.text = ""};
    struct file_list list = {0};
    itx_float *net = NULL;
    int n = 0;
    REQUIRE(itx_float_open(&net, MODEL, 1, &err) == ITX_OK);
    REQUIRE(file_list_add(&list, PHOTOS, &err) == ITX_OK && list.paths.len >= N_PHOTOS);
    for (size_t i = 0; i < N_PHOTOS * ARRAY_LEN(sizes); i++) {
        struct picture p = {0};
        const int *const size = sizes[i % ARRAY_LEN(sizes)];
        REQUIRE(picture_read(&p, list.paths.data[i / ARRAY_LEN(sizes)], 0, &err) == ITX_OK);
        REQUIRE(p.width >= 100 + SIDE && p.height >= 100 + SIDE);
        n += compare(net, &p, size[0], size[1]);
        picture_release(&p);
    }
    CHECK_MSG(n >= 60, "%d instances", n);
    file_list_release(&list);
    itx_float_close(&net);
}

TEST_MAIN(TEST(test_border__of_any_size))
