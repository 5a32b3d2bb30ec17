/* SPDX-License-Identifier: Apache-2.0
 *
 * The decoder against vectors that NumPy made, against a slow one written differently, and against itself with the
 * same numbers in other types and layouts.
 */
#include "yolo/yolo.h"

#include <math.h>

#include "base/mem.h"
#include "tensor/exact.h"

#include "npy.h"
#include "test.h"

enum { N_LEVELS = 3 };

/* The head of scripts/golden/yolo_decode.py. */
struct golden {
    struct npy array[N_LEVELS][4]; /* cls, cls_scale, box, box_scale */
    struct yolo_head head;
};

static struct yolo_tensor s32_tensor(const struct npy *a, const struct npy *scale)
{
    return (struct yolo_tensor){
        DTYPE_S32, a->data, a->dim[0], a->dim[1],   a->dim[2], (ptrdiff_t)a->dim[1] * a->dim[2],
        a->dim[2], 1,       a->dim[2], scale->data, NULL};
}

static void golden_load(struct golden *g)
{
    static const char *const names[4] = {"cls", "cls_scale", "box", "box_scale"};
    memset(g, 0, sizeof *g);
    for (int i = 0; i < N_LEVELS; i++) {
        for (int j = 0; j < 4; j++) {
            char name[64];
            snprintf(name, sizeof name, "yolo/decode_%s%d", names[j], i);
            g->array[i][j] = npy_load(name, j % 2 ? "f4" : "i4");
        }
        g->head.level[i].stride = 8 << i;
        g->head.level[i].cls = s32_tensor(&g->array[i][0], &g->array[i][1]);
        g->head.level[i].box = s32_tensor(&g->array[i][2], &g->array[i][3]);
    }
    g->head.n_levels = N_LEVELS;
    g->head.n_classes = g->head.level[0].cls.c;
    g->head.reg_max = g->head.level[0].box.c / 4;
}

static void golden_release(struct golden *g)
{
    for (int i = 0; i < N_LEVELS; i++)
        for (int j = 0; j < 4; j++) free(g->array[i][j].data);
}

static int anchor_of(const struct yolo_head *head, struct yolo_place p)
{
    int anchor = p.y * head->level[p.level].cls.w + p.x;
    for (int i = 0; i < p.level; i++) anchor += head->level[i].cls.h * head->level[i].cls.w;
    return anchor;
}

static void check_golden(const char *name, struct yolo_params params)
{
    struct golden g;
    struct yolo_decoder *decoder = NULL;
    struct itx_error err;
    golden_load(&g);
    const struct npy expected = npy_load(name, "f8");
    REQUIRE(yolo_decoder_create(&decoder, &g.head, &err) == ITX_OK);
    const struct yolo_found *found;
    yolo_decoder_run(decoder, &g.head, &params);
    const int n = yolo_decoder_found(decoder, &found);
    CHECK_MSG(n == expected.dim[0], "%s: %d found, expected %d", name, n, expected.dim[0]);
    for (int i = 0; i < n && i < expected.dim[0]; i++) {
        const double *e = (const double *)expected.data + (ptrdiff_t)i * 7;
        for (int k = 0; k < 4; k++) CHECK(fabs(found[i].box[k] - e[k]) < 1e-4);
        CHECK(fabs(found[i].score - e[4]) < 1e-6);
        CHECK(found[i].class_id == (int)e[5]);
        CHECK_MSG(anchor_of(&g.head, found[i].place) == (int)e[6], "%s: instance %d", name, i);
    }
    yolo_decoder_destroy(&decoder);
    free(expected.data);
    golden_release(&g);
}

static void test_yolo__golden_best(void)
{
    check_golden("yolo/decode_best", (struct yolo_params){0.25f, 0.7, 300, YOLO_BEST_LABEL});
}

static void test_yolo__golden_every(void)
{
    check_golden("yolo/decode_every", (struct yolo_params){0.001f, 0.5, 300, YOLO_EVERY_LABEL});
}

static void test_yolo__golden_max_det(void)
{
    check_golden("yolo/decode_few", (struct yolo_params){0.1f, 0.3, 20, YOLO_EVERY_LABEL});
}

/* The exact bits, once they agreed with NumPy: every compiler, option and machine gives these (FNV-1a). */
static void test_yolo__same_bits_everywhere(void)
{
    struct golden g;
    struct yolo_decoder *decoder = NULL;
    golden_load(&g);
    REQUIRE(yolo_decoder_create(&decoder, &g.head, NULL) == ITX_OK);
    const struct yolo_params params = {0.001f, 0.5, 300, YOLO_EVERY_LABEL};
    const struct yolo_found *found;
    uint64_t hash = 0xcbf29ce484222325;
    yolo_decoder_run(decoder, &g.head, &params);
    const int n = yolo_decoder_found(decoder, &found);
    for (int i = 0; i < n; i++) {
        const float numbers[5] = {found[i].box[0], found[i].box[1], found[i].box[2],
                                  found[i].box[3], found[i].score};
        for (int k = 0; k < 5; k++) hash = (hash ^ bits_of_float(numbers[k])) * 0x100000001b3;
    }
    CHECK_MSG(hash == 0x8884f9bc822965f6, "hash 0x%016llx", (unsigned long long)hash);
    yolo_decoder_destroy(&decoder);
    golden_release(&g);
}

/* The same numbers as planes of floats, or as integers of another type when the stored values are small enough. */
static struct yolo_tensor converted(const struct yolo_tensor *t, enum dtype dtype, ptrdiff_t pixel)
{
    struct yolo_tensor u = *t;
    const size_t n = (size_t)t->h * (size_t)t->w;
    float *pixels = malloc(sizeof *pixels * (size_t)t->c);
    char *data = calloc(n * (size_t)(pixel > 0 ? pixel : t->c), 4);
    u.dtype = dtype;
    u.data = data;
    u.pixel = pixel > 0 ? pixel : 1;
    u.row = u.pixel * t->w;
    u.channel = pixel > 0 ? 1 : (ptrdiff_t)n;
    if (dtype == DTYPE_F32) u.scale = NULL;
    for (int y = 0; y < t->h; y++) {
        for (int x = 0; x < t->w; x++) {
            yolo_tensor_pixel(t, y, x, pixels);
            for (int k = 0; k < t->c; k++) {
                const ptrdiff_t at = y * u.row + x * u.pixel + k * u.channel;
                const int32_t v =
                    ((const int32_t *)t->data)[y * t->row + x * t->pixel + k * t->channel];
                if (dtype == DTYPE_F32) ((float *)(void *)data)[at] = pixels[k];
                if (dtype == DTYPE_S32) ((int32_t *)(void *)data)[at] = v;
                if (dtype == DTYPE_S16) ((int16_t *)(void *)data)[at] = (int16_t)v;
                if (dtype == DTYPE_S8) ((int8_t *)data)[at] = (int8_t)v;
            }
        }
    }
    free(pixels);
    return u;
}

static void check_same(const struct yolo_head *a, const struct yolo_head *b)
{
    const struct yolo_params params = {0.05f, 0.6, 300, YOLO_EVERY_LABEL};
    struct yolo_decoder *decoder[2] = {NULL, NULL};
    const struct yolo_found *found[2];
    REQUIRE(yolo_decoder_create(&decoder[0], a, NULL) == ITX_OK);
    REQUIRE(yolo_decoder_create(&decoder[1], b, NULL) == ITX_OK);
    yolo_decoder_run(decoder[0], a, &params);
    yolo_decoder_run(decoder[1], b, &params);
    const int n = yolo_decoder_found(decoder[0], &found[0]);
    CHECK(n > 10);
    CHECK(yolo_decoder_found(decoder[1], &found[1]) == n);
    CHECK(memcmp(found[0], found[1], sizeof *found[0] * (size_t)n) == 0);
    yolo_decoder_destroy(&decoder[0]);
    yolo_decoder_destroy(&decoder[1]);
}

static void test_yolo__layouts_and_types_agree(void)
{
    static const struct {
        enum dtype dtype;
        ptrdiff_t pixel;
        int limit; /* of stored values */
    } cases[] = {{DTYPE_F32, 0, INT32_MAX},  {DTYPE_F32, 70, INT32_MAX}, {DTYPE_S32, 0, INT32_MAX},
                 {DTYPE_S32, 66, INT32_MAX}, {DTYPE_S16, 64, 32767},     {DTYPE_S16, 0, 32767},
                 {DTYPE_S8, 64, 127},        {DTYPE_S8, 0, 127}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct golden g;
        golden_load(&g);
        struct yolo_head other = g.head;
        for (int j = 0; j < N_LEVELS; j++) {
            for (int k = 0; k < 4; k += 2) {
                const struct npy *a = &g.array[j][k], *scale = &g.array[j][k + 1];
                int32_t *v = a->data;
                int32_t max = 1;
                for (size_t e = 0; e < a->n; e++) max = abs(v[e]) > max ? abs(v[e]) : max;
                if (max <= cases[i].limit) continue;
                const int divisor = max / cases[i].limit + 1;
                for (size_t e = 0; e < a->n; e++) v[e] /= divisor;
                for (size_t e = 0; e < scale->n; e++) ((float *)scale->data)[e] *= (float)divisor;
            }
            other.level[j].cls = converted(&g.head.level[j].cls, cases[i].dtype, cases[i].pixel);
            other.level[j].box = converted(&g.head.level[j].box, cases[i].dtype, cases[i].pixel);
        }
        check_same(&g.head, &other);
        for (int j = 0; j < N_LEVELS; j++) {
            free((void *)other.level[j].cls.data);
            free((void *)other.level[j].box.data);
        }
        golden_release(&g);
    }
}

static void test_yolo__zero_points(void)
{
    const int8_t stored[4] = {-128, -28, 72, 127};
    const float scale[2] = {0.5f, 0.25f};
    const int32_t zero[2] = {-28, 72};
    const struct yolo_tensor t = {DTYPE_S8, stored, 1, 2, 2, 4, 2, 1, 2, scale, zero};
    float out[4];
    yolo_tensor_row(&t, 0, 0, 2, out);
    CHECK(out[0] == -50 && out[1] == -25 && out[2] == 50 && out[3] == 13.75f);
}

/* ---- a large random head, decoded the slow way ---- */

struct slow {
    float score, box[4];
    uint32_t index;
};

static int by_score(const void *a, const void *b)
{
    const struct slow *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static int slow_nms(struct slow *list, int n, int n_classes, double iou, int max_det)
{
    int n_kept = 0;
    for (int i = 0; i < n && n_kept < max_det; i++) {
        const float *a = list[i].box;
        bool keep = true;
        for (int j = 0; j < n_kept && keep; j++) {
            const float *b = list[j].box;
            if (list[i].index % (uint32_t)n_classes != list[j].index % (uint32_t)n_classes)
                continue;
            const double w = fmax(0, fmin(a[2], b[2]) - fmax(a[0], b[0]));
            const double h = fmax(0, fmin(a[3], b[3]) - fmax(a[1], b[1]));
            const double both = (double)(a[2] - (double)a[0]) * (a[3] - (double)a[1]) +
                                (double)(b[2] - (double)b[0]) * (b[3] - (double)b[1]);
            keep = w * h / (both - w * h + 1e-9) <= iou;
        }
        if (keep) list[n_kept++] = list[i];
    }
    return n_kept;
}

static void test_yolo__crowd(void)
{
    enum { SIZE = 48, CLASSES = 37, REG = 4, N = SIZE * SIZE };
    static int32_t cls[N * CLASSES], box[N * 4 * REG];
    static struct slow all[N * CLASSES];
    const float cls_scale = 1e-3f, box_scale = 1e-3f;
    uint64_t seed = 7;
    for (int i = 0; i < N * CLASSES; i++) cls[i] = (int32_t)(test_random(&seed) % 8000) - 4000;
    for (int i = 0; i < N * 4 * REG; i++) box[i] = (int32_t)(test_random(&seed) % 6000);
    const struct yolo_head head = {
        .n_levels = 1,
        .n_classes = CLASSES,
        .reg_max = REG,
        .level = {
            {8,
             {DTYPE_S32, cls, SIZE, SIZE, CLASSES, SIZE * CLASSES, CLASSES, 1, 1, &cls_scale, NULL},
             {DTYPE_S32, box, SIZE, SIZE, 4 * REG, SIZE * 4 * REG, 4 * REG, 1, 1, &box_scale, NULL},
             {0}}}};
    const struct yolo_params params = {0.02f, 0.4, 30000, YOLO_EVERY_LABEL};
    struct yolo_decoder *decoder = NULL;
    REQUIRE(yolo_decoder_create(&decoder, &head, NULL) == ITX_OK);
    const uint64_t allocations = mem_count();
    yolo_decoder_run(decoder, &head, &params);
    CHECK(mem_count() == allocations);
    for (uint32_t i = 0; i < N * CLASSES; i++) {
        all[i].score = exact_sigmoid((float)cls[i] * cls_scale);
        all[i].index = i;
        for (int side = 0; side < 4; side++) {
            double sum = 0, weighted = 0;
            for (int k = 0; k < REG; k++) {
                const double e =
                    exp(box[(i / CLASSES * 4 + (uint32_t)side) * REG + (uint32_t)k] / 1000.0);
                sum += e;
                weighted += k * e;
            }
            const double centre =
                (side % 2 ? i / CLASSES / SIZE : i / CLASSES % SIZE) + 0.5; /* y, x */
            all[i].box[side] =
                (float)(8 * (side < 2 ? centre - weighted / sum : centre + weighted / sum));
        }
    }
    /* all scores are above 0.018, fewer above 0.02; both cuts matter */
    qsort(all, N * CLASSES, sizeof all[0], by_score);
    CHECK(all[N * CLASSES - 1].score < params.conf && all[YOLO_MAX_CANDIDATES].score > params.conf);
    const int n_expected = slow_nms(all, YOLO_MAX_CANDIDATES, CLASSES, params.iou, params.max_det);
    const struct yolo_found *found;
    const int n = yolo_decoder_found(decoder, &found);
    CHECK_MSG(n == n_expected, "%d found, expected %d", n, n_expected);
    CHECK(n > 1000 && n < YOLO_MAX_CANDIDATES);
    for (int i = 0; i < n && i < n_expected; i++) {
        CHECK(found[i].score == all[i].score);
        CHECK((uint32_t)(found[i].place.y * SIZE + found[i].place.x) * CLASSES +
                  (uint32_t)found[i].class_id ==
              all[i].index);
        for (int k = 0; k < 4; k++) CHECK(fabsf(found[i].box[k] - all[i].box[k]) < 1e-3f);
    }
    yolo_decoder_destroy(&decoder);
}

/* ---- hostile numbers, refusals, memory ---- */

static struct yolo_head tiny_head(const float *cls, const float *box)
{
    return (struct yolo_head){.n_levels = 1,
                              .n_classes = 3,
                              .reg_max = 2,
                              .level = {{8,
                                         {DTYPE_F32, cls, 1, 2, 3, 6, 3, 1, 1, NULL, NULL},
                                         {DTYPE_F32, box, 1, 2, 8, 16, 8, 1, 1, NULL, NULL},
                                         {0}}}};
}

static void test_yolo__not_numbers(void)
{
    const float cls[6] = {NAN, NAN, -INFINITY, NAN, INFINITY, 3};
    const float box[16] = {NAN, NAN, INFINITY, INFINITY, -INFINITY, INFINITY, -INFINITY, -INFINITY,
                           NAN, 1,   0,        0,        0,         0,        0,         0};
    const struct yolo_head head = tiny_head(cls, box);
    const struct yolo_found *found;
    struct yolo_decoder *decoder = NULL;
    REQUIRE(yolo_decoder_create(&decoder, &head, NULL) == ITX_OK);
    yolo_decoder_run(decoder, &head, &(struct yolo_params){0, 0.5, 10, YOLO_EVERY_LABEL});
    REQUIRE(yolo_decoder_found(decoder, &found) >= 2); /* -infinity scores above 0 by a hair */
    CHECK(found[0].score == 1 && found[0].class_id == 1 && found[0].place.x == 1);
    CHECK(found[1].class_id == 2 && found[1].place.x == 1);
    yolo_decoder_run(decoder, &head, &(struct yolo_params){0.5f, 0.5, 10, YOLO_BEST_LABEL});
    CHECK(yolo_decoder_found(decoder, &found) == 1);
    yolo_decoder_run(decoder, &head, &(struct yolo_params){1, 0.5, 10, YOLO_EVERY_LABEL});
    CHECK(yolo_decoder_found(decoder, &found) == 0);
    yolo_decoder_destroy(&decoder);
}

static void check_refused(const struct yolo_head *head, const char *message)
{
    struct yolo_decoder *decoder = NULL;
    struct itx_error err = {0};
    CHECK(yolo_decoder_create(&decoder, head, &err) != ITX_OK);
    CHECK_STR(err.text, message);
    CHECK(decoder == NULL);
}

static void test_yolo__refusals(void)
{
    const struct yolo_head good = tiny_head(NULL, NULL);
    const float bad_scale = -1;
    const int32_t bad_zero = 1;
    struct yolo_head h = good;
    h.n_levels = 9;
    check_refused(&h, "9 head levels, expected 1 to 8");
    h = good;
    h.reg_max = 1;
    check_refused(&h, "1 bins for a side of a box, expected 2 to 64");
    h = good;
    h.n_classes = 4;
    check_refused(&h, "head level 0: class logits: 3 channels, expected 4");
    h = good;
    h.level[0].box.w = 3;
    check_refused(&h, "head level 0: class logits, boxes and coefficients differ in size");
    h = good;
    h.level[0].cls.scale = &bad_scale;
    check_refused(&h, "head level 0: class logits: scale -1 of channel 0");
    h = good;
    h.level[0].cls.zero_point = &bad_zero;
    check_refused(&h, "head level 0: class logits: zero point 1 of channel 0, expected 0 to 0");
    h = good;
    h.n_coefs = 5;
    check_refused(&h, "head level 0: mask coefficients: elements of type none");
    h = good;
    h.level[0].cls.h = h.level[0].cls.w = h.level[0].box.h = h.level[0].box.w = 65536;
    check_refused(&h, "4294967296 anchors of 3 classes");
}

static void test_yolo__out_of_memory(void)
{
    const struct yolo_head head = tiny_head(NULL, NULL);
    struct yolo_decoder *decoder = NULL;
    int n = 0;
    for (; n < 100; n++) {
        mem_fail_after(n);
        const itx_status rc = yolo_decoder_create(&decoder, &head, NULL);
        mem_fail_after(-1);
        if (rc == ITX_OK) break;
        CHECK(rc == ITX_E_NOMEM && decoder == NULL);
    }
    CHECK(n > 5 && n < 100);
    yolo_decoder_destroy(&decoder);
}

TEST_MAIN(TEST(test_yolo__golden_best), TEST(test_yolo__golden_every),
          TEST(test_yolo__golden_max_det), TEST(test_yolo__same_bits_everywhere),
          TEST(test_yolo__layouts_and_types_agree), TEST(test_yolo__zero_points),
          TEST(test_yolo__crowd), TEST(test_yolo__not_numbers), TEST(test_yolo__refusals),
          TEST(test_yolo__out_of_memory))
