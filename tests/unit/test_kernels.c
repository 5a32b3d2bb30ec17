/* SPDX-License-Identifier: Apache-2.0
 *
 * The scalar rows of the small families against the same operations written another way: pooling on a padded copy in
 * doubles, addition in doubles with floor, upsampling by index of the element; and letterbox of a picture whose
 * bytes do not fit 32 bits of address.
 */
#include <math.h>
#include <sys/mman.h>

#include "kernels/add/add.h"
#include "kernels/image/image.h"
#include "kernels/lut/lut.h"
#include "kernels/move/move.h"
#include "kernels/pool/pool.h"

#include "base/cpu.h"
#include "base/mem.h"

#include "test.h"

static void fill(void *data, size_t n, uint64_t *seed)
{
    uint8_t *const bytes = data;
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)test_random(seed);
}

static void check_pool(int kernel, int stride, int pad, uint64_t seed)
{
    enum { H = 9, W = 11, C = 3, MARGIN = 8, PW = W + 2 * MARGIN, PH = H + 2 * MARGIN };
    double padded[PH * PW * C];
    int8_t in[H * W * C + 64];
    fill(in, sizeof in, &seed);
    for (int i = 0; i < PH * PW * C; i++) padded[i] = -128;
    for (int i = 0; i < H * W * C; i++)
        padded[((MARGIN + i / (W * C)) * PW + MARGIN + i / C % W) * C + i % C] = in[i];
    const struct pool_shape s = {.in_h = H,
                                 .in_w = W,
                                 .out_h = (H + 2 * pad - kernel) / stride + 1,
                                 .out_w = (W + 2 * pad - kernel) / stride + 1,
                                 .c = C,
                                 .kernel_h = kernel,
                                 .kernel_w = kernel,
                                 .stride_h = stride,
                                 .stride_w = stride,
                                 .pad_top = pad,
                                 .pad_left = pad,
                                 .in_pixel = C,
                                 .out_pixel = C};
    int8_t out[PH * PW * C];
    pool_choose(0)->run(&s, in, out, 0, s.out_h, NULL);
    for (int i = 0; i < s.out_h * s.out_w * C; i++) {
        const int y = i / C / s.out_w * stride - pad + MARGIN;
        const int x = i / C % s.out_w * stride - pad + MARGIN;
        double max = -INFINITY;
        for (int j = 0; j < kernel * kernel; j++)
            max = fmax(max, padded[((y + j / kernel) * PW + x + j % kernel) * C + i % C]);
        CHECK_MSG(out[i] == max, "kernel %d, stride %d, pad %d, element %d", kernel, stride, pad,
                  i);
    }
}

static void test_pool__as_maximum(void)
{
    check_pool(5, 1, 2, 1);
    check_pool(2, 2, 0, 2);
    check_pool(3, 2, 1, 3);
    check_pool(1, 1, 0, 4);
    check_pool(4, 3, 3, 5);
}

static void test_add__as_floor(void)
{
    uint64_t seed = 7;
    for (int i = 0; i < 20000; i++) {
        int8_t a[65], b[65], out;
        fill(a, 1, &seed);
        fill(b, 1, &seed);
        const int16_t mul = (int16_t)(test_random(&seed) & 0x7fff);
        const int16_t res_mul = (int16_t)(test_random(&seed) & 0x7fff);
        const int shift = (int)(test_random(&seed) % 16);
        const int32_t offset = (int32_t)(test_random(&seed) % (1u << 21)) - (1 << 20);
        const struct add_params p = {1, 1, 1, 1, 1, 1, shift, &mul, &res_mul, &offset};
        add_choose(0)->run(&p, a, b, &out, 0, 1);
        const double sum = (double)a[0] * mul + (double)b[0] * res_mul + offset;
        CHECK(out == fmin(127, fmax(-128, floor(sum / pow(2, shift)))));
    }
}

static void test_move__upsamples_s16_slices(void)
{
    enum { H = 3, W = 4, C = 5, IN_PIXEL = 7, OUT_PIXEL = 6, FH = 2, FW = 3 };
    int16_t in[H * W * IN_PIXEL + 32], out[H * FH * W * FW * OUT_PIXEL];
    for (int i = 0; i < H * W * IN_PIXEL; i++) in[i] = (int16_t)(1000 + i);
    memset(out, 0, sizeof out);
    const struct move_shape s = {H, W, FH, FW, C * 2, IN_PIXEL * 2, OUT_PIXEL * 2};
    move_choose(0)->run(&s, in, out, 0, H * FH);
    for (int y = 0; y < H * FH; y++)
        for (int x = 0; x < W * FW; x++) {
            const int16_t *const pixel = out + (y * W * FW + x) * OUT_PIXEL;
            for (int c = 0; c < C; c++)
                CHECK(pixel[c] == 1000 + (y / FH * W + x / FW) * IN_PIXEL + c);
            CHECK(pixel[C] == 0);
        }
}

static void test_lut__entries_by_byte(void)
{
    int8_t table[256], in[256 + 64], out[256];
    for (int i = 0; i < 256; i++) {
        table[i] = (int8_t)(i ^ 0x5a);
        in[i] = (int8_t)(i - 128);
    }
    const struct lut_params p = {2, 32, 4, 4, 4, table};
    lut_choose(0)->run(&p, in, out, 0, 2);
    CHECK(out[128] == (int8_t)0x5a);         /* of 0 */
    CHECK(out[127] == (int8_t)(255 ^ 0x5a)); /* of -1 */
    for (int i = 0; i < 256; i++) CHECK((uint8_t)(out[i] ^ 0x5a) == (uint8_t)(i - 128));
}

/* Only the bottom of a picture of 65535 x 65535 is bright; so is only the bottom of the frame. */
static void check_huge(const struct image_row *row, const uint8_t *picture, int size)
{
    enum { FRAME = 64 };
    static uint8_t frame[FRAME * FRAME * 3];
    const struct letterbox g = letterbox_fit(size, size, FRAME, FRAME);
    void *const table = mem_alloc_aligned(64, letterbox_table_size(FRAME, FRAME));
    void *const scratch = mem_alloc_aligned(64, letterbox_scratch_size(FRAME));
    const struct image in = {
        .format = IMAGE_GRAY, .w = size, .h = size, .plane = {picture}, .stride = {(size_t)size}};
    letterbox_prepare(&g, table);
    row->letterbox(&g, table, &in, &(struct rgb_rows){frame, FRAME * 3, 0, FRAME}, scratch);
    CHECK(g.new_w == FRAME && g.new_h == FRAME);
    CHECK(frame[0] == 0 && frame[(FRAME - 1) * FRAME * 3 - 1] == 0);
    for (int i = (FRAME - 1) * FRAME * 3; i < FRAME * FRAME * 3; i++) CHECK(frame[i] == 200);
    mem_free_aligned(table);
    mem_free_aligned(scratch);
}

static void test_letterbox__picture_of_4_gib(void)
{
    const int size = IMAGE_MAX_DIM, bright = 600;
    const size_t bytes = (size_t)size * (size_t)size;
    uint8_t *const picture = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (picture == MAP_FAILED) SKIP("no address space for a picture of 4 GiB");
    memset(picture + bytes - (size_t)bright * (size_t)size, 200, (size_t)bright * (size_t)size);
    check_huge(image_choose(0), picture, size);
    check_huge(image_choose(cpu_detect()), picture, size);
    munmap(picture, bytes);
}

TEST_MAIN(TEST(test_pool__as_maximum), TEST(test_add__as_floor),
          TEST(test_move__upsamples_s16_slices), TEST(test_lut__entries_by_byte),
          TEST(test_letterbox__picture_of_4_gib))
