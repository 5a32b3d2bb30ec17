/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/scores.h"

#include "base/format.h"
#include "base/mem.h"
#include "cmd/json.h"
#include "cmd/terminal.h"

static bool all_have_masks(const struct truth_list *truth, const struct coco_detection *found,
                           size_t n_found)
{
    for (size_t i = 0; i < truth->n; i++)
        if (truth->truths[i].mask == NULL) return false;
    for (size_t i = 0; i < n_found; i++)
        if (found[i].mask == NULL) return false;
    return true;
}

itx_status scores_compute(struct scores *s, const struct truth_list *truth,
                          const struct coco_detection *found, size_t n_found, bool wants_masks,
                          struct pool *pool, struct itx_error *err)
{
    struct coco_evaluate_input in = {.overlap = COCO_OVERLAP_BOX,
                                     .n_images = truth->set->n_images,
                                     .n_categories = truth->set->names.n_categories,
                                     .truths = truth->truths,
                                     .n_truths = truth->n,
                                     .detections = found,
                                     .n_detections = n_found,
                                     .pool = pool};
    s->has_masks = wants_masks && all_have_masks(truth, found, n_found);
    ITX_TRY(coco_evaluate(&s->box, &in, err));
    if (!s->has_masks) return ITX_OK;
    in.overlap = COCO_OVERLAP_MASK;
    return coco_evaluate(&s->mask, &in, err);
}

void scores_release(struct scores *s)
{
    coco_evaluation_release(&s->box);
    coco_evaluation_release(&s->mask);
    *s = (struct scores){0};
}

/* ---- the twelve figures ---- */

struct stat_row {
    const char *key, *title, *kind, *iou, *area;
    int limit;
};

static const struct stat_row stat_rows[COCO_N_STATS] = {
    {"AP", "Average Precision", "(AP)", "0.50:0.95", "all", 100},
    {"AP50", "Average Precision", "(AP)", "0.50", "all", 100},
    {"AP75", "Average Precision", "(AP)", "0.75", "all", 100},
    {"AP_small", "Average Precision", "(AP)", "0.50:0.95", "small", 100},
    {"AP_medium", "Average Precision", "(AP)", "0.50:0.95", "medium", 100},
    {"AP_large", "Average Precision", "(AP)", "0.50:0.95", "large", 100},
    {"AR1", "Average Recall", "(AR)", "0.50:0.95", "all", 1},
    {"AR10", "Average Recall", "(AR)", "0.50:0.95", "all", 10},
    {"AR100", "Average Recall", "(AR)", "0.50:0.95", "all", 100},
    {"AR_small", "Average Recall", "(AR)", "0.50:0.95", "small", 100},
    {"AR_medium", "Average Recall", "(AR)", "0.50:0.95", "medium", 100},
    {"AR_large", "Average Recall", "(AR)", "0.50:0.95", "large", 100},
};

static void print_stats(const double stats[COCO_N_STATS], FILE *out)
{
    for (int i = 0; i < COCO_N_STATS; i++) {
        const struct stat_row *r = &stat_rows[i];
        format_file(out, " %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %0.3f\n", r->title,
                    r->kind, r->iou, r->area, r->limit, stats[i]);
    }
}

void scores_print(const struct scores *s, FILE *out)
{
    fprintf(out, "boxes\n");
    print_stats(s->box.stats, out);
    if (!s->has_masks) return;
    fprintf(out, "masks\n");
    print_stats(s->mask.stats, out);
}

json_t *scores_stats_json(const double stats[COCO_N_STATS])
{
    json_t *object = json_object();
    for (int i = 0; i < COCO_N_STATS; i++)
        json_object_set_new(object, stat_rows[i].key, json_real(stats[i]));
    return object;
}

json_t *scores_json(const struct scores *s)
{
    json_t *object = json_object();
    json_object_set_new(object, "box", scores_stats_json(s->box.stats));
    if (s->has_masks) json_object_set_new(object, "mask", scores_stats_json(s->mask.stats));
    return object;
}

/* ---- for each category ---- */

/* Mean over the overlaps [0, n_ious) and all recalls. */
static double category_precision(const struct coco_evaluation *e, int n_ious, int category)
{
    double sum = 0;
    for (int iou = 0; iou < n_ious; iou++)
        for (int r = 0; r < COCO_N_RECALLS; r++)
            sum += coco_precision(e, iou, r, category, COCO_AREA_ALL, COCO_LIMIT_100);
    return sum / (n_ious * COCO_N_RECALLS);
}

/* What of a category can be found: not what lies in crowds. */
static int count_objects(const struct truth_list *truth, int category)
{
    int n = 0;
    for (size_t i = 0; i < truth->n; i++)
        n += truth->truths[i].category == category && !truth->truths[i].is_crowd;
    return n;
}

static void print_class(struct table *t, const struct scores *s, const char *name, int category,
                        int n_objects)
{
    table_cell(t, COLOR_PLAIN, "%s", name);
    table_cell(t, COLOR_PLAIN, "%d", n_objects);
    table_cell(t, COLOR_PLAIN, "%.3f", category_precision(&s->box, COCO_N_IOUS, category));
    table_cell(t, COLOR_PLAIN, "%.3f", category_precision(&s->box, 1, category));
    if (s->has_masks) {
        table_cell(t, COLOR_PLAIN, "%.3f", category_precision(&s->mask, COCO_N_IOUS, category));
        table_cell(t, COLOR_PLAIN, "%.3f", category_precision(&s->mask, 1, category));
    }
    table_end_row(t);
}

void scores_print_classes(const struct scores *s, const struct truth_list *truth, FILE *out)
{
    static const char *const heading[] = {"category", "objects", "box AP",
                                          "box AP50", "mask AP", "mask AP50"};
    const size_t n_columns = s->has_masks ? ARRAY_LEN(heading) : 4;
    const struct coco_annotations *names = &truth->set->names;
    struct table t = {0};
    for (size_t i = 0; i < n_columns; i++) table_cell(&t, COLOR_BOLD, "%s", heading[i]);
    table_end_row(&t);
    for (int k = 0; k < names->n_categories; k++) {
        const int n = count_objects(truth, k);
        if (n > 0) print_class(&t, s, names->categories[k].name, k, n);
    }
    table_print(&t, "lrrrrr", out);
    table_release(&t);
}

static json_t *class_pair(const struct coco_evaluation *e, int category)
{
    return json_pack("{s:f, s:f}", "AP", category_precision(e, COCO_N_IOUS, category), "AP50",
                     category_precision(e, 1, category));
}

json_t *scores_classes_json(const struct scores *s, const struct truth_list *truth)
{
    const struct coco_annotations *names = &truth->set->names;
    json_t *list = json_array();
    for (int k = 0; k < names->n_categories; k++) {
        const int n = count_objects(truth, k);
        if (n == 0) continue;
        json_t *row =
            json_pack("{s:o, s:i, s:o}", "name", json_safe_string(names->categories[k].name),
                      "objects", n, "box", class_pair(&s->box, k));
        if (s->has_masks) json_object_set_new(row, "mask", class_pair(&s->mask, k));
        json_array_append_new(list, row);
    }
    return list;
}
