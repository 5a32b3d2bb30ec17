/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/markdown.h"

#include <string.h>
#include <sys/stat.h>

#include "base/format.h"
#include "base/str.h"
#include "cmd/json.h"
#include "cmd/terminal.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static uint64_t file_bytes(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

/* "int8, NV12" */
static const char *input_name(const struct subject *s)
{
    const struct net *net = &s->finder.net;
    const bool is_float = net->float_net != NULL;
    if (net->options.via == ITX_IMAGE_NV12) return is_float ? "float, NV12" : "int8, NV12";
    if (net->info.input_format == ITX_IMAGE_GRAY) return is_float ? "float, grey" : "int8, grey";
    return is_float ? "float, RGB" : "int8, RGB";
}

/* A file's name between bars. */
static void print_name(const char *name, FILE *out)
{
    struct strbuf escaped = {0};
    for (const char *p = name; *p != '\0'; p++)
        strbuf_addf(&escaped, *p == '|' ? "\\%c" : "%c", *p);
    print_safely(out, escaped.failed || escaped.len == 0 ? "" : escaped.data);
    strbuf_release(&escaped);
}

static void print_kept(const struct coco_kept *k, FILE *out)
{
    if (k->n_draws > 0)
        format_file(out, " %.1f %% [%.1f, %.1f] |", 100 * k->share, 100 * k->low, 100 * k->high);
    else
        fprintf(out, " |");
}

static void print_row(const struct subject *s, bool has_masks, FILE *out)
{
    char size[NUMBER_TEXT_SIZE];
    const struct against *a = s->reference != NULL ? &s->against : NULL;
    static const struct coco_kept none;
    fprintf(out, "| ");
    print_name(base_name(s->path), out);
    format_file(out, " | %s | %.3f |", input_name(s), s->scores.box.stats[0]);
    if (has_masks && s->scores.has_masks)
        format_file(out, " %.3f |", s->scores.mask.stats[0]);
    else if (has_masks)
        fprintf(out, " |");
    print_kept(a != NULL ? &a->kept_box : &none, out);
    if (has_masks) print_kept(a != NULL ? &a->kept_mask : &none, out);
    if (a == NULL)
        fprintf(out, " |");
    else if (a->has_masks)
        format_file(out, " %.3f / %.3f |", a->agreement.box[0], a->agreement.mask[0]);
    else
        format_file(out, " %.3f |", a->agreement.box[0]);
    format_file(out, " %s | %.1f |\n", bytes_text(file_bytes(s->path), size), subject_median_ms(s));
}

void markdown_print(const struct subject *subjects, int n, FILE *out)
{
    bool has_masks = false;
    for (int i = 0; i < n; i++) has_masks |= subjects[i].scores.has_masks;
    if (has_masks)
        fprintf(out,
                "| network | input | box AP | mask AP | box AP kept | mask AP kept | agreement "
                "box / mask | size | ms |\n|---|---|---|---|---|---|---|---|---|\n");
    else
        fprintf(out, "| network | input | box AP | box AP kept | agreement | size | ms |\n"
                     "|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < n; i++) print_row(&subjects[i], has_masks, out);
}

void markdown_add_json(json_t *row, const struct subject *s)
{
    json_object_set_new(row, "model", json_safe_string(s->path));
    json_object_set_new(row, "input", json_string(input_name(s)));
    json_object_set_new(row, "bytes", json_integer((json_int_t)file_bytes(s->path)));
    json_object_set_new(row, "network_ms", json_real(subject_median_ms(s)));
}
