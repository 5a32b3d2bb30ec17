/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/against.h"

#include "base/format.h"
#include "cmd/json.h"
#include "cmd/terminal.h"

void decode_demo(struct itx_session_options *options)
{
    options->conf = 0.25f;
    options->iou = 0.7f;
    options->multi_label = 0;
}

void decode_full(struct itx_session_options *options)
{
    options->conf = 0.001f;
    options->iou = 0.7f;
    options->multi_label = 1;
}

bool decode_alike(const struct itx_session_options *a, const struct itx_session_options *b)
{
    return a->conf == b->conf && a->iou == b->iou && a->multi_label == b->multi_label;
}

itx_status against_open(struct against *a, struct finder *reference, struct finder *candidate,
                        const struct itx_session_options *options, const struct coco_dataset *set,
                        struct itx_error *err)
{
    struct itx_session_options full = *options;
    decode_full(&full);
    if (!decode_alike(options, &full)) ITX_TRY(finder_follow(&a->low, candidate, &full, set, err));
    return distances_open(&a->distances, &reference->net, &candidate->net, err);
}

itx_status against_run(struct against *a, const struct coco_dataset *set,
                       const struct picture *picture, int image, struct itx_error *err)
{
    if (finder_is_open(&a->low)) ITX_TRY(finder_run(&a->low, set, picture, image, err));
    return distances_add(&a->distances, err);
}

static itx_status compute_kept(struct against *a, const struct against_lists *lists,
                               const struct truth_list *truth, struct pool *pool,
                               struct itx_error *err)
{
    struct coco_kept_input in = {
        .overlap = COCO_OVERLAP_BOX,
        .n_images = truth->set->n_images,
        .n_categories = truth->set->names.n_categories,
        .drawn = truth->images,
        .n_drawn = truth->n_images,
        .truths = truth->truths,
        .n_truths = truth->n,
        .candidate = lists->candidate->found.data,
        .n_candidate = lists->candidate->found.len,
        .reference = lists->reference->found.data,
        .n_reference = lists->reference->found.len,
        .n_draws = COCO_KEPT_DRAWS,
        .seed = COCO_KEPT_SEED,
        .pool = pool,
    };
    ITX_TRY(coco_kept(&a->kept_box, &in, err));
    if (!lists->has_masks) return ITX_OK;
    in.overlap = COCO_OVERLAP_MASK;
    return coco_kept(&a->kept_mask, &in, err);
}

itx_status against_compute(struct against *a, const struct against_lists *lists,
                           const struct truth_list *truth, struct pool *pool, struct itx_error *err)
{
    const struct finder *low = finder_is_open(&a->low) ? &a->low : lists->candidate;
    const struct coco_agreement_input in = {
        .n_images = truth->set->n_images,
        .n_categories = truth->set->names.n_categories,
        .reference = lists->demo->found.data,
        .n_reference = lists->demo->found.len,
        .candidate = low->found.data,
        .n_candidate = low->found.len,
        .pool = pool,
    };
    a->has_masks = finder_has_masks(lists->candidate) && finder_has_masks(lists->reference);
    ITX_TRY(coco_agreement(&a->agreement, &in, err));
    ITX_TRY(coco_pair(&a->pairs, &in, err));
    return compute_kept(a, lists, truth, pool, err);
}

void against_release(struct against *a)
{
    distances_release(&a->distances);
    finder_close(&a->low);
}

/* ---- what is said ---- */

static void print_kind(const char *kind, const double agreement[3], const struct coco_kept *kept,
                       FILE *out)
{
    format_file(out, " %-5s  agreement AP %.4f  AP50 %.4f  AP75 %.4f", kind, agreement[0],
                agreement[1], agreement[2]);
    if (kept->n_draws > 0)
        format_file(out, "   AP kept %.1f %% [%.1f, %.1f] (%.4f of %.4f)", 100 * kept->share,
                    100 * kept->low, 100 * kept->high, kept->candidate, kept->reference);
    fprintf(out, "\n");
}

void against_print(const struct against *a, const char *path, FILE *out)
{
    print_line(out, "against %s", path);
    print_kind("boxes", a->agreement.box, &a->kept_box, out);
    if (a->has_masks) {
        print_kind("masks", a->agreement.mask, &a->kept_mask, out);
        format_file(out, " mean mask IoU %.4f of %zu matched pairs, of %zu\n", a->pairs.mask_iou,
                    a->pairs.n_matched, a->pairs.n_reference);
    }
    if (a->distances.list.len == 0) return;
    fprintf(out, "\n");
    distances_print(&a->distances, out);
}

static json_t *agreement_json(const double agreement[3])
{
    return json_pack("{s:f, s:f, s:f}", "AP", agreement[0], "AP50", agreement[1], "AP75",
                     agreement[2]);
}

static json_t *kept_json(const struct coco_kept *k)
{
    return k->n_draws == 0 ? json_null()
                           : json_pack("{s:f, s:f, s:f, s:i}", "share", k->share, "low", k->low,
                                       "high", k->high, "draws", k->n_draws);
}

json_t *against_json(const struct against *a, const char *path, const struct scores *reference)
{
    json_t *agreement = json_pack("{s:o}", "box", agreement_json(a->agreement.box));
    json_t *kept = json_pack("{s:o}", "box", kept_json(&a->kept_box));
    json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:o}", "model", json_safe_string(path),
                               "agreement", agreement, "kept", kept, "reference",
                               scores_json(reference), "outputs", distances_json(&a->distances));
    if (!a->has_masks) return object;
    json_object_set_new(agreement, "mask", agreement_json(a->agreement.mask));
    json_object_set_new(kept, "mask", kept_json(&a->kept_mask));
    json_object_set_new(object, "pairs",
                        json_pack("{s:I, s:I, s:f}", "reference", (json_int_t)a->pairs.n_reference,
                                  "matched", (json_int_t)a->pairs.n_matched, "mask_iou",
                                  a->pairs.mask_iou));
    return object;
}
