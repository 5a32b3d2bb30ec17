/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a network's input comes from.
 */
#ifndef DNN_HB_DNN_EXT_H
#define DNN_HB_DNN_EXT_H

#include "hb_dnn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    HB_DNN_INPUT_FROM_DDR = 0,     /* numbers, or pictures of packed pixels */
    HB_DNN_INPUT_FROM_RESIZER = 1, /* a part of a picture, scaled: only hbDNNRoiInfer */
    HB_DNN_INPUT_FROM_PYRAMID = 2  /* a picture of Y and UV planes */
} hbDNNInputSource;

/* *source becomes one of hbDNNInputSource. */
HB_API int32_t hbDNNGetInputSource(int32_t *source, hbDNNHandle_t handle, int32_t index);

#ifdef __cplusplus
}
#endif
#endif
