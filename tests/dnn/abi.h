/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers and places that programs for the board were compiled against; included by a C and by a C++ file.
 */
#include <stddef.h>

#include "dnn/hb_dnn.h"
#include "dnn/hb_dnn_ext.h"
#include "dnn/plugin/hb_dnn_layer.h"
#include "dnn/plugin/hb_dnn_plugin.h"

#ifdef __cplusplus
#define SAME(a, b) static_assert((a) == (b), #a " is not " #b)
#else
#define SAME(a, b) _Static_assert((a) == (b), #a " is not " #b)
#endif

SAME(HB_DNN_TENSOR_MAX_DIMENSIONS, 8);
SAME(HB_DNN_VERSION_MAJOR, 1U);
SAME(HB_DNN_LAYOUT_NHWC, 0);
SAME(HB_DNN_LAYOUT_NCHW, 2);
SAME(HB_DNN_LAYOUT_NONE, 255);
SAME(HB_DNN_IMG_TYPE_Y, 0);
SAME(HB_DNN_IMG_TYPE_NV12, 1);
SAME(HB_DNN_IMG_TYPE_NV12_SEPARATE, 2);
SAME(HB_DNN_IMG_TYPE_YUV444, 3);
SAME(HB_DNN_IMG_TYPE_RGB, 4);
SAME(HB_DNN_IMG_TYPE_BGR, 5);
SAME(HB_DNN_TENSOR_TYPE_S4, 6);
SAME(HB_DNN_TENSOR_TYPE_U4, 7);
SAME(HB_DNN_TENSOR_TYPE_S8, 8);
SAME(HB_DNN_TENSOR_TYPE_U8, 9);
SAME(HB_DNN_TENSOR_TYPE_F16, 10);
SAME(HB_DNN_TENSOR_TYPE_S16, 11);
SAME(HB_DNN_TENSOR_TYPE_U16, 12);
SAME(HB_DNN_TENSOR_TYPE_F32, 13);
SAME(HB_DNN_TENSOR_TYPE_S32, 14);
SAME(HB_DNN_TENSOR_TYPE_U32, 15);
SAME(HB_DNN_TENSOR_TYPE_F64, 16);
SAME(HB_DNN_TENSOR_TYPE_S64, 17);
SAME(HB_DNN_TENSOR_TYPE_U64, 18);
SAME(HB_DNN_TENSOR_TYPE_MAX, 19);
SAME(NONE, 0);
SAME(SHIFT, 1);
SAME(SCALE, 2);
SAME(HB_DNN_PRIORITY_LOWEST, 0);
SAME(HB_DNN_PRIORITY_HIGHEST, 255);
SAME(HB_DNN_PRIORITY_PREEMP, 255);
SAME(HB_BPU_CORE_ANY, 0);
SAME(HB_BPU_CORE_0, 1);
SAME(HB_BPU_CORE_1, 2);
SAME(HB_DSP_CORE_ANY, 0);
SAME(HB_DSP_CORE_0, 1);
SAME(HB_DSP_CORE_1, 2);
SAME(HB_SYS_MEM_CACHE_INVALIDATE, 1);
SAME(HB_SYS_MEM_CACHE_CLEAN, 2);
SAME(HB_DNN_RESIZE_TYPE_BILINEAR, 0);

SAME(HB_DNN_SUCCESS, 0);
SAME(HB_DNN_INVALID_ARGUMENT, -6000001);
SAME(HB_DNN_INVALID_MODEL, -6000002);
SAME(HB_DNN_MODEL_NUMBER_EXCEED_LIMIT, -6000003);
SAME(HB_DNN_INVALID_PACKED_DNN_HANDLE, -6000004);
SAME(HB_DNN_INVALID_DNN_HANDLE, -6000005);
SAME(HB_DNN_CAN_NOT_OPEN_FILE, -6000006);
SAME(HB_DNN_OUT_OF_MEMORY, -6000007);
SAME(HB_DNN_TIMEOUT, -6000008);
SAME(HB_DNN_TASK_NUM_EXCEED_LIMIT, -6000009);
SAME(HB_DNN_TASK_BATCH_SIZE_EXCEED_LIMIT, -6000010);
SAME(HB_DNN_INVALID_TASK_HANDLE, -6000011);
SAME(HB_DNN_RUN_TASK_FAILED, -6000012);
SAME(HB_DNN_MODEL_IS_RUNNING, -6000013);
SAME(HB_DNN_INCOMPATIBLE_MODEL, -6000014);
SAME(HB_DNN_API_USE_ERROR, -6000015);
SAME(HB_DNN_MULTI_PROGRESS_USE_ERROR, -6000016);
SAME(HB_SYS_SUCCESS, 0);
SAME(HB_SYS_INVALID_ARGUMENT, -6000129);
SAME(HB_SYS_OUT_OF_MEMORY, -6000130);
SAME(HB_SYS_REGISTER_MEM_FAILED, -6000131);

SAME(sizeof(hbPackedDNNHandle_t), 8);
SAME(sizeof(hbDNNHandle_t), 8);
SAME(sizeof(hbDNNTaskHandle_t), 8);
SAME(sizeof(hbDNNTaskDoneCb), 8);
SAME(sizeof(hbDNNTensorShape), 36);
SAME(offsetof(hbDNNTensorShape, numDimensions), 32);
SAME(sizeof(hbDNNQuantiShift), 16);
SAME(offsetof(hbDNNQuantiShift, shiftData), 8);
SAME(sizeof(hbDNNQuantiScale), 32);
SAME(offsetof(hbDNNQuantiScale, scaleData), 8);
SAME(offsetof(hbDNNQuantiScale, zeroPointLen), 16);
SAME(offsetof(hbDNNQuantiScale, zeroPointData), 24);
SAME(sizeof(hbDNNTensorProperties), 176);
SAME(offsetof(hbDNNTensorProperties, validShape), 0);
SAME(offsetof(hbDNNTensorProperties, alignedShape), 36);
SAME(offsetof(hbDNNTensorProperties, tensorLayout), 72);
SAME(offsetof(hbDNNTensorProperties, tensorType), 76);
SAME(offsetof(hbDNNTensorProperties, shift), 80);
SAME(offsetof(hbDNNTensorProperties, scale), 96);
SAME(offsetof(hbDNNTensorProperties, quantiType), 128);
SAME(offsetof(hbDNNTensorProperties, quantizeAxis), 132);
SAME(offsetof(hbDNNTensorProperties, alignedByteSize), 136);
SAME(offsetof(hbDNNTensorProperties, stride), 140);
SAME(sizeof(hbSysMem), 24);
SAME(offsetof(hbSysMem, phyAddr), 0);
SAME(offsetof(hbSysMem, virAddr), 8);
SAME(offsetof(hbSysMem, memSize), 16);
SAME(sizeof(hbDNNTensor), 272);
SAME(offsetof(hbDNNTensor, sysMem), 0);
SAME(offsetof(hbDNNTensor, properties), 96);
SAME(sizeof(hbDNNRoi), 16);
SAME(offsetof(hbDNNRoi, left), 0);
SAME(offsetof(hbDNNRoi, top), 4);
SAME(offsetof(hbDNNRoi, right), 8);
SAME(offsetof(hbDNNRoi, bottom), 12);
SAME(sizeof(hbDNNInferCtrlParam), 32);
SAME(offsetof(hbDNNInferCtrlParam, bpuCoreId), 0);
SAME(offsetof(hbDNNInferCtrlParam, dspCoreId), 4);
SAME(offsetof(hbDNNInferCtrlParam, priority), 8);
SAME(offsetof(hbDNNInferCtrlParam, more), 12);
SAME(offsetof(hbDNNInferCtrlParam, customId), 16);
SAME(offsetof(hbDNNInferCtrlParam, reserved1), 24);
SAME(offsetof(hbDNNInferCtrlParam, reserved2), 28);
SAME(sizeof(hbDNNResizeCtrlParam), 28);
SAME(offsetof(hbDNNResizeCtrlParam, priority), 4);
SAME(offsetof(hbDNNResizeCtrlParam, resizeType), 8);

#undef SAME
