/* SPDX-License-Identifier: Apache-2.0
 *
 * Do calibration photos look like what the network expects? Facts are taken from each photo while it is calibrated
 * with; afterwards all of them are judged together.
 */
#ifndef API_PHOTOS_H
#define API_PHOTOS_H

#include "api/instances.h"
#include "api/network.h"
#include "vision/picture.h"

/* Below this number thresholds depend on which photos they happen to be. */
#define PHOTOS_FEW 16
/* Where red and blue may have been exchanged, so many photos are run with both swapped. */
#define PHOTOS_SWAPPED 24

enum { PHOTO_GRID = 64, PHOTO_THUMB = 16 };

/* Of one photo. Zero-initialised: it was not used. */
struct photo_facts {
    bool is_used;
    int width, height;
    int darkest, brightest; /* luma below and above which 1 % of the pixels lie */
    bool is_grey;
    uint8_t thumb[PHOTO_THUMB * PHOTO_THUMB * 3];
    bool has_score;   /* the network has a YOLO head */
    float best_score; /* of any object; 0: none above 0.001 */
    bool has_values;  /* it is a file of numbers, from least to most */
    float least, most;
    bool was_swapped; /* swapped_score is filled: the same with red and blue exchanged */
    float swapped_score;
};

/* What decodes the float network's outputs; of one lane. Zero-initialised is valid and empty. */
struct photo_scorer {
    struct instances instances; /* no decoder: the network has no head */
};
itx_status photo_scorer_create(struct photo_scorer *s, const struct network *n,
                               struct itx_error *err);
void photo_scorer_release(struct photo_scorer *s);

/* Takes the facts of a photo that `run` has just run. */
void photo_look(struct photo_facts *facts, struct photo_scorer *s, const struct network *n,
                const struct float_run *run, const struct picture *picture);
/* The same of a file of numbers that should be pixel values 0..255. */
void photo_note_values(struct photo_facts *facts, float least, float most);
/* Runs what frame_prepare put into run->frame with red and blue exchanged; for networks with a head. */
itx_status photo_look_swapped(struct photo_facts *facts, struct photo_scorer *s,
                              const struct network *n, struct float_run *run,
                              struct itx_error *err);
/* True when the photos have more blue than red, which photographs seldom have, so that trying is worth while. */
bool photos_are_blue(const struct photo_facts *facts, int n_photos);

/* What is wrong with all of them, one line each. */
enum { PHOTOS_MAX_WARNINGS = 9 };
struct photo_warnings {
    int n;
    char text[PHOTOS_MAX_WARNINGS][240];
};
/* facts [n_photos] */
void photos_judge(struct photo_warnings *w, const struct photo_facts *facts, int n_photos,
                  const struct network *n);

#endif
