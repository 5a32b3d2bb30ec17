/* SPDX-License-Identifier: Apache-2.0
 *
 * intarsia eval: how much of what COCO annotations say networks find, or a file of results holds. A photograph that
 * cannot be read is warned about and left out of the evaluation.
 */
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/file.h"
#include "base/look.h"
#include "base/mem.h"
#include "base/pool.h"
#include "cmd/cmd.h"
#include "cmd/curves.h"
#include "cmd/json.h"
#include "cmd/markdown.h"
#include "cmd/net_feed.h"
#include "cmd/outputs.h"
#include "cmd/stop.h"
#include "cmd/subject.h"
#include "cmd/terminal.h"
#include "vision/files.h"

struct eval_options {
    const char *data, *annotations, *results, *against, *save, *curves, *cpu, *mean, *scale;
    float conf, iou;
    int limit, threads, input, range, max_pixels, max_constants;
    bool full, per_class, json;
    struct model_limits limits;
};

#define AT(field) offsetof(struct eval_options, field)
static const struct option eval_rows[] = {
    {"ann", 0, OPTION_TEXT, AT(annotations), "FILE", NULL, 0, 0, true,
     "COCO annotations (instances.json): what there is to find"},
    {"data", 0, OPTION_TEXT, AT(data), "DIR", NULL, 0, 0, false,
     "the photos that the annotations name"},
    {"results", 0, OPTION_TEXT, AT(results), "FILE", NULL, 0, 0, false,
     "evaluate this list of COCO results; no network is run"},
    {"conf", 0, OPTION_FLOAT, AT(conf), "C", "0.25", 0, 1, false,
     "leave out what has a lower score"},
    {"iou", 0, OPTION_FLOAT, AT(iou), "U", "0.7", 0, 1, false,
     "of two boxes of one class that overlap more than this, the weaker is dropped"},
    {"full", 0, OPTION_FLAG, AT(full), "", NULL, 0, 0, false,
     "the usual way for COCO figures: --conf 0.001 --iou 0.7, every class at a place"},
    {"input", 0, OPTION_CHOICE, AT(input), "rgb|nv12", NULL, 0, 0, false,
     "what the photo is turned into first; without it what the model was built for"},
    {"range", 0, OPTION_CHOICE, AT(range), "full|video", NULL, 0, 0, false,
     "luma of NV12 (BT.601); without it what the model was built for"},
    OPTION_MEAN(AT(mean)),
    OPTION_SCALE(AT(scale)),
    {"limit", 0, OPTION_INT, AT(limit), "N", NULL, 1, 1000000000, false,
     "the first N photos only, by their ids"},
    {"against", 0, OPTION_TEXT, AT(against), "FLOAT.onnx", NULL, 0, 0, false,
     "run this network too, from RGB, and say how far both agree"},
    {"save", 0, OPTION_TEXT, AT(save), "FILE", NULL, 0, 0, false,
     "write what was found there, as COCO results"},
    {"per-class", 0, OPTION_FLAG, AT(per_class), "", NULL, 0, 0, false,
     "average precision of every category"},
    {"curves", 0, OPTION_TEXT, AT(curves), "DIR", NULL, 0, 0, false,
     "draw precision over recall there: box.svg and mask.svg"},
    {"threads", 't', OPTION_INT, AT(threads), "N", NULL, 1, 256, false,
     "without it one for each processor that may be used; the result is the same"},
    OPTION_MAX_PIXELS("max-pixels", AT(max_pixels)),
    OPTION_MODEL_LIMITS("max-", AT(limits)),
    OPTION_MAX_CONSTANTS("max-constants", AT(max_constants)),
    {"cpu", 0, OPTION_TEXT, AT(cpu), "LEVEL", NULL, 0, 0, false,
     "use instruction sets up to this one only: scalar, avx2, avx512vnni, ..."},
    {"json", 0, OPTION_FLAG, AT(json), "", NULL, 0, 0, false, "print it as JSON"},
};
#undef AT

/* Everything there is. */
struct eval {
    const struct eval_options *options;
    struct net_feed feed; /* of float networks, as the options say */
    bool is_fed;
    struct coco_dataset set;
    const struct coco_image **image; /* [set.n_images], by rising id */
    bool *was_run;                   /* [set.n_images] */
    int *run;                        /* [n_done] */
    struct pool *pool;               /* of the evaluation */
    struct coco_truth *truths;       /* in the photos that were run */
    struct truth_list truth;
    struct subject
        *subjects; /* in the order they run: what others are compared with before these */
    int n_subjects, n_args;
    struct list_file rows; /* of --save */
    struct repeated warnings;
    struct coco_results results; /* from a file, instead of a network's */
    struct scores scores;        /* of it */
    struct outputs outputs;
    struct progress progress;
    int n_done, n_left_out;
};

/* ---- photos ---- */

/* DIR/FILE_NAME, or without the folders of FILE_NAME where that is not there. */
static itx_status find_photo(struct strbuf *path, const char *folder,
                             const struct coco_image *image, struct itx_error *err)
{
    if (image->file_name[0] == '\0')
        return itx_fail(err, ITX_E_FORMAT, "image %lld has no \"file_name\" in the annotations",
                        (long long)image->id);
    path->len = 0;
    strbuf_addf(path, "%s/%s", folder, image->file_name);
    if (!path->failed && access(path->data, F_OK) != 0) {
        path->len = 0;
        strbuf_addf(path, "%s/%s", folder, image->base_name);
    }
    return !path->failed ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

/* Masks are compared pixel by pixel. */
static itx_status check_size(const struct picture *picture, const char *path, const int size[2],
                             struct itx_error *err)
{
    if (size[0] == 0 || size[1] == 0 || (size[0] == picture->height && size[1] == picture->width))
        return ITX_OK;
    return itx_fail(err, ITX_E_FORMAT, "%s: is %dx%d, the annotations say %dx%d", path,
                    picture->width, picture->height, size[1], size[0]);
}

/* Reads the photo; a failure concerns this one only. */
static itx_status read_photo(const struct eval *e, int image, struct picture *picture,
                             struct itx_error *err)
{
    struct strbuf path = {0};
    itx_status rc = find_photo(&path, e->options->data, e->image[image], err);
    if (rc == ITX_OK) rc = picture_read(picture, path.data, e->options->max_pixels, err);
    if (rc == ITX_OK) rc = check_size(picture, path.data, e->set.image_size[image], err);
    strbuf_release(&path);
    return rc;
}

static itx_status run_photo(struct eval *e, int image, struct itx_error *err)
{
    struct picture picture = {0};
    itx_status rc = read_photo(e, image, &picture, err);
    if (rc != ITX_OK && rc != ITX_E_NOMEM) {
        progress_clear(&e->progress);
        repeated_warning(&e->warnings, "%s", err->text);
        e->n_left_out++;
        rc = ITX_OK;
    } else if (rc == ITX_OK) {
        for (int i = 0; rc == ITX_OK && i < e->n_subjects; i++)
            rc = subject_run(&e->subjects[i], &e->set, &picture, image, err);
        if (rc != ITX_OK) itx_error_prefix(err, "%s", e->image[image]->file_name);
        e->was_run[image] = true;
        e->run[e->n_done++] = image;
        if (rc == ITX_OK && e->options->save != NULL) rc = list_file_commit(&e->rows, err);
    }
    picture_release(&picture);
    return rc;
}

/* Says what is known about a folder that has nothing of what is looked for. */
static itx_status none_found(const struct eval *e, struct itx_error *err)
{
    struct strbuf names = {0};
    const bool has_subfolders = file_list_subfolders(e->options->data, &names);
    itx_fail(err, ITX_E_INVAL, "%s: has none of the %d photos of %s%s%s", e->options->data,
             e->set.n_images, e->options->annotations,
             has_subfolders ? "; its subfolders are not searched, there are pictures in " : "",
             has_subfolders ? names.data : "");
    strbuf_release(&names);
    return ITX_E_INVAL;
}

static itx_status run_photos(struct eval *e, struct itx_error *err)
{
    const int n = e->set.n_images, limit = e->options->limit;
    const int total = limit != 0 && limit < n ? limit : n;
    itx_status rc = ITX_OK;
    stop_begin();
    for (int i = 0; i < n && e->n_done < total && rc == ITX_OK && !stop_wanted(); i++) {
        rc = run_photo(e, i, err);
        progress_update(&e->progress, "evaluate", total < n ? e->n_done : i + 1, total);
    }
    progress_clear(&e->progress);
    repeated_end(&e->warnings);
    if (rc == ITX_OK && e->options->save != NULL) rc = list_file_close(&e->rows, err);
    if (rc == ITX_OK && stop_wanted())
        rc = itx_fail(err, ITX_E_CANCELLED, "stopped by %s after %d of %d photos", stop_name(),
                      e->n_done, total);
    if (rc == ITX_OK && e->n_done == 0) rc = none_found(e, err);
    return rc;
}

/* ---- what there is to find ---- */

static itx_status read_annotations(struct eval *e, struct itx_error *err)
{
    ITX_TRY(coco_dataset_read(&e->set, e->options->annotations, e->pool, err));
    const size_t n = (size_t)e->set.n_images;
    e->image = mem_calloc(n, sizeof *e->image);
    e->was_run = mem_calloc(n, sizeof *e->was_run);
    e->run = mem_calloc(n, sizeof *e->run);
    if (e->image == NULL || e->was_run == NULL || e->run == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < e->set.names.n_images; i++) {
        const struct coco_image *image = &e->set.names.images[i];
        e->image[coco_image_index(&e->set, image->id)] = image;
    }
    return ITX_OK;
}

static itx_status select_truths(struct eval *e, struct itx_error *err)
{
    e->truths = mem_calloc(e->set.n_truths, sizeof *e->truths);
    if (e->truths == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    e->truth = (struct truth_list){
        .set = &e->set, .truths = e->truths, .images = e->run, .n_images = e->n_done};
    for (size_t i = 0; i < e->set.n_truths; i++)
        if (e->was_run[e->set.truths[i].image]) e->truths[e->truth.n++] = e->set.truths[i];
    return ITX_OK;
}

/* ---- from photos, or from a file, to figures ---- */

/* The first compiled model of n paths, NULL: none. */
static const char *first_compiled(const char *const *paths, int n)
{
    for (int i = 0; i < n; i++)
        if (!net_is_float(paths[i])) return paths[i];
    return NULL;
}

/* Opens what is --against, from RGB, and then each argument. In a table a float network is what the compiled ones after
 * it are compared with, unless --against names one for all. */
static itx_status open_networks(struct eval *e, const char *const *paths, struct itx_error *err)
{
    const struct eval_options *o = e->options;
    struct itx_session_options decode = ITX_SESSION_OPTIONS_INIT;
    decode.n_threads = o->threads;
    decode.cpu = o->cpu;
    net_set_limits(&decode, &o->limits);
    decode.conf = o->conf;
    decode.iou = o->iou;
    decode.dense =
        e->n_args > 1 || o->against != NULL; /* outputs are compared, and decoded again */
    if (o->full) decode_full(&decode);
    const struct itx_build_options *const fed = e->is_fed ? &e->feed.options : NULL;
    const struct subject_options given = {
        &decode, (enum net_input)(o->input + 1), (enum net_range)(o->range + 1), &e->set,
        fed,     option_mib(o->max_constants)};
    const struct subject_options rgb = {&decode, NET_INPUT_RGB, NET_RANGE_OWN,
                                        &e->set, fed,           option_mib(o->max_constants)};
    struct subject *reference = NULL;
    e->subjects = mem_calloc((size_t)e->n_args + 1, sizeof *e->subjects);
    if (e->subjects == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (o->against != NULL) {
        reference = &e->subjects[e->n_subjects++];
        ITX_TRY(subject_open(reference, o->against, first_compiled(paths, e->n_args), &rgb, err));
    }
    for (int i = 0; i < e->n_args; i++) {
        struct subject *s = &e->subjects[e->n_subjects++];
        const bool is_row_of_floats = e->n_args > 1 && net_is_float(paths[i]);
        ITX_TRY(subject_open(s, paths[i], first_compiled(paths + i, e->n_args - i),
                             is_row_of_floats ? &rgb : &given, err));
        net_warn_range(&s->finder.net, paths[i]);
        if (reference != NULL && !is_row_of_floats)
            ITX_TRY(subject_compare(s, reference, &given, err));
        if (is_row_of_floats && o->against == NULL) reference = s;
    }
    if (o->save == NULL) return ITX_OK;
    e->subjects[e->n_subjects - 1].finder.rows = &e->rows;
    return coco_rows_open(&e->rows, o->save, err);
}

static itx_status evaluate_networks(struct eval *e, const char *const *paths, struct itx_error *err)
{
    ITX_TRY(open_networks(e, paths, err));
    ITX_TRY(run_photos(e, err));
    ITX_TRY(select_truths(e, err));
    for (int i = 0; i < e->n_subjects; i++)
        ITX_TRY(subject_compute(&e->subjects[i], &e->truth, e->pool, err));
    return ITX_OK;
}

/* The one network, or the last. */
static const struct subject *last_subject(const struct eval *e)
{
    return &e->subjects[e->n_subjects - 1];
}

static const struct scores *scores_of(const struct eval *e)
{
    return e->options->results != NULL ? &e->scores : &last_subject(e)->scores;
}

/* In all pictures of the annotations, as pycocotools does it. */
static itx_status evaluate_results(struct eval *e, struct itx_error *err)
{
    ITX_TRY(coco_results_read(&e->results, &e->set, e->options->results, e->pool, err));
    e->truth = (struct truth_list){&e->set, e->set.truths, e->set.n_truths, NULL, 0};
    e->n_done = e->set.n_images;
    return scores_compute(&e->scores, &e->truth, e->results.detections, e->results.n_detections,
                          true, e->pool, err);
}

/* ---- what is said ---- */

/* What is said of one network, or of results. */
static json_t *subject_json(const struct eval *e, const struct subject *s)
{
    const struct scores *scores = s != NULL ? &s->scores : &e->scores;
    json_t *root = scores_json(scores);
    json_object_set_new(root, "photos", json_integer(e->n_done));
    json_object_set_new(root, "left_out", json_integer(e->n_left_out));
    if (e->options->per_class)
        json_object_set_new(root, "categories", scores_classes_json(scores, &e->truth));
    if (s != NULL && s->reference != NULL)
        json_object_set_new(root, "against",
                            against_json(&s->against, s->reference->path, &s->reference->scores));
    return root;
}

static bool print_json(const struct eval *e)
{
    if (e->options->results != NULL) return json_print(subject_json(e, NULL), 15);
    if (e->n_args == 1) return json_print(subject_json(e, last_subject(e)), 15);
    json_t *list = json_array();
    for (int i = 0; i < e->n_subjects; i++) {
        json_t *row = subject_json(e, &e->subjects[i]);
        markdown_add_json(row, &e->subjects[i]);
        json_array_append_new(list, row);
    }
    return json_print(list, 15);
}

static void print_text(const struct eval *e)
{
    if (e->n_args > 1) {
        markdown_print(e->subjects, e->n_subjects, stdout);
        return;
    }
    scores_print(scores_of(e), stdout);
    if (e->options->per_class) {
        printf("\n");
        scores_print_classes(scores_of(e), &e->truth, stdout);
    }
    if (e->options->against != NULL) {
        const struct subject *s = last_subject(e);
        printf("\n");
        against_print(&s->against, s->reference->path, stdout);
    }
}

static bool print_all(const struct eval *e)
{
    const bool wants_masks =
        e->options->results != NULL || finder_has_masks(&last_subject(e)->finder);
    if (wants_masks && !scores_of(e)->has_masks)
        say_warning("masks are not evaluated: not every annotation and every result has one");
    const bool done = !e->options->json || print_json(e);
    if (!e->options->json) print_text(e);
    fflush(stdout);
    fprintf(stderr, "%d photo%s", e->n_done, e->n_done == 1 ? "" : "s");
    if (e->n_left_out > 0) fprintf(stderr, ", %d left out", e->n_left_out);
    fprintf(stderr, ", %zu object%s\n", e->truth.n, e->truth.n == 1 ? "" : "s");
    return done;
}

/* ---- the whole ---- */

static void eval_release(struct eval *e)
{
    scores_release(&e->scores);
    for (int i = e->n_subjects; i-- > 0;) subject_release(&e->subjects[i]);
    mem_free(e->subjects);
    coco_results_release(&e->results);
    list_file_release(&e->rows);
    outputs_release(&e->outputs);
    mem_free(e->truths);
    mem_free(e->was_run);
    mem_free(e->run);
    pool_destroy(&e->pool);
    mem_free((void *)e->image);
    coco_dataset_release(&e->set);
}

/* False, and explained, when the arguments do not go together. */
static bool check_options(const struct eval_options *o, int n_args)
{
    const char *wrong = NULL;
    if ((o->results != NULL) == (n_args > 0))
        wrong = "either a network or --results FILE is needed";
    else if (n_args > 1 && (o->save != NULL || o->curves != NULL || o->per_class))
        wrong = "--save, --curves and --per-class are for one network";
    else if (o->results != NULL && (o->against != NULL || o->save != NULL || o->limit != 0))
        wrong = "--against, --save and --limit need a network, not --results";
    else if (n_args > 0 && o->data == NULL)
        wrong = "--data DIR is missing: the folder of the photos";
    else if (o->save != NULL && strcmp(o->save, "-") == 0)
        wrong = "--save needs a file: the figures go to the standard output";
    if (wrong != NULL) options_wrong(&command_eval, "%s", wrong);
    return wrong == NULL && options_check_cpu(&command_eval, o->cpu);
}

/* Before long work: what is read can be read, as far as its kind tells, and DIR is there. */
static itx_status check_inputs(const struct eval_options *o, int n_args, const char *const *args,
                               struct itx_error *err)
{
    const char *const files[] = {o->annotations, o->results, o->against};
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (files[i] != NULL) ITX_TRY(file_check_source(files[i], err));
    for (int i = 0; i < n_args; i++) {
        ITX_TRY(look_no_folder(LOOK_FOR_PLAN, args[i], err));
        ITX_TRY(file_check_source(args[i], err));
    }
    return o->data != NULL && n_args > 0 ? file_find_folder(o->data, err) : ITX_OK;
}

/* And what is written can be, and replaces nothing that is read. */
static itx_status check_outputs(struct outputs *out, const struct eval_options *o, int n_args,
                                const char *const *args, struct itx_error *err)
{
    bool done = outputs_read(out, o->annotations) && outputs_read(out, o->results) &&
                outputs_read(out, o->against);
    for (int i = 0; done && i < n_args; i++) done = outputs_read(out, args[i]);
    if (!done) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    ITX_TRY(outputs_name(out, o->save, err));
    return o->curves != NULL ? outputs_check_folder("--curves", o->curves, err) : ITX_OK;
}

static itx_status write_curves(struct eval *e, struct itx_error *err)
{
    const char *const folder = e->options->curves;
    if (folder == NULL) return ITX_OK;
    return outputs_written(&e->outputs, e->options->save)
               ? curves_write(scores_of(e), folder, &e->outputs.written, err)
               : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

static enum exit_code eval_run(const void *options, int n_args, const char *const *args)
{
    const struct eval_options *o = options;
    if (!check_options(o, n_args)) return EXIT_USAGE;
    struct eval e = {.options = o, .n_args = n_args};
    struct itx_error err;
    if (!net_feed_parse(&e.feed, &command_eval, o->mean, o->scale, &e.is_fed)) return EXIT_USAGE;
    itx_status rc = check_inputs(o, n_args, args, &err);
    if (rc == ITX_OK) rc = check_outputs(&e.outputs, o, n_args, args, &err);
    if (rc == ITX_OK) rc = pool_create(&e.pool, o->threads != 0 ? o->threads : cpu_count(), &err);
    if (rc == ITX_OK) rc = read_annotations(&e, &err);
    if (rc == ITX_OK)
        rc = n_args > 0 ? evaluate_networks(&e, args, &err) : evaluate_results(&e, &err);
    const bool was_printed = rc == ITX_OK && print_all(&e);
    if (was_printed) rc = write_curves(&e, &err);
    if (rc != ITX_OK) say_error("%s", err.text);
    eval_release(&e);
    stop_end();
    return was_printed && rc == ITX_OK ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_eval = {
    "eval",
    "Measures how much of COCO's annotations a network finds",
    "[NAME.bin|MODEL.onnx]...",
    eval_rows,
    ARRAY_LEN(eval_rows),
    sizeof(struct eval_options),
    0,
    1000,
    eval_run,
};
