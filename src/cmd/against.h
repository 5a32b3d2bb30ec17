/* SPDX-License-Identifier: Apache-2.0
 *
 * A network beside another, usually the float one it was made from, on the same photographs.
 */
#ifndef CMD_AGAINST_H
#define CMD_AGAINST_H

#include "cmd/distances.h"
#include "cmd/finder.h"
#include "cmd/scores.h"
#include "coco/kept.h"
#include "coco/pairs.h"

/* How detections are decoded: the Model Zoo's way, and down to nearly nothing with every class of a place. */
void decode_demo(struct itx_session_options *options);
void decode_full(struct itx_session_options *options);
bool decode_alike(const struct itx_session_options *a, const struct itx_session_options *b);

/* Zero-initialised is valid and empty. */
struct against {
    struct finder low; /* the candidate decoded fully; closed when it is so already */
    struct distances distances;
    bool has_masks; /* both networks have them */
    struct coco_agreement agreement;
    struct coco_pairs pairs;
    struct coco_kept kept_box, kept_mask;
};

/* `options` are those that the candidate was opened with; both finders must be closed after `a`. */
itx_status against_open(struct against *a, struct finder *reference, struct finder *candidate,
                        const struct itx_session_options *options, const struct coco_dataset *set,
                        struct itx_error *err);
/* After both have run. */
itx_status against_run(struct against *a, const struct coco_dataset *set,
                       const struct picture *picture, int image, struct itx_error *err);

struct against_lists {
    const struct finder *candidate, *reference; /* decoded alike */
    const struct finder *demo; /* the reference decoded the Model Zoo's way; may be the same */
    bool has_masks;            /* and all truths have */
};
itx_status against_compute(struct against *a, const struct against_lists *lists,
                           const struct truth_list *truth, struct pool *pool,
                           struct itx_error *err);
void against_release(struct against *a);

/* `path`: the reference. */
void against_print(const struct against *a, const char *path, FILE *out);
json_t *against_json(const struct against *a, const char *path, const struct scores *reference);

#endif
