/* SPDX-License-Identifier: Apache-2.0 */
#include "api/instances.h"

#include <string.h>

#include "base/float_mode.h"
#include "base/mem.h"

itx_status instances_create(struct instances *s, const struct yolo_head *head, int max_det,
                            struct itx_error *err)
{
    *s = (struct instances){.head = *head, .max_det = max_det};
    s->item = mem_calloc((size_t)max_det, sizeof *s->item);
    s->found = mem_calloc((size_t)max_det, sizeof *s->found);
    itx_status rc = s->item != NULL && s->found != NULL
                        ? yolo_decoder_create(&s->decoder, head, err)
                        : itx_fail(err, ITX_E_NOMEM, "out of memory for %d instances", max_det);
    if (rc == ITX_OK) rc = yolo_masker_create(&s->masker, head, err);
    if (rc != ITX_OK) instances_release(s);
    return rc;
}

void instances_release(struct instances *s)
{
    yolo_decoder_destroy(&s->decoder);
    yolo_masker_destroy(&s->masker);
    mem_free(s->item);
    mem_free(s->found);
    mem_free(s->mask);
    *s = (struct instances){0};
}

itx_status instances_options(struct itx_session_options *out,
                             const struct itx_session_options *given, struct itx_error *err)
{
    static const struct itx_session_options defaults = ITX_SESSION_OPTIONS_INIT;
    struct itx_session_options o = defaults;
    if (given != NULL) {
        if (given->size < sizeof(size_t) || given->size > sizeof o)
            return itx_fail(err, ITX_E_INVAL, "itx_session_options: size %zu is not set right",
                            given->size);
        memcpy(&o, given, given->size);
    }
    if (o.via != ITX_IMAGE_NONE && o.via != ITX_IMAGE_NV12)
        return itx_fail(err, ITX_E_INVAL, "frames can be sent through NV12 only");
    *out = o;
    return ITX_OK;
}

itx_status instances_params(struct yolo_params *params, const struct itx_session_options *o,
                            struct itx_error *err)
{
    if (!(o->conf >= 0 && o->conf <= 1))
        return itx_fail(err, ITX_E_RANGE, "confidence %g: 0 to 1 is possible", (double)o->conf);
    if (!(o->iou >= 0 && o->iou <= 1))
        return itx_fail(err, ITX_E_RANGE, "overlap (iou) %g: 0 to 1 is possible", (double)o->iou);
    if (o->max_det < 1 || o->max_det > YOLO_MAX_CANDIDATES)
        return itx_fail(err, ITX_E_RANGE, "%d instances at most: 1 to %d are possible", o->max_det,
                        YOLO_MAX_CANDIDATES);
    *params = (struct yolo_params){
        .conf = o->conf,
        .iou = o->iou,
        .max_det = o->max_det,
        .labels = o->multi_label ? YOLO_EVERY_LABEL : YOLO_BEST_LABEL,
    };
    return ITX_OK;
}

void instances_scan(struct instances *s, const struct yolo_params *params,
                    const struct yolo_cells *cells)
{
    const float_mode mode = float_mode_enter();
    yolo_decoder_scan(s->decoder, &s->head, params, cells);
    float_mode_leave(mode);
}

void instances_finish(struct instances *s, const struct letterbox *g)
{
    const float_mode mode = float_mode_enter();
    s->fit = *g;
    yolo_decoder_finish(s->decoder, &s->head);
    const struct yolo_found *found;
    const int n = yolo_decoder_found(s->decoder, &found);
    s->n = 0;
    for (int i = 0; i < n && s->n < s->max_det; i++) {
        double box[4];
        struct yolo_rect rect;
        if (!yolo_photo_place(&s->fit, found[i].box, box, &rect)) continue;
        s->found[s->n] = i;
        s->item[s->n++] = (struct itx_instance){
            .x1 = (float)box[0],
            .y1 = (float)box[1],
            .x2 = (float)box[2],
            .y2 = (float)box[3],
            .score = found[i].score,
            .class_id = found[i].class_id,
        };
    }
    float_mode_leave(mode);
}

void instances_decode(struct instances *s, const struct yolo_params *params,
                      const struct letterbox *g)
{
    instances_scan(s, params, NULL);
    instances_finish(s, g);
}

itx_status instances_thresholds(const struct instances *s, struct yolo_params *params,
                                const struct itx_session_options *options, struct itx_error *err)
{
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    struct yolo_params checked;
    ITX_TRY(instances_options(&o, options, err));
    ITX_TRY(instances_params(&checked, &o, err));
    if (o.max_det > s->max_det)
        return itx_fail(err, ITX_E_RANGE, "%d instances at most: there is room for %d", o.max_det,
                        s->max_det);
    *params = checked;
    return ITX_OK;
}

itx_status instances_decode_again(struct instances *s, const struct itx_session_options *options,
                                  const struct letterbox *letterbox, struct itx_error *err)
{
    struct yolo_params params;
    ITX_TRY(instances_thresholds(s, &params, options, err));
    instances_decode(s, &params, letterbox);
    return ITX_OK;
}

static itx_status find_item(const struct instances *s, int i, const struct yolo_found **found,
                            struct yolo_rect *rect, struct itx_error *err)
{
    if (i < 0 || i >= s->n)
        return itx_fail(err, ITX_E_RANGE, "instance %d: the last run found %d", i, s->n);
    double box[4];
    yolo_decoder_found(s->decoder, found);
    *found += s->found[i];
    yolo_photo_place(&s->fit, (*found)->box, box, rect);
    return ITX_OK;
}

void instances_mask_needs(const struct instances *s, int i, struct yolo_place *place,
                          struct yolo_rect *cells)
{
    const struct yolo_found *found;
    struct yolo_rect rect;
    find_item(s, i, &found, &rect, NULL);
    *place = found->place;
    *cells = yolo_mask_cells(&s->head, &s->fit, &rect);
}

static void write_mask(struct instances *s, const struct yolo_found *found,
                       const struct yolo_rect *r, uint8_t *mask, size_t stride)
{
    const float_mode mode = float_mode_enter();
    yolo_mask(s->masker, &s->head, found, &s->fit, r, mask, stride);
    float_mode_leave(mode);
}

itx_status instances_mask_box(struct instances *s, int i, struct yolo_rect *rect,
                              const uint8_t **mask, struct itx_error *err)
{
    const struct yolo_found *found;
    struct yolo_rect r;
    ITX_TRY(find_item(s, i, &found, &r, err));
    const size_t size = (size_t)r.w * (size_t)r.h;
    if (size > s->mask_size) {
        mem_free(s->mask);
        s->mask = mem_alloc(size);
        s->mask_size = s->mask != NULL ? size : 0;
        if (s->mask == NULL)
            return itx_fail(err, ITX_E_NOMEM, "out of memory for a mask of %dx%d", r.w, r.h);
    }
    write_mask(s, found, &r, s->mask, (size_t)r.w);
    *rect = r;
    *mask = s->mask;
    return ITX_OK;
}

itx_status instances_mask(struct instances *s, int i, uint8_t *mask, size_t stride,
                          struct itx_error *err)
{
    const struct yolo_found *found;
    struct yolo_rect r;
    ITX_TRY(find_item(s, i, &found, &r, err));
    if (stride < (size_t)s->fit.in_w)
        return itx_fail(err, ITX_E_RANGE, "rows of %zu bytes for a mask of width %d", stride,
                        s->fit.in_w);
    for (int y = 0; y < s->fit.in_h; y++) memset(mask + (size_t)y * stride, 0, (size_t)s->fit.in_w);
    write_mask(s, found, &r, mask + (size_t)r.y * stride + r.x, stride);
    return ITX_OK;
}
