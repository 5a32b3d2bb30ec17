/* SPDX-License-Identifier: Apache-2.0
 *
 * intarsia segment: photographs in; painted pictures, JSON, COCO results out. A photograph that cannot be read is
 * reported and the next one taken.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/format.h"
#include "base/look.h"
#include "base/mem.h"
#include "base/status.h"
#include "cmd/cmd.h"
#include "cmd/net.h"
#include "cmd/net_feed.h"
#include "cmd/outputs.h"
#include "cmd/results.h"
#include "cmd/stop.h"
#include "cmd/photos.h"
#include "cmd/terminal.h"
#include "vision/draw.h"
#include "vision/files.h"
#include "vision/picture.h"

struct segment_options {
    const char *output, *json, *coco, *annotations, *cpu, *mean, *scale;
    float conf, iou;
    int max_det, threads, input, range, max_pixels, max_constants;
    bool multi_label;
    struct model_limits limits;
};

#define AT(field) offsetof(struct segment_options, field)
static const struct option segment_rows[] = {
    {"output", 'o', OPTION_TEXT, AT(output), "DIR|FILE", NULL, 0, 0, false,
     "where the painted pictures go; without it the current folder, or nowhere when --json or "
     "--coco is given"},
    {"conf", 0, OPTION_FLOAT, AT(conf), "C", "0.25", 0, 1, false,
     "leave out what has a lower score"},
    {"iou", 0, OPTION_FLOAT, AT(iou), "U", "0.7", 0, 1, false,
     "of two boxes of one class that overlap more than this, the weaker is dropped"},
    {"multi-label", 0, OPTION_FLAG, AT(multi_label), "", NULL, 0, 0, false,
     "every class above --conf at a place, not only the best"},
    {"max-det", 0, OPTION_INT, AT(max_det), "N", "300", 1, 30000, false,
     "objects kept for a photo"},
    {"json", 0, OPTION_TEXT, AT(json), "FILE", NULL, 0, 0, false,
     "write boxes, polygons and run lengths there; - for the standard output"},
    {"coco", 0, OPTION_TEXT, AT(coco), "FILE", NULL, 0, 0, false,
     "write COCO results there; image ids are the numbers in the photos' names"},
    {"ann", 0, OPTION_TEXT, AT(annotations), "FILE", NULL, 0, 0, false,
     "COCO annotations that know the photos' ids and the categories' ids"},
    {"input", 0, OPTION_CHOICE, AT(input), "rgb|nv12", NULL, 0, 0, false,
     "what the photo is turned into first; without it what the model was built for"},
    {"range", 0, OPTION_CHOICE, AT(range), "full|video", NULL, 0, 0, false,
     "luma of NV12 (BT.601); without it what the model was built for"},
    OPTION_MEAN(AT(mean)),
    OPTION_SCALE(AT(scale)),
    {"threads", 't', OPTION_INT, AT(threads), "N", NULL, 1, 256, false,
     "without it one for each processor that may be used; the result is the same"},
    OPTION_MAX_PIXELS("max-pixels", AT(max_pixels)),
    OPTION_MODEL_LIMITS("max-", AT(limits)),
    OPTION_MAX_CONSTANTS("max-constants", AT(max_constants)),
    {"cpu", 0, OPTION_TEXT, AT(cpu), "LEVEL", NULL, 0, 0, false,
     "use instruction sets up to this one only: scalar, avx2, avx512vnni, ..."},
};
#undef AT

/* Nanoseconds of the stages of one photo. */
struct times {
    uint64_t read, masks, draw, write;
    struct itx_timing net;
};

/* Everything that lasts for all photos. */
struct job {
    const struct segment_options *options;
    struct net_feed feed; /* of a float network, as the options say */
    struct net net;
    struct results results;
    struct outputs outputs;
    bool draws;
    FILE *summary; /* of the photos, for people */
    struct progress progress;
    int n_done, n_failed;
    long n_objects;
    uint64_t *network_ns; /* [photos], of those that were done */
};

/* One photo on its way. */
struct shot {
    struct job *job;
    const char *path;
    struct picture picture;
    const struct itx_instance *found;
    int n_found;
    struct times times;
};

/* ---- stages ---- */

static itx_status find_objects(struct shot *s, struct itx_error *err)
{
    const uint64_t start = clock_ns();
    ITX_TRY(picture_read(&s->picture, s->path, s->job->options->max_pixels, err));
    s->times.read = clock_ns() - start;
    const struct itx_image frame = net_frame(&s->picture);
    itx_status rc = net_segment(&s->job->net, &frame, &s->found, &s->n_found, err);
    if (rc == ITX_OK) rc = net_timing(&s->job->net, &s->times.net, err);
    if (rc != ITX_OK) itx_error_prefix(err, "%s", s->path);
    return rc;
}

static itx_status take_mask(struct shot *s, int i, struct yolo_rect *rect, const uint8_t **mask,
                            struct itx_error *err)
{
    const uint64_t start = clock_ns();
    const itx_status rc =
        net_mask_box(&s->job->net, i, &rect->x, &rect->y, &rect->w, &rect->h, mask, err);
    s->times.masks += clock_ns() - start;
    return rc;
}

static itx_status add_results(struct shot *s, struct itx_error *err)
{
    struct results *r = &s->job->results;
    if (!results_wanted(r)) return ITX_OK;
    ITX_TRY(results_begin_photo(r, s->path, s->picture.width, s->picture.height, err));
    for (int i = 0; i < s->n_found; i++) {
        struct yolo_rect rect;
        const uint8_t *mask;
        ITX_TRY(take_mask(s, i, &rect, &mask, err));
        ITX_TRY(
            results_add(r, &s->found[i], mask, &rect, s->picture.width, s->picture.height, err));
    }
    return ITX_OK;
}

static itx_status give_mask(void *ctx, int i, struct draw_mask *mask, struct itx_error *err)
{
    struct shot *s = ctx;
    struct yolo_rect rect;
    const uint8_t *data;
    ITX_TRY(take_mask(s, i, &rect, &data, err));
    const bool has_masks = s->job->net.info.task == ITX_TASK_SEGMENT;
    *mask = (struct draw_mask){rect.x, rect.y, rect.w, rect.h, has_masks ? data : NULL};
    return ITX_OK;
}

static itx_status paint(struct shot *s, struct itx_error *err)
{
    struct draw_instance *items = mem_calloc((size_t)s->n_found, sizeof *items);
    if (items == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < s->n_found; i++) {
        const struct itx_instance *f = &s->found[i];
        items[i] = (struct draw_instance){f->x1,
                                          f->y1,
                                          f->x2,
                                          f->y2,
                                          f->score,
                                          f->class_id,
                                          net_class_name(&s->job->net, f->class_id)};
    }
    const uint64_t start = clock_ns(), masks = s->times.masks;
    const itx_status rc = draw_instances(&s->picture, items, s->n_found, give_mask, s, err);
    s->times.draw = clock_ns() - start - (s->times.masks - masks);
    mem_free(items);
    return rc;
}

/* Paints and writes the picture; *path stays NULL when none is wanted. */
static itx_status make_picture(struct shot *s, const char **path, struct itx_error *err)
{
    if (!s->job->draws) return ITX_OK;
    const char *out = outputs_path(&s->job->outputs, s->path);
    if (out == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    ITX_TRY(paint(s, err));
    const uint64_t start = clock_ns();
    ITX_TRY(picture_write(&s->picture, out, err));
    s->times.write = clock_ns() - start;
    *path = out;
    return outputs_done(&s->job->outputs) ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

/* ---- what is said ---- */

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

/* "2 person, 1 dog": the most frequent first. */
static void print_counts(const struct shot *s, FILE *out)
{
    enum { SHOWN = 6 };
    const int n_classes = s->job->net.info.n_classes;
    int *count = mem_calloc((size_t)n_classes, sizeof *count);
    int n_shown = 0, n_left = s->n_found;
    if (count == NULL) return;
    for (int i = 0; i < s->n_found; i++)
        if (s->found[i].class_id >= 0 && s->found[i].class_id < n_classes)
            count[s->found[i].class_id]++;
    for (; n_left > 0 && n_shown < SHOWN; n_shown++) {
        int most = 0;
        for (int c = 1; c < n_classes; c++)
            if (count[c] > count[most]) most = c;
        fprintf(out, "%s%d ", n_shown != 0 ? ", " : "", count[most]);
        print_safely(out, net_class_name(&s->job->net, most));
        n_left -= count[most];
        count[most] = 0;
    }
    if (s->n_found == 0) fprintf(out, "nothing");
    if (n_left > 0) fprintf(out, ", %d other%s", n_left, n_left == 1 ? "" : "s");
    mem_free(count);
}

static void print_summary(const struct shot *s, const char *output)
{
    const struct times *t = &s->times;
    FILE *out = s->job->summary;
    const int number = s->job->outputs.number;
    progress_clear(&s->job->progress);
    print_safely(out, s->path);
    fprintf(out, ": %dx%d: ", s->picture.width, s->picture.height);
    print_counts(s, out);
    format_file(out, "; read %.1f, prepare %.1f, network %.1f, decode %.1f, masks %.1f",
                ms(t->read), ms(t->net.prepare_ns), ms(t->net.network_ns), ms(t->net.decode_ns),
                ms(t->masks));
    if (output != NULL) {
        format_file(out, ", draw %.1f, write %.1f ms -> ", ms(t->draw), ms(t->write));
        print_safely(out, output);
        if (number > 1)
            fprintf(out, " (_%d, so that no input or earlier output is replaced)", number);
        fprintf(out, "\n");
    } else {
        fprintf(out, " ms\n");
    }
    fflush(out); /* what is said is also in the files */
}

/* As a JSON object; the numbers of milliseconds. */
static itx_status add_result_photo(struct shot *s, struct itx_error *err)
{
    const struct times *t = &s->times;
    char text[300];
    format_text(text, sizeof text,
                "{\"read\": %.3f, \"prepare\": %.3f, \"network\": %.3f, \"decode\": %.3f, "
                "\"masks\": %.3f}",
                ms(t->read), ms(t->net.prepare_ns), ms(t->net.network_ns), ms(t->net.decode_ns),
                ms(t->masks));
    return results_end_photo(&s->job->results, text, err);
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *p = a, *q = b;
    return (*p > *q) - (*p < *q);
}

static void print_end(struct job *job)
{
    const int n = job->n_done + job->n_failed;
    fflush(stdout);
    if (n > 1 && job->n_done > 0) {
        qsort(job->network_ns, (size_t)job->n_done, sizeof job->network_ns[0], by_value);
        format_file(stderr, "%d photos, %ld objects, network median %.1f ms\n", job->n_done,
                    job->n_objects, ms(job->network_ns[job->n_done / 2]));
    }
    if (job->n_failed > 0 && n > 1) say_error("%d of %d photos failed", job->n_failed, n);
}

/* ---- the whole ---- */

static void photo_failed(struct job *job, const char *path, const char *why)
{
    struct itx_error err;
    job->n_failed++;
    say_error("%s", why);
    if (results_broken(&job->results)) return;
    if (results_failed_photo(&job->results, path, why, &err) != ITX_OK) say_error("%s", err.text);
}

static void segment_photo(struct job *job, const char *path)
{
    struct shot s = {.job = job, .path = path};
    struct itx_error err;
    const char *output = NULL;
    itx_status rc = find_objects(&s, &err);
    if (rc == ITX_OK) rc = add_results(&s, &err);
    if (rc == ITX_OK) rc = make_picture(&s, &output, &err);
    if (rc == ITX_OK) rc = add_result_photo(&s, &err);
    if (rc == ITX_OK) {
        job->network_ns[job->n_done++] = s.times.net.network_ns;
        job->n_objects += s.n_found;
        print_summary(&s, output);
    } else {
        photo_failed(job, path, err.text);
    }
    picture_release(&s.picture);
}

/* Whatever a file is read for, no output may replace it. */
static itx_status check_outputs(struct outputs *out, const struct segment_options *o,
                                const char *model, const struct file_list *list,
                                struct itx_error *err)
{
    bool done = outputs_read(out, model) && outputs_read(out, o->annotations);
    for (size_t i = 0; done && i < list->paths.len; i++)
        done = outputs_read(out, list->paths.data[i]);
    if (!done) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    const bool is_picture = o->output != NULL && outputs_is_file(o->output);
    ITX_TRY(outputs_name(out, o->json, err));
    ITX_TRY(outputs_name(out, o->coco, err));
    if (o->output == NULL) return ITX_OK;
    return is_picture ? outputs_name(out, o->output, err) : file_check_folder(o->output, err);
}

/* What is named is looked at before the model is opened, which may take a while. */
static itx_status check_inputs(const struct segment_options *o, const char *model,
                               struct itx_error *err)
{
    ITX_TRY(look_no_folder(LOOK_FOR_PLAN, model, err));
    ITX_TRY(file_check_source(model, err));
    return o->annotations != NULL ? file_check_source(o->annotations, err) : ITX_OK;
}

static itx_status begin(struct job *job, const char *model, const struct file_list *list,
                        struct itx_error *err)
{
    const struct segment_options *o = job->options;
    ITX_TRY(check_inputs(o, model, err));
    ITX_TRY(check_outputs(&job->outputs, o, model, list, err));
    struct itx_session_options s = ITX_SESSION_OPTIONS_INIT;
    s.n_threads = o->threads;
    s.cpu = o->cpu;
    net_set_limits(&s, &o->limits);
    s.conf = o->conf;
    s.iou = o->iou;
    s.max_det = o->max_det;
    s.multi_label = o->multi_label;
    job->net.max_constants = option_mib(o->max_constants);
    ITX_TRY(net_open(&job->net, model, NULL, &s, (enum net_input)(o->input + 1),
                     (enum net_range)(o->range + 1), err));
    net_warn_range(&job->net, model);
    ITX_TRY(net_need_head(&job->net, model, "segment", err));
    job->network_ns = mem_calloc(list->paths.len, sizeof job->network_ns[0]);
    if (job->network_ns == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    const bool wants_results = o->json != NULL || o->coco != NULL;
    job->draws = o->output != NULL || !wants_results;
    if (job->draws) ITX_TRY(draw_setup(err));
    if (job->draws) ITX_TRY(outputs_init(&job->outputs, o->output, err));
    ITX_TRY(results_begin(&job->results, o->json, o->coco, o->annotations, &job->net, err));
    return outputs_written(&job->outputs, o->json) && outputs_written(&job->outputs, o->coco)
               ? ITX_OK
               : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

/* Until all are done, a signal has come, or a file of results cannot be written. */
static void segment_photos(struct job *job, const struct file_list *list)
{
    const int n = (int)list->paths.len;
    stop_begin();
    for (int i = 0; i < n && !stop_wanted() && !results_broken(&job->results); i++) {
        segment_photo(job, list->paths.data[i]);
        if (n > 1) progress_update(&job->progress, "segment", i + 1, n);
    }
    progress_clear(&job->progress);
    const int n_seen = job->n_done + job->n_failed;
    if (stop_wanted() && n_seen < n)
        say_error("stopped by %s after %d of %d photos", stop_name(), n_seen, n);
}

static enum exit_code segment(const struct segment_options *o, const char *model,
                              const struct file_list *list)
{
    const bool json_on_stdout = (o->json != NULL && strcmp(o->json, "-") == 0) ||
                                (o->coco != NULL && strcmp(o->coco, "-") == 0);
    struct job job = {.options = o, .summary = json_on_stdout ? stderr : stdout};
    struct itx_error err;
    bool is_fed;
    if (!net_feed_parse(&job.feed, &command_segment, o->mean, o->scale, &is_fed)) return EXIT_USAGE;
    if (is_fed && !net_is_float(model))
        return options_wrong(&command_segment,
                             "--mean and --scale are for MODEL.onnx: %s has its own", model);
    if (is_fed) job.net.fed = &job.feed.options;
    if (o->output != NULL && outputs_check_where(o->output, &err) != ITX_OK)
        return options_wrong(&command_segment, "%s", err.text);
    if (o->output != NULL && outputs_is_file(o->output) && list->paths.len > 1)
        return options_wrong(&command_segment, "-o %s names one picture, there are %zu photos",
                             o->output, list->paths.len);
    if (o->json != NULL && o->coco != NULL && strcmp(o->json, o->coco) == 0)
        return options_wrong(&command_segment, "--json and --coco name the same file");
    itx_status rc = begin(&job, model, list, &err);
    if (rc == ITX_OK) segment_photos(&job, list);
    if (rc == ITX_OK) rc = results_end(&job.results, &err);
    if (rc != ITX_OK) say_error("%s", err.text);
    print_end(&job);
    const bool failed = rc != ITX_OK || job.n_failed != 0;
    results_release(&job.results);
    outputs_release(&job.outputs);
    net_close(&job.net);
    mem_free(job.network_ns);
    stop_end();
    return failed ? EXIT_FAILED : EXIT_DONE;
}

static enum exit_code segment_run(const void *options, int n_args, const char *const *args)
{
    const struct segment_options *o = options;
    if (!options_check_cpu(&command_segment, o->cpu)) return EXIT_USAGE;
    struct file_list list = {0};
    struct itx_error err;
    itx_status rc = ITX_OK;
    for (int i = 1; i < n_args && rc == ITX_OK; i++) rc = photos_add(&list, args[i], &err);
    enum exit_code code = EXIT_FAILED;
    if (rc != ITX_OK)
        say_error("%s", err.text);
    else
        code = segment(o, args[0], &list);
    file_list_release(&list);
    return code;
}

const struct command command_segment = {
    "segment",
    "Finds objects in photographs and paints them, or writes them as JSON or COCO results",
    "NAME.bin|MODEL.onnx PHOTO...",
    segment_rows,
    ARRAY_LEN(segment_rows),
    sizeof(struct segment_options),
    2,
    1000000,
    segment_run,
};
