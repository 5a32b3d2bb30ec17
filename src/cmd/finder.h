/* SPDX-License-Identifier: Apache-2.0
 *
 * One network with all it found in the photographs of a COCO set, ready for the evaluation.
 */
#ifndef CMD_FINDER_H
#define CMD_FINDER_H

#include "cmd/coco_rows.h"
#include "coco/dataset.h"

/* Zero-initialised is valid and empty. */
struct finder {
    struct net net;
    struct finder *from; /* whose last run is decoded again; NULL: the own network runs */
    struct itx_session_options options; /* with `from`: how */
    int64_t *category_id;               /* [classes] */
    VEC(struct coco_detection) found;
    struct arena masks;     /* of them */
    struct rle scratch;     /* the mask at hand */
    struct list_file *rows; /* NULL, or what was found is added there too */
};

/* Opens the network (net_open); refuses one without YOLO head, and classes that the annotations do not have. */
itx_status finder_open(struct finder *f, const char *path, const char *like,
                       const struct itx_session_options *options, enum net_input input,
                       enum net_range range, const struct coco_dataset *set, struct itx_error *err);
/* One that looks at what another finder's network gives, decoded in another way: runs after that one, and is closed
 * before. */
itx_status finder_follow(struct finder *f, struct finder *from,
                         const struct itx_session_options *options, const struct coco_dataset *set,
                         struct itx_error *err);
/* Adds what is in the picture, which is number `image` of the set. */
itx_status finder_run(struct finder *f, const struct coco_dataset *set,
                      const struct picture *picture, int image, struct itx_error *err);
void finder_close(struct finder *f);
bool finder_is_open(const struct finder *f);

/* Detection networks have none; their detections carry the box as mask. */
bool finder_has_masks(const struct finder *f);

#endif
