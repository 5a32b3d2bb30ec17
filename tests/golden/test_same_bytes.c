/* SPDX-License-Identifier: Apache-2.0
 *
 * The arithmetic contract on whole networks: every instruction set and every number of threads gives the same bytes in
 * every tensor, the same instances and the same masks. And a network is the same plan whichever way it was exported, and
 * however many threads compiled it.
 * Networks that lie beside the source tree are taken too, where they do.
 */
#include <unistd.h>

#include "base/mem.h"
#include "build_network.h"
#include "plan/plan.h"
#include "vision/files.h"

#include "test.h"

#define N_PHOTOS 4 /* for calibration */
#define N_FRAMES 2
#define SHARED SOURCE_DIR "/../shared"
#define PARTS_PHOTOS SOURCE_DIR "/data/parts/calib/images"

struct bytes {
    VEC(uint8_t) of;
};

static bool add_bytes(struct bytes *b, const void *data, size_t size)
{
    if (!vec_reserve(&b->of, b->of.len + size)) return false;
    memcpy(b->of.data + b->of.len, data, size);
    b->of.len += size;
    return true;
}

/* ---- one run ---- */

static size_t element_size(enum itx_dtype dtype)
{
    return dtype == ITX_S8 ? 1 : dtype == ITX_S16 ? 2 : 4;
}

/* The elements of a tensor, without what lies between its pixels. */
static bool add_tensor(struct bytes *b, const struct itx_tensor_info *t, const void *data)
{
    const size_t size = element_size(t->dtype);
    bool ok = data != NULL;
    for (int y = 0; ok && y < t->height; y++)
        for (int x = 0; ok && x < t->width; x++)
            ok = add_bytes(
                b, (const uint8_t *)data + ((size_t)y * t->row + (size_t)x * t->pixel) * size,
                (size_t)t->channels * size);
    return ok;
}

static bool add_tensors(struct bytes *b, const itx_model *model, const itx_session *session)
{
    struct itx_model_info info = {0};
    struct itx_tensor_info t;
    bool ok = itx_model_get_info(model, &info, NULL) == ITX_OK;
    for (int i = 0; ok && i < info.n_tensors; i++)
        ok = itx_model_get_tensor(model, i, &t, NULL) == ITX_OK &&
             add_tensor(b, &t, itx_session_tensor(session, i));
    for (int i = 0; ok && i < info.n_outputs; i++)
        ok = itx_model_get_output(model, i, &t, NULL) == ITX_OK &&
             add_tensor(b, &t, itx_session_output(session, i));
    return ok;
}

static bool add_instances(struct bytes *b, itx_session *session, const struct itx_image *frame,
                          int *n)
{
    const struct itx_instance *found;
    bool ok = itx_session_segment(session, frame, &found, n, NULL) == ITX_OK &&
              add_bytes(b, found, (size_t)*n * sizeof *found);
    for (int i = 0; ok && i < *n; i++) {
        int rect[4];
        const uint8_t *mask;
        ok = itx_session_mask_box(session, i, &rect[0], &rect[1], &rect[2], &rect[3], &mask,
                                  NULL) == ITX_OK &&
             add_bytes(b, rect, sizeof rect) &&
             add_bytes(b, mask, (size_t)rect[2] * (size_t)rect[3]);
    }
    return ok;
}

/* Where two runs part; says so. */
static void compare(const struct bytes *got, const struct bytes *expected, const char *what,
                    const char *cpu, int n_threads)
{
    size_t i = 0;
    while (i < got->of.len && i < expected->of.len && got->of.data[i] == expected->of.data[i]) i++;
    CHECK_MSG(i == got->of.len && i == expected->of.len,
              "%s differ at byte %zu (of %zu and %zu) with %s and %d threads", what, i, got->of.len,
              expected->of.len, cpu, n_threads);
}

/* ---- networks ---- */

/* Built when a test first needs it; kept to the end. */
struct network {
    const char *onnx, *calib, *photos; /* files and folders */
    int n_threads;                     /* of the compiler */
    int effort;
    bool is_tried;
    void *data; /* of the plan file; NULL: it could not be built */
    size_t size;
    itx_model *model;
    /* what the scalar kernels on one thread make of the first photos */
    struct picture picture[N_FRAMES];
    struct bytes tensors[N_FRAMES], instances[N_FRAMES];
};

static struct network parts = {.onnx = SOURCE_DIR "/models/parts-seg.onnx",
                               .n_threads = 1,
                               .effort = 1, /* with activations of 16 bits */
                               .calib = PARTS_PHOTOS,
                               .photos = SOURCE_DIR "/data/parts/val/images"};
static struct network parts_rdk = {
    .onnx = SHARED "/parts/parts-seg_rdk.onnx", .n_threads = 1, .effort = 1, .calib = PARTS_PHOTOS};
static struct network coco = {.onnx = SHARED "/models/yolo11n-seg.onnx",
                              .n_threads = 1,
                              .calib = SHARED "/coco/train/images",
                              .photos = SHARED "/coco/val/images"};
static struct network coco_rdk = {.onnx = SHARED "/models/yolo11n-seg_rdk.onnx",
                                  .n_threads = 1,
                                  .calib = SHARED "/coco/train/images"};

static struct network parts_threads = {.onnx = SOURCE_DIR "/models/parts-seg.onnx",
                                       .n_threads = 3,
                                       .effort = 1,
                                       .calib = PARTS_PHOTOS};

static bool is_there(const struct network *net)
{
    return access(net->onnx, R_OK) == 0 && access(net->calib, R_OK) == 0 &&
           (net->photos == NULL || access(net->photos, R_OK) == 0);
}

static bool build(struct network *net)
{
    struct itx_error err = {0};
    if (net->is_tried) return net->data != NULL;
    net->is_tried = true;
    /* what is split, added to and joined; what is pooled; a sum of attention */
    static const char *const wide[] = {"/model.2/cv1/conv/Conv", "/model.9/cv1/conv/Conv",
                                       "/model.10/m/m.0/ffn/ffn.1/conv/Conv"};
    const struct build_with with = {.photos = net->calib,
                                    .n_photos = N_PHOTOS,
                                    .n_threads = net->n_threads,
                                    .effort = net->effort,
                                    .int16_nodes = wide,
                                    .n_int16_nodes = net->effort != 0 ? (int)ARRAY_LEN(wide) : 0};
    const itx_status rc = build_network(net->onnx, &with, &net->data, &net->size, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    return rc == ITX_OK;
}

/* ---- same bytes ---- */

static itx_session *open_session(const struct network *net, const char *cpu, int n_threads)
{
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    itx_session *session = NULL;
    struct itx_error err = {0};
    o.cpu = cpu;
    o.n_threads = n_threads;
    o.conf = 0.05f;
    o.keep_tensors = 1;
    const itx_status rc = itx_session_create(&session, net->model, &o, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    return session;
}

static int run_frame(const struct network *net, itx_session *session, int i, struct bytes *tensors,
                     struct bytes *instances)
{
    const struct itx_image frame = frame_of(&net->picture[i]);
    int n = 0;
    CHECK(itx_session_run(session, &frame, NULL) == ITX_OK);
    CHECK(add_tensors(tensors, net->model, session));
    CHECK(add_instances(instances, session, &frame, &n));
    return n;
}

static itx_status read_photos(struct network *net, struct itx_error *err)
{
    struct file_list list = {0};
    itx_status rc = file_list_add(&list, net->photos, err);
    for (size_t i = 0; rc == ITX_OK && i < N_FRAMES && i < list.paths.len; i++)
        rc = picture_read(&net->picture[i], list.paths.data[i], 0, err);
    file_list_release(&list);
    return rc;
}

/* Builds the network, and makes what all others are compared with. */
static bool prepare(struct network *net)
{
    struct itx_error err = {0};
    if (!build(net)) return false;
    if (net->model != NULL) return true;
    itx_status rc = itx_model_open_memory(&net->model, net->data, net->size, NULL, &err);
    if (rc == ITX_OK) rc = read_photos(net, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    itx_session *session = rc == ITX_OK ? open_session(net, "scalar", 1) : NULL;
    if (session == NULL) return false;
    for (int i = 0; i < N_FRAMES; i++) {
        const int n = run_frame(net, session, i, &net->tensors[i], &net->instances[i]);
        printf("%s: %zu bytes of tensors, %d instances\n", net->onnx, net->tensors[i].of.len, n);
        CHECK(n > 0);
    }
    itx_session_destroy(&session);
    return true;
}

static void check_frames(const struct network *net, itx_session *session, const char *cpu,
                         int n_threads)
{
    for (int i = 0; i < N_FRAMES; i++) {
        struct bytes tensors = {0}, instances = {0};
        run_frame(net, session, i, &tensors, &instances);
        compare(&tensors, &net->tensors[i], "tensors", cpu, n_threads);
        compare(&instances, &net->instances[i], "instances", cpu, n_threads);
        vec_release(&tensors.of);
        vec_release(&instances.of);
    }
}

static void check_level(struct network *net, const char *cpu)
{
    if (!is_there(net)) SKIP("the network does not lie beside the source tree");
    if (!prepare(net)) return;
    for (int n = 1; n <= 4; n++) {
        itx_session *session = open_session(net, cpu, n);
        if (session == NULL) return;
        const bool has_level = strcmp(itx_session_cpu(session), cpu) == 0;
        if (has_level) check_frames(net, session, cpu, n);
        itx_session_destroy(&session);
        if (!has_level) SKIP("not on this CPU");
    }
}

static void test_same_bytes__parts_scalar(void)
{
    check_level(&parts, "scalar");
}

static void test_same_bytes__parts_avx2(void)
{
    check_level(&parts, "avx2");
}

static void test_same_bytes__parts_avx512vnni(void)
{
    check_level(&parts, "avx512vnni");
}

static void test_same_bytes__coco_scalar(void)
{
    check_level(&coco, "scalar");
}

static void test_same_bytes__coco_avx2(void)
{
    check_level(&coco, "avx2");
}

static void test_same_bytes__coco_avx512vnni(void)
{
    check_level(&coco, "avx512vnni");
}

/* ---- same plans ---- */

/* Arrays that are both there and equal, or both absent. */
static bool same(const void *a, const void *b, uint64_t n, size_t size)
{
    if (a == NULL || b == NULL) return a == b;
    return memcmp(a, b, (size_t)n * size) == 0;
}

static bool same_tensor(const struct plan_tensor *a, const struct plan_tensor *b)
{
    const size_t n = (size_t)a->n_quant;
    return a->dtype == b->dtype && a->h == b->h && a->w == b->w && a->c == b->c &&
           a->pixel == b->pixel && a->buffer == b->buffer && a->offset == b->offset &&
           a->n_quant == b->n_quant && same(a->scale, b->scale, n, sizeof *a->scale) &&
           same(a->zero_point, b->zero_point, n, sizeof *a->zero_point);
}

static bool same_geometry(const struct plan_step *a, const struct plan_step *b)
{
    return a->kind == b->kind && a->n_in == b->n_in && a->out == b->out &&
           memcmp(a->in, b->in, sizeof a->in) == 0 &&
           memcmp(a->kernel, b->kernel, sizeof a->kernel) == 0 &&
           memcmp(a->stride, b->stride, sizeof a->stride) == 0 &&
           memcmp(a->pad, b->pad, sizeof a->pad) == 0 &&
           memcmp(a->dilation, b->dilation, sizeof a->dilation) == 0;
}

static bool same_numbers(const struct plan_step *a, const struct plan_step *b,
                         const struct plan_arrays *n)
{
    return same(a->weights, b->weights, n->weights, sizeof *a->weights) &&
           same(a->bias, b->bias, n->bias, sizeof *a->bias) &&
           same(a->scale, b->scale, n->scale, sizeof *a->scale) &&
           same(a->mul, b->mul, n->mul, sizeof *a->mul) &&
           same(a->res_mul, b->res_mul, n->res_mul, sizeof *a->res_mul) &&
           same(a->offset, b->offset, n->offset, sizeof *a->offset) &&
           same(a->table, b->table, n->table, sizeof *a->table) && a->act == b->act &&
           a->range_log2 == b->range_log2 && a->shift == b->shift && a->heads == b->heads &&
           a->logit_scale == b->logit_scale && a->out_scale == b->out_scale;
}

/* Exports list their outputs in orders of their own: what counts is the tensor behind each part of the head. */
static bool same_part(const struct plan *a, const struct plan *b, uint32_t i, uint32_t k)
{
    return a->outputs[i].tensor == b->outputs[k].tensor;
}

static bool same_head(const struct plan *a, const struct plan *b)
{
    const struct plan_head *x = &a->head, *y = &b->head;
    bool is_same = x->task == y->task && x->n_classes == y->n_classes && x->reg_max == y->reg_max &&
                   x->n_coefs == y->n_coefs && x->n_levels == y->n_levels &&
                   x->task == PLAN_SEGMENT && same_part(a, b, x->proto, y->proto);
    for (int i = 0; is_same && i < x->n_levels; i++)
        is_same = x->level[i].stride == y->level[i].stride &&
                  same_part(a, b, x->level[i].cls, y->level[i].cls) &&
                  same_part(a, b, x->level[i].box, y->level[i].box) &&
                  same_part(a, b, x->level[i].coef, y->level[i].coef);
    return is_same;
}

static void compare_plans(const struct plan *a, const struct plan *b)
{
    REQUIRE(a->n_steps == b->n_steps && a->n_tensors == b->n_tensors &&
            a->n_buffers == b->n_buffers && a->n_outputs == b->n_outputs &&
            a->n_inputs == b->n_inputs);
    CHECK(a->arena_size == b->arena_size);
    for (int i = 0; i < a->n_buffers; i++)
        CHECK_MSG(a->buffers[i].offset == b->buffers[i].offset &&
                      a->buffers[i].size == b->buffers[i].size,
                  "buffer %d", i);
    for (int i = 0; i < a->n_tensors; i++)
        CHECK_MSG(same_tensor(&a->tensors[i], &b->tensors[i]), "tensor %d, %s and %s", i,
                  a->tensors[i].name, b->tensors[i].name);
    for (int i = 0; i < a->n_steps; i++) {
        const struct plan_step *x = &a->steps[i], *y = &b->steps[i];
        const bool is_same = same_geometry(x, y);
        CHECK_MSG(is_same, "step %d, %s and %s", i, x->name, y->name);
        if (!is_same) continue;
        const struct plan_arrays n = plan_step_arrays(a, x);
        CHECK_MSG(same_numbers(x, y, &n), "numbers of step %d, %s and %s", i, x->name, y->name);
    }
    for (int i = 0; i < a->n_inputs; i++)
        CHECK(a->inputs[i].tensor == b->inputs[i].tensor &&
              a->inputs[i].kind == b->inputs[i].kind &&
              a->inputs[i].video_range == b->inputs[i].video_range);
    CHECK(same_head(a, b));
}

static void check_same_plan(struct network *net, struct network *other)
{
    struct plan_file a = {0}, b = {0};
    struct itx_error err = {0};
    if (!is_there(net) || !is_there(other)) SKIP("the networks do not lie beside the source tree");
    if (!build(net) || !build(other)) return;
    itx_status rc = plan_read(&a, net->data, net->size, &err);
    if (rc == ITX_OK) rc = plan_read(&b, other->data, other->size, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    if (rc == ITX_OK) compare_plans(&a.models[0], &b.models[0]);
    plan_file_release(&a);
    plan_file_release(&b);
}

static void test_same_plan__parts_exports(void)
{
    check_same_plan(&parts, &parts_rdk);
}

static void test_same_plan__parts_threads(void)
{
    check_same_plan(&parts, &parts_threads);
}

static void test_same_plan__coco_exports(void)
{
    check_same_plan(&coco, &coco_rdk);
}

TEST_MAIN(TEST(test_same_bytes__parts_scalar), TEST(test_same_bytes__parts_avx2),
          TEST(test_same_bytes__parts_avx512vnni), TEST(test_same_bytes__coco_scalar),
          TEST(test_same_bytes__coco_avx2), TEST(test_same_bytes__coco_avx512vnni),
          TEST(test_same_plan__parts_exports), TEST(test_same_plan__parts_threads),
          TEST(test_same_plan__coco_exports))
