/* SPDX-License-Identifier: Apache-2.0
 *
 * What libdnn says when a call fails. HB_DNN_LOG_LEVEL decides: 0 nothing, else messages of that level and above; warnings
 * are 3 (the default), errors 4. Programs for the board expect a library that speaks, since its functions return numbers.
 */
#ifndef DNN_LOG_H
#define DNN_LOG_H

#include <stdint.h>

#include "base/status.h"
#include "dnn/hb_dnn_status.h"

/* A warning, in one line: what was asked for beside the call was not done. */
void dnn_say(const char *fmt, ...) ITX_PRINTF(1, 2);

/* Returns `code`, having printed one line to stderr. */
int32_t dnn_fail(int32_t code, const char *fmt, ...) ITX_PRINTF(2, 3);

/* An error of libintarsia's about a model, as this interface numbers it. */
int32_t dnn_fail_model(const struct itx_error *err);

#endif
