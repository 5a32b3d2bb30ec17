/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/html_photos.h"

#include <string.h>

#include "base/mem.h"
#include "cmd/net.h"
#include "vision/draw.h"

/* At most so many photographs are looked at, and pictures are shown with sides up to this. */
enum { MAX_COMPARED = 64, MAX_SIDE = 720 };

struct nets {
    struct net compiled, floats;
};

/* ---- how alike ---- */

static double box_overlap(const struct itx_instance *a, const struct itx_instance *b)
{
    const double x1 = a->x1 > b->x1 ? a->x1 : b->x1, x2 = a->x2 < b->x2 ? a->x2 : b->x2;
    const double y1 = a->y1 > b->y1 ? a->y1 : b->y1, y2 = a->y2 < b->y2 ? a->y2 : b->y2;
    if (x2 <= x1 || y2 <= y1) return 0;
    const double both = (x2 - x1) * (y2 - y1);
    const double all = ((double)a->x2 - (double)a->x1) * ((double)a->y2 - (double)a->y1) +
                       ((double)b->x2 - (double)b->x1) * ((double)b->y2 - (double)b->y1) - both;
    return all > 0 ? both / all : 0;
}

/* Twice the summed overlap of objects that both found, over the number that each found: 1 when all is the same, 0 when
 * nothing is. Objects of one class are matched by their boxes, the surest first, from an overlap of one half on. */
static double photo_agreement(const struct itx_instance *a, int n_a, const struct itx_instance *b,
                              int n_b)
{
    double sum = 0;
    bool *is_taken = mem_calloc((size_t)n_b + 1, sizeof *is_taken);
    if (is_taken == NULL || n_a + n_b == 0) {
        mem_free(is_taken);
        return 1;
    }
    for (int i = 0; i < n_a; i++) {
        int best = -1;
        double most = 0.5;
        for (int k = 0; k < n_b; k++) {
            const double overlap = box_overlap(&a[i], &b[k]);
            if (is_taken[k] || a[i].class_id != b[k].class_id || overlap < most) continue;
            most = overlap;
            best = k;
        }
        if (best < 0) continue;
        is_taken[best] = true;
        sum += most;
    }
    mem_free(is_taken);
    return 2 * sum / (n_a + n_b);
}

/* ---- pictures ---- */

static void add_base64(struct strbuf *b, const uint8_t *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        const size_t n = size - i < 3 ? size - i : 3;
        const uint32_t v = (uint32_t)data[i] << 16 | (n > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                           (n > 2 ? data[i + 2] : 0);
        const char text[4] = {digits[v >> 18], digits[v >> 12 & 63],
                              n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '='};
        strbuf_add(b, text, 4);
    }
}

/* Means of squares of `factor` x `factor` pixels. */
static itx_status shrink(struct picture *small, const struct picture *p, int factor,
                         struct itx_error *err)
{
    ITX_TRY(picture_create(small, p->width / factor, p->height / factor, err));
    for (int y = 0; y < small->height; y++)
        for (int x = 0; x < small->width; x++)
            for (int c = 0; c < 3; c++) {
                int sum = factor * factor / 2;
                for (int i = 0; i < factor; i++)
                    for (int j = 0; j < factor; j++)
                        sum += p->rgb[(size_t)(y * factor + i) * p->stride +
                                      (size_t)((x * factor + j) * 3 + c)];
                small->rgb[(size_t)y * small->stride + (size_t)(x * 3 + c)] =
                    (uint8_t)(sum / (factor * factor));
            }
    return ITX_OK;
}

static itx_status encode(struct strbuf *b, const struct picture *p, struct itx_error *err)
{
    const int side = p->width > p->height ? p->width : p->height;
    const int least = p->width < p->height ? p->width : p->height;
    int factor = (side + MAX_SIDE - 1) / MAX_SIDE;
    if (factor > least) factor = least;
    struct picture small = {0};
    void *data = NULL;
    size_t size = 0;
    itx_status rc = shrink(&small, p, factor, err);
    if (rc == ITX_OK) rc = picture_encode_jpeg(&small, 82, &data, &size, err);
    if (rc == ITX_OK) add_base64(b, data, size);
    if (rc == ITX_OK && b->failed) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    mem_free(data);
    picture_release(&small);
    return rc;
}

static itx_status give_mask(void *ctx, int i, struct draw_mask *mask, struct itx_error *err)
{
    struct net *net = ctx;
    *mask = (struct draw_mask){0};
    ITX_TRY(net_mask_box(net, i, &mask->x, &mask->y, &mask->w, &mask->h, &mask->data, err));
    if (net->info.task != ITX_TASK_SEGMENT) mask->data = NULL;
    return ITX_OK;
}

/* What the network finds, painted on a copy. */
static itx_status paint(struct strbuf *jpeg, struct net *net, const char *path, int max_pixels,
                        struct itx_error *err)
{
    struct picture p = {0};
    ITX_TRY(picture_read(&p, path, max_pixels, err));
    const struct itx_image frame = net_frame(&p);
    const struct itx_instance *found;
    struct draw_instance *items = NULL;
    int n = 0;
    itx_status rc = net_segment(net, &frame, &found, &n, err);
    if (rc == ITX_OK) items = mem_calloc((size_t)n + 1, sizeof *items);
    if (rc == ITX_OK && items == NULL) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; rc == ITX_OK && i < n; i++)
        items[i] = (struct draw_instance){found[i].x1,
                                          found[i].y1,
                                          found[i].x2,
                                          found[i].y2,
                                          found[i].score,
                                          found[i].class_id,
                                          net_class_name(net, found[i].class_id)};
    if (rc == ITX_OK) rc = draw_instances(&p, items, n, give_mask, net, err);
    if (rc == ITX_OK) rc = encode(jpeg, &p, err);
    mem_free(items);
    picture_release(&p);
    return rc;
}

/* ---- all photographs ---- */

/* Puts it into its place among the worst. */
static void keep_worst(struct html_photos *photos, const struct html_pair *pair)
{
    int at = photos->n_pairs;
    while (at > 0 && photos->pairs[at - 1].agreement > pair->agreement) at--;
    if (at == HTML_MAX_PAIRS) return;
    if (photos->n_pairs < HTML_MAX_PAIRS) photos->n_pairs++;
    for (int i = photos->n_pairs - 1; i > at; i--) photos->pairs[i] = photos->pairs[i - 1];
    photos->pairs[at] = *pair;
}

static itx_status compare_photo(struct html_photos *photos, struct nets *nets, const char *path,
                                int max_pixels, int *n_found, struct itx_error *err)
{
    struct picture p = {0};
    struct html_pair pair = {.path = path};
    const struct itx_instance *a, *b;
    if (picture_read(&p, path, max_pixels, NULL) != ITX_OK) return ITX_OK;
    const struct itx_image frame = net_frame(&p);
    itx_status rc = net_segment(&nets->floats, &frame, &a, &pair.n_float, err);
    if (rc == ITX_OK) rc = net_segment(&nets->compiled, &frame, &b, &pair.n_int8, err);
    picture_release(&p);
    if (rc != ITX_OK) return rc;
    photos->n_compared++;
    if (pair.n_float + pair.n_int8 == 0) return ITX_OK;
    pair.agreement = photo_agreement(a, pair.n_float, b, pair.n_int8);
    photos->agreement += pair.agreement;
    ++*n_found;
    keep_worst(photos, &pair);
    return ITX_OK;
}

static itx_status compare_all(struct html_photos *photos, struct nets *nets,
                              const struct html_photos_input *in, struct itx_error *err)
{
    const int n = in->n_images < MAX_COMPARED ? in->n_images : MAX_COMPARED;
    int n_found = 0;
    for (int i = 0; i < n; i++) {
        progress_update(in->progress, "photos", i, n);
        ITX_TRY(compare_photo(photos, nets, in->images[(int64_t)i * in->n_images / n],
                              in->max_pixels, &n_found, err));
    }
    if (n_found != 0) photos->agreement /= n_found;
    for (int i = 0; i < photos->n_pairs; i++) {
        struct html_pair *const pair = &photos->pairs[i];
        ITX_TRY(paint(&pair->float_jpeg, &nets->floats, pair->path, in->max_pixels, err));
        ITX_TRY(paint(&pair->int8_jpeg, &nets->compiled, pair->path, in->max_pixels, err));
    }
    return ITX_OK;
}

itx_status html_photos_find(struct html_photos *photos, const struct html_photos_input *in,
                            struct itx_error *err)
{
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    struct nets nets = {{0}, {.is_quiet = true}};
    *photos = (struct html_photos){0};
    o.n_threads = in->n_threads;
    ITX_TRY(net_open(&nets.compiled, in->compiled, NULL, &o, NET_INPUT_OWN, NET_RANGE_OWN, err));
    itx_status rc = ITX_OK;
    if (nets.compiled.info.task != ITX_TASK_RAW) {
        nets.floats.max_constants = in->max_constants;
        rc = net_open(&nets.floats, in->onnx, in->compiled, &o, NET_INPUT_RGB, NET_RANGE_OWN, err);
        if (rc == ITX_OK) rc = compare_all(photos, &nets, in, err);
    }
    net_close(&nets.floats);
    net_close(&nets.compiled);
    return rc;
}

void html_photos_release(struct html_photos *photos)
{
    for (int i = 0; i < HTML_MAX_PAIRS; i++) {
        strbuf_release(&photos->pairs[i].float_jpeg);
        strbuf_release(&photos->pairs[i].int8_jpeg);
    }
}
