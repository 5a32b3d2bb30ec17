/* SPDX-License-Identifier: Apache-2.0
 *
 * Models for libdnn's tests, made in memory on random weights, and what every test needs to run one of them.
 */
#ifndef TESTS_DNN_NETWORK_H
#define TESTS_DNN_NETWORK_H

#include "base/mem.h"
#include "dnn/hb_dnn.h"
#include "dnn/hb_dnn_ext.h"
#include "intarsia/intarsia.h"
#include "plan_build.h"

enum { CAM_W = 64, CAM_H = 32, CAM_BYTES = CAM_W * CAM_H * 3 / 2, N_OUT = 4, N_MODELS = 6 };

/* A convolution with a window of `stride` pixels; its scales are one for each channel when asked for. */
static inline uint32_t net_conv(struct build *b, uint32_t in, const char *name, int stride, int c,
                                enum dtype dtype, bool per_channel)
{
    const struct plan_tensor *const from = &b->tensors[in];
    const uint32_t out = build_tensor(b, name, dtype, from->h / stride, from->w / stride, c);
    struct plan_step *const s = build_step(b, STEP_CONV, name, 1, &in, out);
    build_window(s, stride, stride, 0);
    build_conv_arrays(b, s, ACT_NONE);
    if (!per_channel) return out;
    float *const scale = build_room(b, (size_t)c, sizeof *scale);
    int32_t *const zero_point = build_room(b, (size_t)c, sizeof *zero_point);
    for (int i = 0; i < c; i++) scale[i] = 0.001f * (float)(i + 1);
    b->tensors[out].n_quant = c;
    b->tensors[out].scale = scale;
    b->tensors[out].zero_point = zero_point;
    return out;
}

/* Like a YOLO head whose dequantise nodes were removed but for one: floats, s32 with a scale for each channel, s16 and s8
 * with one for all; the s8 one lies in a wider buffer. */
static inline void net_camera(struct build *b, const char *name, int h, int w,
                              enum plan_input_kind kind)
{
    build_init(b, name, 31);
    const uint32_t in = build_tensor(b, "in", DTYPE_S8, h, w, kind == PLAN_INPUT_GRAY ? 1 : 3);
    build_input(b, in, kind);
    build_output(b, net_conv(b, in, "cls", 4, 5, DTYPE_S32, true));
    build_output(b, net_conv(b, in, "box", 4, 16, DTYPE_S32, true));
    build_output(b, net_conv(b, in, "proto", 2, 6, DTYPE_S16, false));
    const int size[3] = {h / 4, w / 4, 8};
    const uint32_t wide = build_buffer(b, h / 4, w / 4, 24, DTYPE_S8);
    const uint32_t part = build_slice(b, "part", DTYPE_S8, size, wide, 24, 8);
    struct plan_step *const s = build_step(b, STEP_CONV, "part", 1, &in, part);
    build_window(s, 4, 4, 0);
    build_conv_arrays(b, s, ACT_RELU);
    build_output(b, part);
    for (int i = 1; i < N_OUT; i++) b->outputs[i].dequantize = "";
}

/* Two inputs of numbers. */
static inline void net_numbers(struct build *b, const char *name)
{
    build_init(b, name, 22);
    for (int i = 0; i < 2; i++) {
        const uint32_t in = build_tensor(b, "in", DTYPE_S8, 4, 6, 3);
        build_output(b, net_conv(b, in, "out", 1, 8, DTYPE_S32, false));
        build_input(b, in, PLAN_INPUT_TENSOR);
    }
}

/* A file with six models: "cam" and "odd" (20 x 12 pixels) take NV12, "rgb" and "yuv" pixels, "gray" Y, "raw" numbers. Freed
 * with mem_free. */
static inline void *net_file(size_t *size)
{
    struct build *const b = malloc(N_MODELS * sizeof *b);
    if (b == NULL) abort();
    net_camera(&b[0], "cam", CAM_H, CAM_W, PLAN_INPUT_NV12);
    net_camera(&b[1], "odd", 12, 20, PLAN_INPUT_NV12);
    net_camera(&b[2], "rgb", CAM_H, CAM_W, PLAN_INPUT_RGB);
    net_numbers(&b[3], "raw");
    net_camera(&b[4], "gray", 12, 20, PLAN_INPUT_GRAY);
    net_camera(&b[5], "yuv", CAM_H, CAM_W, PLAN_INPUT_YUV444);
    const struct plan *models[N_MODELS];
    for (int i = 0; i < N_MODELS; i++) models[i] = &b[i].plan;
    void *data = NULL;
    struct itx_error err;
    if (plan_write(models, N_MODELS, &data, size, &err) != ITX_OK) {
        printf("%s\n", err.text);
        abort();
    }
    for (int i = 0; i < N_MODELS; i++) build_release(&b[i]);
    free(b);
    return data;
}

static inline hbPackedDNNHandle_t net_load(void)
{
    size_t size = 0;
    void *const data = net_file(&size);
    const void *list = data;
    int32_t bytes = (int32_t)size;
    hbPackedDNNHandle_t packed = NULL;
    const int32_t code = hbDNNInitializeFromDDR(&packed, &list, &bytes, 1);
    mem_free(data);
    CHECK_MSG(code == 0, "%d", (int)code);
    return packed;
}

static inline hbDNNHandle_t net_model(hbPackedDNNHandle_t packed, const char *name)
{
    hbDNNHandle_t model = NULL;
    CHECK(hbDNNGetModelHandle(&model, packed, name) == 0);
    return model;
}

static inline void net_noise(void *to, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) ((uint8_t *)to)[i] = (uint8_t)test_random(&seed);
}

/* Memory for one run of a model with up to four inputs and outputs. */
struct net_run {
    hbDNNHandle_t model;
    int32_t n_inputs, n_outputs;
    hbDNNTensor inputs[4], outputs[4];
};

/* n_results: room for so many in each output. Inputs of pictures get noise, others get numbers. */
static inline struct net_run net_run_of(hbDNNHandle_t model, int n_results, uint64_t seed)
{
    struct net_run r;
    memset(&r, 0xa5, sizeof r); /* programs leave what they do not use as it is */
    r.model = model;
    CHECK(hbDNNGetInputCount(&r.n_inputs, model) == 0 && r.n_inputs <= 4);
    CHECK(hbDNNGetOutputCount(&r.n_outputs, model) == 0 && r.n_outputs <= 4);
    for (int32_t i = 0; i < r.n_inputs; i++) {
        hbDNNTensor *const t = &r.inputs[i];
        CHECK(hbDNNGetInputTensorProperties(&t->properties, model, i) == 0);
        const uint32_t size = (uint32_t)t->properties.alignedByteSize;
        CHECK(hbSysAllocCachedMem(&t->sysMem[0], size) == 0);
        if (t->properties.tensorType == HB_DNN_TENSOR_TYPE_F32)
            for (uint32_t k = 0; k < size / 4; k++)
                ((float *)t->sysMem[0].virAddr)[k] = (float)(test_random(&seed) % 2000) / 100 - 10;
        else
            net_noise(t->sysMem[0].virAddr, size, seed);
        CHECK(hbSysFlushMem(&t->sysMem[0], HB_SYS_MEM_CACHE_CLEAN) == 0);
    }
    for (int32_t i = 0; i < r.n_outputs; i++) {
        hbDNNTensor *const t = &r.outputs[i];
        CHECK(hbDNNGetOutputTensorProperties(&t->properties, model, i) == 0);
        CHECK(hbSysAllocCachedMem(&t->sysMem[0],
                                  (uint32_t)(t->properties.alignedByteSize * n_results)) == 0);
        memset(t->sysMem[0].virAddr, 0x77, t->sysMem[0].memSize);
    }
    return r;
}

static inline void net_run_release(struct net_run *r)
{
    for (int32_t i = 0; i < r->n_inputs; i++) CHECK(hbSysFreeMem(&r->inputs[i].sysMem[0]) == 0);
    for (int32_t i = 0; i < r->n_outputs; i++) CHECK(hbSysFreeMem(&r->outputs[i].sysMem[0]) == 0);
}

static inline hbDNNInferCtrlParam net_param(void)
{
    hbDNNInferCtrlParam p;
    HB_DNN_INITIALIZE_INFER_CTRL_PARAM(&p);
    return p;
}

static inline int32_t net_submit(struct net_run *r, hbDNNTaskHandle_t *task,
                                 const hbDNNInferCtrlParam *how)
{
    hbDNNInferCtrlParam p = how != NULL ? *how : net_param();
    hbDNNTensor *outputs = r->outputs;
    return hbDNNInfer(task, &outputs, r->inputs, r->model, &p);
}

/* Submits, waits, releases. */
static inline int32_t net_infer(struct net_run *r)
{
    hbDNNTaskHandle_t task = NULL;
    const int32_t code = net_submit(r, &task, NULL);
    if (code != 0) return code;
    const int32_t status = hbDNNWaitTaskDone(task, 0);
    CHECK(hbDNNReleaseTask(task) == 0);
    return status;
}

/* The same model through libintarsia. */
struct net_truth {
    itx_model *model;
    itx_session *session;
};

static inline struct net_truth net_truth_of(const char *name)
{
    struct net_truth t = {NULL, NULL};
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    size_t size = 0;
    void *const data = net_file(&size);
    o.n_threads = 1;
    o.dense = 1;
    o.cpu = "scalar";
    CHECK(itx_model_open_memory(&t.model, data, size, name, NULL) == ITX_OK);
    CHECK(itx_session_create(&t.session, t.model, &o, NULL) == ITX_OK);
    mem_free(data);
    return t;
}

static inline void net_truth_release(struct net_truth *t)
{
    itx_session_destroy(&t->session);
    itx_model_close(&t->model);
}

/* Compares memory that libdnn wrote with the session's last outputs, element by element: integers as they are stored,
 * floats as number times scale. `result` counts results one after another. */
static inline void net_check(const struct net_truth *truth, const struct net_run *r, int result)
{
    for (int32_t i = 0; i < r->n_outputs; i++) {
        struct itx_tensor_info t;
        CHECK(itx_model_get_output(truth->model, i, &t, NULL) == ITX_OK);
        const void *const stored = itx_session_output(truth->session, i);
        const hbDNNTensorProperties *const p = &r->outputs[i].properties;
        const uint8_t *const got = (const uint8_t *)r->outputs[i].sysMem[0].virAddr +
                                   (size_t)result * (size_t)p->alignedByteSize;
        int n_wrong = 0;
        for (int y = 0; y < t.height; y++)
            for (int x = 0; x < t.width; x++)
                for (int k = 0; k < t.channels; k++) {
                    const size_t at = (size_t)y * t.row + (size_t)x * t.pixel + (size_t)k;
                    const uint8_t *const place =
                        got + y * p->stride[1] + x * p->stride[2] + k * p->stride[3];
                    const int32_t q = t.dtype == ITX_S8    ? ((const int8_t *)stored)[at]
                                      : t.dtype == ITX_S16 ? ((const int16_t *)stored)[at]
                                                           : ((const int32_t *)stored)[at];
                    const int c = t.n_quant > 1 ? k : 0;
                    const float real = (float)(q - t.zero_point[c]) * t.scale[c];
                    const int16_t q16 = (int16_t)q;
                    const int8_t q8 = (int8_t)q;
                    const bool same =
                        p->tensorType == HB_DNN_TENSOR_TYPE_F32   ? memcmp(place, &real, 4) == 0
                        : p->tensorType == HB_DNN_TENSOR_TYPE_S32 ? memcmp(place, &q, 4) == 0
                        : p->tensorType == HB_DNN_TENSOR_TYPE_S16 ? memcmp(place, &q16, 2) == 0
                                                                  : memcmp(place, &q8, 1) == 0;
                    n_wrong += !same;
                }
        CHECK_MSG(n_wrong == 0, "output %d: %d differ", (int)i, n_wrong);
    }
}

/* Runs the truth on NV12 planes of the model's size. */
static inline void net_truth_run(const struct net_truth *t, const uint8_t *y, const uint8_t *uv,
                                 size_t row, int w, int h)
{
    const struct itx_image image = {
        .format = ITX_IMAGE_NV12, .width = w, .height = h, .plane = {y, uv}, .stride = {row, row}};
    CHECK(itx_session_run(t->session, &image, NULL) == ITX_OK);
}

#endif
