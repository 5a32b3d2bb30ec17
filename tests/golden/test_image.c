/* SPDX-License-Identifier: Apache-2.0
 *
 * Letterbox and NV12 of the scalar row against OpenCV and numpy (image_vectors.h).
 */
#include "kernels/image/image.h"

#include "base/compiler.h"
#include "base/mem.h"

#include "test.h"

struct letterbox_vector {
    int in_w, in_h, out_w, out_h, channels;
    uint64_t digest;
};
struct nv12_vector {
    int w, h, is_video;
    uint64_t y, uv, back;
};
#include "image_vectors.h"

/* digest() of scripts/golden/image.py, to be continued over pieces. */
static uint64_t digest(const uint8_t *bytes, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (bytes[i] + (uint64_t)1) * ((i + 1) * 0x9e3779b97f4a7c15u >> 32);
    return sum;
}

static uint8_t *random_bytes(uint64_t seed, size_t n)
{
    uint8_t *const bytes = mem_alloc(n);
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)test_random(&seed);
    return bytes;
}

static uint8_t *letterboxed(const struct letterbox_vector *v, uint64_t seed)
{
    uint8_t *const in = random_bytes(seed, (size_t)v->in_w * (size_t)v->in_h * (size_t)v->channels);
    uint8_t *const out = mem_alloc((size_t)v->out_w * (size_t)v->out_h * 3);
    void *const table = mem_alloc_aligned(64, letterbox_table_size(v->out_w, v->out_h));
    void *const scratch = mem_alloc_aligned(64, letterbox_scratch_size(v->out_w));
    const struct image image = {
        .format = v->channels == 1   ? IMAGE_GRAY
                  : v->channels == 3 ? IMAGE_RGB
                                     : IMAGE_RGBA,
        .w = v->in_w,
        .h = v->in_h,
        .plane = {in},
        .stride = {(size_t)v->in_w * (size_t)v->channels},
    };
    const struct letterbox g = letterbox_fit(v->in_w, v->in_h, v->out_w, v->out_h);
    letterbox_prepare(&g, table);
    image_choose(0)->letterbox(&g, table, &image,
                               &(struct rgb_rows){out, (size_t)v->out_w * 3, 0, v->out_h}, scratch);
    mem_free(in);
    mem_free_aligned(table);
    mem_free_aligned(scratch);
    return out;
}

static void test_letterbox__as_opencv(void)
{
    for (size_t i = 0; i < ARRAY_LEN(letterbox_vectors); i++) {
        const struct letterbox_vector *const v = &letterbox_vectors[i];
        uint8_t *const out = letterboxed(v, i + 1);
        CHECK_MSG(digest(out, (size_t)v->out_w * (size_t)v->out_h * 3) == v->digest,
                  "%d x %d into %d x %d", v->in_w, v->in_h, v->out_w, v->out_h);
        mem_free(out);
    }
}

static void test_letterbox__small_picture(void)
{
    const struct letterbox_vector *const v = &letterbox_vectors[0];
    uint8_t *const out = letterboxed(v, 1);
    for (int i = 0; i < v->out_w * v->out_h * 3; i++)
        CHECK_MSG(out[i] == letterbox_bytes[i], "byte %d: got %d, expected %d", i, out[i],
                  letterbox_bytes[i]);
    mem_free(out);
}

static void test_nv12__there_and_back_as_numpy(void)
{
    for (size_t i = 0; i < ARRAY_LEN(nv12_vectors); i++) {
        const struct nv12_vector *const v = &nv12_vectors[i];
        const size_t w = (size_t)v->w, n = w * (size_t)v->h;
        const enum image_range range = v->is_video ? IMAGE_VIDEO : IMAGE_FULL;
        uint8_t *const rgb = random_bytes(i / 2 + 100, n * 3);
        uint8_t *const y = mem_alloc(n), *const uv = mem_alloc(n / 2);
        const struct image_nv12 out = {range, v->w, v->h, y, uv, w, w};
        const struct image_row *const row = image_choose(0);
        row->rgb_to_nv12(rgb, w * 3, &out, 0, v->h / 2);
        CHECK_MSG(digest(y, n) == v->y, "luma, %d x %d", v->w, v->h);
        CHECK_MSG(digest(uv, n / 2) == v->uv, "chroma, %d x %d", v->w, v->h);
        const struct image in = {IMAGE_NV12, range, v->w, v->h, {y, uv}, {w, w}};
        row->nv12_to_rgb(&in, &(struct rgb_rows){rgb, w * 3, 0, v->h});
        CHECK_MSG(digest(rgb, n * 3) == v->back, "RGB, %d x %d", v->w, v->h);
        mem_free(rgb);
        mem_free(y);
        mem_free(uv);
    }
}

/* All 2^24 pixels there are: for each U a picture of one row, V by V, each with every luma. */
static void test_nv12__every_pixel_as_numpy(void)
{
    enum { W = 65536 };
    uint8_t *const y = mem_alloc(W), *const uv = mem_alloc(W), *const rgb = mem_alloc(W * 3);
    const struct image_row *const row = image_choose(0);
    for (int i = 0; i < W; i++) y[i] = (uint8_t)i;
    for (int is_video = 0; is_video < 2; is_video++) {
        uint64_t sum = 0;
        for (unsigned u = 0; u < 256; u++) {
            for (int i = 0; i < W; i += 2) {
                uv[i] = (uint8_t)u;
                uv[i + 1] = (uint8_t)(i >> 8);
            }
            const struct image in = {IMAGE_NV12, is_video ? IMAGE_VIDEO : IMAGE_FULL, W, 1, {y, uv},
                                     {W, W}};
            row->nv12_to_rgb(&in, &(struct rgb_rows){rgb, W * 3, 0, 1});
            sum += digest(rgb, W * 3) * (2 * u + 1);
        }
        CHECK(sum == every_yuv[is_video]);
    }
    mem_free(y);
    mem_free(uv);
    mem_free(rgb);
}

static void test_letterbox__geometry(void)
{
    const struct letterbox g = letterbox_fit(500, 375, 640, 640);
    CHECK(g.new_w == 640 && g.new_h == 480 && g.left == 0 && g.top == 80);
    const struct letterbox odd = letterbox_fit(640, 427, 640, 640);
    CHECK(odd.new_h == 427 && odd.top == 106); /* 106.5 - 0.1 */
    const struct letterbox thin = letterbox_fit(1, 20000, 640, 640);
    CHECK(thin.new_w == 1 && thin.new_h == 640 && thin.left == 319);
}

TEST_MAIN(TEST(test_letterbox__as_opencv), TEST(test_letterbox__small_picture),
          TEST(test_nv12__there_and_back_as_numpy), TEST(test_nv12__every_pixel_as_numpy),
          TEST(test_letterbox__geometry))
