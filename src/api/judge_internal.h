/* SPDX-License-Identifier: Apache-2.0
 *
 * What judge's files share: what is kept of the float network, and the sums over photos.
 */
#ifndef API_JUDGE_INTERNAL_H
#define API_JUDGE_INTERNAL_H

#include "api/judge.h"
#include "base/vec.h"
#include "yolo/mask.h"
#include "yolo/yolo.h"

/* An anchor where the float network sees something. */
struct judge_live {
    struct yolo_place place;
    int class_id; /* the strongest, its logit and score */
    float logit, best;
    float box[4];
};

/* A detection of the float network, with its place in the photo. */
struct judge_object {
    struct yolo_found found;
    double box[4];
    struct yolo_rect rect;
    uint8_t *mask; /* [rect.h, rect.w] */
    int64_t area;
};

struct judge_photo {
    struct arena arena;
    bool is_used;
    struct kept_input input;
    struct letterbox fit;
    const float **outputs; /* HEAD_RAW: [outputs], as the float network gives them */
    float conf;            /* of live anchors */
    int n_live;
    struct judge_live *live;
    int *live_of; /* [anchors]: which is live there, or -1 */
    int n_objects;
    struct judge_object *objects;
};

struct judge {
    const struct network *network;
    struct yolo_head head; /* of the float network, without data */
    int n_anchors;
    int *n_objects_of; /* [n_classes] */
    int n_photos;
    struct judge_photo *photos;
};

/* ---- judge.c ---- */

/* One with room for so many photos. */
itx_status judge_open(struct judge **judge, const struct network *n, int n_photos,
                      struct itx_error *err);
/* Fills n_objects_of when all photos are there. */
void judge_count_objects(struct judge *judge);

/* ---- judge_head.c: one thread's memory to decode and compare heads of the network ---- */

struct judge_bench {
    struct yolo_decoder *decoder;
    struct yolo_masker *masker;
    float *logit;  /* [n_classes] */
    int *n_of;     /* [n_classes] */
    uint8_t *mask; /* of one object */
    size_t mask_size;
};
itx_status judge_bench_create(struct judge_bench *b, const struct yolo_head *head,
                              struct itx_error *err);
void judge_bench_release(struct judge_bench *b);

/* Keeps what is live in the outputs of a float run, and the objects. */
itx_status judge_keep(struct judge_photo *p, struct judge_bench *b, const struct yolo_head *head,
                      int n_anchors, struct itx_error *err);

/* ---- the sums of one program ---- */

#define JUDGE_THRESHOLDS 10 /* overlaps 0.5, 0.55 ... 0.95 */

/* A detection of the program: bit t says that it finds an object at threshold t. */
struct judge_claim {
    float score;
    int class_id;
    uint16_t box_hits, mask_hits;
};

struct judge_sums {
    double score_error, score_weight, box_error, box_weight, mask_error;
    int n_objects;
    double raw_error; /* sum over photos and outputs of error energy / signal energy */
    int n_raw;
    VEC(struct judge_claim) claims;
};

/* Adds one photo, compared with a head that holds the program's outputs. */
itx_status judge_compare(struct judge_sums *sums, const struct judge *judge,
                         const struct judge_photo *p, struct judge_bench *b,
                         const struct yolo_head *head, struct itx_error *err);

/* ---- judge_claims.c ---- */

/* Finds the objects of a photo in the program's detections (decoded before, strongest first) and adds the claims. */
itx_status judge_claim_objects(struct judge_sums *sums, const struct judge *judge,
                               const struct judge_photo *p, struct judge_bench *b,
                               const struct yolo_head *head, struct itx_error *err);
/* Of the first photos, which `sums` is about: average precision over thresholds, mean over classes weighted with their objects; sorts the claims. */
void judge_agreement(struct judge_sums *sums, const struct judge *judge, int n_photos, double *box,
                     double *mask);

/* |a and b| / |a or b| of two boxes. */
double judge_overlap(const double a[4], const double b[4]);
/* The same of an object's mask and one in `rect`. */
double judge_mask_overlap(const struct judge_object *o, const struct yolo_rect *rect,
                          const uint8_t *mask);
/* The program's mask of a detection in `rect`, in b->mask; grows it when needed. */
itx_status judge_make_mask(struct judge_bench *b, const struct yolo_head *head,
                           const struct yolo_found *found, const struct letterbox *fit,
                           const struct yolo_rect *rect, struct itx_error *err);

#endif
