/* SPDX-License-Identifier: Apache-2.0
 *
 * The programming interface of D-Robotics' RDK boards, for Intarsia's files: a program written for the board is compiled
 * and runs here. What is supported, and what differs: docs/dnn.md. Link with -ldnn.
 *
 *     const char *path = "parts.bin", **names;
 *     int32_t n_names;
 *     hbPackedDNNHandle_t packed;
 *     hbDNNHandle_t model;
 *     hbDNNInitializeFromFiles(&packed, &path, 1);
 *     hbDNNGetModelNameList(&names, &n_names, packed);
 *     hbDNNGetModelHandle(&model, packed, names[0]);
 *     ... properties of inputs and outputs, memory for them (hb_sys.h), a picture into the input ...
 *     hbDNNTaskHandle_t task = NULL;
 *     hbDNNInferCtrlParam how;
 *     HB_DNN_INITIALIZE_INFER_CTRL_PARAM(&how);
 *     hbDNNInfer(&task, &outputs, inputs, model, &how);
 *     hbDNNWaitTaskDone(task, 0);
 *     hbDNNReleaseTask(task);
 *     hbDNNRelease(packed);
 *
 * (examples/dnn/ has it complete.) All functions may be called from any thread at any time. They return 0 or a code of
 * hb_dnn_status.h; what they fill is then untouched. Handles are looked up before they are used: one that was released, or
 * never was one, gives HB_DNN_INVALID_..._HANDLE. Null arguments give HB_DNN_INVALID_ARGUMENT.
 */
#ifndef DNN_HB_DNN_H
#define DNN_HB_DNN_H

#include <stdint.h>

#include "hb_dnn_status.h"
#include "hb_sys.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of the interface, not of Intarsia. */
#define HB_DNN_VERSION_MAJOR 1U
#define HB_DNN_VERSION_MINOR 24U
#define HB_DNN_VERSION_PATCH 5U

#define HB_DNN_TENSOR_MAX_DIMENSIONS 8

typedef void *hbPackedDNNHandle_t; /* all models of the files loaded together */
typedef void *hbDNNHandle_t;       /* one of them */
typedef void *hbDNNTaskHandle_t;   /* one run, or several together */

/* ---- tensors ---- */

typedef enum {
    HB_DNN_LAYOUT_NHWC = 0,
    HB_DNN_LAYOUT_NCHW = 2,
    HB_DNN_LAYOUT_NONE = 255
} hbDNNTensorLayout;

typedef enum {
    HB_DNN_IMG_TYPE_Y,
    HB_DNN_IMG_TYPE_NV12,          /* sysMem[0]: Y, then UV */
    HB_DNN_IMG_TYPE_NV12_SEPARATE, /* sysMem[0]: Y, sysMem[1]: UV */
    HB_DNN_IMG_TYPE_YUV444,
    HB_DNN_IMG_TYPE_RGB,
    HB_DNN_IMG_TYPE_BGR,
    HB_DNN_TENSOR_TYPE_S4,
    HB_DNN_TENSOR_TYPE_U4,
    HB_DNN_TENSOR_TYPE_S8,
    HB_DNN_TENSOR_TYPE_U8,
    HB_DNN_TENSOR_TYPE_F16,
    HB_DNN_TENSOR_TYPE_S16,
    HB_DNN_TENSOR_TYPE_U16,
    HB_DNN_TENSOR_TYPE_F32,
    HB_DNN_TENSOR_TYPE_S32,
    HB_DNN_TENSOR_TYPE_U32,
    HB_DNN_TENSOR_TYPE_F64,
    HB_DNN_TENSOR_TYPE_S64,
    HB_DNN_TENSOR_TYPE_U64,
    HB_DNN_TENSOR_TYPE_MAX
} hbDNNDataType;

typedef struct {
    int32_t dimensionSize[HB_DNN_TENSOR_MAX_DIMENSIONS];
    int32_t numDimensions;
} hbDNNTensorShape;

typedef struct {
    int32_t shiftLen;
    uint8_t *shiftData; /* real = stored / 2^shift */
} hbDNNQuantiShift;

typedef struct {
    int32_t scaleLen; /* 1, or the size of dimension quantizeAxis */
    float *scaleData; /* real = (stored - zero point) * scale */
    int32_t zeroPointLen;
    int8_t *zeroPointData;
} hbDNNQuantiScale;

typedef enum { NONE = 0, SHIFT = 1, SCALE = 2 } hbDNNQuantiType;

typedef struct {
    hbDNNTensorShape validShape;   /* what means something */
    hbDNNTensorShape alignedShape; /* what is in memory */
    int32_t tensorLayout;          /* hbDNNTensorLayout */
    int32_t tensorType;            /* hbDNNDataType */
    hbDNNQuantiShift shift;
    hbDNNQuantiScale scale;
    hbDNNQuantiType quantiType;
    int32_t quantizeAxis;
    int32_t alignedByteSize;
    int32_t
        stride[HB_DNN_TENSOR_MAX_DIMENSIONS]; /* bytes for each dimension; pictures of planes: 0 */
} hbDNNTensorProperties;

typedef struct {
    hbSysMem sysMem[4];
    hbDNNTensorProperties properties;
} hbDNNTensor;

/* Corners belong to it: right - left + 1 pixels wide. */
typedef struct {
    int32_t left, top, right, bottom;
} hbDNNRoi;

/* ---- models ---- */

/* "1.24.5 (Intarsia 0.1.0)": of the interface and of what stands behind it; static. */
HB_API const char *hbDNNGetVersion(void);

/* Loads all models of all files; names must be different. The files must not change before hbDNNRelease. */
HB_API int32_t hbDNNInitializeFromFiles(hbPackedDNNHandle_t *packed, const char **paths,
                                        int32_t n_paths);
/* Same from memory, which is copied. */
HB_API int32_t hbDNNInitializeFromDDR(hbPackedDNNHandle_t *packed, const void **data,
                                      int32_t *sizes, int32_t n_data);
/* HB_DNN_MODEL_IS_RUNNING, and nothing is released, while a task of these models waits or runs. */
HB_API int32_t hbDNNRelease(hbPackedDNNHandle_t packed);

/* Everything the following functions hand out is the library's and valid until hbDNNRelease. */
HB_API int32_t hbDNNGetModelNameList(const char ***names, int32_t *n_names,
                                     hbPackedDNNHandle_t packed);
HB_API int32_t hbDNNGetModelHandle(hbDNNHandle_t *model, hbPackedDNNHandle_t packed,
                                   const char *name);
HB_API int32_t hbDNNGetInputCount(int32_t *count, hbDNNHandle_t model);
HB_API int32_t hbDNNGetInputName(const char **name, hbDNNHandle_t model, int32_t index);
HB_API int32_t hbDNNGetInputTensorProperties(hbDNNTensorProperties *properties, hbDNNHandle_t model,
                                             int32_t index);
HB_API int32_t hbDNNGetOutputCount(int32_t *count, hbDNNHandle_t model);
HB_API int32_t hbDNNGetOutputName(const char **name, hbDNNHandle_t model, int32_t index);
HB_API int32_t hbDNNGetOutputTensorProperties(hbDNNTensorProperties *properties,
                                              hbDNNHandle_t model, int32_t index);

/* ---- running ---- */

typedef enum {
    HB_DNN_PRIORITY_LOWEST = 0,
    HB_DNN_PRIORITY_HIGHEST = 255,
    HB_DNN_PRIORITY_PREEMP = HB_DNN_PRIORITY_HIGHEST
} hbDNNTaskPriority;

typedef enum { HB_BPU_CORE_ANY = 0, HB_BPU_CORE_0 = 1, HB_BPU_CORE_1 = 2 } hbBPUCore;
typedef enum { HB_DSP_CORE_ANY = 0, HB_DSP_CORE_0 = 1, HB_DSP_CORE_1 = 2 } hbDSPCore;

typedef struct {
    int32_t bpuCoreId; /* checked and otherwise without effect: the system chooses processors */
    int32_t dspCoreId;
    int32_t priority; /* 0 to 255: tasks of higher priority begin before others */
    int32_t more; /* 1: the task begins with the next hbDNNInfer on the same handle that says 0 */
    int64_t customId; /* among tasks of one priority those with smaller numbers begin first */
    int32_t reserved1;
    int32_t reserved2;
} hbDNNInferCtrlParam;

#define HB_DNN_INITIALIZE_INFER_CTRL_PARAM(param)                                                  \
    do {                                                                                           \
        (param)->bpuCoreId = HB_BPU_CORE_ANY;                                                      \
        (param)->dspCoreId = HB_DSP_CORE_ANY;                                                      \
        (param)->priority = HB_DNN_PRIORITY_LOWEST;                                                \
        (param)->more = 0;                                                                         \
        (param)->customId = 0;                                                                     \
        (param)->reserved1 = 0;                                                                    \
        (param)->reserved2 = 0;                                                                    \
    } while (0)

/* Puts one run of the network into the queue and returns. *outputs [number of outputs] and inputs [number of inputs] say
 * where the data are; the arrays are read during the call, the memory must stay until the task is done. *task is NULL
 * before, and the task's handle afterwards, to be released with hbDNNReleaseTask; or it is the handle of a task whose last
 * addition said `more`, which gets one more run (at most 255). At most 32 tasks are alive at a time. */
HB_API int32_t hbDNNInfer(hbDNNTaskHandle_t *task, hbDNNTensor **outputs, const hbDNNTensor *inputs,
                          hbDNNHandle_t model, hbDNNInferCtrlParam *param);

/* Runs a network that takes a picture on parts of pictures, each scaled (bilinearly, without keeping its proportions) to
 * the network's input. inputs [n_rois] are pictures in NV12 of any size, validShape [1, 3, h, w]; part i is taken from
 * picture i. Each output's memory has room for n_rois results, one after another. */
HB_API int32_t hbDNNRoiInfer(hbDNNTaskHandle_t *task, hbDNNTensor **outputs,
                             const hbDNNTensor *inputs, hbDNNRoi *rois, int32_t n_rois,
                             hbDNNHandle_t model, hbDNNInferCtrlParam *param);

/* Waits at most timeout milliseconds, without end when that is 0 or less. HB_DNN_TIMEOUT: not done yet;
 * HB_DNN_RUN_TASK_FAILED: it was done and failed. */
HB_API int32_t hbDNNWaitTaskDone(hbDNNTaskHandle_t task, int32_t timeout);
/* A task that has not begun never will; one that runs is waited for. Afterwards the library does not touch its memory. */
HB_API int32_t hbDNNReleaseTask(hbDNNTaskHandle_t task);

/* status: 0, or HB_DNN_RUN_TASK_FAILED. */
typedef void (*hbDNNTaskDoneCb)(hbDNNTaskHandle_t task, int32_t status, void *userdata);
/* The function is called once, when the task is done: from a thread of the library, or from this call when it was done
 * before. It may release the task. A task that is cancelled calls nothing. */
HB_API int32_t hbDNNSetTaskDoneCb(hbDNNTaskHandle_t task, hbDNNTaskDoneCb callback, void *userdata);

/* ---- pictures ---- */

typedef enum { HB_DNN_RESIZE_TYPE_BILINEAR = 0 } hbDNNResizeType;

typedef struct {
    int32_t bpuCoreId;
    int32_t priority;
    hbDNNResizeType resizeType;
    int32_t reserved1;
    int32_t reserved2;
    int32_t reserved3;
    int32_t reserved4;
} hbDNNResizeCtrlParam;

#define HB_DNN_INITIALIZE_RESIZE_CTRL_PARAM(param)                                                 \
    do {                                                                                           \
        (param)->bpuCoreId = HB_BPU_CORE_ANY;                                                      \
        (param)->priority = HB_DNN_PRIORITY_LOWEST;                                                \
        (param)->resizeType = HB_DNN_RESIZE_TYPE_BILINEAR;                                         \
        (param)->reserved1 = 0;                                                                    \
        (param)->reserved2 = 0;                                                                    \
        (param)->reserved3 = 0;                                                                    \
        (param)->reserved4 = 0;                                                                    \
    } while (0)

/* Scales a part (roi NULL: all) of one picture into another of the same type, in the queue as a task like any other. */
HB_API int32_t hbDNNResize(hbDNNTaskHandle_t *task, hbDNNTensor *output, const hbDNNTensor *input,
                           const hbDNNRoi *roi, hbDNNResizeCtrlParam *param);

#ifdef __cplusplus
}
#endif
#endif
