/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/finder.h"

static struct net *net_of(struct finder *f)
{
    return f->from != NULL ? &f->from->net : &f->net;
}

static itx_status map_categories(struct finder *f, const struct coco_dataset *set,
                                 struct itx_error *err)
{
    const struct net *net = net_of(f);
    f->category_id = mem_calloc((size_t)net->info.n_classes, sizeof f->category_id[0]);
    if (f->category_id == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    return coco_rows_categories(f->category_id, net, &set->names, err);
}

itx_status finder_open(struct finder *f, const char *path, const char *like,
                       const struct itx_session_options *options, enum net_input input,
                       enum net_range range, const struct coco_dataset *set, struct itx_error *err)
{
    ITX_TRY(net_open(&f->net, path, like, options, input, range, err));
    ITX_TRY(net_need_head(&f->net, path, "evaluate", err));
    const itx_status rc = map_categories(f, set, err);
    if (rc != ITX_OK) itx_error_prefix(err, "%s", path);
    return rc;
}

itx_status finder_follow(struct finder *f, struct finder *from,
                         const struct itx_session_options *options, const struct coco_dataset *set,
                         struct itx_error *err)
{
    f->from = from;
    f->options = *options;
    return map_categories(f, set, err);
}

void finder_close(struct finder *f)
{
    net_close(&f->net);
    mem_free(f->category_id);
    vec_release(&f->found);
    arena_release(&f->masks);
    rle_release(&f->scratch);
    *f = (struct finder){0};
}

bool finder_is_open(const struct finder *f)
{
    return f->category_id != NULL;
}

bool finder_has_masks(const struct finder *f)
{
    return (f->from != NULL ? f->from : f)->net.info.task == ITX_TASK_SEGMENT;
}

/* A copy of the mask at hand, in the arena. */
static const struct rle *keep_mask(struct finder *f)
{
    struct rle *mask = arena_calloc(&f->masks, 1, sizeof *mask);
    if (mask == NULL) return NULL;
    const size_t n = f->scratch.run.len;
    mask->h = f->scratch.h;
    mask->w = f->scratch.w;
    mask->run.data = arena_dup(&f->masks, f->scratch.run.data, n * sizeof(uint32_t));
    mask->run.len = mask->run.cap = n;
    return mask->run.data != NULL ? mask : NULL;
}

static itx_status add_instance(struct finder *f, const struct coco_dataset *set, int image,
                               const struct itx_instance *item, struct itx_error *err)
{
    const int64_t category_id = f->category_id[item->class_id];
    const double x1 = (double)item->x1, y1 = (double)item->y1, w = (double)item->x2 - x1,
                 h = (double)item->y2 - y1;
    const struct coco_detection d = {.image = image,
                                     .category = coco_category_index(set, category_id),
                                     .box = {x1, y1, w, h},
                                     .score = (double)item->score,
                                     .area = w * h,
                                     .mask = keep_mask(f)};
    if (d.mask == NULL || !vec_push(&f->found, d))
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (f->rows == NULL) return ITX_OK;
    const struct coco_result row = {
        set->image_id[image],
        category_id,
        {(double)item->x1, (double)item->y1, (double)item->x2, (double)item->y2},
        item->score,
        &f->scratch};
    return coco_rows_add(f->rows, &row, err);
}

itx_status finder_run(struct finder *f, const struct coco_dataset *set,
                      const struct picture *picture, int image, struct itx_error *err)
{
    const struct itx_image frame = net_frame(picture);
    const struct itx_instance *found;
    int n_found;
    struct net *const net = net_of(f);
    ITX_TRY(f->from != NULL ? net_decode(net, &f->options, &found, &n_found, err)
                            : net_segment(net, &frame, &found, &n_found, err));
    for (int i = 0; i < n_found; i++) {
        struct yolo_rect r;
        const uint8_t *mask;
        ITX_TRY(net_mask_box(net, i, &r.x, &r.y, &r.w, &r.h, &mask, err));
        ITX_TRY(
            rle_encode(&f->scratch, mask, (size_t)r.w, &r, picture->height, picture->width, err));
        ITX_TRY(add_instance(f, set, image, &found[i], err));
    }
    return ITX_OK;
}
