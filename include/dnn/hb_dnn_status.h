/* SPDX-License-Identifier: Apache-2.0
 *
 * What the functions of hb_dnn.h return. Zero is success, everything else is negative.
 */
#ifndef DNN_HB_DNN_STATUS_H
#define DNN_HB_DNN_STATUS_H

#include "hb_sys.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    HB_DNN_SUCCESS = 0,
    HB_DNN_INVALID_ARGUMENT = -6000001,
    HB_DNN_INVALID_MODEL = -6000002,
    HB_DNN_MODEL_NUMBER_EXCEED_LIMIT = -6000003,
    HB_DNN_INVALID_PACKED_DNN_HANDLE = -6000004,
    HB_DNN_INVALID_DNN_HANDLE = -6000005,
    HB_DNN_CAN_NOT_OPEN_FILE = -6000006,
    HB_DNN_OUT_OF_MEMORY = -6000007,
    HB_DNN_TIMEOUT = -6000008,
    HB_DNN_TASK_NUM_EXCEED_LIMIT = -6000009,
    HB_DNN_TASK_BATCH_SIZE_EXCEED_LIMIT = -6000010,
    HB_DNN_INVALID_TASK_HANDLE = -6000011,
    HB_DNN_RUN_TASK_FAILED = -6000012,
    HB_DNN_MODEL_IS_RUNNING = -6000013,
    HB_DNN_INCOMPATIBLE_MODEL = -6000014,
    HB_DNN_API_USE_ERROR = -6000015,
    HB_DNN_MULTI_PROGRESS_USE_ERROR = -6000016
} hbDNNStatus;

/* What a code of hbDNNStatus or hbSysStatus means, in a few English words; never NULL. */
HB_API const char *hbDNNGetErrorDesc(int32_t code);

#ifdef __cplusplus
}
#endif
#endif
