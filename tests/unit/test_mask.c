/* SPDX-License-Identifier: Apache-2.0
 *
 * Masks against vectors that SciPy made (OpenCV beside it), and properties on random ones.
 */
#include "yolo/mask.h"

#include <math.h>

#include "base/mem.h"

#include "npy.h"
#include "test.h"

/* The arrays of scripts/golden/yolo_mask.py for one head. */
struct golden {
    struct npy proto, proto_scale, coef, coef_scale, box, fit, photo_box, rect, bits, rle, counts;
    struct yolo_head head;
    int n_photos, n_found;
};

static struct npy load(const char *name, const char *what, const char *type)
{
    char path[64];
    snprintf(path, sizeof path, "yolo/mask_%s_%s", name, what);
    return npy_load(path, type);
}

static struct yolo_tensor tensor(enum dtype dtype, const void *data, const int dim[3], int n_quant,
                                 const float *scale)
{
    const ptrdiff_t pixel = dim[2];
    return (struct yolo_tensor){dtype, data, dim[0],  dim[1], dim[2], dim[1] * pixel,
                                pixel, 1,    n_quant, scale,  NULL};
}

static void golden_load(struct golden *g, const char *name)
{
    g->proto = load(name, "proto", "i2");
    g->proto_scale = load(name, "proto_scale", "f4");
    g->coef = load(name, "coef", "i4");
    g->coef_scale = load(name, "coef_scale", "f4");
    g->box = load(name, "box", "f4");
    g->fit = load(name, "fit", "i4");
    g->photo_box = load(name, "photo_box", "f8");
    g->rect = load(name, "rect", "i4");
    g->bits = load(name, "bits", "u1");
    g->rle = load(name, "rle", "u1");
    g->counts = load(name, "counts", "i4");
    const int coef_dim[3] = {1, g->coef.dim[0], g->coef.dim[1]};
    g->n_found = g->coef.dim[0];
    g->n_photos = g->fit.dim[0];
    g->head = (struct yolo_head){.n_levels = 1, .n_classes = 1, .n_coefs = g->proto.dim[2]};
    g->head.level[0].coef =
        tensor(DTYPE_S32, g->coef.data, coef_dim, coef_dim[2], g->coef_scale.data);
    g->head.proto = tensor(DTYPE_S16, g->proto.data, g->proto.dim, 1, g->proto_scale.data);
}

static void golden_release(struct golden *g)
{
    struct npy *const all[] = {&g->proto, &g->proto_scale, &g->coef,      &g->coef_scale,
                               &g->box,   &g->fit,         &g->photo_box, &g->rect,
                               &g->bits,  &g->rle,         &g->counts};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) free(all[i]->data);
}

static struct letterbox golden_fit(const struct golden *g, int photo)
{
    const int32_t *f = (const int32_t *)g->fit.data + (ptrdiff_t)photo * 8;
    const struct letterbox fit = letterbox_fit(f[6], f[7], f[4], f[5]);
    CHECK(fit.left == f[0] && fit.top == f[1] && fit.new_w == f[2] && fit.new_h == f[3]);
    return fit;
}

static struct yolo_found golden_found(const struct golden *g, int i)
{
    struct yolo_found found = {.score = 1, .place = {0, 0, i}};
    memcpy(found.box, (const float *)g->box.data + (ptrdiff_t)i * 4, sizeof found.box);
    return found;
}

static void check_masks(const char *name)
{
    struct golden g;
    struct yolo_masker *masker = NULL;
    golden_load(&g, name);
    REQUIRE(yolo_masker_create(&masker, &g.head, NULL) == ITX_OK);
    size_t at = 0;
    for (int j = 0; j < g.n_photos * g.n_found; j++) {
        const struct letterbox fit = golden_fit(&g, j / g.n_found);
        const struct yolo_found found = golden_found(&g, j % g.n_found);
        const double *expected_box = (const double *)g.photo_box.data + (ptrdiff_t)j * 4;
        double box[4];
        yolo_photo_box(&fit, found.box, box);
        for (int k = 0; k < 4; k++) CHECK(box[k] == expected_box[k]);
        const struct yolo_rect r = yolo_photo_rect(box);
        CHECK(memcmp(&r, (const int32_t *)g.rect.data + (ptrdiff_t)j * 4, sizeof r) == 0);
        const size_t stride = (size_t)r.w + 3;
        uint8_t *mask = malloc(stride * (size_t)r.h + 1);
        memset(mask, 7, stride * (size_t)r.h);
        const uint64_t allocations = mem_count();
        yolo_mask(masker, &g.head, &found, &fit, &r, mask, stride);
        CHECK(mem_count() == allocations);
        int n_wrong = 0, n_outside = 0;
        for (int y = 0; y < r.h; y++) {
            for (int x = 0; x < r.w; x++, at++) {
                const int bit = ((const uint8_t *)g.bits.data)[at / 8] >> (7 - at % 8) & 1;
                n_wrong += mask[(size_t)y * stride + (size_t)x] != bit;
            }
            for (size_t x = (size_t)r.w; x < stride; x++)
                n_outside += mask[(size_t)y * stride + x] != 7;
        }
        CHECK_MSG(n_wrong == 0, "%s, case %d: %d of %d pixels", name, j, n_wrong, r.w * r.h);
        CHECK(n_outside == 0);
        free(mask);
    }
    CHECK((at + 7) / 8 == g.bits.n);
    yolo_masker_destroy(&masker);
    golden_release(&g);
}

static void test_mask__golden(void)
{
    check_masks("square");
    check_masks("wide");
}

/* ---- a random head under photos of any shape ---- */

enum { PW = 40, PH = 24, COEFS = 7 };

struct scene {
    int16_t proto[PH][PW][COEFS];
    float coef[COEFS], scale;
    struct yolo_head head;
    struct yolo_found found;
};

/* The whole input is the box; waves give outlines everywhere. */
static void scene_init(struct scene *s)
{
    memset(s, 0, sizeof *s);
    for (int y = 0; y < PH; y++)
        for (int x = 0; x < PW; x++)
            for (int k = 0; k < COEFS; k++)
                s->proto[y][x][k] =
                    (int16_t)(3000 * sin(0.31 * (k + 1) * x + 0.23 * (7 - k) * y + k));
    for (int k = 0; k < COEFS; k++) s->coef[k] = (float)(k - 3) + 0.6f;
    s->scale = 0x1.8p-11f;
    const int coef_dim[3] = {1, 1, COEFS}, proto_dim[3] = {PH, PW, COEFS};
    s->head = (struct yolo_head){.n_levels = 1, .n_classes = 1, .n_coefs = COEFS};
    s->head.level[0].coef = tensor(DTYPE_F32, s->coef, coef_dim, 1, NULL);
    s->head.proto = tensor(DTYPE_S16, s->proto, proto_dim, 1, &s->scale);
    s->found = (struct yolo_found){.box = {-10, -10, 400, 400}, .score = 1};
}

static struct letterbox fit_of(int photo_w, int photo_h)
{
    return letterbox_fit(photo_w, photo_h, 4 * PW, 4 * PH);
}

static uint8_t *make_mask(const struct yolo_head *head, const struct yolo_found *found,
                          const struct letterbox *fit, const struct yolo_rect *r)
{
    struct yolo_masker *masker = NULL;
    uint8_t *mask = malloc((size_t)r->w * (size_t)r->h + 1);
    if (yolo_masker_create(&masker, head, NULL) != ITX_OK || mask == NULL) abort();
    yolo_mask(masker, head, found, fit, r, mask, (size_t)r->w);
    yolo_masker_destroy(&masker);
    return mask;
}

/* The definition in doubles, one pixel at a time; 2 where rounding may decide. */
static int slow_pixel(const struct scene *s, const struct letterbox *fit, int x, int y)
{
    const double in_x = fit->left + (x + 0.5) * fit->new_w / fit->in_w;
    const double in_y = fit->top + (y + 0.5) * fit->new_h / fit->in_h;
    const double at_x = fmin(fmax(in_x / 4 - 0.5, 0), PW - 1);
    const double at_y = fmin(fmax(in_y / 4 - 0.5, 0), PH - 1);
    double sum = 0;
    for (int corner = 0; corner < 4; corner++) {
        const double cx = floor(at_x) + (corner & 1), cy = floor(at_y) + (corner >> 1);
        const double weight = (1 - fabs(at_x - cx)) * (1 - fabs(at_y - cy));
        if (weight <= 0) continue;
        for (int k = 0; k < COEFS; k++)
            sum += weight * s->coef[k] * s->scale * s->proto[(int)cy][(int)cx][k];
    }
    return fabs(sum) < 1e-3 ? 2 : sum > 0;
}

static void test_mask__slow_reference(void)
{
    static const int photos[][2] = {{160, 96}, {2600, 1500}, {1025, 33}, {40, 700},
                                    {13, 5},   {1, 1},       {160, 65},  {85, 2 * 96}};
    static struct scene s;
    scene_init(&s);
    for (size_t i = 0; i < ARRAY_LEN(photos); i++) {
        const struct letterbox fit = fit_of(photos[i][0], photos[i][1]);
        const struct yolo_rect r = {0, 0, photos[i][0], photos[i][1]};
        uint8_t *mask = make_mask(&s.head, &s.found, &fit, &r);
        long n_wrong = 0, n_open = 0, n_inside = 0;
        for (int y = 0; y < r.h; y++) {
            for (int x = 0; x < r.w; x++) {
                const int expected = slow_pixel(&s, &fit, x, y);
                const int got = mask[(ptrdiff_t)y * r.w + x];
                n_open += expected == 2;
                n_wrong += expected != 2 && expected != got;
                n_inside += got;
            }
        }
        CHECK_MSG(n_wrong == 0, "%d x %d: %ld wrong", r.w, r.h, n_wrong);
        CHECK(n_open <= (long)r.w * r.h / 100);
        CHECK(r.w * r.h < 100 || (n_inside > 0 && n_inside < (long)r.w * r.h));
        free(mask);
    }
}

/* Any part of a mask equals that part of the whole, reads only the cells it names, and no other layout changes it. */
static void test_mask__parts_cells_layouts(void)
{
    static struct scene s;
    static float planes[COEFS][PH][PW];
    const struct letterbox fit = fit_of(1900, 700);
    const struct yolo_rect all = {0, 0, 1900, 700};
    scene_init(&s);
    uint8_t *whole = make_mask(&s.head, &s.found, &fit, &all);
    uint64_t seed = 3;
    for (int i = 0; i < 40; i++) {
        const int x = (int)(test_random(&seed) % 1900), y = (int)(test_random(&seed) % 700);
        const struct yolo_rect r = {x, y, 1 + (int)(test_random(&seed) % (uint32_t)(1900 - x)),
                                    1 + (int)(test_random(&seed) % (uint32_t)(700 - y))};
        const struct yolo_rect cells = yolo_mask_cells(&s.head, &fit, &r);
        for (int cy = 0; cy < PH; cy++) {
            for (int cx = 0; cx < PW; cx++) {
                const bool read = cx >= cells.x && cx < cells.x + cells.w && cy >= cells.y &&
                                  cy < cells.y + cells.h;
                for (int k = 0; k < COEFS; k++)
                    planes[k][cy][cx] = read ? (float)s.proto[cy][cx][k] * s.scale : NAN;
            }
        }
        struct yolo_head other = s.head;
        other.proto = (struct yolo_tensor){DTYPE_F32,          planes, PH,   PW,  COEFS, PW, 1,
                                           (ptrdiff_t)PH * PW, 1,      NULL, NULL};
        uint8_t *part = make_mask(&other, &s.found, &fit, &r);
        int n_wrong = 0;
        for (int v = 0; v < r.h; v++)
            n_wrong += memcmp(part + (ptrdiff_t)v * r.w, whole + (ptrdiff_t)(r.y + v) * 1900 + r.x,
                              (size_t)r.w) != 0;
        CHECK_MSG(n_wrong == 0, "case %d: %d rows differ", i, n_wrong);
        free(part);
    }
    free(whole);
}

/* A photo that needs no scaling, and the same pixels with the border already around them, have the same masks. */
static void test_mask__border_of_any_size(void)
{
    static struct scene s;
    const struct letterbox whole = fit_of(4 * PW, 4 * PH);
    scene_init(&s);
    for (int i = 1; i <= 20; i++) {
        const bool is_flat = i % 2 != 0;
        const struct letterbox fit = fit_of(4 * PW - (is_flat ? 0 : i), 4 * PH - (is_flat ? i : 0));
        const struct yolo_rect r = {0, 0, fit.in_w, fit.in_h};
        const struct yolo_rect same = {fit.left, fit.top, fit.in_w, fit.in_h};
        CHECK(fit.new_w == fit.in_w && fit.new_h == fit.in_h && fit.left + fit.top == i / 2);
        uint8_t *a = make_mask(&s.head, &s.found, &fit, &r);
        uint8_t *b = make_mask(&s.head, &s.found, &whole, &same);
        CHECK_MSG(memcmp(a, b, (size_t)r.w * (size_t)r.h) == 0, "%d x %d", r.w, r.h);
        free(a);
        free(b);
    }
}

/* Each direction has its own scale: a place in the photo comes back from the input. */
static void test_mask__places_come_back(void)
{
    const struct letterbox odd = letterbox_fit(425, 640, 320, 320);
    double box[4];
    CHECK(odd.new_w == 212 && odd.left == 54 && odd.new_h == 320 && odd.top == 0);
    yolo_photo_box(&odd, (const float[4]){54, 0, 54 + 383 * (212.0f / 425), 320}, box);
    CHECK(fabs(box[2] - 383.0) < 1e-4 && box[0] == 0 && box[3] == 640);
    uint64_t seed = 8;
    for (int i = 0; i < 2000; i++) {
        const int w = 1 + (int)(test_random(&seed) % 2000),
                  h = 1 + (int)(test_random(&seed) % 2000);
        const struct letterbox fit = letterbox_fit(w, h, 320, 192 + 32 * (i % 5));
        const float right = (float)(fit.left + fit.new_w), bottom = (float)(fit.top + fit.new_h);
        const float x = (float)fit.left + 0.75f * (float)fit.new_w;
        const float y = (float)fit.top + 0.25f * (float)fit.new_h;
        yolo_photo_box(&fit, (const float[4]){x, y, right, bottom}, box);
        CHECK(fabs(box[0] - 0.75 * w) < 1e-9 * w && fabs(box[1] - 0.25 * h) < 1e-9 * h);
        CHECK(fabs(box[2] - w) < 1e-9 * w && fabs(box[3] - h) < 1e-9 * h);
    }
}

/* No pixel, no width in float32, or only border: not in the photo. */
static void test_mask__empty_places(void)
{
    static const struct {
        float box[4];
        bool is_there;
    } cases[] = {
        {{10, 10, 20, 20}, true},
        {{10, 10, 10, 20}, false},
        {{10, 20, 20, 20}, false},
        {{10.25f, 20, 10.75f, 30}, false}, /* between two pixels */
        {{10, 20.25f, 30, 20.75f}, false},
        {{10.25f, 20, 11.25f, 30}, true},
        {{-30, 10, 0, 20}, false}, /* left of the photo */
        {{160, 10, 190, 20}, false},
        {{NAN, 10, 20, 20}, true}, /* from 0 */
        {{10, 10, NAN, 20}, false},
        {{10, -INFINITY, 20, INFINITY}, true},
    };
    const struct letterbox fit = fit_of(160, 96);
    double box[4];
    struct yolo_rect r;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const bool is_there = yolo_photo_place(&fit, cases[i].box, box, &r);
        CHECK_MSG(is_there == cases[i].is_there, "case %zu", i);
        CHECK(is_there == (r.w > 0 && r.h > 0 && (float)box[0] < (float)box[2] &&
                           (float)box[1] < (float)box[3]));
    }
    /* Neighbours in the input around a pixel of a photo that is 400 times as wide. */
    const struct letterbox wide = fit_of(64000, 96);
    int n_empty = 0;
    for (float x = 100; x < 110; x = nextafterf(x, 200)) {
        const float narrow[4] = {x, 0, nextafterf(x, 200), 96};
        const bool is_there = yolo_photo_place(&wide, narrow, box, &r);
        CHECK(!is_there || (r.w > 0 && (float)box[0] < (float)box[2]));
        n_empty += r.w > 0 && (float)box[0] == (float)box[2];
    }
    CHECK(n_empty > 0);
}

/* So narrow that the borders meet: a pixel or none is left of it, and the cells on both sides stand for it. */
static void test_mask__thin_photos(void)
{
    static struct scene s;
    scene_init(&s);
    for (int i = 0; i < 2; i++) {
        struct letterbox fit = fit_of(i ? 1 : 65535, i ? 65535 : 1);
        const struct yolo_rect r = {0, 0, i ? 1 : 65535, i ? 65535 : 1};
        double box[4];
        yolo_photo_box(&fit, s.found.box, box);
        const struct yolo_rect full = yolo_photo_rect(box);
        CHECK(full.x == 0 && full.y == 0 && full.w == r.w && full.h == r.h);
        const struct yolo_rect cells = yolo_mask_cells(&s.head, &fit, &r);
        CHECK(cells.x >= 0 && cells.y >= 0 && cells.x + cells.w <= PW && cells.y + cells.h <= PH);
        CHECK(cells.w == (i ? 2 : PW) && cells.h == (i ? PH : 2));
        free(make_mask(&s.head, &s.found, &fit, &r));
    }
    const struct letterbox fit = fit_of(640, 480);
    double box[4];
    yolo_photo_box(&fit, (const float[4]){NAN, -INFINITY, INFINITY, NAN}, box);
    CHECK(box[0] == 0 && box[1] == 0 && box[2] == 640 && box[3] == 0);
    const struct yolo_rect none = yolo_photo_rect((const double[4]){5.2, 6.1, 5.7, 9});
    CHECK(none.x == 6 && none.w == 0 && none.y == 7 && none.h == 2);
}

static void test_mask__detection_gives_the_box(void)
{
    const struct yolo_head head = {.n_levels = 1, .n_classes = 1};
    const struct yolo_found found = {.box = {0, 0, 9, 9}};
    const struct letterbox fit = fit_of(10, 10);
    const struct yolo_rect r = {1, 1, 3, 2};
    uint8_t *mask = make_mask(&head, &found, &fit, &r);
    for (int i = 0; i < 6; i++) CHECK(mask[i] == 1);
    free(mask);
}

static void test_mask__out_of_memory(void)
{
    static struct scene s;
    struct yolo_masker *masker = NULL;
    scene_init(&s);
    for (int n = 0; n < 3; n++) {
        mem_fail_after(n);
        CHECK(yolo_masker_create(&masker, &s.head, NULL) == ITX_E_NOMEM && masker == NULL);
    }
    mem_fail_after(-1);
}

TEST_MAIN(TEST(test_mask__golden), TEST(test_mask__slow_reference),
          TEST(test_mask__parts_cells_layouts), TEST(test_mask__border_of_any_size),
          TEST(test_mask__places_come_back), TEST(test_mask__empty_places),
          TEST(test_mask__thin_photos), TEST(test_mask__detection_gives_the_box),
          TEST(test_mask__out_of_memory))
