/* SPDX-License-Identifier: Apache-2.0
 *
 * Run-length codes against pycocotools' and a slow encoder, outlines against OpenCV's counts, a flood fill and the
 * rule that filling them gives the mask back.
 */
#include "yolo/rle.h"

#include "base/mem.h"
#include "yolo/polygon.h"

#include "npy.h"
#include "test.h"

struct picture {
    int h, w; /* of the photo */
    struct yolo_rect rect;
    uint8_t *mask; /* [rect.h, rect.w] */
    uint8_t *full; /* [h, w] */
};

static void picture_alloc(struct picture *p)
{
    p->mask = calloc((size_t)p->rect.w * (size_t)p->rect.h + 1, 1);
    p->full = calloc((size_t)p->w * (size_t)p->h, 1);
    if (p->mask == NULL || p->full == NULL) abort();
}

static void picture_set(struct picture *p, int x, int y, int bit)
{
    p->mask[(ptrdiff_t)y * p->rect.w + x] = (uint8_t)bit;
    p->full[(ptrdiff_t)(p->rect.y + y) * p->w + p->rect.x + x] = (uint8_t)bit;
}

static void picture_release(struct picture *p)
{
    free(p->mask);
    free(p->full);
}

static const uint8_t *encode(const struct picture *p, struct rle *rle, struct strbuf *text)
{
    CHECK(rle_encode(rle, p->mask, (size_t)p->rect.w, &p->rect, p->h, p->w, NULL) == ITX_OK);
    rle_text(rle, text);
    CHECK(!text->failed);
    return (const uint8_t *)text->data;
}

/* Text back to a code, code back to the mask. */
static void check_way_back(const struct picture *p, const struct rle *rle, struct str text)
{
    struct rle back = {0};
    uint8_t *mask = malloc((size_t)p->w * (size_t)p->h);
    REQUIRE(rle_parse(&back, text, p->h, p->w, NULL) == ITX_OK);
    CHECK(back.run.len == rle->run.len);
    CHECK(memcmp(back.run.data, rle->run.data, rle->run.len * sizeof(uint32_t)) == 0);
    rle_decode(&back, mask, (size_t)p->w);
    CHECK(memcmp(mask, p->full, (size_t)p->w * (size_t)p->h) == 0);
    rle_release(&back);
    free(mask);
}

/* Even-odd filling: a pixel is inside when an odd number of vertical edges lies to its left. */
static void check_fill(const struct picture *p, const struct polygon_list *list)
{
    uint8_t *odd = calloc((size_t)(p->w + 1) * (size_t)p->h, 1);
    long area = 0, n_wrong = 0;
    for (size_t i = 0; i < list->polygon.len; i++) {
        const struct polygon *g = &list->polygon.data[i];
        const struct polygon_point *pt = list->point.data + g->first;
        long twice = 0;
        CHECK(g->n >= 4 && g->n % 2 == 0);
        for (size_t k = 0; k < g->n; k++) {
            const struct polygon_point a = pt[k], b = pt[(k + 1) % g->n], c = pt[(k + 2) % g->n];
            CHECK((a.x == b.x) != (a.y == b.y) && (a.x == b.x) == (b.y == c.y));
            twice += (long)a.x * b.y - (long)b.x * a.y;
            if (a.x != b.x) continue;
            for (int y = a.y < b.y ? a.y : b.y; y < (a.y < b.y ? b.y : a.y); y++)
                odd[(ptrdiff_t)y * (p->w + 1) + a.x] ^= 1;
        }
        CHECK((twice > 0) == (g->side == POLYGON_OUTER));
        area += twice / 2;
    }
    for (int y = 0; y < p->h; y++) {
        int inside = 0;
        for (int x = 0; x < p->w; x++) {
            inside ^= odd[(ptrdiff_t)y * (p->w + 1) + x];
            n_wrong += inside != p->full[(ptrdiff_t)y * p->w + x];
            area -= p->full[(ptrdiff_t)y * p->w + x];
        }
    }
    CHECK_MSG(n_wrong == 0, "%ld pixels", n_wrong);
    CHECK(area == 0);
    free(odd);
}

static void count_outlines(const struct polygon_list *list, int *n_outer, int *n_holes)
{
    *n_outer = *n_holes = 0;
    for (size_t i = 0; i < list->polygon.len; i++) {
        const struct polygon *g = &list->polygon.data[i];
        if (g->side == POLYGON_OUTER)
            CHECK(g->part == (*n_outer)++);
        else
            CHECK(g->part == *n_outer - 1 && ++*n_holes); /* behind its outer one */
    }
    CHECK(list->n_parts == *n_outer);
}

/* ---- golden ---- */

static void check_golden(const char *name)
{
    static const char *const what[5] = {"fit", "rect", "bits", "rle", "counts"};
    static const char *const type[5] = {"i4", "i4", "u1", "u1", "i4"};
    struct npy a[5];
    for (int i = 0; i < 5; i++) {
        char path[64];
        snprintf(path, sizeof path, "yolo/mask_%s_%s", name, what[i]);
        a[i] = npy_load(path, type[i]);
    }
    const int n = a[1].dim[0], each = n / a[0].dim[0];
    const char *line = a[3].data;
    size_t bit = 0;
    for (int i = 0; i < n; i++) {
        const int32_t *fit = (const int32_t *)a[0].data + (ptrdiff_t)(i / each) * 8;
        const int32_t *rect = (const int32_t *)a[1].data + (ptrdiff_t)i * 4;
        const int32_t *counts = (const int32_t *)a[4].data + (ptrdiff_t)i * 7;
        struct picture p = {fit[7], fit[6], {rect[0], rect[1], rect[2], rect[3]}, 0, 0};
        picture_alloc(&p);
        for (int k = 0; k < p.rect.w * p.rect.h; k++, bit++)
            picture_set(&p, k % p.rect.w, k / p.rect.w,
                        ((const uint8_t *)a[2].data)[bit / 8] >> (7 - bit % 8) & 1);
        struct rle rle = {0};
        struct strbuf text = {0};
        struct polygon_list outlines = {0};
        int n_outer, n_holes;
        encode(&p, &rle, &text);
        const size_t len = (size_t)((const char *)memchr(line, '\n', 100000) - line);
        CHECK_MSG(text.len == len && memcmp(text.data, line, len) == 0, "%s case %d: %s", name, i,
                  text.data);
        line += len + 1;
        CHECK((int64_t)rle_area(&rle) == counts[2]);
        const struct yolo_rect bounds = rle_bounds(&rle);
        CHECK(memcmp(&bounds, counts + 3, sizeof bounds) == 0);
        check_way_back(&p, &rle, (struct str){text.data, text.len});
        CHECK(polygon_trace(&outlines, p.mask, (size_t)p.rect.w, &p.rect, NULL) == ITX_OK);
        count_outlines(&outlines, &n_outer, &n_holes);
        CHECK_MSG(n_outer == counts[0] && n_holes == counts[1], "%s case %d: %d %d", name, i,
                  n_outer, n_holes);
        check_fill(&p, &outlines);
        polygon_list_release(&outlines);
        strbuf_release(&text);
        rle_release(&rle);
        picture_release(&p);
    }
    for (int i = 0; i < 5; i++) free(a[i].data);
}

static void test_rle__golden(void)
{
    check_golden("square");
    check_golden("wide");
}

/* ---- random masks of all kinds ---- */

static void random_picture(struct picture *p, uint64_t *seed)
{
    const int kind = (int)(test_random(seed) % 5);
    p->w = 1 + (int)(test_random(seed) % 40);
    p->h = 1 + (int)(test_random(seed) % 40);
    p->rect.x = test_random(seed) % 3 ? (int)(test_random(seed) % (uint32_t)p->w) : 0;
    p->rect.y = test_random(seed) % 3 ? (int)(test_random(seed) % (uint32_t)p->h) : 0;
    p->rect.w = p->w - p->rect.x;
    p->rect.h = p->h - p->rect.y;
    if (test_random(seed) % 3 == 0) p->rect.w = (int)(test_random(seed) % (p->rect.w + 1u));
    if (test_random(seed) % 3 == 0) p->rect.h = (int)(test_random(seed) % (p->rect.h + 1u));
    picture_alloc(p);
    for (int y = 0; y < p->rect.h; y++) {
        for (int x = 0; x < p->rect.w; x++) {
            const uint32_t r = test_random(seed) % 10;
            picture_set(p, x, y,
                        kind == 0   ? r < 5
                        : kind == 1 ? r < 9
                        : kind == 2 ? 1
                        : kind == 3 ? r < 1
                                    : (x / 3 + y / 5) % 2);
        }
    }
}

/* The definition of the code. */
static void check_runs(const struct picture *p, const struct rle *rle)
{
    size_t n = 0;
    uint32_t length = 0;
    uint8_t value = 0;
    for (int x = 0; x < p->w; x++) {
        for (int y = 0; y < p->h; y++, length++) {
            if (p->full[(ptrdiff_t)y * p->w + x] == value) continue;
            CHECK(n < rle->run.len && rle->run.data[n] == length);
            n++;
            value ^= 1;
            length = 0;
        }
    }
    CHECK(rle->run.len == n + 1 && rle->run.data[n] == length);
}

/* Number of parts of pixels equal to `value` in the picture with a border of zeros; 8 or 4 neighbours. */
static int flood_count(const struct picture *p, uint8_t value, int n_neighbours)
{
    static const int dx[8] = {1, -1, 0, 0, 1, 1, -1, -1}, dy[8] = {0, 0, 1, -1, 1, -1, 1, -1};
    const int w = p->w + 2, h = p->h + 2;
    uint8_t *left = calloc((size_t)w * (size_t)h, 1);
    int *stack = malloc(sizeof *stack * (size_t)w * (size_t)h), n_parts = 0;
    for (int i = 0; i < w * h; i++) {
        const int x = i % w - 1, y = i / w - 1;
        const bool inside = x >= 0 && y >= 0 && x < p->w && y < p->h;
        left[i] = (inside ? p->full[(ptrdiff_t)y * p->w + x] : 0) == value;
    }
    for (int i = 0; i < w * h; i++) {
        if (!left[i]) continue;
        int n = 0;
        n_parts++;
        left[i] = 0;
        stack[n++] = i;
        while (n > 0) {
            const int at = stack[--n];
            for (int k = 0; k < n_neighbours; k++) {
                const int x = at % w + dx[k], y = at / w + dy[k];
                if (x < 0 || y < 0 || x >= w || y >= h || !left[y * w + x]) continue;
                left[y * w + x] = 0;
                stack[n++] = y * w + x;
            }
        }
    }
    free(stack);
    free(left);
    return n_parts;
}

static void test_rle__random(void)
{
    uint64_t seed = 11;
    struct rle rle = {0};
    struct polygon_list outlines = {0};
    for (int i = 0; i < 600; i++) {
        struct picture p = {0};
        struct strbuf text = {0};
        int n_outer, n_holes;
        random_picture(&p, &seed);
        encode(&p, &rle, &text);
        check_runs(&p, &rle);
        check_way_back(&p, &rle, (struct str){text.data, text.len});
        CHECK(polygon_trace(&outlines, p.mask, (size_t)p.rect.w, &p.rect, NULL) == ITX_OK);
        count_outlines(&outlines, &n_outer, &n_holes);
        CHECK(n_outer == flood_count(&p, 1, 8));
        CHECK(n_holes == flood_count(&p, 0, 4) - 1); /* without the surroundings */
        check_fill(&p, &outlines);
        strbuf_release(&text);
        picture_release(&p);
    }
    rle_release(&rle);
    polygon_list_release(&outlines);
}

static void test_rle__large_picture(void)
{
    const uint8_t pixel = 1;
    const struct yolo_rect rect = {65534, 65533, 1, 1};
    struct rle rle = {0};
    struct strbuf text = {0};
    REQUIRE(rle_encode(&rle, &pixel, 1, &rect, 65535, 65535, NULL) == ITX_OK);
    REQUIRE(rle.run.len == 3);
    CHECK(rle.run.data[0] == 65534u * 65535u + 65533u && rle.run.data[1] == 1 &&
          rle.run.data[2] == 1);
    const struct yolo_rect bounds = rle_bounds(&rle);
    CHECK(memcmp(&bounds, &rect, sizeof bounds) == 0);
    rle_text(&rle, &text);
    CHECK(rle_parse(&rle, (struct str){text.data, text.len}, 65535, 65535, NULL) == ITX_OK);
    CHECK(rle.run.len == 3 && rle.run.data[0] == 65534u * 65535u + 65533u);
    strbuf_release(&text);
    rle_release(&rle);
}

static void check_refused(const char *text, int h, int w, const char *message)
{
    struct rle rle = {0};
    struct itx_error err = {0};
    CHECK(rle_parse(&rle, str_of(text), h, w, &err) != ITX_OK);
    CHECK_STR(err.text, message);
    CHECK(rle.run.data == NULL && rle.run.len == 0);
}

static void test_rle__refusals(void)
{
    check_refused("", 2, 3, "run-length code: 0 of 6 pixels");
    check_refused("3", 2, 3, "run-length code: 3 of 6 pixels");
    check_refused("7", 2, 3, "run-length code: run 0 does not fit 3 x 2");
    check_refused("11O", 2, 3, "run-length code: run 2 does not fit 3 x 2");
    check_refused("Q", 2, 3, "run-length code: bad number before character 1");
    check_refused("1 5", 2, 3, "run-length code: bad number before character 2");
    check_refused("ooooooooo", 2, 3, "run-length code: bad number before character 8");
    check_refused("6", 0, 3, "run-length code: size 3 x 0, expected 1 to 65535");
    check_refused("6", 3, 65536, "run-length code: size 65536 x 3, expected 1 to 65535");
}

static void test_rle__out_of_memory(void)
{
    uint64_t seed = 99;
    struct picture p = {.w = 30, .h = 30, .rect = {0, 0, 30, 30}};
    int n_encode = 0, n_trace = 0;
    picture_alloc(&p);
    for (int i = 0; i < 900; i++) picture_set(&p, i % 30, i / 30, test_random(&seed) % 2);
    for (;; n_encode++) {
        struct rle rle = {0};
        mem_fail_after(n_encode);
        const itx_status rc = rle_encode(&rle, p.mask, 30, &p.rect, 30, 30, NULL);
        mem_fail_after(-1);
        rle_release(&rle);
        if (rc == ITX_OK) break;
        CHECK(rc == ITX_E_NOMEM);
    }
    for (;; n_trace++) {
        struct polygon_list list = {0};
        mem_fail_after(n_trace);
        const itx_status rc = polygon_trace(&list, p.mask, 30, &p.rect, NULL);
        mem_fail_after(-1);
        polygon_list_release(&list);
        if (rc == ITX_OK) break;
        CHECK(rc == ITX_E_NOMEM);
    }
    CHECK(n_encode > 3 && n_trace > 5);
    picture_release(&p);
}

TEST_MAIN(TEST(test_rle__golden), TEST(test_rle__random), TEST(test_rle__large_picture),
          TEST(test_rle__refusals), TEST(test_rle__out_of_memory))
