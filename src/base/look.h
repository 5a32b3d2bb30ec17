/* SPDX-License-Identifier: Apache-2.0
 *
 * What a file is that was given for another one, by its first bytes, and what to do about it.
 */
#ifndef BASE_LOOK_H
#define BASE_LOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Bytes of a file that are enough to know it. */
#define LOOK_BYTES 4096

enum look_wanted { LOOK_FOR_PLAN /* NAME.bin */, LOOK_FOR_ONNX, LOOK_FOR_PICTURE };

/* Refuses what begins like this: "not an ONNX file", and where it is recognised "looks like a PyTorch checkpoint: ..." */
itx_status look_refuse(enum look_wanted wanted, const void *data, size_t size,
                       struct itx_error *err);
/* Whether it is recognised, and as something else than is wanted. */
bool look_is_other(enum look_wanted wanted, const void *data, size_t size);
/* Refuses a path that leads to a folder, and says what is in it that helps; ITX_OK for anything else. */
itx_status look_no_folder(enum look_wanted wanted, const char *path, struct itx_error *err);

#endif
