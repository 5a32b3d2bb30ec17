/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of find_head: what was found, and the two ways of finding it. Not for others.
 */
#ifndef PASSES_FIND_HEAD_H
#define PASSES_FIND_HEAD_H

#include "passes/head.h"
#include "passes/rewrite.h"

enum found_role { FOUND_CLS, FOUND_BOX, FOUND_COEF, FOUND_ROLES };

struct found_level {
    int stride;
    value_id part[FOUND_ROLES];
};

struct found_head {
    int n_levels;
    struct found_level level[HEAD_MAX_LEVELS];
    value_id proto;    /* 0: none, detection */
    bool is_ambiguous; /* two candidates for one part */
    /* Outputs of the file and the maps that take their place and name. */
    struct {
        value_id output, map;
    } renamed[HEAD_MAX_LEVELS * FOUND_ROLES + 1];
    size_t n_renamed;
    const char *why; /* static; of a head that is known but not supported: what it is; else NULL */
};

/* v is the `role` of the level with that stride. */
void found_add(struct found_head *f, enum found_role role, value_id v, int stride);
/* Pixels of the input for one of map v [1, c, h, w]; 0 when there is no such number. */
int found_stride(const struct graph *g, value_id v);

/* Heads that are known and not supported. */
#define HEAD_SUPPORTED                                                                             \
    "; supported are heads for detection and segmentation whose boxes are distributions over "     \
    "bins "                                                                                        \
    "(YOLOv8, v9, 11, 12)"
#define HEAD_DISTANCES                                                                             \
    "its head is of the form of YOLO26, with four box distances a cell instead of distributions "  \
    "(reg_max 1), which is not supported" HEAD_SUPPORTED
#define HEAD_ANCHORS                                                                               \
    "its head is of the form of YOLOv5 and YOLOv7, with anchors and an objectness, which is not "  \
    "supported" HEAD_SUPPORTED
#define HEAD_OBJECTNESS                                                                            \
    "its head is of the form of YOLOX, with an objectness beside the classes, which is not "       \
    "supported" HEAD_SUPPORTED

/* --- head_tail.c: the decoding is in the file --- */

/* What a path from a value to the detections met. */
enum { MET_SIGMOID = 1, MET_SOFTMAX = 2, MET_ALL = 4 };

itx_status head_tail_find(const struct rewrite *r, struct found_head *f, struct itx_error *err);

/* --- head_maps.c: the outputs are maps --- */

enum { HEAD_MAX_MAPS = HEAD_MAX_LEVELS * FOUND_ROLES + 1 };

struct map {
    value_id v;      /* [1, c, h, w] */
    value_id output; /* of the file: v, or its transpose */
    int stride, c;
    bool is_conv; /* a convolution's result, as it is */
    int width;    /* channels that this convolution reads */
    int entry;    /* channels that the first convolution of the branch reads */
    bool has_depthwise;
    int role; /* enum found_role or MAP_PROTO that its names tell, or MAP_UNKNOWN */
};
enum { MAP_UNKNOWN = -1, MAP_PROTO = FOUND_ROLES };

/* Fails where the maps are those of a head, but nothing tells which is which. */
itx_status head_maps_find(const struct rewrite *r, struct found_head *f, struct itx_error *err);

/* --- head_branch.c: what leads to a map --- */

/* What an activation at the end of v is applied to: the last value that all elementwise nodes behind it come from; v when
 * there is none. *n_uses, may be NULL: how many inputs of these nodes it is. */
value_id branch_before_activation(const struct rewrite *r, value_id v, uint32_t *n_uses);
/* Fills in everything but the place of a map among the outputs. */
void branch_describe(const struct rewrite *r, struct map *map);

/* --- head_reading.c: which map is which --- */

/* maps[n_levels][n_parts] of a head with n_parts 2 or 3 (with coefficients for n_coefs prototypes); on return each
 * map's role is known. *n_bins: of the box distribution, 1 where the boxes are distances. */
enum reading { READING_NONE, READING_AMBIGUOUS, READING_ONE };
struct levels {
    int n_levels, n_parts, n_coefs, n_names;
    struct map *map[HEAD_MAX_LEVELS][FOUND_ROLES];
    bool same_classes; /* READING_AMBIGUOUS: the number of classes would not settle it */
};
enum reading head_read_levels(struct levels *l);

/* --- head_other.c --- */

/* Of the last convolutions that lead to the detections of a file, MET_... by value (head_tail.c): the form that is not
 * supported, or NULL. */
const char *head_other_form(const struct rewrite *r, const uint8_t *met_by);
/* A head for another task than ours, by the metadata; NULL when it says nothing such. In the graph's arena. */
itx_status head_other_task(struct graph *g, const char **why, struct itx_error *err);

#endif
