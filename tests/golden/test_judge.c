/* SPDX-License-Identifier: Apache-2.0
 *
 * Does the compiler's judge see what the public functions and coco/agreement.h give on the same photos? And do its
 * errors order programs as they should be?
 */
#include "api/judge.h"

#include <math.h>

#include "base/mem.h"
#include "build_network.h"
#include "coco/agreement.h"
#include "vision/files.h"

#include "test.h"

#define MODEL SOURCE_DIR "/models/parts-seg.onnx"
#define CALIB SOURCE_DIR "/data/parts/calib/images"
#define PHOTOS SOURCE_DIR "/data/parts/val/images"
enum { N_PHOTOS = 12 };

static struct itx_session_options protocol(float conf)
{
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    o.n_threads = 1;
    o.conf = conf;
    o.iou = 0.7f;
    o.max_det = 300;
    o.multi_label = 1;
    return o;
}

/* What one network finds in all photos. */
struct found {
    VEC(struct coco_detection) detections;
    VEC(struct rle) masks; /* one each */
};

static void found_release(struct found *f)
{
    for (size_t i = 0; i < f->masks.len; i++) rle_release(&f->masks.data[i]);
    vec_release(&f->masks);
    vec_release(&f->detections);
}

/* Of the float network, or else of the session. */
static void find(struct found *f, itx_float *net, itx_session *session,
                 const struct file_list *photos)
{
    const struct itx_session_options reference = protocol(0.25f);
    struct itx_error err = {.text = ""};
    for (int i = 0; i < N_PHOTOS; i++) {
        struct picture picture = {0};
        REQUIRE(picture_read(&picture, photos->paths.data[i], 0, &err) == ITX_OK);
        const struct itx_image frame = frame_of(&picture);
        const struct itx_instance *found;
        int n;
        const itx_status rc = net != NULL
                                  ? itx_float_segment(net, &frame, &reference, &found, &n, &err)
                                  : itx_session_segment(session, &frame, &found, &n, &err);
        CHECK_MSG(rc == ITX_OK, "%s", err.text);
        for (int k = 0; rc == ITX_OK && k < n; k++) {
            const struct itx_instance *o = &found[k];
            const double w = (double)o->x2 - (double)o->x1, h = (double)o->y2 - (double)o->y1;
            struct yolo_rect r;
            const uint8_t *mask;
            struct rle rle = {0};
            REQUIRE((net != NULL ? itx_float_mask_box(net, k, &r.x, &r.y, &r.w, &r.h, &mask, &err)
                                 : itx_session_mask_box(session, k, &r.x, &r.y, &r.w, &r.h, &mask,
                                                        &err)) == ITX_OK);
            REQUIRE(rle_encode(&rle, mask, (size_t)r.w, &r, frame.height, frame.width, &err) ==
                    ITX_OK);
            REQUIRE(vec_push(&f->masks, rle));
            REQUIRE(vec_push(&f->detections, (struct coco_detection){
                                                 .image = i,
                                                 .category = o->class_id,
                                                 .box = {(double)o->x1, (double)o->y1, w, h},
                                                 .score = (double)o->score,
                                                 .area = w * h,
                                             }));
        }
        picture_release(&picture);
    }
    for (size_t i = 0; i < f->detections.len; i++) f->detections.data[i].mask = &f->masks.data[i];
}

/* The same measure on another way. */
static void measure(struct coco_agreement *a, const void *data, size_t size,
                    const struct file_list *photos)
{
    const struct itx_session_options candidate = protocol(0.001f);
    struct found reference = {0}, found = {0};
    struct itx_error err = {.text = ""};
    itx_model *model = NULL;
    itx_session *session = NULL;
    itx_float *net = NULL;
    int n_classes = 0;
    REQUIRE(itx_float_open(&net, MODEL, 1, &err) == ITX_OK);
    REQUIRE(itx_model_open_memory(&model, data, size, NULL, &err) == ITX_OK);
    REQUIRE(itx_session_create(&session, model, &candidate, &err) == ITX_OK);
    while (itx_model_class_name(model, n_classes) != NULL) n_classes++;
    find(&reference, net, NULL, photos);
    find(&found, NULL, session, photos);
    const struct coco_agreement_input in = {.n_images = N_PHOTOS,
                                            .n_categories = n_classes,
                                            .reference = reference.detections.data,
                                            .n_reference = reference.detections.len,
                                            .candidate = found.detections.data,
                                            .n_candidate = found.detections.len};
    CHECK_MSG(coco_agreement(a, &in, &err) == ITX_OK, "%s", err.text);
    found_release(&reference);
    found_release(&found);
    itx_session_destroy(&session);
    itx_model_close(&model);
    itx_float_close(&net);
}

struct bench {
    struct file_list photos;
    struct network network;
    struct judge *judge;
    void *data;
    size_t size;
    struct plan_file file;
};

/* With a program, unless `with` is NULL. */
static void open_bench(struct bench *b, const struct build_with *with, int n_threads)
{
    struct itx_error err = {.text = ""};
    *b = (struct bench){0};
    REQUIRE(file_list_add(&b->photos, PHOTOS, &err) == ITX_OK);
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    o.images = (const char *const *)b->photos.paths.data;
    o.n_images = N_PHOTOS;
    REQUIRE(network_read(&b->network, &(struct network_source){.path = MODEL}, &err) == ITX_OK);
    REQUIRE(judge_create(&b->judge, &b->network, &o, 100, n_threads, "test", &err) == ITX_OK);
    CHECK(judge_n_photos(b->judge) == N_PHOTOS);
    if (with == NULL) return;
    CHECK_MSG(build_network(MODEL, with, &b->data, &b->size, &err) == ITX_OK, "%s", err.text);
    REQUIRE(b->data != NULL && plan_read(&b->file, b->data, b->size, &err) == ITX_OK);
}

static void close_bench(struct bench *b)
{
    judge_destroy(&b->judge);
    network_release(&b->network);
    plan_file_release(&b->file);
    mem_free(b->data);
    file_list_release(&b->photos);
}

static const struct build_with fast = {.photos = CALIB, .n_photos = 8, .n_threads = 2, .effort = 0};

static void test_judge__has_coco_s_agreement(void)
{
    struct bench b;
    struct coco_agreement a = {{0}, {0}};
    struct verdict v, again;
    struct itx_error err = {.text = ""};
    open_bench(&b, &fast, 2);
    CHECK(judge_plan(b.judge, &b.file.models[0], 100, 1, &v, &err) == ITX_OK);
    measure(&a, b.data, b.size, &b.photos);
    CHECK_MSG(fabs(v.box_agreement - a.box[0]) < 1e-9, "%.9f, %.9f", v.box_agreement, a.box[0]);
    CHECK_MSG(fabs(v.mask_agreement - a.mask[0]) < 1e-9, "%.9f, %.9f", v.mask_agreement, a.mask[0]);
    CHECK(fabs(v.loss - 100 + 50 * (a.box[0] + a.mask[0])) < 1e-6);
    CHECK_MSG(v.error > 0.005 && v.error < 0.2, "error %g", v.error);
    CHECK(v.box_agreement > 0.9 && v.box_agreement < 1);
    CHECK(judge_plan(b.judge, &b.file.models[0], 100, 3, &again, &err) == ITX_OK);
    CHECK(memcmp(&v, &again, sizeof v) == 0);
    close_bench(&b);
}

/* Makes the values of one name half as large. */
static void halve(void *ctx, value_id v, const struct shape *shape, bool channels_last, float *data)
{
    (void)channels_last;
    if (v != *(const value_id *)ctx) return;
    for (int64_t i = 0; i < shape_elements(shape); i++) data[i] *= 0.5f;
}

/* The float network differs from itself in nothing; altered it does. */
static void test_judge__float(void)
{
    struct bench b;
    struct verdict v;
    struct float_run run = {0};
    struct itx_error err = {.text = ""};
    open_bench(&b, NULL, 2);
    value_id first = b.network.graph->nodes.data[0].outputs[0];
    REQUIRE(float_run_create(&run, &b.network, 1, &err) == ITX_OK);
    REQUIRE(judge_float(b.judge, &run, 5, &v, &err) == ITX_OK);
    CHECK_MSG(v.error == 0 && v.loss == 0, "error %g, loss %g", v.error, v.loss);
    float_exec_alter(run.exec, halve, &first);
    REQUIRE(judge_float(b.judge, &run, 100, &v, &err) == ITX_OK);
    CHECK_MSG(v.error > 0.05 && v.loss > 5, "error %g, loss %g", v.error, v.loss);
    float_exec_alter(run.exec, NULL, NULL);
    REQUIRE(judge_float(b.judge, &run, 100, &v, &err) == ITX_OK);
    CHECK(v.error == 0 && v.loss == 0);
    float_run_release(&run);
    close_bench(&b);
}

TEST_MAIN(TEST(test_judge__has_coco_s_agreement), TEST(test_judge__float))
