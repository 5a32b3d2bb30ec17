/* SPDX-License-Identifier: Apache-2.0
 *
 * The decoder: memory, candidates from class logits, boxes from distributions (DFL), the list of what was found.
 */
#include "yolo/decode_internal.h"

#include <math.h>
#include <string.h>

#include "base/compiler.h"
#include "base/mem.h"
#include "tensor/exact.h"

struct yolo_decoder {
    struct yolo_params params; /* of the last scan */
    int first_anchor[YOLO_MAX_LEVELS];
    int n_anchors;
    struct yolo_bounds bounds; /* [n_classes] */
    uint8_t *hit;              /* [widest level] */
    float *logit;              /* [n_classes] */
    struct yolo_candidates list;
    int *place_of; /* [n_anchors], index into `places`, or -1 */
    struct yolo_place *places;
    float (*box)[4]; /* of `places`, as far as finish needed them */
    int n_places;
    struct yolo_nms nms;
    struct yolo_found *found;
    int n_found;
};

static itx_status check_tensor(const struct yolo_tensor *t, const char *what, int c,
                               struct itx_error *err)
{
    if (t->dtype != DTYPE_S8 && t->dtype != DTYPE_S16 && t->dtype != DTYPE_S32 &&
        t->dtype != DTYPE_F32)
        return itx_fail(err, ITX_E_UNSUPPORTED, "%s: elements of type %s", what,
                        dtype_name(t->dtype));
    if (t->h < 1 || t->w < 1 || t->h > 65536 || t->w > 65536)
        return itx_fail(err, ITX_E_RANGE, "%s: size %d x %d, expected 1 to 65536", what, t->h,
                        t->w);
    if (t->c != c)
        return itx_fail(err, ITX_E_FORMAT, "%s: %d channels, expected %d", what, t->c, c);
    if (t->scale == NULL && t->zero_point == NULL) return ITX_OK;
    if (t->n_quant != 1 && t->n_quant != c)
        return itx_fail(err, ITX_E_FORMAT, "%s: %d scales for %d channels", what, t->n_quant, c);
    const int32_t max_zero = t->dtype == DTYPE_S8 ? 127 : t->dtype == DTYPE_S16 ? 32767 : 0;
    const int32_t min_zero = max_zero > 0 ? -max_zero - 1 : 0;
    for (int k = 0; k < t->n_quant; k++) {
        const float scale = t->scale != NULL ? t->scale[k] : 1;
        const int32_t zero = t->zero_point != NULL ? t->zero_point[k] : 0;
        if (!(scale > 0 && scale < INFINITY))
            return itx_fail(err, ITX_E_RANGE, "%s: scale %g of channel %d", what, (double)scale, k);
        if (zero < min_zero || zero > max_zero)
            return itx_fail(err, ITX_E_RANGE, "%s: zero point %d of channel %d, expected %d to %d",
                            what, (int)zero, k, (int)min_zero, (int)max_zero);
    }
    return ITX_OK;
}

static itx_status check_level(const struct yolo_head *head, int i, struct itx_error *err)
{
    const struct yolo_tensor *cls = &head->level[i].cls, *box = &head->level[i].box,
                             *coef = &head->level[i].coef;
    ITX_TRY(check_tensor(cls, "class logits", head->n_classes, err));
    ITX_TRY(check_tensor(box, "boxes", 4 * head->reg_max, err));
    if (head->n_coefs > 0)
        ITX_TRY(check_tensor(coef, "mask coefficients", head->n_coefs, err));
    else
        coef = cls;
    if (box->h != cls->h || box->w != cls->w || coef->h != cls->h || coef->w != cls->w)
        return itx_fail(err, ITX_E_FORMAT, "class logits, boxes and coefficients differ in size");
    if (head->level[i].stride < 1 || head->level[i].stride > 65536)
        return itx_fail(err, ITX_E_RANGE, "stride %d, expected 1 to 65536", head->level[i].stride);
    return ITX_OK;
}

static itx_status check_head(const struct yolo_head *head, int64_t *n_anchors,
                             struct itx_error *err)
{
    if (head->n_levels < 1 || head->n_levels > YOLO_MAX_LEVELS)
        return itx_fail(err, ITX_E_RANGE, "%d head levels, expected 1 to %d", head->n_levels,
                        YOLO_MAX_LEVELS);
    if (head->n_classes < 1 || head->n_classes > 65536)
        return itx_fail(err, ITX_E_RANGE, "%d classes, expected 1 to 65536", head->n_classes);
    if (head->reg_max < 2 || head->reg_max > YOLO_MAX_REG)
        return itx_fail(err, ITX_E_RANGE, "%d bins for a side of a box, expected 2 to %d",
                        head->reg_max, YOLO_MAX_REG);
    if (head->n_coefs < 0 || head->n_coefs > YOLO_MAX_COEFS)
        return itx_fail(err, ITX_E_RANGE, "%d mask coefficients, expected 0 to %d", head->n_coefs,
                        YOLO_MAX_COEFS);
    *n_anchors = 0;
    for (int i = 0; i < head->n_levels; i++) {
        const itx_status rc = check_level(head, i, err);
        if (rc != ITX_OK) {
            itx_error_prefix(err, "head level %d", i);
            return rc;
        }
        *n_anchors += (int64_t)head->level[i].cls.h * head->level[i].cls.w;
    }
    if (*n_anchors > INT32_MAX || *n_anchors * head->n_classes > UINT32_MAX)
        return itx_fail(err, ITX_E_RANGE, "%lld anchors of %d classes", (long long)*n_anchors,
                        head->n_classes);
    if (head->n_coefs > 0) ITX_TRY(check_tensor(&head->proto, "prototypes", head->n_coefs, err));
    return ITX_OK;
}

/* Sizes follow from the geometry; YOLO_MAX_CANDIDATES bounds all but the per-anchor ones. */
static bool decoder_alloc(struct yolo_decoder *d, const struct yolo_head *head)
{
    const size_t n_anchors = (size_t)d->n_anchors, n_classes = (size_t)head->n_classes;
    const size_t total = n_anchors * n_classes;
    const size_t max = total < YOLO_MAX_CANDIDATES ? total : YOLO_MAX_CANDIDATES;
    const size_t n_places = n_anchors < max ? n_anchors : max;
    size_t widest = 0;
    for (int i = 0; i < head->n_levels; i++)
        if ((size_t)head->level[i].cls.w > widest) widest = (size_t)head->level[i].cls.w;
    d->list.max = (int)max;
    d->list.cap = (int)(total < 2 * max ? total : 2 * max);
    d->bounds.s32 = mem_calloc(n_classes, sizeof *d->bounds.s32);
    d->bounds.f32 = mem_calloc(n_classes, sizeof *d->bounds.f32);
    d->hit = mem_calloc(widest, 1);
    d->logit = mem_calloc(n_classes, sizeof *d->logit);
    d->list.key = mem_calloc((size_t)d->list.cap, sizeof *d->list.key);
    d->list.scratch = mem_calloc((size_t)d->list.cap, sizeof *d->list.scratch);
    d->place_of = mem_calloc(n_anchors, sizeof *d->place_of);
    d->places = mem_calloc(n_places, sizeof *d->places);
    d->box = mem_calloc(n_places, sizeof *d->box);
    d->nms.kept = mem_calloc(max, sizeof *d->nms.kept);
    d->nms.first = mem_calloc(n_classes, sizeof *d->nms.first);
    d->nms.n = mem_calloc(n_classes, sizeof *d->nms.n);
    d->found = mem_calloc(max, sizeof *d->found);
    return d->bounds.s32 != NULL && d->bounds.f32 != NULL && d->hit != NULL && d->logit != NULL &&
           d->list.key != NULL && d->list.scratch != NULL && d->place_of != NULL &&
           d->places != NULL && d->box != NULL && d->nms.kept != NULL && d->nms.first != NULL &&
           d->nms.n != NULL && d->found != NULL;
}

itx_status yolo_decoder_create(struct yolo_decoder **decoder, const struct yolo_head *head,
                               struct itx_error *err)
{
    int64_t n_anchors = 0;
    ITX_TRY(check_head(head, &n_anchors, err));
    struct yolo_decoder *d = mem_calloc(1, sizeof *d);
    if (d == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < head->n_levels; i++) {
        d->first_anchor[i] = d->n_anchors;
        d->n_anchors += head->level[i].cls.h * head->level[i].cls.w;
    }
    if (!decoder_alloc(d, head)) {
        yolo_decoder_destroy(&d);
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %lld anchors", (long long)n_anchors);
    }
    *decoder = d;
    return ITX_OK;
}

void yolo_decoder_destroy(struct yolo_decoder **decoder)
{
    struct yolo_decoder *d = *decoder;
    if (d == NULL) return;
    mem_free(d->found);
    mem_free(d->nms.n);
    mem_free(d->nms.first);
    mem_free(d->nms.kept);
    mem_free(d->box);
    mem_free(d->places);
    mem_free(d->place_of);
    mem_free(d->list.scratch);
    mem_free(d->list.key);
    mem_free(d->logit);
    mem_free(d->hit);
    mem_free(d->bounds.f32);
    mem_free(d->bounds.s32);
    mem_free(d);
    *decoder = NULL;
}

/* A logit below which no score is above conf, with room for every rounding: exact_sigmoid decides, this only spares
 * it work. Far below any float's resolution of the logit, so the bits of log do not matter either. */
static double loose_logit(float conf)
{
    if (conf < 1e-30f) return -INFINITY;
    if (conf >= 1) return INFINITY;
    return log(conf / (1.0 - conf)) - 1e-3;
}

static void add_anchor(struct yolo_decoder *d, int n_classes, uint32_t anchor, double logit)
{
    const bool best_only = d->params.labels == YOLO_BEST_LABEL;
    float best = 0;
    uint32_t best_class = 0;
    for (int k = 0; k < n_classes; k++) {
        if (!(d->logit[k] >= logit)) continue;
        const float score = exact_sigmoid(d->logit[k]);
        if (!(score > d->params.conf)) continue;
        const uint32_t index = anchor * (uint32_t)n_classes + (uint32_t)k;
        if (!best_only)
            yolo_candidates_add(&d->list, (yolo_key)~bits_of_float(score) << 32 | index);
        else if (score > best) {
            best = score;
            best_class = index;
        }
    }
    if (best > 0) yolo_candidates_add(&d->list, (yolo_key)~bits_of_float(best) << 32 | best_class);
}

static struct yolo_place place_of_anchor(const struct yolo_decoder *d, const struct yolo_head *head,
                                         int anchor)
{
    int level = 0;
    while (level + 1 < head->n_levels && anchor >= d->first_anchor[level + 1]) level++;
    const int i = anchor - d->first_anchor[level], w = head->level[level].cls.w;
    return (struct yolo_place){level, i / w, i % w};
}

static int anchor_of_key(yolo_key key, int n_classes)
{
    return (int)((uint32_t)key / (uint32_t)n_classes);
}

static void list_places(struct yolo_decoder *d, const struct yolo_head *head)
{
    d->n_places = 0;
    for (int i = 0; i < d->n_anchors; i++) d->place_of[i] = -1;
    for (int i = 0; i < d->list.n; i++) {
        const int anchor = anchor_of_key(d->list.key[i], head->n_classes);
        if (d->place_of[anchor] >= 0) continue;
        d->place_of[anchor] = d->n_places;
        d->places[d->n_places++] = place_of_anchor(d, head, anchor);
    }
}

void yolo_head_bounds(const struct yolo_head *head, int level, float conf, int32_t *bound)
{
    yolo_bounds_set(&(struct yolo_bounds){.s32 = bound}, &head->level[level].cls,
                    loose_logit(conf));
}

static bool has_cell(const struct yolo_cells *cells, int y, int x)
{
    return cells == NULL || cells->bits == NULL ||
           (cells->bits[(size_t)y * (size_t)cells->words + (size_t)(x / 64)] >> (x % 64) & 1) != 0;
}

/* Candidates of a level's row, in runs of its cells. */
static void scan_row(struct yolo_decoder *d, const struct yolo_head *head, int level, int y,
                     const struct yolo_cells *cells, double logit)
{
    const struct yolo_tensor *const cls = &head->level[level].cls;
    for (int begin = 0, end; begin < cls->w; begin = end + 1) {
        for (end = begin; end < cls->w && has_cell(cells, y, end);) end++;
        if (begin == end) continue;
        yolo_scan_row(cls, y, begin, end - begin, &d->bounds, d->hit);
        for (int x = begin; x < end; x++) {
            if (!d->hit[x - begin]) continue;
            yolo_tensor_pixel(cls, y, x, d->logit);
            add_anchor(d, head->n_classes, (uint32_t)(d->first_anchor[level] + y * cls->w + x),
                       logit);
        }
    }
}

void yolo_decoder_scan(struct yolo_decoder *d, const struct yolo_head *head,
                       const struct yolo_params *params, const struct yolo_cells *cells)
{
    const double logit = loose_logit(params->conf);
    d->params = *params;
    d->n_found = 0;
    yolo_candidates_reset(&d->list);
    for (int i = 0; i < head->n_levels; i++) {
        yolo_bounds_set(&d->bounds, &head->level[i].cls, logit);
        for (int y = 0; y < head->level[i].cls.h; y++)
            scan_row(d, head, i, y, cells != NULL ? &cells[i] : NULL, logit);
    }
    yolo_candidates_finish(&d->list);
    list_places(d, head);
}

int yolo_decoder_places(const struct yolo_decoder *d, const struct yolo_place **places)
{
    *places = d->places;
    return d->n_places;
}

/* The mean of 0 ... n - 1 weighted with softmax(logit), sums in rising order. */
static float expectation(const float *logit, int n)
{
    float max = logit[0], sum = 0, weighted = 0;
    for (int i = 1; i < n; i++) max = logit[i] > max ? logit[i] : max;
    for (int i = 0; i < n; i++) {
        const float e = exact_exp(logit[i] - max);
        sum += e;
        weighted += (float)i * e;
    }
    return weighted / sum;
}

void yolo_head_box(const struct yolo_head *head, struct yolo_place at, float box[4])
{
    const float stride = (float)head->level[at.level].stride;
    const float x = (float)at.x + 0.5f, y = (float)at.y + 0.5f;
    float logit[4 * YOLO_MAX_REG], side[4];
    yolo_tensor_pixel(&head->level[at.level].box, at.y, at.x, logit);
    for (int i = 0; i < 4; i++) side[i] = expectation(logit + i * head->reg_max, head->reg_max);
    box[0] = (x - side[0]) * stride;
    box[1] = (y - side[1]) * stride;
    box[2] = (x + side[2]) * stride;
    box[3] = (y + side[3]) * stride;
}

static void nms_reset(struct yolo_decoder *d, int n_classes)
{
    memset(d->nms.n, 0, (size_t)n_classes * sizeof *d->nms.n);
    for (int i = 0; i < d->list.n; i++) d->nms.n[(uint32_t)d->list.key[i] % (uint32_t)n_classes]++;
    for (int k = 0, sum = 0; k < n_classes; k++) {
        d->nms.first[k] = sum;
        sum += d->nms.n[k];
        d->nms.n[k] = 0;
    }
}

void yolo_decoder_finish(struct yolo_decoder *d, const struct yolo_head *head)
{
    int n_boxes = 0;
    d->n_found = 0;
    nms_reset(d, head->n_classes);
    /* Places are in the order in which candidates first use them, so boxes are made as they are needed. */
    for (int i = 0; i < d->list.n && d->n_found < d->params.max_det; i++) {
        const yolo_key key = d->list.key[i];
        const int place = d->place_of[anchor_of_key(key, head->n_classes)];
        const int class_id = (int)((uint32_t)key % (uint32_t)head->n_classes);
        if (place == n_boxes) yolo_head_box(head, d->places[n_boxes++], d->box[place]);
        if (!yolo_nms_keep(&d->nms, class_id, d->box[place], d->params.iou)) continue;
        struct yolo_found *f = &d->found[d->n_found++];
        memcpy(f->box, d->box[place], sizeof f->box);
        f->score = float_of_bits(~(uint32_t)(key >> 32));
        f->class_id = class_id;
        f->place = d->places[place];
    }
}

void yolo_decoder_run(struct yolo_decoder *d, const struct yolo_head *head,
                      const struct yolo_params *params)
{
    yolo_decoder_scan(d, head, params, NULL);
    yolo_decoder_finish(d, head);
}

int yolo_decoder_found(const struct yolo_decoder *d, const struct yolo_found **found)
{
    *found = d->found;
    return d->n_found;
}
