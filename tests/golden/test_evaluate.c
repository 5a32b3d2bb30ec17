/* SPDX-License-Identifier: Apache-2.0
 *
 * Does the evaluation give pycocotools' numbers? Cases made by scripts/golden/coco_eval.py; the tolerance is for sums in
 * another order.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "coco/agreement.h"
#include "coco/dataset.h"
#include "coco/kept.h"

#include "test.h"

#define TOLERANCE 1e-12

struct golden {
    struct coco_dataset set;
    struct coco_results results, reference;
    json_t *expected;
};

static const char *path_of(char *path, size_t size, const char *name, const char *what)
{
    snprintf(path, size, "%s/coco/eval_%s_%s.json", GOLDEN_DIR, name, what);
    return path;
}

static void release(struct golden *g)
{
    coco_results_release(&g->results);
    coco_results_release(&g->reference);
    coco_dataset_release(&g->set);
    json_decref(g->expected);
}

static void open_case(struct golden *g, const char *name)
{
    char path[512];
    struct itx_error err = {0};
    *g = (struct golden){.expected =
                             json_load_file(path_of(path, sizeof path, name, "expected"), 0, NULL)};
    REQUIRE(g->expected != NULL);
    itx_status rc =
        coco_dataset_read(&g->set, path_of(path, sizeof path, name, "instances"), NULL, &err);
    if (rc == ITX_OK)
        rc = coco_results_read(&g->results, &g->set, path_of(path, sizeof path, name, "results"),
                               NULL, &err);
    if (rc == ITX_OK)
        rc = coco_results_read(&g->reference, &g->set,
                               path_of(path, sizeof path, name, "reference"), NULL, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
}

static double number(const json_t *list, int i)
{
    const json_t *entry = json_array_get(list, (size_t)i);
    CHECK(json_is_number(entry));
    return json_number_value(entry);
}

static void check_number(double got, double expected, const char *what, int i)
{
    CHECK_MSG(fabs(got - expected) <= TOLERANCE * fmax(1, fabs(expected)),
              "%s %d: got %.17g, expected %.17g", what, i, got, expected);
}

/* Sums over overlaps and recalls: [category][area][limit]. */
static void check_curves(const struct coco_evaluation *e, const json_t *expected)
{
    const json_t *precision = json_object_get(expected, "precision");
    const json_t *recall = json_object_get(expected, "recall");
    CHECK(json_array_size(precision) == (size_t)e->n_categories);
    for (int i = 0; i < e->n_categories * COCO_AREA_COUNT * COCO_LIMIT_COUNT; i++) {
        const int limit = i % COCO_LIMIT_COUNT, area = i / COCO_LIMIT_COUNT % COCO_AREA_COUNT;
        const int k = i / (COCO_LIMIT_COUNT * COCO_AREA_COUNT);
        double precisions = 0, recalls = 0;
        for (int t = 0; t < COCO_N_IOUS; t++) {
            for (int r = 0; r < COCO_N_RECALLS; r++)
                precisions +=
                    coco_precision(e, t, r, k, (enum coco_area)area, (enum coco_limit)limit);
            recalls += coco_recall(e, t, k, (enum coco_area)area, (enum coco_limit)limit);
        }
        const json_t *row = json_array_get(json_array_get(precision, (size_t)k), (size_t)area);
        check_number(precisions, number(row, limit), "precision", i);
        row = json_array_get(json_array_get(recall, (size_t)k), (size_t)area);
        check_number(recalls, number(row, limit), "recall", i);
    }
}

/* Any number of threads gives the same bytes. */
static void check_threads(const struct coco_evaluate_input *input, const struct coco_evaluation *e)
{
    for (int n_threads = 2; n_threads <= 5; n_threads += 3) {
        struct coco_evaluate_input in = *input;
        struct coco_evaluation other = {0};
        const size_t n = (size_t)(COCO_N_IOUS * COCO_AREA_COUNT * COCO_LIMIT_COUNT) *
                         (size_t)e->n_categories * sizeof *e->precision;
        REQUIRE(pool_create(&in.pool, n_threads, NULL) == ITX_OK);
        REQUIRE(coco_evaluate(&other, &in, NULL) == ITX_OK);
        CHECK(memcmp(other.stats, e->stats, sizeof e->stats) == 0);
        CHECK(memcmp(other.precision, e->precision, COCO_N_RECALLS * n) == 0);
        CHECK(memcmp(other.recall, e->recall, n) == 0);
        coco_evaluation_release(&other);
        pool_destroy(&in.pool);
    }
}

static void check_kind(const struct golden *g, enum coco_overlap overlap, const json_t *expected)
{
    struct coco_evaluation e = {0};
    struct itx_error err = {0};
    const struct coco_evaluate_input in = {
        .overlap = overlap,
        .n_images = g->set.n_images,
        .n_categories = g->set.names.n_categories,
        .truths = g->set.truths,
        .n_truths = g->set.n_truths,
        .detections = g->results.detections,
        .n_detections = g->results.n_detections,
    };
    const itx_status rc = coco_evaluate(&e, &in, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    if (rc != ITX_OK) return;
    for (int i = 0; i < COCO_N_STATS; i++)
        check_number(e.stats[i], number(json_object_get(expected, "stats"), i), "stats", i);
    check_curves(&e, expected);
    check_threads(&in, &e);
    coco_evaluation_release(&e);
}

static void check_agreement(const struct golden *g, const json_t *expected)
{
    struct coco_agreement figures = {0};
    struct itx_error err = {0};
    const struct coco_agreement_input in = {
        .n_images = g->set.n_images,
        .n_categories = g->set.names.n_categories,
        .reference = g->reference.detections,
        .n_reference = g->reference.n_detections,
        .candidate = g->results.detections,
        .n_candidate = g->results.n_detections,
    };
    CHECK_MSG(coco_agreement(&figures, &in, &err) == ITX_OK, "%s", err.text);
    for (int i = 0; i < 3; i++) {
        check_number(figures.box[i], number(json_object_get(expected, "bbox"), i), "box", i);
        check_number(figures.mask[i], number(json_object_get(expected, "segm"), i), "mask", i);
    }
}

static void check_case(const char *name)
{
    struct golden g;
    const int n_failed = test_n_failed_checks;
    open_case(&g, name);
    if (test_n_failed_checks == n_failed) {
        check_kind(&g, COCO_OVERLAP_BOX, json_object_get(g.expected, "bbox"));
        check_kind(&g, COCO_OVERLAP_MASK, json_object_get(g.expected, "segm"));
        check_agreement(&g, json_object_get(g.expected, "agreement"));
    }
    release(&g);
}

/* What faster-coco-eval expects of the results that come with the COCO API (tests/test_cocoapi_fake_data.py, to ten
 * places). The files are not ours to carry: COCOAPI_RESULTS names a folder with instances_val2014_100.json and
 * instances_val2014_fake{bbox,segm}100_results.json. */
static const double published[2][COCO_N_STATS] = {
    {0.5045806987249628, 0.6969727247299577, 0.5729816669904824, 0.5856257209410443,
     0.5193996948036719, 0.5013978986347466, 0.38681277964578054, 0.5936795762842003,
     0.595352982877607, 0.6398109626113442, 0.5664205978994309, 0.5642905982905982},
    {0.3195452758576433, 0.5622883972521636, 0.29892653412086784, 0.3873740315997838,
     0.31018272403369485, 0.3269339071005138, 0.2682297225711534, 0.41544868114906375,
     0.4168394992198818, 0.4694498622754236, 0.37675922666197265, 0.3814715099715099}};

static void check_published(const char *folder, enum coco_overlap overlap, const char *kind)
{
    struct coco_dataset set;
    struct coco_results results = {0};
    struct coco_evaluation e = {0};
    struct itx_error err = {0};
    char path[2][512];
    snprintf(path[0], sizeof path[0], "%s/instances_val2014_100.json", folder);
    snprintf(path[1], sizeof path[1], "%s/instances_val2014_fake%s100_results.json", folder, kind);
    itx_status rc = coco_dataset_read(&set, path[0], NULL, &err);
    if (rc == ITX_OK) rc = coco_results_read(&results, &set, path[1], NULL, &err);
    const struct coco_evaluate_input in = {.overlap = overlap,
                                           .n_images = set.n_images,
                                           .n_categories = set.names.n_categories,
                                           .truths = set.truths,
                                           .n_truths = set.n_truths,
                                           .detections = results.detections,
                                           .n_detections = results.n_detections};
    if (rc == ITX_OK) rc = coco_evaluate(&e, &in, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    for (int i = 0; rc == ITX_OK && i < COCO_N_STATS; i++)
        check_number(e.stats[i], published[overlap == COCO_OVERLAP_MASK][i], kind, i);
    coco_evaluation_release(&e);
    coco_results_release(&results);
    coco_dataset_release(&set);
}

static void test_evaluate__published(void)
{
    const char *folder = getenv("COCOAPI_RESULTS");
    if (folder == NULL) SKIP("COCOAPI_RESULTS names no folder with the COCO API's results");
    check_published(folder, COCO_OVERLAP_BOX, "bbox");
    check_published(folder, COCO_OVERLAP_MASK, "segm");
}

static void test_evaluate__mixed(void)
{
    check_case("mixed");
}

static void test_evaluate__many_detections(void)
{
    check_case("many");
}

static void test_evaluate__masks_only(void)
{
    check_case("masks_only");
}

static void test_evaluate__boxes_only(void)
{
    check_case("boxes_only");
}

static void check_kept_by(const struct golden *g, enum coco_overlap overlap, const json_t *expected,
                          int n_threads)
{
    const json_t *list = json_object_get(expected, overlap == COCO_OVERLAP_BOX ? "bbox" : "segm");
    struct itx_error err = {0};
    struct coco_kept k = {0};
    int drawn[64];
    struct pool *pool = NULL;
    REQUIRE(g->set.n_images <= 64 && pool_create(&pool, n_threads, NULL) == ITX_OK);
    for (int i = 0; i < g->set.n_images; i++) drawn[i] = i;
    const struct coco_kept_input in = {
        .overlap = overlap,
        .n_images = g->set.n_images,
        .n_categories = g->set.names.n_categories,
        .drawn = drawn,
        .n_drawn = g->set.n_images,
        .truths = g->set.truths,
        .n_truths = g->set.n_truths,
        .candidate = g->results.detections,
        .n_candidate = g->results.n_detections,
        .reference = g->reference.detections,
        .n_reference = g->reference.n_detections,
        .n_draws = (int)json_integer_value(json_object_get(expected, "draws")),
        .seed = (uint64_t)json_integer_value(json_object_get(expected, "seed")),
        .pool = pool,
    };
    CHECK_MSG(coco_kept(&k, &in, &err) == ITX_OK, "%s", err.text);
    const double got[] = {k.candidate, k.reference, k.share, k.low, k.high, k.n_draws};
    for (int i = 0; i < 6; i++) check_number(got[i], number(list, i), "kept", i);
    CHECK(k.low < k.share && k.share < k.high);
    pool_destroy(&pool);
}

static void test_evaluate__kept(void)
{
    struct golden g;
    check_case("kept");
    open_case(&g, "kept");
    const json_t *expected = json_object_get(g.expected, "kept");
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        check_kept_by(&g, COCO_OVERLAP_BOX, expected, n_threads);
        check_kept_by(&g, COCO_OVERLAP_MASK, expected, n_threads);
    }
    release(&g);
}

TEST_MAIN(TEST(test_evaluate__mixed), TEST(test_evaluate__many_detections),
          TEST(test_evaluate__masks_only), TEST(test_evaluate__boxes_only),
          TEST(test_evaluate__kept), TEST(test_evaluate__published))
