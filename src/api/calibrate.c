/* SPDX-License-Identifier: Apache-2.0
 *
 * Rounds of one photo a thread, so that progress and warnings come from the caller's thread and in the photos' order.
 */
#include "api/calibrate.h"

#include <string.h>

#include "base/mem.h"
#include "vision/picture.h"

struct lane {
    struct float_run run;
    struct quant_stats stats;
    struct itx_error err;
    itx_status rc;
    bool is_unreadable; /* the picture, not the network, is at fault */
};

struct round {
    const struct network *network;
    const struct itx_build_options *options;
    struct lane *lanes;
    int first;
};

/* The first value that is refused is remembered; the rest of the photo is run in vain. */
static void observe(void *ctx, value_id v, const struct tensor *t)
{
    struct lane *const lane = ctx;
    if (lane->rc == ITX_OK) lane->rc = quant_stats_add(&lane->stats, v, t, &lane->err);
}

itx_status calibration_frame(struct frame *f, const struct picture *p,
                             const struct itx_build_options *o, struct itx_error *err)
{
    const struct itx_image image = {
        .format = ITX_IMAGE_RGB,
        .width = p->width,
        .height = p->height,
        .plane = {p->rgb},
        .stride = {p->stride},
    };
    const enum itx_image_format via =
        o->input_format == ITX_IMAGE_NV12 ? ITX_IMAGE_NV12 : ITX_IMAGE_NONE;
    return frame_prepare(f, &image, via, o->input_range, NULL, err);
}

static itx_status run_photo(struct lane *lane, const struct round *round, const char *path)
{
    struct picture picture = {0};
    lane->is_unreadable = true;
    ITX_TRY(picture_read(&picture, path, &lane->err));
    lane->is_unreadable = false;
    itx_status rc = calibration_frame(&lane->run.frame, &picture, round->options, &lane->err);
    if (rc == ITX_OK) rc = float_run_frame(&lane->run, observe, lane, &lane->err);
    picture_release(&picture);
    return lane->rc != ITX_OK ? lane->rc : rc;
}

static void run_lane(void *ctx, int worker, int n_workers)
{
    const struct round *const round = ctx;
    struct lane *const lane = &round->lanes[worker];
    (void)n_workers;
    lane->rc = ITX_OK;
    const int i = round->first + worker;
    if (i < round->options->n_images) lane->rc = run_photo(lane, round, round->options->images[i]);
}

itx_status build_progress(const struct itx_build_options *o, const char *stage, int done, int total,
                          struct itx_error *err)
{
    if (o->progress == NULL || o->progress(o->ctx, stage, done, total) == 0) return ITX_OK;
    return itx_fail(err, ITX_E_CANCELLED, "cancelled");
}

/* Judges what one round did; *n_used grows by the photos that counted. */
static itx_status end_round(const struct round *round, int n_lanes, int *n_used,
                            struct itx_error *err)
{
    for (int i = 0; i < n_lanes && round->first + i < round->options->n_images; i++) {
        const struct lane *lane = &round->lanes[i];
        if (lane->rc == ITX_OK) {
            ++*n_used;
        } else if (lane->is_unreadable) {
            if (round->options->warn != NULL)
                round->options->warn(round->options->ctx, lane->err.text);
        } else {
            if (err != NULL) *err = lane->err;
            return lane->rc;
        }
    }
    return ITX_OK;
}

itx_status calibrate(struct quant_stats *stats, const struct network *n,
                     const struct itx_build_options *o, int n_threads, bool with_histogram,
                     int *n_used, struct itx_error *err)
{
    const int n_lanes = n_threads < o->n_images ? n_threads : o->n_images;
    struct pool *pool = NULL;
    struct lane *lanes = mem_calloc((size_t)n_lanes, sizeof *lanes);
    itx_status rc = lanes != NULL ? pool_create(&pool, n_lanes, err)
                                  : itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; rc == ITX_OK && i < n_lanes; i++) {
        rc = float_run_create(&lanes[i].run, n, 1, err);
        if (rc == ITX_OK) rc = quant_stats_create(&lanes[i].stats, n->graph, with_histogram, err);
    }
    *n_used = 0;
    for (int at = 0; rc == ITX_OK && at < o->n_images; at += n_lanes) {
        struct round round = {n, o, lanes, at};
        rc = build_progress(o, "calibrate", at, o->n_images, err);
        if (rc != ITX_OK) break;
        pool_run(pool, run_lane, &round);
        rc = end_round(&round, n_lanes, n_used, err);
    }
    if (rc == ITX_OK && *n_used == 0)
        rc = itx_fail(err, ITX_E_INVAL, "none of the %d calibration pictures could be read",
                      o->n_images);
    if (rc == ITX_OK) {
        for (int i = 1; i < n_lanes; i++) quant_stats_merge(&lanes[0].stats, &lanes[i].stats);
        *stats = lanes[0].stats;
        lanes[0].stats = (struct quant_stats){0};
        rc = build_progress(o, "calibrate", o->n_images, o->n_images, err);
    }
    for (int i = 0; lanes != NULL && i < n_lanes; i++) {
        float_run_release(&lanes[i].run);
        quant_stats_release(&lanes[i].stats);
    }
    mem_free(lanes);
    pool_destroy(&pool);
    return rc;
}
