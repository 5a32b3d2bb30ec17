/* SPDX-License-Identifier: Apache-2.0
 *
 * libdnn: what networks give for what they are fed is what libintarsia gives; wrong tensors are refused.
 */
#include "network.h"

static const uint8_t *bytes_of(const hbDNNTensor *t)
{
    return t->sysMem[0].virAddr;
}

static void test_infer__nv12(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_truth truth = net_truth_of("cam");
    for (uint64_t seed = 1; seed < 4; seed++) {
        struct net_run r = net_run_of(net_model(packed, "cam"), 1, seed);
        REQUIRE(net_infer(&r) == 0);
        const uint8_t *const y = bytes_of(&r.inputs[0]);
        net_truth_run(&truth, y, y + CAM_W * CAM_H, CAM_W, CAM_W, CAM_H);
        net_check(&truth, &r, 0);
        net_run_release(&r);
    }
    net_truth_release(&truth);
    CHECK(hbDNNRelease(packed) == 0);
}

/* The two planes in memory of their own. */
static void test_infer__separate_planes(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_truth truth = net_truth_of("cam");
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 5);
    hbDNNTensor *const in = &r.inputs[0];
    REQUIRE(hbSysAllocMem(&in->sysMem[1], CAM_W * CAM_H / 2) == 0);
    net_noise(in->sysMem[1].virAddr, CAM_W * CAM_H / 2, 6);
    in->properties.tensorType = HB_DNN_IMG_TYPE_NV12_SEPARATE;
    REQUIRE(net_infer(&r) == 0);
    net_truth_run(&truth, bytes_of(in), in->sysMem[1].virAddr, CAM_W, CAM_W, CAM_H);
    net_check(&truth, &r, 0);
    hbSysMem uv = in->sysMem[1];
    in->sysMem[1].memSize--;
    CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
    in->sysMem[1] = (hbSysMem){0};
    CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbSysFreeMem(&uv) == 0);
    net_run_release(&r);
    net_truth_release(&truth);
    CHECK(hbDNNRelease(packed) == 0);
}

/* Rows of 32 bytes as the aligned shape says, then of 20 as the valid one. */
static void test_infer__rows(void)
{
    enum { W = 20, H = 12, ROW = 32 };
    const hbPackedDNNHandle_t packed = net_load();
    struct net_truth truth = net_truth_of("odd");
    struct net_run r = net_run_of(net_model(packed, "odd"), 1, 7);
    hbDNNTensor *const in = &r.inputs[0];
    REQUIRE(net_infer(&r) == 0);
    net_truth_run(&truth, bytes_of(in), bytes_of(in) + ROW * H, ROW, W, H);
    net_check(&truth, &r, 0);
    in->properties.alignedShape = in->properties.validShape;
    REQUIRE(net_infer(&r) == 0);
    net_truth_run(&truth, bytes_of(in), bytes_of(in) + W * H, W, W, H);
    net_check(&truth, &r, 0);
    net_run_release(&r);
    net_truth_release(&truth);
    CHECK(hbDNNRelease(packed) == 0);
}

/* A model of the name that takes pictures of one plane. */
static void check_pixels(hbPackedDNNHandle_t packed, const char *name, enum itx_image_format format,
                         int w, int h, size_t row)
{
    struct net_truth truth = net_truth_of(name);
    struct net_run r = net_run_of(net_model(packed, name), 1, 8);
    CHECK(net_infer(&r) == 0);
    const struct itx_image image = {.format = format,
                                    .width = w,
                                    .height = h,
                                    .plane = {bytes_of(&r.inputs[0])},
                                    .stride = {row}};
    CHECK(itx_session_run(truth.session, &image, NULL) == ITX_OK);
    net_check(&truth, &r, 0);
    net_run_release(&r);
    net_truth_release(&truth);
}

/* A network for grey takes the Y of NV12. */
static void check_luma(hbPackedDNNHandle_t packed)
{
    struct net_truth truth = net_truth_of("gray");
    struct net_run r = net_run_of(net_model(packed, "gray"), 1, 9);
    hbDNNTensor nv12 = r.inputs[0];
    nv12.properties.tensorType = HB_DNN_IMG_TYPE_NV12;
    REQUIRE(hbSysAllocMem(&nv12.sysMem[0], 32 * 12 * 3 / 2) == 0);
    net_noise(nv12.sysMem[0].virAddr, 32 * 12 * 3 / 2, 5);
    const hbDNNTensor y = r.inputs[0];
    r.inputs[0] = nv12;
    CHECK(net_infer(&r) == 0);
    const struct itx_image image = {.format = ITX_IMAGE_GRAY,
                                    .width = 20,
                                    .height = 12,
                                    .plane = {bytes_of(&nv12)},
                                    .stride = {32}};
    CHECK(itx_session_run(truth.session, &image, NULL) == ITX_OK);
    net_check(&truth, &r, 0);
    r.inputs[0] = y;
    CHECK(hbSysFreeMem(&nv12.sysMem[0]) == 0);
    net_run_release(&r);
    net_truth_release(&truth);
}

static void test_infer__pixels(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    check_pixels(packed, "rgb", ITX_IMAGE_RGB, CAM_W, CAM_H, 3 * CAM_W);
    check_pixels(packed, "yuv", ITX_IMAGE_YUV444, CAM_W, CAM_H, 3 * CAM_W);
    check_pixels(packed, "gray", ITX_IMAGE_GRAY, 20, 12, 32);
    check_luma(packed);
    struct net_run r = net_run_of(net_model(packed, "rgb"), 1, 8);
    r.inputs[0].properties.tensorType = HB_DNN_IMG_TYPE_BGR;
    CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
    r.inputs[0].properties.tensorType = HB_DNN_IMG_TYPE_RGB;
    r.inputs[0].properties.tensorLayout = HB_DNN_LAYOUT_NCHW;
    CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
    net_run_release(&r);
    CHECK(hbDNNRelease(packed) == 0);
}

static void test_infer__numbers(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_truth truth = net_truth_of("raw");
    struct net_run r = net_run_of(net_model(packed, "raw"), 1, 9);
    REQUIRE(r.n_inputs == 2 && net_infer(&r) == 0);
    const float *const numbers[] = {r.inputs[0].sysMem[0].virAddr, r.inputs[1].sysMem[0].virAddr};
    CHECK(itx_session_run_float(truth.session, numbers, 2, NULL) == ITX_OK);
    net_check(&truth, &r, 0);
    hbDNNTensor *const in = &r.inputs[1];
    const hbDNNTensor good = *in;
    in->properties.tensorType = HB_DNN_TENSOR_TYPE_S8;
    CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
    *in = good;
    in->properties.validShape.dimensionSize[3]++;
    CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
    *in = good;
    in->properties.alignedShape.numDimensions = 3;
    CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
    *in = good;
    in->sysMem[0].memSize = 287;
    CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
    *in = good;
    in->sysMem[0] = (hbSysMem){0, (uint8_t *)good.sysMem[0].virAddr + 2, 288};
    CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
    *in = good;
    net_run_release(&r);
    net_truth_release(&truth);
    CHECK(hbDNNRelease(packed) == 0);
}

/* Three inputs, of s8, s8 with a scale for each channel, and s16; those of `stored`, a bit for each, without their
 * quantise node. */
static itx_model *stored_model(unsigned stored, hbPackedDNNHandle_t *packed)
{
    struct build *const b = malloc(sizeof *b);
    if (b == NULL) abort();
    build_init(b, "stored", 8);
    for (int i = 0; i < 3; i++) {
        const uint32_t in = build_tensor(b, "in", i < 2 ? DTYPE_S8 : DTYPE_S16, 4, 6, 3);
        static const float scale[3] = {0.013f, 0.7f, 1.9e-3f};
        static const int32_t zero_point[3] = {-128, 5, 127};
        if (i == 1) b->tensors[in].n_quant = 3;
        if (i == 1) b->tensors[in].scale = scale;
        if (i == 1) b->tensors[in].zero_point = zero_point;
        build_output(b, net_conv(b, in, "out", 1, 8, DTYPE_S32, false));
        build_input(b, in, PLAN_INPUT_TENSOR);
        b->inputs[i].is_stored = stored >> i & 1;
    }
    const struct plan *const plan = &b->plan;
    void *data = NULL;
    size_t size = 0;
    CHECK(plan_write(&plan, 1, &data, &size, NULL) == ITX_OK);
    build_release(b);
    free(b);
    const void *list = data;
    int32_t bytes = (int32_t)size;
    itx_model *model = NULL;
    CHECK(hbDNNInitializeFromDDR(packed, &list, &bytes, 1) == 0);
    CHECK(itx_model_open_memory(&model, data, size, NULL, NULL) == ITX_OK);
    mem_free(data);
    return model;
}

static void check_stored_properties(const struct net_run *r)
{
    static const int32_t type[] = {HB_DNN_TENSOR_TYPE_S8, HB_DNN_TENSOR_TYPE_S8,
                                   HB_DNN_TENSOR_TYPE_S16},
                         n_scales[] = {1, 3, 1}, size[] = {1, 1, 2};
    for (int i = 0; i < 3; i++) {
        const hbDNNTensorProperties *const p = &r->inputs[i].properties;
        CHECK(p->tensorType == type[i] && p->tensorLayout == HB_DNN_LAYOUT_NCHW);
        CHECK(p->quantiType == SCALE && p->scale.scaleLen == n_scales[i]);
        CHECK(p->scale.zeroPointLen == n_scales[i] && p->quantizeAxis == (i == 1 ? 1 : 0));
        CHECK(p->alignedByteSize == 72 * size[i] && p->stride[3] == size[i]);
        CHECK(p->stride[0] == 72 * size[i] && p->stride[1] == 24 * size[i]);
        CHECK(p->validShape.dimensionSize[1] == 3 && p->validShape.dimensionSize[3] == 6);
    }
    const hbDNNQuantiScale *const scale = &r->inputs[1].properties.scale;
    CHECK(scale->scaleData[0] == 0.013f && scale->scaleData[2] == 1.9e-3f);
    CHECK(scale->zeroPointData[0] == -128 && scale->zeroPointData[1] == 5);
}

/* Integers give what the floats they stand for give: everything that a number of 8 bits can be, and of 16 the ends. */
static void test_infer__stored_numbers(void)
{
    hbPackedDNNHandle_t whole_file = NULL, part_file = NULL;
    itx_model *const whole = stored_model(7, &whole_file), *const part =
                                                               stored_model(2, &part_file);
    struct net_run r = net_run_of(net_model(whole_file, "stored"), 1, 7),
                   mixed = net_run_of(net_model(part_file, "stored"), 1, 7);
    struct net_truth truth = {whole, NULL};
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    o.dense = 1;
    REQUIRE(itx_session_create(&truth.session, whole, &o, NULL) == ITX_OK);
    check_stored_properties(&r);
    CHECK(mixed.inputs[0].properties.tensorType == HB_DNN_TENSOR_TYPE_F32);
    CHECK(mixed.inputs[1].properties.tensorType == HB_DNN_TENSOR_TYPE_S8);
    for (int pass = 0; pass < 4; pass++) {
        float real[3][72];
        const float *const floats[] = {real[0], real[1], real[2]};
        for (int i = 0; i < 3; i++) {
            struct itx_input_info t;
            CHECK(itx_model_get_input(whole, i, &t, NULL) == ITX_OK && t.is_stored == 1);
            for (int k = 0; k < 72; k++) {
                const int at = pass * 72 + k, c = t.n_quant > 1 ? k / 24 : 0;
                const int q = t.dtype == ITX_S8 ? at % 256 - 128
                              : at < 144        ? at - 32768
                                                : 32767 - k;
                if (t.dtype == ITX_S8)
                    ((int8_t *)r.inputs[i].sysMem[0].virAddr)[k] = (int8_t)q;
                else
                    ((int16_t *)r.inputs[i].sysMem[0].virAddr)[k] = (int16_t)q;
                real[i][k] = (float)(q - t.zero_point[c]) * t.scale[c];
            }
        }
        memcpy(mixed.inputs[0].sysMem[0].virAddr, real[0], sizeof real[0]);
        memcpy(mixed.inputs[1].sysMem[0].virAddr, r.inputs[1].sysMem[0].virAddr, 72);
        memcpy(mixed.inputs[2].sysMem[0].virAddr, real[2], sizeof real[2]);
        REQUIRE(net_infer(&r) == 0 && net_infer(&mixed) == 0);
        REQUIRE(itx_session_run_float(truth.session, floats, 3, NULL) == ITX_OK);
        net_check(&truth, &r, 0);
        net_check(&truth, &mixed, 0);
    }
    uint8_t bytes[73]; /* integers of 8 bits may begin anywhere, of 16 at even places */
    const hbSysMem given = r.inputs[0].sysMem[0], wide = r.inputs[2].sysMem[0];
    memcpy(bytes + 1, given.virAddr, 72);
    r.inputs[0].sysMem[0] = (hbSysMem){0, bytes + 1, 72};
    REQUIRE(net_infer(&r) == 0);
    net_check(&truth, &r, 0);
    r.inputs[0].sysMem[0] = given;
    r.inputs[2].sysMem[0] = (hbSysMem){0, (uint8_t *)wide.virAddr + 1, wide.memSize};
    CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
    r.inputs[2].sysMem[0] = wide;
    r.inputs[0].properties.tensorType = HB_DNN_TENSOR_TYPE_F32;
    CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
    r.inputs[0].properties.tensorType = HB_DNN_TENSOR_TYPE_S8;
    r.inputs[2].sysMem[0].memSize--;
    CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
    net_run_release(&r);
    net_run_release(&mixed);
    net_truth_release(&truth);
    itx_model *last = part;
    itx_model_close(&last);
    CHECK(hbDNNRelease(whole_file) == 0 && hbDNNRelease(part_file) == 0);
}

/* Memory that the library did not give. */
static void test_infer__own_memory(void)
{
    static uint8_t picture[CAM_BYTES];
    const hbPackedDNNHandle_t packed = net_load();
    struct net_truth truth = net_truth_of("cam");
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
    const hbSysMem given = r.inputs[0].sysMem[0], out = r.outputs[1].sysMem[0];
    net_noise(picture, sizeof picture, 12);
    uint8_t *const box = malloc(out.memSize);
    r.inputs[0].sysMem[0] = (hbSysMem){0, picture, sizeof picture};
    r.outputs[1].sysMem[0] = (hbSysMem){0, box, out.memSize};
    REQUIRE(net_infer(&r) == 0);
    net_truth_run(&truth, picture, picture + CAM_W * CAM_H, CAM_W, CAM_W, CAM_H);
    net_check(&truth, &r, 0);
    r.inputs[0].sysMem[0] = given;
    r.outputs[1].sysMem[0] = out;
    free(box);
    net_run_release(&r);
    net_truth_release(&truth);
    CHECK(hbDNNRelease(packed) == 0);
}

/* ---- refusals ---- */

static int somewhere;

static void test_infer__refuses_arguments(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
    hbDNNInferCtrlParam p = net_param();
    hbDNNTaskHandle_t task = NULL;
    hbDNNTensor *outputs = r.outputs, *none = NULL;
    const hbDNNHandle_t m = r.model;
    CHECK(hbDNNInfer(NULL, &outputs, r.inputs, m, &p) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInfer(&task, NULL, r.inputs, m, &p) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInfer(&task, &none, r.inputs, m, &p) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInfer(&task, &outputs, NULL, m, &p) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInfer(&task, &outputs, r.inputs, m, NULL) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInfer(&task, &outputs, r.inputs, NULL, &p) == HB_DNN_INVALID_DNN_HANDLE);
    CHECK(hbDNNInfer(&task, &outputs, r.inputs, &somewhere, &p) == HB_DNN_INVALID_DNN_HANDLE);
    CHECK(hbDNNInfer(&task, &outputs, r.inputs, packed, &p) == HB_DNN_INVALID_DNN_HANDLE);
    hbDNNInferCtrlParam bad[8];
    for (int i = 0; i < 8; i++) bad[i] = p;
    bad[0].bpuCoreId = 3;
    bad[1].bpuCoreId = -1;
    bad[2].dspCoreId = 3;
    bad[3].dspCoreId = -1;
    bad[4].priority = 256;
    bad[5].priority = -1;
    bad[6].more = 2;
    bad[7].more = -1;
    for (int i = 0; i < 8; i++)
        CHECK_MSG(net_submit(&r, &task, &bad[i]) == HB_DNN_INVALID_ARGUMENT, "case %d", i);
    CHECK(task == NULL);
    task = &somewhere;
    CHECK(net_submit(&r, &task, &p) == HB_DNN_INVALID_TASK_HANDLE && task == &somewhere);
    task = m;
    CHECK(net_submit(&r, &task, &p) == HB_DNN_INVALID_TASK_HANDLE);
    net_run_release(&r);
    CHECK(hbDNNRelease(packed) == 0); /* nothing runs */
    CHECK(hbDNNInfer(&task, &outputs, r.inputs, m, &p) == HB_DNN_INVALID_DNN_HANDLE);
}

static void test_infer__refuses_pictures(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
    hbDNNTensor *const in = &r.inputs[0];
    const hbDNNTensor good = *in;
    hbDNNTensor bad[16];
    for (int i = 0; i < 16; i++) bad[i] = good;
    bad[0].properties.tensorType = HB_DNN_IMG_TYPE_RGB;
    bad[1].properties.tensorType = HB_DNN_TENSOR_TYPE_F32;
    bad[2].properties.tensorType = HB_DNN_TENSOR_TYPE_MAX;
    bad[3].properties.tensorType = -1;
    bad[4].properties.validShape.dimensionSize[3] = CAM_W / 2; /* smaller than the model's */
    bad[5].properties.validShape.dimensionSize[2] = 0;
    bad[6].properties.validShape.dimensionSize[2] = -CAM_H;
    bad[7].properties.validShape.numDimensions = 2;
    bad[8].properties.alignedShape.dimensionSize[3] = CAM_W - 2;
    bad[9].properties.alignedShape.dimensionSize[2] = CAM_H - 1;
    bad[10].properties.alignedShape.dimensionSize[3] = INT32_MAX;
    bad[11].properties.alignedShape.dimensionSize[3] = CAM_W + 16; /* more than there is */
    bad[12].properties.alignedShape.numDimensions = 9;
    bad[13].sysMem[0].memSize--;
    bad[14].sysMem[0].virAddr = NULL;
    bad[15].properties.tensorType = HB_DNN_IMG_TYPE_Y;
    for (int i = 0; i < 16; i++) {
        *in = bad[i];
        CHECK_MSG(net_infer(&r) == HB_DNN_INVALID_ARGUMENT, "case %d", i);
    }
    *in = good;
    CHECK(net_infer(&r) == 0);
    CHECK(hbSysFreeMem(&in->sysMem[0]) == 0);
    in->sysMem[0] = good.sysMem[0]; /* a copy of what was freed */
    CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
    REQUIRE(hbSysAllocMem(&in->sysMem[0], CAM_BYTES) == 0);
    net_run_release(&r);
    CHECK(hbDNNRelease(packed) == 0);
}

static void test_infer__refuses_outputs(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
    for (int i = 0; i < N_OUT; i++) {
        hbSysMem *const mem = &r.outputs[i].sysMem[0];
        const hbSysMem good = *mem;
        mem->memSize--;
        CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
        *mem = (hbSysMem){good.phyAddr, NULL, good.memSize};
        CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
        *mem = good;
        mem->memSize += 1000; /* what it says is not so, but enough is there */
        CHECK(net_infer(&r) == 0);
        mem->virAddr = (uint8_t *)good.virAddr + 4; /* and now it is not */
        CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
        mem->virAddr = (uint8_t *)good.virAddr + 2;
        CHECK(net_infer(&r) == HB_DNN_INVALID_ARGUMENT);
        *mem = good;
    }
    CHECK(net_infer(&r) == 0);
    net_run_release(&r);
    CHECK(hbDNNRelease(packed) == 0);
}

/* Memory freed while a task would still write it stays until the task is released. */
static void test_infer__freed_meanwhile(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
    hbDNNTaskHandle_t task = NULL;
    REQUIRE(net_submit(&r, &task, NULL) == 0);
    net_run_release(&r);
    CHECK(hbDNNWaitTaskDone(task, 0) == 0);
    CHECK(hbDNNReleaseTask(task) == 0);
    CHECK(hbDNNRelease(packed) == 0);
}

static void test_infer__out_of_memory(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
    int32_t code = HB_DNN_OUT_OF_MEMORY;
    long n = 0;
    for (; code != 0 && n < 100; n++) {
        hbDNNTaskHandle_t task = NULL;
        mem_fail_after(n);
        code = net_submit(&r, &task, NULL);
        mem_fail_after(-1);
        CHECK_MSG(code == 0 || code == HB_DNN_OUT_OF_MEMORY, "allocation %ld: %d", n, (int)code);
        CHECK((task != NULL) == (code == 0));
        if (code == 0) CHECK(hbDNNReleaseTask(task) == 0);
    }
    CHECK(code == 0 && n > 4);
    net_run_release(&r);
    CHECK(hbDNNRelease(packed) == 0);
}

/* ---- parts of pictures ---- */

enum { BIG_W = 100, BIG_H = 60, BIG_ROW = 112 };

/* A picture in NV12, larger than the networks'. */
static hbDNNTensor big_picture(uint64_t seed)
{
    hbDNNTensor t;
    memset(&t, 0, sizeof t);
    t.properties.tensorType = HB_DNN_IMG_TYPE_NV12;
    t.properties.tensorLayout = HB_DNN_LAYOUT_NCHW;
    t.properties.validShape = (hbDNNTensorShape){{1, 3, BIG_H, BIG_W}, 4};
    t.properties.alignedShape = (hbDNNTensorShape){{1, 3, BIG_H, BIG_ROW}, 4};
    CHECK(hbSysAllocMem(&t.sysMem[0], BIG_ROW * BIG_H * 3 / 2) == 0);
    net_noise(t.sysMem[0].virAddr, BIG_ROW * BIG_H * 3 / 2, seed);
    return t;
}

/* Bilinear with corners on corners, in real numbers: position i of n lies at i (m - 1) / (n - 1). */
static double real_pixel(const uint8_t *from, size_t row, int m_h, int m_w, int n_h, int n_w, int y,
                         int x, int channels)
{
    const double v = n_h > 1 ? (double)y * (m_h - 1) / (n_h - 1) : 0,
                 u = n_w > 1 ? (double)x * (m_w - 1) / (n_w - 1) : 0;
    const int y0 = (int)v, x0 = (int)u, y1 = y0 + 1 < m_h ? y0 + 1 : y0,
              x1 = x0 + 1 < m_w ? x0 + 1 : x0;
    const double fy = v - y0, fx = u - x0;
    const uint8_t *const a = from + (size_t)y0 * row, *const b = from + (size_t)y1 * row;
    return (1 - fy) * ((1 - fx) * a[x0 * channels] + fx * a[x1 * channels]) +
           fy * ((1 - fx) * b[x0 * channels] + fx * b[x1 * channels]);
}

static void check_plane(const uint8_t *got, size_t got_row, int n_h, int n_w, const uint8_t *from,
                        size_t row, int m_h, int m_w, int channels)
{
    double most = 0;
    for (int y = 0; y < n_h; y++)
        for (int x = 0; x < n_w; x++)
            for (int k = 0; k < channels; k++) {
                const double real = real_pixel(from + k, row, m_h, m_w, n_h, n_w, y, x, channels);
                const double d = real - got[(size_t)y * got_row + (size_t)(x * channels + k)];
                if (d > most || -d > most) most = d < 0 ? -d : d;
            }
    /* half a step of rounding, and places that are off by up to half of 1/65536 for each pixel */
    CHECK_MSG(most < 0.5 + 255 * 0.5 * (n_h + n_w) / 65536, "%g off", most);
}

static hbDNNTensor picture_for(int32_t type, int32_t layout, int h, int w, uint64_t seed)
{
    hbDNNTensor t;
    memset(&t, 0, sizeof t);
    const bool is_nhwc = layout == HB_DNN_LAYOUT_NHWC;
    t.properties.tensorType = type;
    t.properties.tensorLayout = layout;
    t.properties.validShape =
        is_nhwc ? (hbDNNTensorShape){{1, h, w, 3}, 4} : (hbDNNTensorShape){{1, 3, h, w}, 4};
    t.properties.alignedShape = t.properties.validShape;
    CHECK(hbSysAllocMem(&t.sysMem[0], (uint32_t)(h * w * 3)) == 0);
    net_noise(t.sysMem[0].virAddr, (size_t)(h * w * 3), seed);
    return t;
}

static int32_t resize(hbDNNTensor *to, const hbDNNTensor *from, const hbDNNRoi *roi)
{
    hbDNNResizeCtrlParam p;
    HB_DNN_INITIALIZE_RESIZE_CTRL_PARAM(&p);
    hbDNNTaskHandle_t task = NULL;
    const int32_t code = hbDNNResize(&task, to, from, roi, &p);
    if (code != 0) return code;
    const int32_t status = hbDNNWaitTaskDone(task, 0);
    CHECK(hbDNNReleaseTask(task) == 0);
    return status;
}

static void test_resize__is_bilinear(void)
{
    const struct {
        int32_t type, layout;
        int channels; /* of the first plane */
    } kinds[] = {
        {HB_DNN_IMG_TYPE_RGB, HB_DNN_LAYOUT_NHWC, 3},
        {HB_DNN_IMG_TYPE_BGR, HB_DNN_LAYOUT_NCHW, 1},
        {HB_DNN_IMG_TYPE_YUV444, HB_DNN_LAYOUT_NHWC, 3},
        {HB_DNN_IMG_TYPE_Y, HB_DNN_LAYOUT_NCHW, 1},
        {HB_DNN_IMG_TYPE_NV12, HB_DNN_LAYOUT_NCHW, 1},
    };
    const int sizes[][4] = {{30, 40, 16, 24}, {10, 12, 30, 50}, {8, 8, 8, 8}, {2, 40, 6, 2}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
            const int *const s = sizes[k], c = kinds[i].channels;
            hbDNNTensor from = picture_for(kinds[i].type, kinds[i].layout, s[0], s[1], 40 + k);
            hbDNNTensor to = picture_for(kinds[i].type, kinds[i].layout, s[2], s[3], 1);
            CHECK(resize(&to, &from, NULL) == 0);
            check_plane(bytes_of(&to), (size_t)(s[3] * c), s[2], s[3], bytes_of(&from),
                        (size_t)(s[1] * c), s[0], s[1], c);
            if (kinds[i].type == HB_DNN_IMG_TYPE_NV12)
                check_plane(bytes_of(&to) + s[2] * s[3], (size_t)s[3], s[2] / 2, s[3] / 2,
                            bytes_of(&from) + s[0] * s[1], (size_t)s[1], s[0] / 2, s[1] / 2, 2);
            if (kinds[i].type == HB_DNN_IMG_TYPE_BGR)
                check_plane(bytes_of(&to) + 2 * s[2] * s[3], (size_t)s[3], s[2], s[3],
                            bytes_of(&from) + 2 * s[0] * s[1], (size_t)s[1], s[0], s[1], 1);
            CHECK(hbSysFreeMem(&from.sysMem[0]) == 0 && hbSysFreeMem(&to.sysMem[0]) == 0);
        }
}

static void test_resize__refuses(void)
{
    hbDNNTensor from = picture_for(HB_DNN_IMG_TYPE_NV12, HB_DNN_LAYOUT_NCHW, 20, 40, 1);
    hbDNNTensor to = picture_for(HB_DNN_IMG_TYPE_NV12, HB_DNN_LAYOUT_NCHW, 10, 10, 2);
    hbDNNTensor rgb = picture_for(HB_DNN_IMG_TYPE_RGB, HB_DNN_LAYOUT_NHWC, 10, 10, 2);
    hbDNNResizeCtrlParam p, bad;
    HB_DNN_INITIALIZE_RESIZE_CTRL_PARAM(&p);
    hbDNNTaskHandle_t task = NULL;
    CHECK(hbDNNResize(NULL, &to, &from, NULL, &p) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNResize(&task, NULL, &from, NULL, &p) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNResize(&task, &to, NULL, NULL, &p) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNResize(&task, &to, &from, NULL, NULL) == HB_DNN_INVALID_ARGUMENT);
    bad = p;
    bad.bpuCoreId = 9;
    CHECK(hbDNNResize(&task, &to, &from, NULL, &bad) == HB_DNN_INVALID_ARGUMENT);
    bad = p;
    bad.priority = 256;
    CHECK(hbDNNResize(&task, &to, &from, NULL, &bad) == HB_DNN_INVALID_ARGUMENT);
    bad = p;
    bad.resizeType = (hbDNNResizeType)1;
    CHECK(hbDNNResize(&task, &to, &from, NULL, &bad) == HB_DNN_INVALID_ARGUMENT);
    CHECK(resize(&to, &rgb, NULL) == HB_DNN_INVALID_ARGUMENT);
    const hbDNNRoi rois[] = {{0, 0, 40, 19}, {0, 0, 39, 20}, {-1, 0, 5, 5},
                             {0, -1, 5, 5},  {8, 0, 7, 5},   {0, 8, 5, 7}};
    for (size_t i = 0; i < ARRAY_LEN(rois); i++)
        CHECK_MSG(resize(&to, &from, &rois[i]) == HB_DNN_INVALID_ARGUMENT, "part %zu", i);
    from.properties.validShape.dimensionSize[3] = 39; /* odd */
    CHECK(resize(&to, &from, NULL) == HB_DNN_INVALID_ARGUMENT);
    from.properties.validShape.dimensionSize[3] = 40;
    from.properties.tensorType = HB_DNN_TENSOR_TYPE_U8;
    CHECK(resize(&to, &from, NULL) == HB_DNN_INVALID_ARGUMENT);
    task = &somewhere;
    from.properties.tensorType = HB_DNN_IMG_TYPE_NV12;
    CHECK(hbDNNResize(&task, &to, &from, NULL, &p) == HB_DNN_INVALID_TASK_HANDLE);
    CHECK(hbSysFreeMem(&to.sysMem[0]) == 0);
    CHECK(resize(&to, &from, NULL) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbSysFreeMem(&from.sysMem[0]) == 0 && hbSysFreeMem(&rgb.sysMem[0]) == 0);
}

static int32_t roi_infer(struct net_run *r, const hbDNNTensor *pictures, hbDNNRoi *rois, int32_t n)
{
    hbDNNInferCtrlParam p = net_param();
    hbDNNTensor *outputs = r->outputs;
    hbDNNTaskHandle_t task = NULL;
    const int32_t code = hbDNNRoiInfer(&task, &outputs, pictures, rois, n, r->model, &p);
    if (code != 0) return code;
    const int32_t status = hbDNNWaitTaskDone(task, 0);
    CHECK(hbDNNReleaseTask(task) == 0);
    return status;
}

/* Three parts of two pictures: each result is what the part gives when hbDNNResize scales it. */
static void test_roi__parts(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_truth truth = net_truth_of("cam");
    struct net_run r = net_run_of(net_model(packed, "cam"), 3, 1);
    hbDNNTensor a = big_picture(71), b = big_picture(72);
    const hbDNNTensor pictures[] = {a, b, a};
    hbDNNRoi rois[] = {{0, 0, BIG_W - 1, BIG_H - 1}, {11, 7, 50, 30}, {40, 20, 41, 21}};
    REQUIRE(roi_infer(&r, pictures, rois, 3) == 0);
    hbDNNTensor scaled = picture_for(HB_DNN_IMG_TYPE_NV12, HB_DNN_LAYOUT_NCHW, CAM_H, CAM_W, 1);
    for (int i = 0; i < 3; i++) {
        CHECK(resize(&scaled, &pictures[i], &rois[i]) == 0);
        net_truth_run(&truth, bytes_of(&scaled), bytes_of(&scaled) + CAM_W * CAM_H, CAM_W, CAM_W,
                      CAM_H);
        net_check(&truth, &r, i);
    }
    CHECK(hbSysFreeMem(&scaled.sysMem[0]) == 0);
    CHECK(hbSysFreeMem(&a.sysMem[0]) == 0 && hbSysFreeMem(&b.sysMem[0]) == 0);
    net_run_release(&r);
    net_truth_release(&truth);
    CHECK(hbDNNRelease(packed) == 0);
}

static void test_roi__refuses(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
    struct net_run rgb = net_run_of(net_model(packed, "rgb"), 1, 1);
    hbDNNTensor a = big_picture(71);
    const hbDNNTensor two[] = {a, a};
    hbDNNRoi good[] = {{0, 0, BIG_W - 1, BIG_H - 1}, {0, 0, 9, 9}};
    hbDNNInferCtrlParam p = net_param(), bad = p;
    hbDNNTensor *outputs = r.outputs, *none = NULL;
    hbDNNTaskHandle_t task = NULL;
    bad.priority = -1;
    const hbDNNHandle_t m = r.model;
    CHECK(hbDNNRoiInfer(NULL, &outputs, &a, good, 1, m, &p) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNRoiInfer(&task, NULL, &a, good, 1, m, &p) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNRoiInfer(&task, &none, &a, good, 1, m, &p) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNRoiInfer(&task, &outputs, NULL, good, 1, m, &p) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNRoiInfer(&task, &outputs, &a, NULL, 1, m, &p) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNRoiInfer(&task, &outputs, &a, good, 0, m, &p) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNRoiInfer(&task, &outputs, &a, good, -5, m, &p) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNRoiInfer(&task, &outputs, &a, good, 256, m, &p) ==
          HB_DNN_TASK_BATCH_SIZE_EXCEED_LIMIT);
    CHECK(hbDNNRoiInfer(&task, &outputs, &a, good, 1, packed, &p) == HB_DNN_INVALID_DNN_HANDLE);
    CHECK(hbDNNRoiInfer(&task, &outputs, &a, good, 1, m, NULL) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNRoiInfer(&task, &outputs, &a, good, 1, m, &bad) == HB_DNN_INVALID_ARGUMENT);
    CHECK(roi_infer(&rgb, &a, good, 1) == HB_DNN_API_USE_ERROR);
    CHECK(roi_infer(&r, two, good, 2) == HB_DNN_INVALID_ARGUMENT); /* outputs have room for one */
    const hbDNNRoi rois[] = {{0, 0, BIG_W, 9}, {0, 0, 9, BIG_H}, {-2, 0, 9, 9}, {0, -2, 9, 9},
                             {9, 0, 8, 9},     {0, 9, 9, 8},     {4, 0, 4, 9},  {0, 4, 9, 4}};
    for (size_t i = 0; i < ARRAY_LEN(rois); i++) {
        hbDNNRoi roi = rois[i];
        CHECK_MSG(roi_infer(&r, &a, &roi, 1) == HB_DNN_INVALID_ARGUMENT, "part %zu", i);
    }
    hbDNNTensor wrong = a;
    wrong.properties.tensorType = HB_DNN_IMG_TYPE_RGB;
    CHECK(roi_infer(&r, &wrong, good, 1) == HB_DNN_INVALID_ARGUMENT);
    wrong = a;
    wrong.sysMem[0].memSize--;
    CHECK(roi_infer(&r, &wrong, good, 1) == HB_DNN_INVALID_ARGUMENT);
    CHECK(task == NULL);
    CHECK(roi_infer(&r, &a, good, 1) == 0);
    CHECK(hbSysFreeMem(&a.sysMem[0]) == 0);
    CHECK(roi_infer(&r, two, good, 1) == HB_DNN_INVALID_ARGUMENT);
    net_run_release(&r);
    net_run_release(&rgb);
    CHECK(hbDNNRelease(packed) == 0);
}

/* More than four times the model's size is what the board's resizer cannot do. */
static void test_roi__too_large(void)
{
    enum { W = CAM_W * 4 + 8, H = CAM_H };
    const hbPackedDNNHandle_t packed = net_load();
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
    hbDNNTensor a = picture_for(HB_DNN_IMG_TYPE_NV12, HB_DNN_LAYOUT_NCHW, H, W, 1);
    hbDNNRoi whole = {0, 0, W - 1, H - 1}, less = {0, 0, CAM_W * 4 - 5, H - 1};
    CHECK(roi_infer(&r, &a, &whole, 1) == HB_DNN_INVALID_ARGUMENT);
    CHECK(roi_infer(&r, &a, &less, 1) == 0);
    CHECK(hbSysFreeMem(&a.sysMem[0]) == 0);
    net_run_release(&r);
    CHECK(hbDNNRelease(packed) == 0);
}

TEST_MAIN(TEST(test_infer__nv12), TEST(test_infer__separate_planes), TEST(test_infer__rows),
          TEST(test_infer__pixels), TEST(test_infer__numbers), TEST(test_infer__stored_numbers),
          TEST(test_infer__own_memory), TEST(test_infer__refuses_arguments),
          TEST(test_infer__refuses_pictures), TEST(test_infer__refuses_outputs),
          TEST(test_infer__freed_meanwhile), TEST(test_infer__out_of_memory),
          TEST(test_resize__is_bilinear), TEST(test_resize__refuses), TEST(test_roi__parts),
          TEST(test_roi__refuses), TEST(test_roi__too_large))
