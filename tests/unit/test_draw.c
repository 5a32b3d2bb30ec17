/* SPDX-License-Identifier: Apache-2.0
 *
 * What drawing may touch and what it must: inside, edge, outside, tags.
 */
#include "vision/draw.h"

#include <math.h>
#include <stdbool.h>

#include "base/mem.h"

#include "test.h"

struct masks {
    struct draw_mask mask[64];
    int n_calls;
};

static itx_status give_mask(void *ctx, int i, struct draw_mask *mask, struct itx_error *err)
{
    (void)err;
    struct masks *m = ctx;
    *mask = m->mask[i];
    m->n_calls++;
    return ITX_OK;
}

/* A grey picture. */
static bool make_picture(struct picture *p, int w, int h)
{
    if (picture_create(p, w, h, NULL) != ITX_OK) return false;
    memset(p->rgb, 128, p->stride * (size_t)h);
    return true;
}

static const uint8_t *pixel(const struct picture *p, int x, int y)
{
    return p->rgb + (size_t)y * p->stride + (size_t)x * 3;
}

static bool is_grey(const struct picture *p, int x, int y)
{
    const uint8_t *c = pixel(p, x, y);
    return c[0] == 128 && c[1] == 128 && c[2] == 128;
}

/* Pixels outside the box widened by `margin` that are no longer grey. */
static int n_painted_outside(const struct picture *p, const struct draw_mask *m, int margin)
{
    int n = 0;
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++)
            if (x < m->x - margin || x >= m->x + m->w + margin || y < m->y - margin ||
                y >= m->y + m->h + margin)
                n += !is_grey(p, x, y);
    return n;
}

static struct draw_instance instance_of(const struct draw_mask *m)
{
    return (struct draw_instance){
        (float)m->x, (float)m->y, (float)(m->x + m->w), (float)(m->y + m->h), 0.87f, 0, "nut"};
}

/* A disc of radius 60 at (200, 220). */
static void test_draw__inside_edge_outside(void)
{
    static uint8_t disc[121 * 121];
    for (int y = 0; y <= 120; y++)
        for (int x = 0; x <= 120; x++)
            disc[y * 121 + x] = (x - 60) * (x - 60) + (y - 60) * (y - 60) <= 3600;
    struct masks masks = {.mask = {{140, 160, 121, 121, disc}}};
    const struct draw_instance d = instance_of(&masks.mask[0]);
    struct picture p = {0};
    REQUIRE(make_picture(&p, 400, 400));
    CHECK(draw_instances(&p, &d, 1, give_mask, &masks, NULL) == ITX_OK);
    CHECK(masks.n_calls == 1);
    /* inside: translucent, all the same */
    const uint8_t *centre = pixel(&p, 200, 220);
    CHECK(centre[0] > 150 && centre[0] < 215 && centre[1] < 128 && centre[1] > 90);
    for (int y = -40; y <= 40; y++)
        for (int x = -40; x <= 40; x++) CHECK(memcmp(pixel(&p, 200 + x, 220 + y), centre, 3) == 0);
    /* the edge: nearly the full colour all round, evenly */
    for (int a = 0; a < 360; a += 5) {
        const double t = a * 3.14159265 / 180;
        int brightest = 0;
        for (double r = 57; r <= 63; r += 0.5) {
            const int x = (int)lround(200 + r * cos(t)), y = (int)lround(220 + r * sin(t));
            if (pixel(&p, x, y)[0] > brightest) brightest = pixel(&p, x, y)[0];
        }
        CHECK_MSG(brightest >= 235, "angle %d: %d", a, brightest);
        const int x = (int)lround(200 + 66 * cos(t)), y = (int)lround(220 + 66 * sin(t));
        if (y > 240) CHECK(is_grey(&p, x, y)); /* above may be the tag */
    }
    for (int y = 300; y < 400; y++)
        for (int x = 0; x < 400; x++) CHECK(is_grey(&p, x, y));
    picture_release(&p);
}

/* Two tags for the same place do not cover each other. */
static void test_draw__tags_do_not_overlap(void)
{
    struct masks masks = {.mask = {{150, 150, 100, 60, NULL}, {150, 150, 100, 60, NULL}}};
    int n_painted[2];
    for (int n = 1; n <= 2; n++) {
        const struct draw_instance d[2] = {instance_of(&masks.mask[0]),
                                           instance_of(&masks.mask[1])};
        struct picture p = {0};
        REQUIRE(make_picture(&p, 400, 400));
        CHECK(draw_instances(&p, d, n, give_mask, &masks, NULL) == ITX_OK);
        n_painted[n - 1] = n_painted_outside(&p, &masks.mask[0], 3);
        picture_release(&p);
    }
    if (n_painted[0] == 0) SKIP("no font is installed");
    CHECK_MSG(n_painted[1] > n_painted[0] * 9 / 5, "%d, %d", n_painted[0], n_painted[1]);
}

/* Any place, any size, hostile names: nothing is written outside (the sanitizers watch), all get called. */
static void test_draw__anywhere(void)
{
    static const int sizes[][2] = {{1, 1}, {3, 200}, {200, 2}, {64, 64}, {333, 129}};
    static const char *const names[] = {
        NULL,
        "",
        "name",
        "\xff\xfe",
        "a\nb",
        "a very long name of something that hardly fits the picture "
        "whatever one does \xc3\xa4"};
    uint64_t seed = 7;
    for (size_t s = 0; s < 5; s++) {
        struct picture p = {0};
        REQUIRE(make_picture(&p, sizes[s][0], sizes[s][1]));
        struct masks masks = {0};
        struct draw_instance d[64];
        uint8_t *ones = mem_alloc((size_t)p.width * (size_t)p.height);
        REQUIRE(ones != NULL);
        memset(ones, 1, (size_t)p.width * (size_t)p.height);
        for (int i = 0; i < 64; i++) {
            struct draw_mask *m = &masks.mask[i];
            m->x = (int)(test_random(&seed) % (uint32_t)p.width);
            m->y = (int)(test_random(&seed) % (uint32_t)p.height);
            m->w = 1 + (int)(test_random(&seed) % (uint32_t)(p.width - m->x));
            m->h = 1 + (int)(test_random(&seed) % (uint32_t)(p.height - m->y));
            m->data = i % 3 == 0 ? NULL : ones;
            d[i] = instance_of(m);
            d[i].class_id = i * 37;
            d[i].name = names[i % 6];
        }
        struct itx_error err = {0};
        CHECK(draw_instances(&p, d, 64, give_mask, &masks, &err) == ITX_OK);
        CHECK(masks.n_calls == 64);
        CHECK(!is_grey(&p, masks.mask[0].x, masks.mask[0].y));
        mem_free(ones);
        picture_release(&p);
    }
}

static void test_draw__out_of_memory(void)
{
    const struct draw_mask box = {10, 10, 20, 20, NULL};
    for (int n = 0; n < 9; n++) {
        struct masks masks = {.mask = {box}};
        const struct draw_instance d = instance_of(&box);
        struct picture p = {0};
        REQUIRE(make_picture(&p, 64, 64));
        mem_fail_after(n);
        const itx_status rc = draw_instances(&p, &d, 1, give_mask, &masks, NULL);
        mem_fail_after(-1);
        CHECK(n < 6 ? rc == ITX_E_NOMEM : rc == ITX_OK || rc == ITX_E_NOMEM);
        picture_release(&p);
    }
}

TEST_MAIN(TEST(test_draw__inside_edge_outside), TEST(test_draw__tags_do_not_overlap),
          TEST(test_draw__anywhere), TEST(test_draw__out_of_memory))
