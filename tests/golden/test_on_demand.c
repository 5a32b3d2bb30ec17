/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads on demand on whole networks: instances and masks are those of the complete run, bit for bit, with every
 * instruction set, any number of threads and any options; on photos, on a crowd, on nothing, on noise. The demo's
 * network, and one that lies beside the source tree where it does.
 */
#include <unistd.h>

#include "base/mem.h"
#include "build_network.h"
#include "vision/files.h"

#include "test.h"

#define SHARED SOURCE_DIR "/../shared"

enum { SIDE = 480, MAX_PHOTOS = 400 };

struct network {
    const char *onnx, *calib, *photos; /* files and folders */
    itx_model *model;                  /* made when a test first needs it; kept to the end */
    struct picture picture[MAX_PHOTOS];
    int n_pictures;
};

static struct network parts = {.onnx = SOURCE_DIR "/models/parts-seg.onnx",
                               .calib = SOURCE_DIR "/data/parts/calib/images",
                               .photos = SOURCE_DIR "/data/parts/val/images"};
static struct network coco = {.onnx = SHARED "/models/yolo11n-seg.onnx",
                              .calib = SHARED "/coco/train/images",
                              .photos = SHARED "/coco/val/images"};

static itx_status read_photos(struct network *net, struct itx_error *err)
{
    struct file_list list = {0};
    itx_status rc = file_list_add(&list, net->photos, err);
    for (size_t i = 0; rc == ITX_OK && i < list.paths.len && net->n_pictures < MAX_PHOTOS; i++)
        rc = picture_read(&net->picture[net->n_pictures++], list.paths.data[i], 0, err);
    file_list_release(&list);
    return rc;
}

static bool prepare(struct network *net)
{
    struct itx_error err = {0};
    void *data = NULL;
    size_t size = 0;
    if (net->model != NULL) return true;
    const struct build_with with = {.photos = net->calib, .n_photos = 4, .n_threads = 1};
    itx_status rc = build_network(net->onnx, &with, &data, &size, &err);
    if (rc == ITX_OK) rc = itx_model_open_memory(&net->model, data, size, NULL, &err);
    if (rc == ITX_OK) rc = read_photos(net, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    mem_free(data);
    return rc == ITX_OK;
}

/* ---- one frame ---- */

struct pair {
    itx_session *dense, *on_demand;
};

static bool pair_open(struct pair *p, const itx_model *model, const struct itx_session_options *o)
{
    struct itx_session_options options = *o;
    struct itx_error err = {0};
    *p = (struct pair){0};
    itx_status rc = itx_session_create(&p->on_demand, model, &options, &err);
    options.dense = 1;
    if (rc == ITX_OK) rc = itx_session_create(&p->dense, model, &options, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    return rc == ITX_OK;
}

static void pair_close(struct pair *p)
{
    itx_session_destroy(&p->dense);
    itx_session_destroy(&p->on_demand);
}

static bool same_mask(const struct pair *p, int i)
{
    int a[4], b[4];
    const uint8_t *x, *y;
    return itx_session_mask_box(p->dense, i, &a[0], &a[1], &a[2], &a[3], &x, NULL) == ITX_OK &&
           itx_session_mask_box(p->on_demand, i, &b[0], &b[1], &b[2], &b[3], &y, NULL) == ITX_OK &&
           memcmp(a, b, sizeof a) == 0 && memcmp(x, y, (size_t)a[2] * (size_t)a[3]) == 0;
}

/* Returns the number of instances. Masks are asked for from the last to the first. */
static int check_frame(const struct pair *p, const struct itx_image *frame, const char *what)
{
    const struct itx_instance *x, *y;
    int n = -1, m = -1, n_wrong = 0;
    CHECK(itx_session_segment(p->dense, frame, &x, &n, NULL) == ITX_OK);
    CHECK(itx_session_segment(p->on_demand, frame, &y, &m, NULL) == ITX_OK);
    const bool same = n == m && memcmp(x, y, (size_t)n * sizeof *x) == 0;
    CHECK_MSG(same, "%s: %d and %d instances, %s", what, n, m, itx_session_cpu(p->dense));
    if (!same) return 0;
    for (int i = n - 1; i >= 0; i--) n_wrong += !same_mask(p, i);
    CHECK_MSG(n_wrong == 0, "%s: %d of %d masks differ, %s", what, n_wrong, n,
              itx_session_cpu(p->dense));
    CHECK(itx_session_output(p->dense, 0) != NULL && itx_session_output(p->on_demand, 0) == NULL);
    return n;
}

/* ---- pictures that are made up ---- */

static uint8_t drawn[SIDE * SIDE * 3];

static struct itx_image drawn_frame(void)
{
    return (struct itx_image){.format = ITX_IMAGE_RGB,
                              .width = SIDE,
                              .height = SIDE,
                              .plane = {drawn},
                              .stride = {(size_t)SIDE * 3}};
}

/* n x n small photos side by side. */
static void draw_crowd(const struct network *net, int n)
{
    const int side = SIDE / n;
    for (int y = 0; y < side * n; y++) {
        for (int x = 0; x < side * n; x++) {
            const struct picture *const p =
                &net->picture[(y / side * n + x / side) % net->n_pictures];
            const size_t from_y = (size_t)(y % side * p->height / side);
            const size_t from_x = (size_t)(x % side * p->width / side);
            memcpy(drawn + 3 * (y * SIDE + x), p->rgb + from_y * p->stride + 3 * from_x, 3);
        }
    }
}

static void draw_noise(void)
{
    uint64_t seed = 9;
    for (size_t i = 0; i < sizeof drawn; i++) drawn[i] = (uint8_t)test_random(&seed);
}

/* ---- tests ---- */

/* How much a session computed for its last frame, as a part of everything. */
static double share_of_work(const struct network *net, const itx_session *session)
{
    struct itx_timing timing;
    struct itx_model_info info;
    CHECK(itx_session_timing(session, &timing, NULL) == ITX_OK);
    CHECK(itx_model_get_info(net->model, &info, NULL) == ITX_OK);
    return (double)timing.multiply_adds / (double)info.multiply_adds;
}

static struct itx_session_options options_of(const char *cpu, int n_threads, float conf)
{
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    o.cpu = cpu;
    o.n_threads = n_threads;
    o.conf = conf;
    return o;
}

/* Every photo of the folder from `first`, every `step`-th. */
static void check_photos(struct network *net, const struct itx_session_options *o, int first,
                         int step)
{
    struct pair p;
    int n = 0;
    if (pair_open(&p, net->model, o)) {
        for (int i = first; i < net->n_pictures; i += step) {
            char what[32];
            snprintf(what, sizeof what, "photo %d", i);
            const struct itx_image frame = frame_of(&net->picture[i]);
            n += check_frame(&p, &frame, what);
        }
        printf("conf %g, %s, %d threads: %d instances; %.0f %% of the work for the last photo\n",
               (double)o->conf, itx_session_cpu(p.dense), o->n_threads, n,
               100 * share_of_work(net, p.on_demand));
    }
    pair_close(&p);
}

static void test_on_demand__parts_thresholds(void)
{
    static const float confs[] = {0, 0.001f, 0.01f, 0.05f, 0.25f, 0.5f, 0.9f, 1};
    if (!prepare(&parts)) return;
    for (size_t i = 0; i < ARRAY_LEN(confs); i++) {
        struct itx_session_options o = options_of(NULL, 1 + (int)i % 4, confs[i]);
        check_photos(&parts, &o, (int)i % 6, 6);
    }
    struct itx_session_options o = options_of(NULL, 2, 0.25f);
    check_photos(&parts, &o, 0, 1);
    o.conf = 0.01f;
    o.multi_label = 1;
    check_photos(&parts, &o, 1, 6);
    o.max_det = 3;
    check_photos(&parts, &o, 2, 6);
    o.via = ITX_IMAGE_NV12;
    o.iou = 0.95f;
    o.max_det = 1000;
    check_photos(&parts, &o, 0, 6);
}

static void test_on_demand__parts_instruction_sets(void)
{
    static const char *const levels[] = {"scalar", "avx2", "avx512vnni"};
    if (!prepare(&parts)) return;
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        for (int n = 1; n <= 4; n++) {
            const struct itx_session_options o = options_of(levels[i], n, 0.05f);
            check_photos(&parts, &o, n, levels[i][0] == 's' ? 20 : 8);
        }
    }
}

static void check_drawn(struct network *net, float conf)
{
    struct pair p;
    const struct itx_session_options o = options_of(NULL, 2, conf);
    const struct itx_image frame = drawn_frame();
    if (pair_open(&p, net->model, &o)) {
        memset(drawn, 128, sizeof drawn);
        const int n = check_frame(&p, &frame, "nothing");
        /* nothing is alive: backbone and class branch only */
        if (n == 0 && conf > 0.2f) CHECK(share_of_work(net, p.on_demand) < 0.6);
        CHECK(share_of_work(net, p.dense) == 1);
        draw_noise();
        check_frame(&p, &frame, "noise");
        for (int k = 2; k <= 6; k += 2) {
            draw_crowd(net, k);
            CHECK(check_frame(&p, &frame, "crowd") >= (conf < 0.3f ? 1 : 0));
        }
    }
    pair_close(&p);
}

static void test_on_demand__parts_drawn(void)
{
    if (!prepare(&parts)) return;
    for (int i = 0; i < 4; i++) check_drawn(&parts, (const float[]){0, 0.001f, 0.25f, 0.9f}[i]);
}

static void check_coco(float conf, const char *cpu)
{
    if (access(coco.onnx, R_OK) != 0 || access(coco.calib, R_OK) != 0 ||
        access(coco.photos, R_OK) != 0)
        SKIP("the network does not lie beside the source tree");
    if (!prepare(&coco)) return;
    const struct itx_session_options o = options_of(cpu, 2, conf);
    check_photos(&coco, &o, 0, cpu != NULL ? 5 : 1);
    check_drawn(&coco, conf);
}

static void test_on_demand__coco(void)
{
    check_coco(0.25f, NULL);
}

static void test_on_demand__coco_many(void)
{
    check_coco(0.001f, NULL);
}

static void test_on_demand__coco_avx2(void)
{
    check_coco(0.05f, "avx2");
}

TEST_MAIN(TEST(test_on_demand__parts_thresholds), TEST(test_on_demand__parts_instruction_sets),
          TEST(test_on_demand__parts_drawn), TEST(test_on_demand__coco),
          TEST(test_on_demand__coco_many), TEST(test_on_demand__coco_avx2))
