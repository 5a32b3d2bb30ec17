/* SPDX-License-Identifier: Apache-2.0
 *
 * intarsia calib-data: photographs as the raw numbers that the RDK's tools calibrate with.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/outputs.h"
#include "cmd/photos.h"
#include "cmd/terminal.h"
#include "vision/files.h"
#include "vision/picture.h"

enum { MAX_SIDE = 8192 };

struct calib_options {
    const char *output, *size;
    int count, max_pixels;
};

#define AT(field) offsetof(struct calib_options, field)
static const struct option calib_rows[] = {
    {"output", 'o', OPTION_TEXT, AT(output), "DIR", NULL, 0, 0, true,
     "the folder to write to; it is made if it is not there"},
    {"size", 0, OPTION_TEXT, AT(size), "HxW", "640x640", 0, 0, false,
     "height and width of the network's input; one number for both"},
    {"count", 0, OPTION_INT, AT(count), "N", NULL, 1, 1000000, false,
     "use N of the pictures, spread evenly; without it all of them"},
    OPTION_MAX_PIXELS("max-pixels", AT(max_pixels)),
};
#undef AT

/* A whole number at *p, which moves behind it; 0 when there is none from 1 to MAX_SIDE. */
static int read_side(const char **p)
{
    char *end;
    if (**p < '0' || **p > '9') return 0;
    errno = 0;
    const long v = strtol(*p, &end, 10);
    *p = end;
    return errno == 0 && v >= 1 && v <= MAX_SIDE ? (int)v : 0;
}

static bool read_size(const char *text, int *height, int *width)
{
    *height = *width = read_side(&text);
    if (*text == 'x') {
        text++;
        *width = read_side(&text);
    }
    return *text == '\0' && *height != 0 && *width != 0;
}

struct job {
    const struct calib_options *options;
    int height, width;
    struct file_list list;
    VEC(char *) names; /* of the files, in the list's arena */
    struct file_set inputs;
    uint8_t *raw; /* [3, height, width] float32, little-endian */
    size_t raw_size;
};

/* The picture's name without folder and ending. */
static struct str stem_of(const char *path)
{
    const char *const slash = strrchr(path, '/');
    const char *const name = slash != NULL ? slash + 1 : path;
    const char *const dot = strrchr(name, '.');
    return (struct str){name, dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name)};
}

static int by_text(const void *a, const void *b)
{
    const char *const *p = a, *const *q = b;
    return strcmp(*p, *q);
}

/* Two pictures of one name would leave one file. */
static itx_status check_names(struct job *job, struct itx_error *err)
{
    for (size_t i = 0; i < job->list.paths.len; i++) {
        const struct str stem = stem_of(job->list.paths.data[i]);
        char *const name = arena_text(&job->list.arena, stem.data, stem.len);
        if (name == NULL || !vec_push(&job->names, name))
            return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    qsort(job->names.data, job->names.len, sizeof job->names.data[0], by_text);
    for (size_t i = 1; i < job->names.len; i++)
        if (strcmp(job->names.data[i - 1], job->names.data[i]) == 0)
            return itx_fail(err, ITX_E_INVAL,
                            "two pictures are called %s, and both would become %s.rgbchw",
                            job->names.data[i], job->names.data[i]);
    return ITX_OK;
}

/* Keeps n of the paths, evenly spread. */
static void thin_out(struct file_list *list, size_t n)
{
    const size_t len = list->paths.len;
    if (n == 0 || n >= len) return;
    for (size_t i = 0; i < n; i++) list->paths.data[i] = list->paths.data[i * len / n];
    list->paths.len = n;
}

static void to_planes(const struct picture *p, uint8_t *raw)
{
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < p->height; y++) {
            const uint8_t *const row = p->rgb + (size_t)y * p->stride;
            for (int x = 0; x < p->width; x++, raw += 4) {
                const float v = row[3 * x + c];
                uint32_t bits;
                memcpy(&bits, &v, sizeof bits);
                store_le32(raw, bits);
            }
        }
}

static itx_status write_photo(struct job *job, const char *path, struct itx_error *err)
{
    struct picture photo = {0}, fit = {0};
    const struct str stem = stem_of(path);
    struct strbuf target = {0};
    ITX_TRY(picture_read(&photo, path, job->options->max_pixels, err));
    itx_status rc = picture_letterbox(&fit, &photo, job->width, job->height, err);
    picture_release(&photo);
    ITX_TRY(rc);
    to_planes(&fit, job->raw);
    picture_release(&fit);
    strbuf_addf(&target, "%s/%.*s.rgbchw", job->options->output, (int)stem.len, stem.data);
    if (file_set_free_name(&job->inputs, &target) > 1)
        say_warning("%.*s.rgbchw is one of the pictures: written to %s", (int)stem.len, stem.data,
                    target.data);
    rc = target.failed ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                       : file_write(target.data, job->raw, job->raw_size, err);
    strbuf_release(&target);
    return rc;
}

static itx_status write_all(struct job *job, struct itx_error *err)
{
    struct progress progress = {0};
    const int n = (int)job->list.paths.len;
    job->raw_size = (size_t)job->height * (size_t)job->width * 3 * sizeof(float);
    job->raw = mem_alloc(job->raw_size);
    if (job->raw == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    ITX_TRY(check_names(job, err));
    for (int i = 0; i < n; i++)
        if (!file_set_add(&job->inputs, job->list.paths.data[i]))
            return itx_fail(err, ITX_E_NOMEM, "out of memory");
    ITX_TRY(file_make_folders(job->options->output, err));
    itx_status rc = ITX_OK;
    for (int i = 0; i < n && rc == ITX_OK; i++) {
        progress_update(&progress, "write", i, n);
        rc = write_photo(job, job->list.paths.data[i], err);
    }
    progress_clear(&progress);
    return rc;
}

static enum exit_code calib_data_run(const void *options, int n_args, const char *const *args)
{
    struct job job = {.options = options};
    struct itx_error err;
    if (!read_size(job.options->size, &job.height, &job.width))
        return options_wrong(&command_calib_data, "--size: \"%s\" is no HxW of 1 to %d pixels",
                             job.options->size, MAX_SIDE);
    itx_status rc = ITX_OK;
    rc = outputs_check_folder("-o", job.options->output, &err);
    for (int i = 0; i < n_args && rc == ITX_OK; i++) rc = photos_add(&job.list, args[i], &err);
    thin_out(&job.list, (size_t)job.options->count);
    if (rc == ITX_OK) rc = write_all(&job, &err);
    if (rc == ITX_OK)
        print_line(stderr, "%s: %zu files of float32 1x3x%dx%d, RGB, 0 to 255", job.options->output,
                   job.list.paths.len, job.height, job.width);
    else
        say_error("%s", err.text);
    mem_free(job.raw);
    file_set_release(&job.inputs);
    vec_release(&job.names);
    file_list_release(&job.list);
    return rc == ITX_OK ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_calib_data = {
    "calib-data",
    "Writes photographs as the raw numbers that the RDK's tools calibrate with",
    "PHOTO...",
    calib_rows,
    ARRAY_LEN(calib_rows),
    sizeof(struct calib_options),
    1,
    100000,
    calib_data_run,
    false,
};
