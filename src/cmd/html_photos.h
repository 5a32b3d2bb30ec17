/* SPDX-License-Identifier: Apache-2.0
 *
 * The photographs of which a compiled network and the float network find most different things, painted side by side.
 */
#ifndef CMD_HTML_PHOTOS_H
#define CMD_HTML_PHOTOS_H

#include "base/status.h"
#include "base/str.h"
#include "cmd/terminal.h"

enum { HTML_MAX_PAIRS = 4 };

struct html_pair {
    const char *path; /* the caller's */
    double agreement; /* 0 to 1, see photo_agreement in html_photos.c */
    int n_float, n_int8;
    struct strbuf float_jpeg, int8_jpeg; /* base 64 */
};

struct html_photos {
    int n_compared;   /* photographs that were looked at */
    double agreement; /* mean of those where anything was found */
    int n_pairs;
    struct html_pair pairs[HTML_MAX_PAIRS]; /* the worst first */
};

struct html_photos_input {
    const char *compiled, *onnx; /* paths */
    const char *const *images;
    int n_images, n_threads, max_pixels; /* the last of a picture, as picture_read takes it */
    int64_t max_constants;               /* of the ONNX file, as itx_build_options has it */
    struct progress *progress;
};

/* Looks at the pictures, or at some of them, evenly spread, where there are many; what cannot be read is passed over. A
 * network without YOLO head has no pairs. *photos is released also after a failure. */
itx_status html_photos_find(struct html_photos *photos, const struct html_photos_input *in,
                            struct itx_error *err);
void html_photos_release(struct html_photos *photos);

#endif
