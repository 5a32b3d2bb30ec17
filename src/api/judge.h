/* SPDX-License-Identifier: Apache-2.0
 *
 * Judges int8 programs by what the float network gives for some of the calibration photos: by an error that is smooth
 * enough to be searched with, and by how far the detections agree. The float network runs once, each program as often as
 * there are programs. Figures depend on the programs and photos only, not on threads.
 */
#ifndef API_JUDGE_H
#define API_JUDGE_H

#include "api/network.h"
#include "intarsia/compiler.h"
#include "plan/plan.h"

struct judge;

/* Up to `max_photos` of the readable calibration pictures, evenly spread; one photo a thread at a time. Reports
 * progress as `stage`. */
itx_status judge_create(struct judge **judge, const struct network *n,
                        const struct itx_build_options *o, int max_photos, int n_threads,
                        const char *stage, struct itx_error *err);
void judge_destroy(struct judge **judge); /* accepts NULL content */
int judge_n_photos(const struct judge *judge);

struct verdict {
    /* How far the outputs are from the float network's, as a root mean square; 0 for equal ones. With a YOLO head it has three
     * parts, taken where the float network sees objects: logits of anchors' strongest classes (a tenth of), boxes of
     * anchors (1 - overlap), weighted with their scores; masks of objects (1 - overlap). Each difference is limited, so that no
     * single object decides. Otherwise noise / signal, over outputs and photos. Errors of independent causes add in
     * squares. */
    double error;
    /* Of the detections, as `intarsia eval --against` has it, on these photos: box and mask (detection networks: the box
     * again). 1 without a YOLO head, or when the float network finds nothing. */
    double box_agreement, mask_agreement;
    /* In percent: what is missing to full agreement, mean of box and mask; without a YOLO head 100 times the error. */
    double loss;
};

/* Runs a checked plan of the judge's network on the first `n_photos` photos (more than there are: all). Any number of
 * calls may share a judge. */
itx_status judge_plan(const struct judge *judge, const struct plan *plan, int n_photos,
                      int n_threads, struct verdict *verdict, struct itx_error *err);

/* The same of the float network itself, run in `run`, which is the judge's network's; see float_exec_alter. */
itx_status judge_float(const struct judge *judge, struct float_run *run, int n_photos,
                       struct verdict *verdict, struct itx_error *err);

#endif
