/* SPDX-License-Identifier: Apache-2.0
 *
 * One piece of calibration data, as the network sees it: a picture, a file of numbers, or something made up.
 */
#ifndef API_SAMPLE_H
#define API_SAMPLE_H

#include "api/network.h"
#include "vision/picture.h"

/* Zero-initialised is valid and empty. */
struct sample {
    struct picture picture; /* what is shown, of networks that take pictures */
    bool is_unreadable;     /* the picture's file is at fault, and can be left out */
    bool is_numbers;        /* comes from a file of numbers: least and most of them */
    float least, most;
};

/* How many there are. */
int sample_count(const struct itx_build_options *o, const struct network *n);
/* Refuses files of numbers that cannot be shared out among the network's inputs. */
itx_status sample_check(const struct itx_build_options *o, const struct network *n,
                        struct itx_error *err);

/* Puts sample i where float_run_input takes it. Messages name the file. */
itx_status sample_load(struct sample *s, struct float_run *r, const struct itx_build_options *o,
                       int i, struct itx_error *err);
void sample_release(struct sample *s);

#endif
