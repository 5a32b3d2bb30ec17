/* SPDX-License-Identifier: Apache-2.0
 *
 * Small files that ask for much memory or work. Deflate streams of zeros are written here by hand: 13 bits for 258 of
 * them (RFC 1951, fixed codes: length 258 is 11000101, distance 1 is 00000).
 */
#include "vision/picture.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/vec.h"

#include "test.h"
#include "test_vision_data.h"

typedef VEC(uint8_t) bytes;

static void put(bytes *b, const void *data, size_t size)
{
    if (!vec_reserve(b, b->len + size)) abort();
    if (size != 0) memcpy(b->data + b->len, data, size);
    b->len += size;
}

static void put_be32(bytes *b, uint32_t v)
{
    put(b, (const uint8_t[]){(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v},
        4);
}

static uint32_t crc32_of(const uint8_t *data, size_t size)
{
    static uint32_t table[256];
    for (uint32_t i = 0; table[255] == 0 && i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
    }
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) crc = crc >> 8 ^ table[(crc ^ data[i]) & 255];
    return ~crc;
}

static void put_chunk(bytes *b, const char *type, const void *data, size_t size)
{
    put_be32(b, (uint32_t)size);
    const size_t start = b->len;
    put(b, type, 4);
    put(b, data, size);
    put_be32(b, crc32_of(b->data + start, b->len - start));
}

struct bits {
    bytes *to;
    uint32_t held;
    int n;
};

/* Codes of Huffman come with their first bit first, everything else with its last. */
static void put_code(struct bits *b, uint32_t code, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        b->held |= (code >> i & 1) << b->n++;
        if (b->n < 8) continue;
        put(b->to, &(uint8_t){(uint8_t)b->held}, 1);
        b->held = 0;
        b->n = 0;
    }
}

/* A zlib stream of 1 + 258 n zeros. */
static void put_zeros(bytes *b, size_t n)
{
    struct bits bits = {.to = b};
    put(b, "\x78\x01", 2);
    put_code(&bits, 6, 3);    /* last block (1), fixed codes (01, last bit first) */
    put_code(&bits, 0x30, 8); /* 0 */
    for (size_t i = 0; i < n; i++) put_code(&bits, 0xc5 << 5, 13);
    put_code(&bits, 0, 7); /* end of block */
    put_code(&bits, 0, (8 - bits.n) % 8);
    put_be32(b, (uint32_t)((1 + 258 * n) % 65521) << 16 | 1);
}

static void begin_png(bytes *b, uint32_t width, uint32_t height, int depth, int color,
                      int interlaced)
{
    bytes head = {0};
    b->len = 0;
    put(b, "\x89PNG\r\n\x1a\n", 8);
    put_be32(&head, width);
    put_be32(&head, height);
    put(&head, (const uint8_t[]){(uint8_t)depth, (uint8_t)color, 0, 0, (uint8_t)interlaced}, 5);
    put_chunk(b, "IHDR", head.data, head.len);
    vec_release(&head);
}

static void end_png(bytes *b, size_t n_zeros)
{
    bytes pixels = {0};
    put_zeros(&pixels, n_zeros / 258 + 1);
    put_chunk(b, "IDAT", pixels.data, pixels.len);
    put_chunk(b, "IEND", "", 0);
    vec_release(&pixels);
}

/* ---- what a file costs, in a process of its own ---- */

struct cost {
    char text[500]; /* of the error; "": it was read */
    long kilobytes, milliseconds;
};

static void spend(struct cost *cost, const bytes *file, int64_t max_pixels)
{
    struct picture p = {0};
    struct itx_error err = {.text = ""};
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    picture_read_memory(&p, file->data, file->len, max_pixels, &err);
    getrusage(RUSAGE_SELF, &after);
    memcpy(cost->text, err.text, sizeof cost->text);
    cost->kilobytes = after.ru_maxrss - before.ru_maxrss;
    cost->milliseconds = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000 +
                         (after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1000;
    picture_release(&p);
}

static struct cost cost_of(const bytes *file, int64_t max_pixels)
{
    struct cost cost = {.text = "no process"};
    int ends[2];
    if (pipe(ends) != 0) return cost;
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        spend(&cost, file, max_pixels);
        const bool done = write(ends[1], &cost, sizeof cost) == (ssize_t)sizeof cost;
        exit(done ? 0 : 1); /* so that a leak is found */
    }
    close(ends[1]);
    int status = 1;
    if (read(ends[0], &cost, sizeof cost) != (ssize_t)sizeof cost) cost.text[0] = '?';
    close(ends[0]);
    waitpid(pid, &status, 0);
    CHECK(status == 0);
    return cost;
}

/* Read or refused, it takes no more than a second and this many megabytes. */
static void expect(const bytes *file, int64_t max_pixels, const char *text, long megabytes)
{
    const struct cost cost = cost_of(file, max_pixels);
    CHECK_STR(cost.text, text);
    CHECK_MSG(cost.kilobytes < megabytes * 1024, "%ld kB", cost.kilobytes);
    CHECK_MSG(cost.milliseconds < 1000, "%ld ms", cost.milliseconds);
}

/* ---- tests ---- */

static void test_picture_limits__pixels(void)
{
    static const int kinds[][2] = {{1, 0}, {16, 6}, {8, 2}, {1, 3}};
    bytes b = {0};
    for (size_t i = 0; i < 2 * ARRAY_LEN(kinds); i++) {
        begin_png(&b, 32767, 32767, kinds[i / 2][0], kinds[i / 2][1], (int)(i % 2));
        if (kinds[i / 2][1] == 3) put_chunk(&b, "PLTE", "abcdef", 6);
        end_png(&b, 1000);
        expect(&b, 0,
               "a picture of 32767 x 32767 is too large: it has 1073676289 pixels, the limit is "
               "256000000 (--max-pixels allows up to 1073741824)",
               20);
    }
    begin_png(&b, 65535, 65535, 1, 0, 0);
    end_png(&b, 1000);
    expect(&b, PICTURE_MAX_PIXELS,
           "a picture of 65535 x 65535 is too large: it has 4294836225 pixels, the limit is "
           "1073741824",
           20);
    begin_png(&b, 65536, 1, 1, 0, 0);
    end_png(&b, 1000);
    expect(&b, 0, "a picture of 65536 x 1 is too large (limit: 65535 a side)", 20);
    begin_png(&b, 0x7fffffff, 0x7fffffff, 16, 6, 1);
    end_png(&b, 1000);
    expect(&b, 0, "a picture of 2147483647 x 2147483647 is too large (limit: 65535 a side)", 20);
    /* the limit itself */
    begin_png(&b, 1000, 100, 1, 0, 0);
    end_png(&b, 126 * 100);
    expect(&b, 100000, "", 20);
    expect(&b, 99999,
           "a picture of 1000 x 100 is too large: it has 100000 pixels, the limit is 99999 "
           "(--max-pixels allows up to 1073741824)",
           20);
    CHECK(picture_check_size(16000, 16000, 0, NULL) == ITX_OK);
    CHECK(picture_check_size(16000, 16001, 0, NULL) == ITX_E_RANGE);
    CHECK(picture_check_size(32768, 32768, PICTURE_MAX_PIXELS, NULL) == ITX_OK);
    vec_release(&b);
}

/* Texts and profiles that expand to a gigabyte are passed over. */
static void test_picture_limits__chunks(void)
{
    bytes b = {0}, text = {0}, profile = {0};
    put(&text, "Comment\0", 9);
    put_zeros(&text, 8000000 / 258);
    put(&profile, "Profile\0", 9);
    put_zeros(&profile, 8000000 / 258);
    begin_png(&b, 10, 10, 8, 2, 0);
    put_chunk(&b, "iCCP", profile.data, profile.len);
    for (int i = 0; i < 120; i++) put_chunk(&b, "zTXt", text.data, text.len);
    end_png(&b, 310);
    expect(&b, 0, "", 20);
    /* many of a kind that may come once, and one of great size */
    begin_png(&b, 10, 10, 8, 2, 0);
    for (int i = 0; i < 3; i++) put_chunk(&b, "eXIf", "II*\0\x08\0\0\0\0\0", 10);
    put_chunk(&b, "eXIf", text.data, text.len);
    put_chunk(&b, "IHDX", text.data, 0); /* unknown, and critical by its capital */
    end_png(&b, 310);
    const struct cost cost = cost_of(&b, 0);
    CHECK_MSG(strstr(cost.text, "broken PNG: ") == cost.text, "%s", cost.text);
    vec_release(&b);
    vec_release(&text);
    vec_release(&profile);
}

/* What stands behind the last pixel is not expanded without end. */
static void test_picture_limits__excess(void)
{
    bytes b = {0};
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        begin_png(&b, 1, 1, 8, 0, interlaced);
        end_png(&b, 150000000);
        expect(&b, 0, "broken PNG: too many bytes behind the last pixel", 40);
        begin_png(&b, 100, 100, 8, 2, interlaced);
        end_png(&b, 2000000); /* and a little too much is no harm */
        expect(&b, 0, "", 40);
    }
    vec_release(&b);
}

/* The progressive picture, with its first scan so often that there are n; side 0: its size as it is. */
static void make_scans(bytes *b, int n, int side)
{
    const uint8_t *const data = progressive_jpg;
    size_t at = 0, end;
    int n_own = 0;
    for (size_t i = sizeof progressive_jpg - 2; i > 0; i--) {
        if (data[i] != 0xff || data[i + 1] != 0xda) continue;
        at = i;
        n_own++;
    }
    for (end = at + 2; data[end] != 0xff || data[end + 1] == 0;) end++;
    b->len = 0;
    put(b, data, end);
    for (int i = n_own; i < n; i++) put(b, data + at, end - at);
    put(b, data + end, sizeof progressive_jpg - end);
    for (size_t i = 0; side != 0 && i + 9 < at; i++)
        if (b->data[i] == 0xff && b->data[i + 1] == 0xc2)
            for (size_t k = 5; k < 9; k++)
                b->data[i + k] = (uint8_t)(k % 2 != 0 ? side >> 8 : side);
}

static void test_picture_limits__scans(void)
{
    bytes b = {0};
    make_scans(&b, 500, 0);
    expect(&b, 0, "", 20);
    make_scans(&b, 501, 0);
    expect(&b, 0, "a JPEG of more than 500 scans, the limit", 20);
    make_scans(&b, 100000, 0);
    expect(&b, 0, "a JPEG of more than 500 scans, the limit", 20);
    /* each scan of a large picture is work, whatever it holds */
    make_scans(&b, 17, 16000);
    expect(&b, 0,
           "a JPEG of 16000 x 16000 in 17 scans is too large: all scans have 4352000000 pixels, "
           "the limit is 4096000000 (--max-pixels allows more)",
           20);
    expect(&b, 300000000, "broken JPEG: premature end of file", 20);
    make_scans(&b, 16, 16000);
    expect(&b, 0, "broken JPEG: premature end of file", 20);
    make_scans(&b, 0, 20000);
    expect(&b, 0,
           "a picture of 20000 x 20000 is too large: it has 400000000 pixels, the limit is "
           "256000000 (--max-pixels allows up to 1073741824)",
           20);
    vec_release(&b);
}

/* A picture that is turned takes no second one. */
static void test_picture_limits__turned(void)
{
    bytes b = {0};
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        begin_png(&b, 4000, 3000, 1, 0, interlaced);
        put_chunk(&b, "eXIf", "II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0", 26);
        end_png(&b, 501 * 3000 * 2);
        const struct cost cost = cost_of(&b, 0);
        CHECK_STR(cost.text, "");
        CHECK_MSG(cost.kilobytes < 50000, "%ld kB", cost.kilobytes);
    }
    vec_release(&b);
}

TEST_MAIN(TEST(test_picture_limits__pixels), TEST(test_picture_limits__chunks),
          TEST(test_picture_limits__excess), TEST(test_picture_limits__scans),
          TEST(test_picture_limits__turned))
