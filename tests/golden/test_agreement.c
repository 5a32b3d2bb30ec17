/* SPDX-License-Identifier: Apache-2.0
 *
 * Does the compiled demo network find what its float original finds? The reference are the detections of ONNX Runtime
 * (data/parts/val/float_025.json, see data/README.md), the measure is coco/agreement.h's.
 */
#include "base/mem.h"
#include "build_network.h"
#include "coco/agreement.h"
#include "coco/dataset.h"

#include "test.h"

#define MODEL SOURCE_DIR "/models/parts-seg.onnx"
#define CALIB SOURCE_DIR "/data/parts/calib/images"
#define VAL SOURCE_DIR "/data/parts/val"

/* The compiled network or the float one. */
struct net {
    itx_session *session;
    itx_float *floats;
    struct itx_session_options options;
};

/* Everything that was found in all photos. */
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

static itx_status segment(struct net *net, const struct itx_image *frame,
                          const struct itx_instance **instances, int *n, struct itx_error *err)
{
    return net->session != NULL
               ? itx_session_segment(net->session, frame, instances, n, err)
               : itx_float_segment(net->floats, frame, &net->options, instances, n, err);
}

static itx_status encode_mask(struct net *net, int i, const struct itx_image *frame,
                              struct rle *rle, struct itx_error *err)
{
    struct yolo_rect r;
    const uint8_t *mask;
    ITX_TRY(net->session != NULL
                ? itx_session_mask_box(net->session, i, &r.x, &r.y, &r.w, &r.h, &mask, err)
                : itx_float_mask_box(net->floats, i, &r.x, &r.y, &r.w, &r.h, &mask, err));
    return rle_encode(rle, mask, (size_t)r.w, &r, frame->height, frame->width, err);
}

static itx_status find_in(struct net *net, struct found *f, const struct itx_image *frame,
                          int image, const int *category, struct itx_error *err)
{
    const struct itx_instance *instances;
    int n;
    ITX_TRY(segment(net, frame, &instances, &n, err));
    for (int i = 0; i < n; i++) {
        const struct itx_instance *o = &instances[i];
        const struct coco_detection d = {
            .image = image,
            .category = category[o->class_id],
            .box = {(double)o->x1, (double)o->y1, (double)o->x2 - (double)o->x1,
                    (double)o->y2 - (double)o->y1},
            .score = (double)o->score,
            .area = ((double)o->x2 - (double)o->x1) * ((double)o->y2 - (double)o->y1),
        };
        struct rle mask = {0};
        ITX_TRY(encode_mask(net, i, frame, &mask, err));
        if (!vec_push(&f->masks, mask) || !vec_push(&f->detections, d))
            return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    return ITX_OK;
}

static itx_status find_in_all(struct net *net, struct found *f, const struct coco_dataset *set,
                              const int *category, struct itx_error *err)
{
    for (int i = 0; i < set->names.n_images; i++) {
        const struct coco_image *image = &set->names.images[i];
        struct picture picture = {0};
        char path[512];
        snprintf(path, sizeof path, "%s/images/%s", VAL, image->file_name);
        ITX_TRY(picture_read(&picture, path, 0, err));
        const struct itx_image frame = frame_of(&picture);
        const itx_status rc =
            find_in(net, f, &frame, coco_image_index(set, image->id), category, err);
        picture_release(&picture);
        ITX_TRY(rc);
    }
    for (size_t i = 0; i < f->detections.len; i++) f->detections.data[i].mask = &f->masks.data[i];
    return ITX_OK;
}

#define MAX_CLASSES 16

/* Places of the classes' categories. */
static itx_status map_classes(const struct coco_dataset *set, const char *const *names, int n,
                              int category[MAX_CLASSES], struct itx_error *err)
{
    int64_t id[MAX_CLASSES];
    ITX_TRY(coco_map_classes(&set->names, names, n, id, err));
    for (int k = 0; k < n; k++) category[k] = coco_category_index(set, id[k]);
    return ITX_OK;
}

static itx_status measure(struct net *net, const char *const *names, int n_classes,
                          struct coco_agreement *figures, struct itx_error *err)
{
    struct coco_dataset set;
    struct coco_results reference = {0};
    struct found f = {0};
    int category[MAX_CLASSES];
    itx_status rc = coco_dataset_read(&set, VAL "/instances.json", NULL, err);
    if (rc == ITX_OK) rc = coco_results_read(&reference, &set, VAL "/float_025.json", NULL, err);
    if (rc == ITX_OK) rc = map_classes(&set, names, n_classes, category, err);
    if (rc == ITX_OK) rc = find_in_all(net, &f, &set, category, err);
    const struct coco_agreement_input in = {.n_images = set.n_images,
                                            .n_categories = set.names.n_categories,
                                            .reference = reference.detections,
                                            .n_reference = reference.n_detections,
                                            .candidate = f.detections.data,
                                            .n_candidate = f.detections.len};
    if (rc == ITX_OK) rc = coco_agreement(figures, &in, err);
    found_release(&f);
    coco_results_release(&reference);
    coco_dataset_release(&set);
    return rc;
}

static struct itx_session_options full_protocol(void)
{
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    o.n_threads = 2;
    o.conf = 0.001f;
    o.iou = 0.7f;
    o.max_det = 300;
    o.multi_label = 1;
    return o;
}

static void check_agreement(const char *what, const struct coco_agreement *a, double box,
                            double mask)
{
    printf("agreement of %s: box AP %.4f AP50 %.4f AP75 %.4f, mask AP %.4f AP50 %.4f AP75 %.4f\n",
           what, a->box[0], a->box[1], a->box[2], a->mask[0], a->mask[1], a->mask[2]);
    CHECK_MSG(a->box[0] >= box, "%.4f, at least %.3f", a->box[0], box);
    CHECK_MSG(a->mask[0] >= mask, "%.4f, at least %.3f", a->mask[0], mask);
}

static itx_status measure_int8(struct coco_agreement *figures, int effort, struct itx_error *err)
{
    const char *names[MAX_CLASSES];
    const struct itx_session_options options = full_protocol();
    void *data = NULL;
    size_t size = 0;
    itx_model *model = NULL;
    struct net net = {0};
    int n = 0;
    const struct build_with with = {.photos = CALIB, .n_threads = 2, .effort = effort};
    itx_status rc = build_network(MODEL, &with, &data, &size, err);
    if (rc == ITX_OK) rc = itx_model_open_memory(&model, data, size, NULL, err);
    if (rc == ITX_OK) rc = itx_session_create(&net.session, model, &options, err);
    for (; rc == ITX_OK && n < MAX_CLASSES && itx_model_class_name(model, n) != NULL; n++)
        names[n] = itx_model_class_name(model, n);
    if (rc == ITX_OK) rc = measure(&net, names, n, figures, err);
    itx_session_destroy(&net.session);
    itx_model_close(&model);
    mem_free(data);
    return rc;
}

static void check_effort(int effort, const char *what, double box, double mask)
{
    struct coco_agreement figures;
    struct itx_error err = {0};
    const itx_status rc = measure_int8(&figures, effort, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    if (rc == ITX_OK) check_agreement(what, &figures, box, mask);
}

static void test_agreement__effort_0(void)
{
    check_effort(0, "effort 0", 0.955, 0.945);
}

static void test_agreement__effort_1(void)
{
    check_effort(1, "effort 1", 0.975, 0.968);
}

static void test_agreement__float(void)
{
    const char *names[MAX_CLASSES];
    struct coco_agreement figures;
    struct itx_error err = {0};
    struct net net = {.options = full_protocol()};
    int n = 0;
    itx_status rc = itx_float_open(&net.floats, MODEL, 1, &err);
    for (; rc == ITX_OK && n < MAX_CLASSES && itx_float_class_name(net.floats, n) != NULL; n++)
        names[n] = itx_float_class_name(net.floats, n);
    if (rc == ITX_OK) rc = measure(&net, names, n, &figures, &err);
    itx_float_close(&net.floats);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    if (rc == ITX_OK) check_agreement("the float network", &figures, 0.998, 0.998);
}

TEST_MAIN(TEST(test_agreement__effort_0), TEST(test_agreement__effort_1),
          TEST(test_agreement__float))
