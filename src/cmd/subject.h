/* SPDX-License-Identifier: Apache-2.0
 *
 * A network that is evaluated: alone, beside one it is compared with, or as that one.
 */
#ifndef CMD_SUBJECT_H
#define CMD_SUBJECT_H

#include "cmd/against.h"

/* Zero-initialised is valid and empty; may not move once open. */
struct subject {
    const char *path;
    struct finder finder;
    struct finder
        demo; /* decoded the Model Zoo's way, for others' agreement; closed where that is the above */
    struct subject *reference; /* what it is compared with; NULL: nothing */
    struct against against;    /* with a reference */
    struct scores scores;
    VEC(uint64_t) network_ns; /* of each photo; rising once computed */
};

struct subject_options {
    const struct itx_session_options *decode;
    enum net_input input;
    enum net_range range;
    const struct coco_dataset *set;
    const struct itx_build_options
        *fed;              /* how float networks are fed; NULL: as subject_open says */
    int64_t max_constants; /* of float networks */
};

/* A float network is fed like the compiled model of the path `like` (NULL: none). */
itx_status subject_open(struct subject *s, const char *path, const char *like,
                        const struct subject_options *options, struct itx_error *err);
/* `reference` is open, runs before `s` and is closed after it. */
itx_status subject_compare(struct subject *s, struct subject *reference,
                           const struct subject_options *options, struct itx_error *err);
itx_status subject_run(struct subject *s, const struct coco_dataset *set,
                       const struct picture *picture, int image, struct itx_error *err);
/* The reference before those that are compared with it. */
itx_status subject_compute(struct subject *s, const struct truth_list *truth, struct pool *pool,
                           struct itx_error *err);
void subject_release(struct subject *s);

/* Of the network alone, without decoding; half of the photos took no longer. After subject_compute. */
double subject_median_ms(const struct subject *s);

#endif
