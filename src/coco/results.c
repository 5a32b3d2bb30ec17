/* SPDX-License-Identifier: Apache-2.0 */
#include "coco/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/format.h"

static void add_text(struct strbuf *out, const char *text)
{
    strbuf_add(out, text, strlen(text));
}

void json_add_double(struct strbuf *out, double v)
{
    char text[40] = "null";
    for (int digits = 15; isfinite(v) && digits <= 17; digits++) {
        format_text(text, sizeof text, "%.*g", digits, v);
        if (parse_double(text, NULL) == v) break;
    }
    add_text(out, text);
}

void json_add_float(struct strbuf *out, float v)
{
    char text[40] = "null";
    for (int digits = 6; isfinite(v) && digits <= 9; digits++) {
        format_text(text, sizeof text, "%.*g", digits, (double)v);
        if (parse_float(text, NULL) == v) break;
    }
    add_text(out, text);
}

static void add_mask(struct strbuf *out, const struct rle *mask)
{
    struct strbuf counts = {0};
    rle_text(mask, &counts);
    strbuf_addf(out, ", \"segmentation\": {\"size\": [%d, %d], \"counts\": ", mask->h, mask->w);
    strbuf_add_json(out, (struct str){counts.data, counts.len});
    add_text(out, "}");
    out->failed |= counts.failed;
    strbuf_release(&counts);
}

void coco_add_result(struct strbuf *out, const struct coco_result *r)
{
    const double box[4] = {r->box[0], r->box[1], r->box[2] - r->box[0], r->box[3] - r->box[1]};
    strbuf_addf(out, "{\"image_id\": %lld, \"category_id\": %lld, \"bbox\": [",
                (long long)r->image_id, (long long)r->category_id);
    for (int i = 0; i < 4; i++) {
        if (i > 0) add_text(out, ", ");
        json_add_double(out, box[i]);
    }
    add_text(out, "], \"score\": ");
    json_add_float(out, r->score);
    if (r->mask != NULL) add_mask(out, r->mask);
    add_text(out, "}");
}

static void add_points(struct strbuf *out, const struct polygon_list *list, const struct polygon *p)
{
    const struct polygon_point *point = list->point.data + p->first;
    add_text(out, "[");
    for (size_t i = 0; i < p->n; i++)
        strbuf_addf(out, "%s%d, %d", i > 0 ? ", " : "", (int)point[i].x, (int)point[i].y);
    add_text(out, "]");
}

void json_add_polygons(struct strbuf *out, const struct polygon_list *list)
{
    const size_t n = list->polygon.len;
    add_text(out, "[");
    for (size_t i = 0; i < n;) {
        add_text(out, i > 0 ? ", {\"outer\": " : "{\"outer\": ");
        add_points(out, list, &list->polygon.data[i++]);
        add_text(out, ", \"holes\": [");
        for (int k = 0; i < n && list->polygon.data[i].side == POLYGON_HOLE; i++, k++) {
            if (k > 0) add_text(out, ", ");
            add_points(out, list, &list->polygon.data[i]);
        }
        add_text(out, "]}");
    }
    add_text(out, "]");
}

void json_add_instance(struct strbuf *out, const struct instance_text *t)
{
    strbuf_addf(out, "{\"class_id\": %d, \"class\": ", t->class_id);
    strbuf_add_json(out, str_of(t->name));
    add_text(out, ", \"score\": ");
    json_add_float(out, t->score);
    add_text(out, ", \"box\": [");
    for (int i = 0; i < 4; i++) {
        if (i > 0) add_text(out, ", ");
        json_add_float(out, t->box[i]);
    }
    add_text(out, "]");
    if (t->mask != NULL) add_mask(out, t->mask);
    if (t->outlines != NULL) {
        add_text(out, ", \"polygons\": ");
        json_add_polygons(out, t->outlines);
    }
    add_text(out, "}");
}
