/* SPDX-License-Identifier: Apache-2.0
 *
 * A network from its ONNX file to the bytes of a plan file, as a user would make it; and a photo to run it on.
 */
#ifndef GOLDEN_BUILD_NETWORK_H
#define GOLDEN_BUILD_NETWORK_H

#include "intarsia/compiler.h"
#include "vision/picture.h"

struct build_with {
    const char *photos; /* a folder */
    int n_photos;       /* the first ones; 0: all */
    int n_threads, effort;
    const char *const *int16_nodes; /* [n_int16_nodes], beside what the effort chooses */
    int n_int16_nodes;
};

/* *data is mem_free's. */
itx_status build_network(const char *onnx_path, const struct build_with *with, void **data,
                         size_t *size, struct itx_error *err);

/* The whole picture; valid as long as it is. */
struct itx_image frame_of(const struct picture *picture);

#endif
