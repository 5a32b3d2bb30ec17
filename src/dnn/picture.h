/* SPDX-License-Identifier: Apache-2.0
 *
 * A tensor of the program's that is a picture: checked, its memory kept, its planes found.
 */
#ifndef DNN_PICTURE_H
#define DNN_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "dnn/hb_dnn.h"
#include "dnn/sys.h"

struct dnn_picture_plane {
    uint8_t *data;
    size_t row;   /* bytes from one row to the next */
    int channels; /* interleaved */
    int shift;    /* 1: half as wide and high, rounded up */
};

/* Zero-initialised is valid and empty. */
struct dnn_picture {
    int32_t type; /* hbDNNDataType; NV12 for both kinds */
    int w, h;
    int n_planes;
    struct dnn_picture_plane plane[3];
    struct sys_block *blocks[2];
};

/* Sizes from 1 to 65535, of NV12 even; rows of the aligned shape. HB_DNN_INVALID_ARGUMENT with a message that begins with
 * `what`. */
int32_t dnn_picture_of(const char *what, const hbDNNTensor *tensor, struct dnn_picture *p);
void dnn_picture_release(struct dnn_picture *p);

struct dnn_picture_part {
    int left, top, w, h;
};
/* The part of `from` scaled to the whole of `to`, bilinearly, plane by plane; `from` has the planes of `to` at least. */
void dnn_picture_scale(const struct dnn_picture *from, const struct dnn_picture_part *part,
                       const struct dnn_picture *to);
/* How far apart pixels of the result lie in `from` pixels that become `to`, in 1/65536. */
uint32_t dnn_picture_step(int from, int to);

#endif
