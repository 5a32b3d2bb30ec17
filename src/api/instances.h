/* SPDX-License-Identifier: Apache-2.0
 *
 * From the outputs of a head to what the caller gets: instances in the photo, and their masks on demand. Shared by
 * sessions and the float network.
 */
#ifndef API_INSTANCES_H
#define API_INSTANCES_H

#include "intarsia/intarsia.h"
#include "kernels/image/image.h"
#include "yolo/mask.h"
#include "yolo/yolo.h"

struct instances {
    struct yolo_head head; /* with the data pointers of its owner */
    struct yolo_decoder *decoder;
    struct yolo_masker *masker;
    struct itx_instance *item; /* [max_det] */
    int *found;                /* [max_det]: which of the decoder's an item is */
    int n, max_det;
    struct letterbox fit; /* of the last photo */
    uint8_t *mask;        /* of the last instances_mask_box */
    size_t mask_size;
};

/* `head` is complete but for its data. Zero-initialised is valid and empty. */
itx_status instances_create(struct instances *s, const struct yolo_head *head, int max_det,
                            struct itx_error *err);
void instances_release(struct instances *s);

/* The first half of instances_decode, which reads class logits only, of the cells given for each level, NULL: all; then
 * boxes are read at the decoder's places. */
void instances_scan(struct instances *s, const struct yolo_params *params,
                    const struct yolo_cells *cells);
/* The second half. */
void instances_finish(struct instances *s, const struct letterbox *letterbox);
/* Where the masks that can be asked for read: coefficients at *place, prototypes in *cells. i in [0, n). */
void instances_mask_needs(const struct instances *s, int i, struct yolo_place *place,
                          struct yolo_rect *cells);
/* Decodes; items are ordered by falling score, boxes lie inside the photo. Allocates nothing. max_det <= the one given to create. */
void instances_decode(struct instances *s, const struct yolo_params *params,
                      const struct letterbox *letterbox);
/* The caller's options as what a decoding of `s` takes; untouched on failure. */
itx_status instances_thresholds(const struct instances *s, struct yolo_params *params,
                                const struct itx_session_options *options, struct itx_error *err);
/* Decodes with the caller's options, checked. */
itx_status instances_decode_again(struct instances *s, const struct itx_session_options *options,
                                  const struct letterbox *letterbox, struct itx_error *err);
/* The mask inside the box; grows `mask` when needed. Items out of range: ITX_E_RANGE. */
itx_status instances_mask_box(struct instances *s, int i, struct yolo_rect *rect,
                              const uint8_t **mask, struct itx_error *err);
itx_status instances_mask(struct instances *s, int i, uint8_t *mask, size_t stride,
                          struct itx_error *err);

/* The caller's options, defaults for NULL and for what a shorter struct of an older header lacks. */
itx_status instances_options(struct itx_session_options *out,
                             const struct itx_session_options *given, struct itx_error *err);
/* Refuses options out of range, naming the option. */
itx_status instances_params(struct yolo_params *params, const struct itx_session_options *o,
                            struct itx_error *err);

#endif
