/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures in and out. PNGs are written here by hand (stored deflate blocks), so that libpng is not its own witness;
 * JPEGs are compared with what OpenCV reads.
 */
#include "vision/picture.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/file.h"
#include "base/mem.h"
#include "vision/files.h"

#include "test.h"
#include "test_vision_data.h"

/* ---- a PNG writer ---- */

struct bytes {
    uint8_t data[8192];
    size_t size;
};

static void put(struct bytes *b, const void *data, size_t size)
{
    if (size > sizeof b->data - b->size) abort();
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

static void put_be32(struct bytes *b, uint32_t v)
{
    put(b, (const uint8_t[]){(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v},
        4);
}

static uint32_t crc32_of(const uint8_t *data, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void put_chunk(struct bytes *b, const char *type, const void *data, size_t size)
{
    put_be32(b, (uint32_t)size);
    const size_t start = b->size;
    put(b, type, 4);
    put(b, data, size);
    put_be32(b, crc32_of(b->data + start, b->size - start));
}

struct png_spec {
    int width, height, depth, color, interlaced;
    const uint8_t *palette;
    size_t n_palette;
    const uint8_t *exif;
    size_t n_exif;
};

/* `rows` are filter bytes and samples as they stand in the file. */
static void png_make(struct bytes *b, const struct png_spec *s, const uint8_t *rows, size_t size)
{
    b->size = 0;
    put(b, "\x89PNG\r\n\x1a\n", 8);
    struct bytes chunk = {0};
    put_be32(&chunk, (uint32_t)s->width);
    put_be32(&chunk, (uint32_t)s->height);
    put(&chunk,
        (const uint8_t[]){(uint8_t)s->depth, (uint8_t)s->color, 0, 0, (uint8_t)s->interlaced}, 5);
    put_chunk(b, "IHDR", chunk.data, chunk.size);
    if (s->palette != NULL) put_chunk(b, "PLTE", s->palette, s->n_palette);
    if (s->palette != NULL) put_chunk(b, "tRNS", "\x00\x80", 2);
    if (s->exif != NULL) put_chunk(b, "eXIf", s->exif, s->n_exif);
    uint32_t a1 = 1, a2 = 0;
    for (size_t i = 0; i < size; i++) {
        a1 = (a1 + rows[i]) % 65521;
        a2 = (a2 + a1) % 65521;
    }
    chunk.size = 0;
    put(&chunk,
        (const uint8_t[]){0x78, 0x01, 1, (uint8_t)size, (uint8_t)(size >> 8), (uint8_t)~size,
                          (uint8_t)(~size >> 8)},
        7);
    put(&chunk, rows, size);
    put_be32(&chunk, a2 << 16 | a1);
    put_chunk(b, "IDAT", chunk.data, chunk.size);
    put_chunk(b, "IEND", "", 0);
}

/* ---- the pattern: sample k of pixel (x, y) ---- */

enum { W = 9, H = 7 };

static int channels_of(int color)
{
    return color == 0 || color == 3 ? 1 : color == 4 ? 2 : color == 2 ? 3 : 4;
}

static int sample(const struct png_spec *s, int x, int y, int k)
{
    return (x * 7 + y * 31 + k * 57 + x * y * 11) * 257 % (1 << s->depth);
}

/* Rows of the pixels x0 + i dx, y0 + j dy. */
static void put_rows(struct bytes *rows, const struct png_spec *s, int x0, int dx, int y0, int dy)
{
    if (x0 >= W) return;
    for (int y = y0; y < H; y += dy) {
        put(rows, "", 1);
        int bits = 0, n_bits = 0;
        for (int x = x0; x < W; x += dx) {
            for (int k = 0; k < channels_of(s->color); k++) {
                bits = bits << s->depth | sample(s, x, y, k);
                for (n_bits += s->depth; n_bits >= 8; n_bits -= 8)
                    put(rows, &(uint8_t){(uint8_t)(bits >> (n_bits - 8))}, 1);
                bits &= (1 << n_bits) - 1;
            }
        }
        if (n_bits != 0) put(rows, &(uint8_t){(uint8_t)(bits << (8 - n_bits))}, 1);
    }
}

static void png_pattern(struct bytes *b, const struct png_spec *s)
{
    static const int passes[7][4] = {{0, 8, 0, 8}, {4, 8, 0, 8}, {0, 4, 4, 8}, {2, 4, 0, 4},
                                     {0, 2, 2, 4}, {1, 2, 0, 2}, {0, 1, 1, 2}};
    struct bytes rows = {0};
    if (!s->interlaced) put_rows(&rows, s, 0, 1, 0, 1);
    for (int i = 0; s->interlaced && i < 7; i++)
        put_rows(&rows, s, passes[i][0], passes[i][1], passes[i][2], passes[i][3]);
    png_make(b, s, rows.data, rows.size);
}

static uint8_t expected(const struct png_spec *s, int x, int y, int k)
{
    const int v = sample(s, x, y, s->color == 2 || s->color == 6 ? k : 0);
    if (s->color == 3) return s->palette[3 * v + k];
    return (uint8_t)(s->depth == 16 ? v >> 8 : v * 255 / ((1 << s->depth) - 1));
}

static void test_picture__png_kinds(void)
{
    static const int kinds[][2] = {{0, 1}, {0, 2}, {0, 4}, {0, 8}, {0, 16}, {4, 8}, {4, 16}, {3, 1},
                                   {3, 2}, {3, 4}, {3, 8}, {2, 8}, {2, 16}, {6, 8}, {6, 16}};
    uint8_t palette[768];
    for (int i = 0; i < 768; i++) palette[i] = (uint8_t)(i * 37 + 5);
    for (size_t i = 0; i < 2 * ARRAY_LEN(kinds); i++) {
        struct png_spec s = {W,    H, kinds[i / 2][1], kinds[i / 2][0], (int)(i % 2), NULL, 0,
                             NULL, 0};
        if (s.color == 3) {
            s.palette = palette;
            s.n_palette = (size_t)3 << s.depth;
        }
        struct bytes file = {0};
        png_pattern(&file, &s);
        struct picture p = {0};
        struct itx_error err = {0};
        const itx_status rc = picture_read_memory(&p, file.data, file.size, 0, &err);
        CHECK_MSG(rc == ITX_OK, "colour %d depth %d: %s", s.color, s.depth, err.text);
        if (rc != ITX_OK) continue;
        CHECK(p.width == W && p.height == H);
        int n_wrong = 0;
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++)
                for (int k = 0; k < 3; k++)
                    n_wrong +=
                        p.rgb[(size_t)y * p.stride + (size_t)(3 * x + k)] != expected(&s, x, y, k);
        CHECK_MSG(n_wrong == 0, "colour %d depth %d interlaced %d: %d samples", s.color, s.depth,
                  s.interlaced, n_wrong);
        picture_release(&p);
    }
}

/* ---- JPEG ---- */

static uint64_t picture_hash(const struct picture *p)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < p->stride * (size_t)p->height; i++)
        h = (h ^ p->rgb[i]) * UINT64_C(0x100000001b3);
    return h;
}

static void test_picture__jpeg_as_opencv(void)
{
#define FILE_ROW(name, hash, w, h)                                                                 \
    {                                                                                              \
#name, name##_jpg, sizeof name##_jpg, hash, w, h                                           \
    }
    static const struct {
        const char *name;
        const uint8_t *data;
        size_t size;
        uint64_t hash;
        int width, height;
    } files[] = {
        FILE_ROW(grey, GREY_HASH, 19, 13),
        FILE_ROW(h2v2, H2V2_HASH, 19, 13),
        FILE_ROW(h2v1, H2V1_HASH, 19, 13),
        FILE_ROW(h1v1, H1V1_HASH, 19, 13),
        FILE_ROW(progressive, PROGRESSIVE_HASH, 19, 13),
        FILE_ROW(cmyk_adobe, CMYK_ADOBE_HASH, 19, 13),
        FILE_ROW(exif6, EXIF6_HASH, 13, 19),
    };
#undef FILE_ROW
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct picture p = {0};
        struct itx_error err = {0};
        const itx_status rc = picture_read_memory(&p, files[i].data, files[i].size, 0, &err);
        CHECK_MSG(rc == ITX_OK, "%s: %s", files[i].name, err.text);
        CHECK(p.width == files[i].width && p.height == files[i].height);
        CHECK_MSG(rc != ITX_OK || picture_hash(&p) == files[i].hash, "%s", files[i].name);
        picture_release(&p);
    }
}

/* Without an Adobe marker CMYK is not inverted: removing it turns every sample round. */
static void test_picture__cmyk_without_adobe(void)
{
    uint8_t plain[sizeof cmyk_adobe_jpg];
    size_t n = 0;
    for (size_t i = 0; i < sizeof cmyk_adobe_jpg; i++) {
        if (i + 16 <= sizeof cmyk_adobe_jpg && memcmp(cmyk_adobe_jpg + i, "\xff\xee\0\x0e", 4) == 0)
            i += 16;
        plain[n++] = cmyk_adobe_jpg[i];
    }
    REQUIRE(n == sizeof cmyk_adobe_jpg - 16);
    struct picture a = {0}, b = {0};
    CHECK(picture_read_memory(&a, cmyk_adobe_jpg, sizeof cmyk_adobe_jpg, 0, NULL) == ITX_OK);
    CHECK(picture_read_memory(&b, plain, n, 0, NULL) == ITX_OK);
    /* the pattern has no black: k is 255 inverted, so plain it is all ink */
    REQUIRE(a.rgb != NULL && b.rgb != NULL);
    int brightest = 0;
    for (size_t i = 0; i < b.stride * (size_t)b.height; i++)
        if (b.rgb[i] > brightest) brightest = b.rgb[i];
    CHECK_MSG(brightest < 16, "%d", brightest);
    CHECK(picture_hash(&a) == CMYK_ADOBE_HASH);
    picture_release(&a);
    picture_release(&b);
}

/* ---- orientation: where the marked corner pixels of a 3 x 2 picture go ---- */

static void test_picture__orientations(void)
{
    /* stored: A B C / D E F; how it reads after each orientation */
    static const char *const seen[9] = {"",       "ABCDEF", "CBAFED", "FEDCBA", "DEFABC",
                                        "ADBECF", "DAEBFC", "FCEBDA", "CFBEAD"};
    for (int orientation = 1; orientation <= 8; orientation++) {
        for (int big = 0; big < 2; big++) {
            uint8_t little_tiff[] = {'I', 'I', '*', 0, 8, 0,    0, 0, 1, 0, 0x12, 1, 3,
                                     0,   1,   0,   0, 0, 0x99, 0, 0, 0, 0, 0,    0, 0};
            uint8_t big_tiff[] = {'M', 'M', 0, '*', 0, 0, 0,    8, 0, 1, 1, 0x12, 0,
                                  3,   0,   0, 0,   1, 0, 0x99, 0, 0, 0, 0, 0,    0};
            little_tiff[18] = big_tiff[19] = (uint8_t)orientation;
            const struct png_spec s = {3, 2, 8, 0, 0, NULL, 0, big ? big_tiff : little_tiff, 26};
            struct bytes file = {0};
            png_make(&file, &s, (const uint8_t *)"\0ABC\0DEF", 8);
            struct picture p = {0};
            REQUIRE(picture_read_memory(&p, file.data, file.size, 0, NULL) == ITX_OK);
            CHECK(p.width == (orientation < 5 ? 3 : 2) && p.height == (orientation < 5 ? 2 : 3));
            char text[7] = "";
            for (int i = 0; i < 6; i++) text[i] = (char)p.rgb[3 * i];
            CHECK_STR(text, seen[orientation]);
            picture_release(&p);
        }
    }
}

/* The file with a chunk or segment put in at `at`: EXIF's orientation. */
static size_t add_orientation(uint8_t *to, const uint8_t *file, size_t size, int orientation,
                              bool is_png)
{
    const uint8_t tiff[] = {
        'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, (uint8_t)orientation,
        0,   0,   0,   0, 0, 0, 0};
    struct bytes part = {0};
    if (is_png) {
        put_chunk(&part, "eXIf", tiff, sizeof tiff);
    } else {
        put(&part,
            "\xff\xe1\0\x22"
            "Exif\0\0",
            10);
        put(&part, tiff, sizeof tiff);
    }
    const size_t at = is_png ? 33 : 2;
    memcpy(to, file, at);
    memcpy(to + at, part.data, part.size);
    memcpy(to + at + part.size, file + at, size - at);
    return size + part.size;
}

/* Of larger pictures, which go over in strips: pixel for pixel what the same file without EXIF gives. */
static void check_turned(const uint8_t *file, size_t size, bool is_png)
{
    struct picture plain = {0}, p = {0};
    REQUIRE(picture_read_memory(&plain, file, size, 0, NULL) == ITX_OK);
    for (int o = 1; o <= 8; o++) {
        uint8_t *const turned = malloc(size + 100);
        const size_t n = add_orientation(turned, file, size, o, is_png);
        REQUIRE(picture_read_memory(&p, turned, n, 0, NULL) == ITX_OK);
        const int w = plain.width, h = plain.height;
        CHECK(p.width == (o < 5 ? w : h) && p.height == (o < 5 ? h : w));
        int n_wrong = 0;
        for (int y = 0; y < p.height; y++)
            for (int x = 0; x < p.width; x++) {
                /* EXIF 2.3, 4.6.4: where row 0 and column 0 are seen */
                static const char *const row0 = ".ttbblrrl"; /* top, bottom, left, right */
                static const char *const col0 = ".lrrlttbb";
                const int sy = row0[o] == 't'   ? y
                               : row0[o] == 'b' ? p.height - 1 - y
                               : row0[o] == 'l' ? x
                                                : p.width - 1 - x;
                const int sx = col0[o] == 'l'   ? x
                               : col0[o] == 'r' ? p.width - 1 - x
                               : col0[o] == 't' ? y
                                                : p.height - 1 - y;
                n_wrong += memcmp(p.rgb + (size_t)y * p.stride + (size_t)x * 3,
                                  plain.rgb + (size_t)sy * plain.stride + (size_t)sx * 3, 3) != 0;
            }
        CHECK_MSG(n_wrong == 0, "orientation %d, %d wrong", o, n_wrong);
        picture_release(&p);
        free(turned);
    }
    picture_release(&plain);
}

static void test_picture__turned_in_strips(void)
{
    static const int sizes[][2] = {{45, 70}, {70, 32}, {1, 65}, {33, 1}};
    uint64_t seed = 3;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct picture p = {0};
        void *data = NULL;
        size_t size = 0;
        REQUIRE(picture_create(&p, sizes[i][0], sizes[i][1], NULL) == ITX_OK);
        for (size_t k = 0; k < p.stride * (size_t)p.height; k++)
            p.rgb[k] = (uint8_t)test_random(&seed);
        REQUIRE(picture_encode_png(&p, &data, &size, NULL) == ITX_OK);
        check_turned(data, size, true);
        mem_free(data);
        REQUIRE(picture_encode_jpeg(&p, 90, &data, &size, NULL) == ITX_OK);
        check_turned(data, size, false);
        mem_free(data);
        picture_release(&p);
    }
    const struct png_spec s = {W, H, 8, 2, 1, NULL, 0, NULL, 0};
    struct bytes file = {0};
    png_pattern(&file, &s);
    check_turned(file.data, file.size, true);
    check_turned(progressive_jpg, sizeof progressive_jpg, false);
}

/* ---- refusals ---- */

static const char *refusal(const void *data, size_t size, struct itx_error *err)
{
    struct picture p = {0};
    *err = (struct itx_error){0};
    if (picture_read_memory(&p, data, size, 0, err) == ITX_OK)
        return picture_release(&p), "accepted";
    return p.rgb == NULL ? err->text : "left something behind";
}

static void test_picture__refusals(void)
{
    struct itx_error err;
    CHECK_STR(refusal("", 0, &err), "the file is empty");
    CHECK_STR(refusal("hello, world", 12, &err), "not a JPEG or PNG picture");
    CHECK_STR(refusal("\xff\xd8\xff", 3, &err), "broken JPEG: premature end of file");
    CHECK_STR(refusal(h2v2_jpg, sizeof h2v2_jpg / 2, &err), "broken JPEG: premature end of file");
    CHECK_STR(refusal(h2v2_jpg, sizeof h2v2_jpg - 8, &err), "broken JPEG: premature end of file");
    CHECK_STR(refusal(h2v2_jpg, sizeof h2v2_jpg - 2, &err), "accepted"); /* only the end marker */
    CHECK_STR(refusal(progressive_jpg, sizeof progressive_jpg - 80, &err),
              "broken JPEG: premature end of file");
    const struct png_spec s = {W, H, 8, 2, 0, NULL, 0, NULL, 0};
    struct bytes file = {0};
    png_pattern(&file, &s);
    CHECK_STR(refusal(file.data, file.size, &err), "accepted");
    CHECK_STR(refusal(file.data, 40, &err), "broken PNG: premature end of file");
    CHECK_STR(refusal(file.data, file.size - 30, &err), "broken PNG: premature end of file");
    file.data[60] ^= 1;
    CHECK(strstr(refusal(file.data, file.size, &err), "broken PNG: ") == err.text);
}

/* A header that promises more than its file can hold is refused before anything is reserved. */
static void test_picture__small_file_large_promise(void)
{
    const struct png_spec s = {16000, 16000, 8, 2, 0, NULL, 0, NULL, 0};
    struct bytes file = {0};
    png_make(&file, &s, (const uint8_t *)"\0", 1);
    struct itx_error err;
    CHECK_STR(refusal(file.data, file.size, &err), "broken PNG: premature end of file");
    uint8_t jpg[sizeof grey_jpg];
    memcpy(jpg, grey_jpg, sizeof jpg);
    for (size_t i = 0; i + 9 < sizeof jpg; i++)
        if (jpg[i] == 0xff && jpg[i + 1] == 0xc0) memset(jpg + i + 5, 0x3e, 4);
    CHECK_STR(refusal(jpg, sizeof jpg, &err), "broken JPEG: premature end of file");
    struct picture p = {0};
    CHECK(picture_create(&p, 65536, 1, &err) == ITX_E_RANGE);
    CHECK(picture_create(&p, 0, 1, &err) == ITX_E_FORMAT);
    CHECK(picture_create(&p, 65535, 65535, &err) == ITX_E_RANGE);
}

static void test_picture__out_of_memory(void)
{
    for (int n = 0; n < 4; n++) {
        struct picture p = {0};
        mem_fail_after(n);
        const itx_status rc = picture_read_memory(&p, exif6_jpg, sizeof exif6_jpg, 0, NULL);
        mem_fail_after(-1);
        CHECK(rc == ITX_OK || rc == ITX_E_NOMEM);
        CHECK(n != 0 || rc == ITX_E_NOMEM);
        CHECK((p.rgb != NULL) == (rc == ITX_OK));
        picture_release(&p);
    }
}

/* ---- writing ---- */

static void test_picture__round_trips(void)
{
    static const int sizes[][2] = {{1, 1}, {65500, 1}, {1, 65500}, {37, 21}};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct picture p = {0}, q = {0};
        REQUIRE(picture_create(&p, sizes[i][0], sizes[i][1], NULL) == ITX_OK);
        for (int y = 0; y < p.height; y++)
            for (int x = 0; x < p.width; x++)
                for (int k = 0; k < 3; k++)
                    p.rgb[(size_t)y * p.stride + (size_t)(3 * x + k)] =
                        (uint8_t)(60 * k + 2 * (x % 37) + (y % 21));
        void *data = NULL;
        size_t size = 0;
        REQUIRE(picture_encode_png(&p, &data, &size, NULL) == ITX_OK);
        CHECK(picture_read_memory(&q, data, size, 0, NULL) == ITX_OK);
        CHECK(q.width == p.width && q.height == p.height && picture_hash(&p) == picture_hash(&q));
        mem_free(data);
        picture_release(&q);
        REQUIRE(picture_encode_jpeg(&p, 95, &data, &size, NULL) == ITX_OK);
        CHECK(picture_read_memory(&q, data, size, 0, NULL) == ITX_OK);
        CHECK(q.width == p.width && q.height == p.height);
        long long sum = 0;
        const size_t n = p.stride * (size_t)p.height;
        for (size_t j = 0; q.rgb != NULL && j < n; j++) sum += abs(p.rgb[j] - q.rgb[j]);
        CHECK_MSG(sum <= 3 * (long long)n, "mean difference %.2f", (double)sum / (double)n);
        mem_free(data);
        picture_release(&q);
        picture_release(&p);
    }
}

/* ---- files ---- */

static void test_picture__files(void)
{
    char dir[] = "/tmp/intarsia-test-XXXXXX", path[200], pattern[100];
    REQUIRE(mkdtemp(dir) != NULL);
    struct itx_error err = {0};
    struct file_list list = {0};
    CHECK(file_list_add(&list, dir, &err) == ITX_E_IO);
    snprintf(path, sizeof path, "folder %s has no JPEG or PNG pictures", dir);
    CHECK_STR(err.text, path);

    struct picture p = {0}, q = {0};
    REQUIRE(picture_create(&p, 5, 4, NULL) == ITX_OK);
    static const char *const names[] = {"b.JPG", "a.png", "c.jpeg", "d.txt", ".e.png"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        CHECK(picture_write(&p, path, &err) == ITX_OK);
    }
    snprintf(path, sizeof path, "%s/f.png", dir);
    CHECK(mkdir(path, 0777) == 0); /* a folder with a picture's name is none */
    CHECK(file_list_add(&list, dir, &err) == ITX_OK);
    CHECK(list.paths.len == 3);
    for (size_t i = 0; i < list.paths.len && i < 3; i++) {
        static const char *const sorted[] = {"/a.png", "/b.JPG", "/c.jpeg"};
        CHECK_STR(list.paths.data[i] + strlen(dir), sorted[i]);
        CHECK(picture_read(&q, list.paths.data[i], 0, &err) == ITX_OK);
        CHECK(q.width == 5 && q.height == 4);
        picture_release(&q);
    }
    snprintf(pattern, sizeof pattern, "%s/*.p?g", dir);
    CHECK(file_list_add(&list, pattern, &err) == ITX_E_IO); /* matches the empty folder too */
    rmdir(path);
    CHECK(file_list_add(&list, pattern, &err) == ITX_OK);
    snprintf(pattern, sizeof pattern, "%s/*.gif", dir);
    CHECK(file_list_add(&list, pattern, &err) == ITX_E_IO);
    CHECK(strstr(err.text, "nothing matches") != NULL);
    CHECK(file_list_add(&list, "/no/such.jpg", &err) == ITX_OK);
    CHECK(picture_read(&q, "/no/such.jpg", 0, &err) == ITX_E_IO);
    CHECK_STR(err.text, "/no/such.jpg: No such file or directory");
    snprintf(path, sizeof path, "%s/d.txt", dir);
    CHECK(file_write(path, "text", 4, &err) == ITX_OK);
    CHECK(picture_read(&q, path, 0, &err) == ITX_E_FORMAT);
    CHECK(strstr(err.text, "d.txt: not a JPEG or PNG picture") != NULL);
    file_list_release(&list);
    picture_release(&p);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    CHECK(rmdir(dir) == 0); /* nothing half-written was left */
}

/* What is no file is left out with a note, or refused when it is named; subfolders are told of, two levels deep. */
static void test_file_list__odd_entries(void)
{
    char dir[] = "/tmp/intarsia-test-XXXXXX", text[300];
    struct itx_error err = {0};
    struct file_list list = {0};
    REQUIRE(mkdtemp(dir) != NULL && chdir(dir) == 0);
    CHECK(mkfifo("f.jpg", 0666) == 0 && symlink("/dev/zero", "z.png") == 0);
    CHECK(mkdir("b", 0777) == 0 && mkdir("b/c", 0777) == 0 && mkdir("b/c/d", 0777) == 0);
    CHECK(mkdir("a", 0777) == 0 && mkdir("none", 0777) == 0);
    static const char *const files[] = {"a/1.jpg", "b/c/2.png", "b/c/d/3.png", "none/x.txt"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) CHECK(file_write(files[i], "x", 1, &err) == 0);
    CHECK(file_list_add(&list, ".", &err) == ITX_E_IO && list.paths.len == 0);
    CHECK_STR(err.text, "folder . has no JPEG or PNG pictures; its subfolders are not searched, "
                        "there are some in a and b/c");
    CHECK(list.notes.len == 2);
    file_list_release(&list);
    CHECK(file_write("p.jpg", "x", 1, &err) == ITX_OK);
    CHECK(file_list_add(&list, ".", &err) == ITX_OK && list.paths.len == 1);
    CHECK(list.notes.len == 3);
    int n_left_out = 0;
    for (size_t i = 0; i < list.notes.len; i++)
        n_left_out += strstr(list.notes.data[i], "not a file; it is left out") != NULL;
    CHECK(n_left_out == 2);
    static const char *const named[] = {"f.jpg", "z.png", "-"};
    for (size_t i = 0; i < ARRAY_LEN(named); i++)
        CHECK(file_list_add(&list, named[i], &err) != ITX_OK);
    CHECK(file_list_add(&list, "?.jpg", &err) == ITX_OK && list.paths.len == 2);
    file_list_release(&list);
    CHECK(chdir("/") == 0);
    snprintf(text, sizeof text, "rm -r %s", dir);
    CHECK(system(text) == 0);
}

/* BT.601 of the mean of pixels, in real numbers: Y, U, V of the range. */
static void yuv_of(const double *rgb, enum itx_range range, double *yuv)
{
    const double y = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    const bool is_video = range == ITX_RANGE_VIDEO;
    yuv[0] = is_video ? y * 219 / 255 + 16 : y;
    yuv[1] = (rgb[2] - y) * 0.564 * (is_video ? 224.0 / 255 : 1) + 128;
    yuv[2] = (rgb[0] - y) * 0.713 * (is_video ? 224.0 / 255 : 1) + 128;
}

static bool is_rounded(uint8_t got, double exact)
{
    const double within = exact < 0 ? 0 : exact > 255 ? 255 : exact;
    return got - within <= 0.5001 && within - got <= 0.5001;
}

/* Sizes are odd: the last column and row stand for the pixels outside. */
static void check_yuv(const struct picture *p, enum itx_range range)
{
    enum { UV = (W + 1) / 2 * 2 };
    uint8_t full[H * W * 3], nv12[H * W + (H + 1) / 2 * UV];
    REQUIRE(picture_bytes(p, ITX_IMAGE_YUV444, range, full, NULL) == ITX_OK);
    REQUIRE(picture_bytes(p, ITX_IMAGE_NV12, range, nv12, NULL) == ITX_OK);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            double rgb[3], mean[3] = {0}, yuv[3];
            for (int c = 0; c < 3; c++) {
                rgb[c] = p->rgb[(size_t)y * p->stride + (size_t)(x * 3 + c)];
                for (int k = 0; k < 4; k++) {
                    const int v = y / 2 * 2 + k / 2, u = x / 2 * 2 + k % 2;
                    mean[c] += p->rgb[(size_t)(v < H ? v : H - 1) * p->stride +
                                      (size_t)((u < W ? u : W - 1) * 3 + c)] /
                               4.0;
                }
            }
            yuv_of(rgb, range, yuv);
            CHECK(is_rounded(nv12[y * W + x], yuv[0]));
            for (int c = 0; c < 3; c++) CHECK(is_rounded(full[(y * W + x) * 3 + c], yuv[c]));
            yuv_of(mean, range, yuv);
            for (int c = 1; c < 3; c++)
                CHECK(is_rounded(nv12[H * W + y / 2 * UV + x / 2 * 2 + c - 1], yuv[c]));
        }
}

static void test_picture__bytes(void)
{
    struct picture p = {0};
    uint64_t seed = 5;
    REQUIRE(picture_create(&p, W, H, NULL) == ITX_OK);
    for (size_t i = 0; i < H * p.stride; i++) p.rgb[i] = (uint8_t)test_random(&seed);
    memset(p.rgb, 255, 6); /* two white pixels */
    check_yuv(&p, ITX_RANGE_FULL);
    check_yuv(&p, ITX_RANGE_VIDEO);
    uint8_t rgb[H * W * 3], bgr[H * W * 3], gray[H * W];
    REQUIRE(picture_bytes(&p, ITX_IMAGE_RGB, ITX_RANGE_FULL, rgb, NULL) == ITX_OK);
    REQUIRE(picture_bytes(&p, ITX_IMAGE_BGR, ITX_RANGE_FULL, bgr, NULL) == ITX_OK);
    REQUIRE(picture_bytes(&p, ITX_IMAGE_GRAY, ITX_RANGE_FULL, gray, NULL) == ITX_OK);
    for (size_t i = 0; i < H * W; i++) {
        const uint8_t *const at = p.rgb + i / W * p.stride + i % W * 3;
        CHECK(memcmp(rgb + 3 * i, at, 3) == 0);
        CHECK(bgr[3 * i] == at[2] && bgr[3 * i + 1] == at[1] && bgr[3 * i + 2] == at[0]);
        CHECK(is_rounded(gray[i], 0.299 * at[0] + 0.587 * at[1] + 0.114 * at[2]));
    }
    picture_release(&p);
}

TEST_MAIN(TEST(test_picture__png_kinds), TEST(test_picture__jpeg_as_opencv),
          TEST(test_picture__cmyk_without_adobe), TEST(test_picture__orientations),
          TEST(test_picture__turned_in_strips), TEST(test_picture__refusals),
          TEST(test_picture__small_file_large_promise), TEST(test_picture__out_of_memory),
          TEST(test_picture__round_trips), TEST(test_picture__files),
          TEST(test_file_list__odd_entries), TEST(test_picture__bytes))
