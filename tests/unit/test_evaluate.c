/* SPDX-License-Identifier: Apache-2.0
 *
 * Readers and masks against pixels drawn here, hostile files, lack of memory. That the figures are right is for
 * tests/golden/test_evaluate.c.
 */
#include <math.h>

#include "base/compiler.h"
#include "base/mem.h"
#include "coco/agreement.h"
#include "coco/dataset.h"
#include "coco/kept.h"
#include "coco/outline.h"
#include "coco/pairs.h"

#include "test.h"

#define H 7
#define W 9

static void encode(struct rle *rle, const uint8_t *mask)
{
    const struct yolo_rect all = {0, 0, W, H};
    CHECK(rle_encode(rle, mask, W, &all, H, W, NULL) == ITX_OK);
}

/* Blobs, so that runs of zero length, full columns and seams occur. */
static void fill(uint8_t *mask, uint64_t *seed)
{
    const uint32_t kind = test_random(seed) % 4;
    for (int i = 0; i < H * W; i++)
        mask[i] = kind == 0 ? 1 : kind == 1 ? test_random(seed) & 1 : (uint32_t)(i % W) % 5 < kind;
    if (kind == 3) memset(mask, 0, (size_t)(test_random(seed) % (H * W)));
}

static void test_evaluate__two_masks(void)
{
    uint64_t seed = 31;
    for (int round = 0; round < 500; round++) {
        uint8_t a[H * W], b[H * W], either[H * W], got[H * W];
        struct rle x = {0}, y = {0}, z = {0};
        uint64_t n_both = 0;
        fill(a, &seed);
        fill(b, &seed);
        for (int i = 0; i < H * W; i++) {
            n_both += a[i] & b[i];
            either[i] = a[i] | b[i];
        }
        encode(&x, a);
        encode(&y, b);
        CHECK(rle_intersection(&x, &y) == n_both);
        CHECK(rle_union(&z, &x, &y, NULL) == ITX_OK);
        rle_decode(&z, got, W);
        CHECK(memcmp(got, either, sizeof got) == 0);
        rle_release(&x);
        rle_release(&y);
        rle_release(&z);
    }
}

/* Rectangles on whole pixels are exactly these pixels, in either direction and partly outside. */
static void test_evaluate__outline(void)
{
    uint64_t seed = 32;
    for (int round = 0; round < 300; round++) {
        const int x1 = (int)(test_random(&seed) % 14) - 3, x2 = x1 + (int)(test_random(&seed) % 9);
        const int y1 = (int)(test_random(&seed) % 12) - 3, y2 = y1 + (int)(test_random(&seed) % 9);
        const double there[8] = {x1, y1, x1, y2, x2, y2, x2, y1};
        const double back[8] = {x2, y1, x2, y2, x1, y2, x1, y1};
        uint8_t expected[H * W], got[H * W];
        struct rle rle = {0};
        for (int i = 0; i < H * W; i++)
            expected[i] = i % W >= x1 && i % W < x2 && i / W >= y1 && i / W < y2;
        REQUIRE(outline_to_rle(&rle, round & 1 ? there : back, 4, H, W, NULL) == ITX_OK);
        rle_decode(&rle, got, W);
        CHECK_MSG(memcmp(got, expected, sizeof got) == 0, "%d %d %d %d", x1, y1, x2, y2);
        rle_release(&rle);
    }
}

static void test_evaluate__outline_refused(void)
{
    const double far_off[6] = {0, 0, 1e9, 3, 4, 4}, none[6] = {0, 0, NAN, 3, 4, 4};
    const double tall[6] = {0, 0, 60000, 0, 0, 1e5};
    static double again[2 * 2000];
    struct rle rle = {0};
    struct itx_error err = {0};
    CHECK(outline_to_rle(&rle, far_off, 3, H, W, &err) == ITX_E_RANGE);
    CHECK_STR(err.text, "polygon: coordinate 1e+09, limit 131070");
    CHECK(outline_to_rle(&rle, none, 3, H, W, NULL) == ITX_E_RANGE);
    CHECK(outline_to_rle(&rle, tall, 3, 0, W, NULL) == ITX_E_RANGE);
    for (size_t i = 0; i < ARRAY_LEN(again); i++) again[i] = i % 4 == 0 ? 1e5 : 0;
    CHECK(outline_to_rle(&rle, again, ARRAY_LEN(again) / 2, H, W, &err) == ITX_E_RANGE);
    CHECK_STR(err.text, "polygon: outline longer than 67108864 pixels");
    CHECK(rle.run.data == NULL);
}

static const char names[] = "{\"images\": [{\"id\": 5, \"file_name\": \"a.jpg\", \"height\": 20, "
                            "\"width\": 30}, {\"id\": 2, \"file_name\": \"b.jpg\"}],"
                            "\"categories\": [{\"id\": 9, \"name\": \"x\"}],"
                            "\"annotations\": [";

static itx_status parse(struct coco_dataset *set, const char *annotations, struct itx_error *err)
{
    struct strbuf text = {0};
    strbuf_addf(&text, "%s%s]}", names, annotations);
    const itx_status rc = coco_dataset_parse(set, text.data, text.len, NULL, err);
    strbuf_release(&text);
    return rc;
}

static const char good[] =
    "{\"id\": 1, \"image_id\": 5, \"category_id\": 9, \"area\": 6, \"bbox\": [1, 2, 3, 2],"
    " \"segmentation\": [[1, 2, 4, 2, 4, 4, 1, 4]], \"iscrowd\": 1},"
    "{\"id\": 2, \"image_id\": 2, \"category_id\": 9, \"area\": 1.5, \"bbox\": [0, 0, 1, 1.5],"
    " \"segmentation\": {\"size\": [2, 3], \"counts\": [1, 2, 3]}},"
    "{\"id\": 3, \"image_id\": 7, \"category_id\": 9, \"area\": 0},"
    "{\"id\": 4, \"image_id\": 5, \"category_id\": 8, \"area\": 0},"
    "{\"id\": 5, \"image_id\": 5, \"category_id\": 9, \"area\": 0, \"bbox\": [0, 0, 1, 1],"
    " \"segmentation\": []}";

static void test_evaluate__read(void)
{
    static const char list[] =
        "[{\"image_id\": 5, \"category_id\": 9, \"bbox\": [1, 2, 3, 2.5], \"score\": 0.5},"
        "{\"image_id\": 2, \"category_id\": 9, \"bbox\": [1, 2, 3, 2], \"score\": 1},"
        "{\"image_id\": 2, \"category_id\": 1, \"bbox\": [1, 2, 3, 2], \"score\": 1}]";
    static const char masks[] = "[{\"image_id\": 2, \"category_id\": 9, \"score\": 0.5,"
                                " \"segmentation\": {\"size\": [4, 3], \"counts\": [5, 2, 5]}}]";
    struct coco_dataset set;
    struct coco_results results;
    REQUIRE(parse(&set, good, NULL) == ITX_OK);
    REQUIRE(set.n_truths == 3 && set.n_images == 2);
    CHECK(coco_image_index(&set, 2) == 0 && coco_image_index(&set, 5) == 1);
    CHECK(coco_image_index(&set, 3) == -1 && coco_category_index(&set, 8) == -1);
    CHECK(set.truths[0].image == 1 && set.truths[0].is_crowd && set.truths[0].area == 6);
    CHECK(set.truths[0].mask->h == 20 && rle_area(set.truths[0].mask) == 6);
    CHECK(rle_bounds(set.truths[0].mask).y == 2 && rle_bounds(set.truths[0].mask).w == 3);
    CHECK(set.truths[1].image == 0 && !set.truths[1].is_crowd && set.truths[1].box[3] == 1.5);
    CHECK(set.truths[1].mask->h == 2 && rle_area(set.truths[1].mask) == 2);
    CHECK(set.truths[2].mask == NULL);

    REQUIRE(coco_results_parse(&results, &set, list, sizeof list - 1, NULL, NULL) == ITX_OK);
    CHECK(results.n_detections == 2);
    CHECK(results.detections[0].area == 7.5 && results.detections[0].image == 1);
    CHECK(results.detections[0].mask != NULL && rle_bounds(results.detections[0].mask).x == 1);
    CHECK(results.detections[1].mask == NULL); /* nobody says how large the picture is */
    coco_results_release(&results);
    REQUIRE(coco_results_parse(&results, &set, masks, sizeof masks - 1, NULL, NULL) == ITX_OK);
    CHECK(results.detections[0].area == 2 && results.detections[0].box[0] == 1 &&
          results.detections[0].box[1] == 1 && results.detections[0].box[3] == 2);
    coco_results_release(&results);
    coco_dataset_release(&set);
    CHECK(set.n_truths == 0 && set.masks.arenas == NULL);
}

#define ENTRY "{\"image_id\": 5, \"category_id\": 9, \"area\": 1, \"bbox\": [0, 0, 1, 1], "
#define BEFORE "annotations: entry 0: "

static void test_evaluate__annotations_refused(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"7", BEFORE "expected whole numbers \"image_id\", \"category_id\" and an \"area\""},
        {"{\"image_id\": 5, \"category_id\": 9, \"area\": 1, \"bbox\": [0, 0, 1]}",
         BEFORE "bbox: expected a list of 4 numbers"},
        {"{\"image_id\": 5, \"category_id\": 9, \"area\": 1, \"bbox\": [0, 0, 1, \"\"]}",
         BEFORE "bbox: entry 3 is no number"},
        {ENTRY "\"segmentation\": [7]}", BEFORE "polygon: expected a list of x, y, x, y, ..."},
        {ENTRY "\"segmentation\": [[1, 2, 3, 4, 5]]}",
         BEFORE "polygon: expected a list of x, y, x, y, ..."},
        {ENTRY "\"segmentation\": [[1, 2, 3, 4, 5, null]]}",
         BEFORE "polygon: entry 5 is no number"},
        {ENTRY "\"segmentation\": {\"size\": 5}}",
         BEFORE "segmentation: size: expected a list of 2 numbers"},
        {ENTRY "\"segmentation\": {\"size\": [0, 1e9], \"counts\": []}}",
         BEFORE "segmentation: size 1e+09 x 0, expected 1 to 65535"},
        {ENTRY "\"segmentation\": {\"size\": [2, 2], \"counts\": 4}}",
         BEFORE "segmentation: expected \"counts\" with run lengths"},
        {ENTRY "\"segmentation\": {\"size\": [2, 2], \"counts\": [3]}}",
         BEFORE "segmentation: 3 of 4 pixels"},
        {ENTRY "\"segmentation\": {\"size\": [2, 2], \"counts\": [3, 2]}}",
         BEFORE "segmentation: run 1 does not fit 2 x 2"},
        {ENTRY "\"segmentation\": {\"size\": [2, 2], \"counts\": [3, -1, 2]}}",
         BEFORE "segmentation: run 1 does not fit 2 x 2"},
        {ENTRY "\"segmentation\": {\"size\": [2, 2], \"counts\": \"3\"}}",
         BEFORE "run-length code: 3 of 4 pixels"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct coco_dataset set;
        struct itx_error err = {0};
        CHECK(parse(&set, cases[i].text, &err) != ITX_OK);
        CHECK_STR(err.text, cases[i].message);
        CHECK(set.truths == NULL && set.names.images == NULL);
    }
}

static void test_evaluate__results_refused(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{}", "expected a list of results"},
        {"[{\"image_id\": 5, \"category_id\": 9}]",
         "entry 0: expected whole numbers \"image_id\", \"category_id\" and a \"score\""},
        {"[{\"image_id\": 4, \"category_id\": 9, \"score\": 1}]",
         "entry 0: no image 4 in the annotations"},
        {"[{\"image_id\": 5, \"category_id\": 9, \"score\": 1}]",
         "entry 0: neither \"bbox\" nor \"segmentation\""},
        {"[{\"image_id\": 5, \"category_id\": 9, \"score\": 1, \"bbox\": [1, 2, 3, 1e7]}]",
         "entry 0: polygon: coordinate 1e+07, limit 131070"},
    };
    struct coco_dataset set;
    REQUIRE(parse(&set, good, NULL) == ITX_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct coco_results results;
        struct itx_error err = {0};
        CHECK(coco_results_parse(&results, &set, cases[i].text, strlen(cases[i].text), NULL,
                                 &err) != ITX_OK);
        CHECK_STR(err.text, cases[i].message);
        CHECK(results.detections == NULL);
    }
    coco_dataset_release(&set);
}

static void test_evaluate__input_refused(void)
{
    const struct coco_truth truth = {.image = 1, .box = {0, 0, 1, 1}, .area = 1};
    struct coco_detection found = {.box = {0, 0, 1, 1}, .score = NAN, .area = 1};
    struct coco_evaluate_input in = {.n_images = 1,
                                     .n_categories = 1,
                                     .truths = &truth,
                                     .n_truths = 1,
                                     .detections = &found,
                                     .n_detections = 1};
    struct coco_evaluation e = {0};
    struct itx_error err = {0};
    CHECK(coco_evaluate(&e, &in, &err) == ITX_E_INVAL);
    CHECK_STR(err.text, "annotation 0: image 1 of 1, category 0 of 1");
    in.n_images = 2;
    CHECK(coco_evaluate(&e, &in, &err) == ITX_E_INVAL);
    CHECK_STR(err.text, "detection 0: the score is no number");
    found.score = 0.5;
    in.overlap = COCO_OVERLAP_MASK;
    CHECK(coco_evaluate(&e, &in, &err) == ITX_E_INVAL);
    CHECK_STR(err.text, "annotation 0 has no mask");
    CHECK(e.precision == NULL);
    in.overlap = COCO_OVERLAP_BOX;
    CHECK(coco_evaluate(&e, &in, &err) == ITX_OK);
    CHECK(e.stats[0] == 0 && e.stats[3] == 0 && e.stats[5] == -1);
    coco_evaluation_release(&e);
}

/* A detection whose mask is its box, whole pixels of a picture [H, W]. */
static struct coco_detection boxed(struct rle *mask, int category, double score, int x, int y,
                                   int w, int h)
{
    uint8_t ones[H * W];
    memset(ones, 1, sizeof ones);
    const struct yolo_rect rect = {x, y, w, h};
    CHECK(rle_encode(mask, ones, W, &rect, H, W, NULL) == ITX_OK);
    return (struct coco_detection){
        .category = category, .box = {x, y, w, h}, .score = score, .area = w * h, .mask = mask};
}

static void test_evaluate__pairs(void)
{
    struct rle mask[8] = {0};
    const struct coco_detection reference[] = {
        boxed(&mask[0], 0, 0.9, 0, 0, 4, 4),
        boxed(&mask[1], 0, 0.8, 0, 0, 4, 2), /* 8 pixels of the first */
        boxed(&mask[2], 1, 0.7, 5, 3, 4, 4), /* another category */
        boxed(&mask[3], 0, 0.25, 5, 0, 2, 2) /* too weak to count */
    };
    struct coco_detection candidate[] = {
        boxed(&mask[4], 0, 0.3, 0, 0, 4, 4), /* takes what the next left: 8 of 16 */
        boxed(&mask[5], 0, 0.6, 0, 0, 4, 3), /* fits the first best: 12 of 16 */
        boxed(&mask[6], 0, 0.5, 5, 3, 4, 4), /* of the wrong category */
        boxed(&mask[7], 0, 0.9, 5, 0, 2, 2)};
    /* 0.75 against the first, 2 / 3 against the second: the best is taken, not the first met */
    const struct coco_agreement_input in = {
        1, 2, reference, ARRAY_LEN(reference), candidate, ARRAY_LEN(candidate)};
    struct coco_pairs pairs;
    REQUIRE(coco_pair(&pairs, &in, NULL) == ITX_OK);
    CHECK(pairs.n_reference == 3 && pairs.n_matched == 2);
    CHECK(fabs(pairs.mask_iou - (0.75 + 0.5) / 2) < 1e-12);
    for (int n = 0; n < 2; n++) {
        mem_fail_after(n);
        CHECK(coco_pair(&pairs, &in, NULL) == ITX_E_NOMEM);
        mem_fail_after(-1);
    }
    candidate[0].image = candidate[1].image = 1;
    REQUIRE(coco_pair(&pairs, &in, NULL) == ITX_OK);
    CHECK(pairs.n_matched == 0 && pairs.mask_iou == 0);
    candidate[0].mask = NULL;
    CHECK(coco_pair(&pairs, &in, NULL) == ITX_E_INVAL);
    for (size_t i = 0; i < ARRAY_LEN(mask); i++) rle_release(&mask[i]);
}

/* Two pictures with an object each; the candidate finds the first only, the reference both. */
static void test_evaluate__kept(void)
{
    const struct coco_truth truths[] = {{.image = 0, .box = {0, 0, 2, 2}, .area = 4},
                                        {.image = 2, .box = {1, 1, 2, 2}, .area = 4}};
    const struct coco_detection found[] = {
        {.image = 0, .box = {0, 0, 2, 2}, .score = 0.5, .area = 4},
        {.image = 2, .box = {1, 1, 2, 2}, .score = 0.4, .area = 4}};
    int drawn[] = {0, 2};
    struct coco_kept_input in = {.n_images = 3,
                                 .n_categories = 1,
                                 .drawn = drawn,
                                 .n_drawn = 2,
                                 .truths = truths,
                                 .n_truths = 2,
                                 .candidate = found,
                                 .n_candidate = 1,
                                 .reference = found,
                                 .n_reference = 2,
                                 .n_draws = 400};
    struct coco_kept k = {0};
    struct itx_error err = {0};
    REQUIRE(coco_kept(&k, &in, &err) == ITX_OK);
    /* the candidate finds 51 of the 101 recalls; a draw has the first picture twice, once, or not at all */
    CHECK(fabs(k.candidate - 51.0 / 101) < 1e-15 && k.reference == 1 && k.n_draws == 400);
    CHECK(fabs(k.share - 51.0 / 101) < 1e-15 && k.low == 0 && k.high == 1);
    in.n_candidate = 2;
    in.n_reference = 0;
    REQUIRE(coco_kept(&k, &in, &err) == ITX_OK);
    CHECK(k.candidate == 1 && k.reference == 0 && k.share == 0 && k.n_draws == 0);
    in.n_drawn = 0;
    CHECK(coco_kept(&k, &in, &err) == ITX_E_INVAL);
    in.n_drawn = 2;
    in.n_draws = 0;
    CHECK(coco_kept(&k, &in, &err) == ITX_E_INVAL);
    in.n_draws = 1;
    drawn[1] = 3;
    CHECK(coco_kept(&k, &in, &err) == ITX_E_INVAL);
    CHECK_STR(err.text, "image 3 of 3");
}

/* Everything from the file to the figures, with each allocation failing in turn. */
static itx_status go_all_the_way(struct coco_agreement *figures)
{
    static const char list[] =
        "[{\"image_id\": 5, \"category_id\": 9, \"bbox\": [1, 2, 3, 2], \"score\": 0.5}]";
    struct coco_dataset set;
    struct coco_results results = {0};
    itx_status rc = parse(&set, good, NULL);
    if (rc == ITX_OK) rc = coco_results_parse(&results, &set, list, sizeof list - 1, NULL, NULL);
    const struct coco_agreement_input in = {.n_images = set.n_images,
                                            .n_categories = set.names.n_categories,
                                            .reference = results.detections,
                                            .n_reference = results.n_detections,
                                            .candidate = results.detections,
                                            .n_candidate = results.n_detections};
    if (rc == ITX_OK) rc = coco_agreement(figures, &in, NULL);
    const int drawn[] = {0, 1};
    const struct coco_kept_input kept = {.overlap = COCO_OVERLAP_BOX,
                                         .n_images = set.n_images,
                                         .n_categories = set.names.n_categories,
                                         .drawn = drawn,
                                         .n_drawn = 2,
                                         .truths = set.truths,
                                         .n_truths = set.n_truths,
                                         .candidate = results.detections,
                                         .n_candidate = results.n_detections,
                                         .reference = results.detections,
                                         .n_reference = results.n_detections,
                                         .n_draws = 3};
    struct coco_kept share;
    if (rc == ITX_OK) rc = coco_kept(&share, &kept, NULL);
    coco_results_release(&results);
    coco_dataset_release(&set);
    return rc;
}

static void test_evaluate__out_of_memory(void)
{
    struct coco_agreement figures = {{0}, {0}};
    REQUIRE(go_all_the_way(&figures) == ITX_OK);
    CHECK(fabs(figures.box[0] - 1) < 1e-12 && fabs(figures.mask[2] - 1) < 1e-12);
    int n = 0;
    itx_status rc = ITX_E_NOMEM;
    for (; rc != ITX_OK && n < 1000; n++) {
        mem_fail_after(n);
        rc = go_all_the_way(&figures);
        mem_fail_after(-1);
    }
    CHECK(rc == ITX_OK && n > 20);
}

TEST_MAIN(TEST(test_evaluate__two_masks), TEST(test_evaluate__outline),
          TEST(test_evaluate__outline_refused), TEST(test_evaluate__read),
          TEST(test_evaluate__annotations_refused), TEST(test_evaluate__results_refused),
          TEST(test_evaluate__input_refused), TEST(test_evaluate__pairs), TEST(test_evaluate__kept),
          TEST(test_evaluate__out_of_memory))
