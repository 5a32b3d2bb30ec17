/* SPDX-License-Identifier: Apache-2.0
 *
 * The codes of hb_dnn_status.h and hb_sys.h in words. Both enumerations have names of their own, so that the compiler sees
 * a code that is missing here.
 */
#include "dnn/hb_dnn_status.h"

#include <stddef.h>

static const char *text_of_memory(hbSysStatus code)
{
    switch (code) {
    case HB_SYS_SUCCESS:
        return "success";
    case HB_SYS_INVALID_ARGUMENT:
        return "invalid memory, or more than was allocated";
    case HB_SYS_OUT_OF_MEMORY:
        return "out of memory";
    case HB_SYS_REGISTER_MEM_FAILED:
        return "the range cannot be registered";
    }
    return NULL;
}

static const char *text_of(hbDNNStatus code)
{
    switch (code) {
    case HB_DNN_SUCCESS:
        return "success";
    case HB_DNN_INVALID_ARGUMENT:
        return "invalid argument";
    case HB_DNN_INVALID_MODEL:
        return "invalid model";
    case HB_DNN_MODEL_NUMBER_EXCEED_LIMIT:
        return "too many models";
    case HB_DNN_INVALID_PACKED_DNN_HANDLE:
        return "invalid handle of packed models";
    case HB_DNN_INVALID_DNN_HANDLE:
        return "invalid handle of a model";
    case HB_DNN_CAN_NOT_OPEN_FILE:
        return "the file cannot be opened";
    case HB_DNN_OUT_OF_MEMORY:
        return "out of memory";
    case HB_DNN_TIMEOUT:
        return "the time is over and the task is not done";
    case HB_DNN_TASK_NUM_EXCEED_LIMIT:
        return "too many tasks";
    case HB_DNN_TASK_BATCH_SIZE_EXCEED_LIMIT:
        return "too many runs in one task";
    case HB_DNN_INVALID_TASK_HANDLE:
        return "invalid handle of a task";
    case HB_DNN_RUN_TASK_FAILED:
        return "the task failed";
    case HB_DNN_MODEL_IS_RUNNING:
        return "a task of the model waits or runs";
    case HB_DNN_INCOMPATIBLE_MODEL:
        return "the model cannot be run by this version";
    case HB_DNN_API_USE_ERROR:
        return "the function cannot be called now";
    case HB_DNN_MULTI_PROGRESS_USE_ERROR:
        return "the model is in use by another process";
    }
    return NULL;
}

const char *hbDNNGetErrorDesc(int32_t code)
{
    const char *text = text_of((hbDNNStatus)code);
    if (text == NULL) text = text_of_memory((hbSysStatus)code);
    return text != NULL ? text : "unknown code";
}
