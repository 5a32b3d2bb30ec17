/* SPDX-License-Identifier: Apache-2.0
 *
 * makertbin: calibration_parameters, above all the files of cal_data_dir.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/format.h"
#include "base/str.h"
#include "rdk/mapper_work.h"
#include "vision/files.h"

static const struct {
    const char *name;
    enum itx_tensor_type type;
    int size;
} types[] = {
    {"float32", ITX_TENSOR_F32, 4}, {"uint8", ITX_TENSOR_U8, 1},  {"int8", ITX_TENSOR_S8, 1},
    {"int16", ITX_TENSOR_S16, 2},   {"int32", ITX_TENSOR_S32, 4},
};

static uint64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* ---- the files of one folder ---- */

typedef VEC(const char *) path_vec;

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* A file; anything else but a folder is warned about. */
static bool is_source(struct mapper *m, const char *path)
{
    struct itx_error why;
    struct stat st;
    if (stat(path, &st) != 0 || S_ISDIR(st.st_mode)) return false;
    if (file_check_source(path, &why) == ITX_OK) return true;
    rdk_say(&m->log, RDK_WARNING, "%s; it is left out", why.text);
    return false;
}

static void say_empty(struct mapper *m, const char *folder)
{
    struct strbuf names = {0};
    if (file_list_subfolders(folder, &names))
        mapper_wrong(m, KEY_cal_data_dir,
                     "%s: there is no file in it; its subfolders are not searched, there are "
                     "pictures in %s",
                     folder, names.data);
    else
        mapper_wrong(m, KEY_cal_data_dir, "%s: there is no file in it", folder);
    strbuf_release(&names);
}

static itx_status list_files(struct mapper *m, const char *folder, path_vec *files,
                             struct itx_error *err)
{
    DIR *const dir = opendir(folder);
    if (dir == NULL) {
        mapper_wrong(m, KEY_cal_data_dir, "%s: %s", folder, error_text(errno));
        return ITX_OK;
    }
    bool done = true;
    for (const struct dirent *e; done && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.') continue;
        const char *const path = mapper_text(m, "%s/%s", folder, e->d_name);
        done = path != NULL;
        if (done && is_source(m, path)) done = vec_push(files, path);
    }
    closedir(dir);
    if (!done) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (files->len == 0)
        say_empty(m, folder);
    else
        qsort(files->data, files->len, sizeof *files->data, by_name);
    return ITX_OK;
}

/* All pictures, or none. */
static void check_kinds(struct mapper *m, const struct mapper_input *in, const path_vec *files)
{
    const char *picture = NULL, *other = NULL;
    for (size_t i = 0; i < files->len; i++) {
        const char **const kind = file_list_is_picture(files->data[i]) ? &picture : &other;
        if (*kind == NULL) *kind = files->data[i];
    }
    const bool wants_pictures = mapper_value(m, KEY_preprocess_on)->flag;
    m->are_pictures = picture != NULL;
    if (picture != NULL && other != NULL)
        mapper_wrong(m, KEY_cal_data_dir, "%s is a picture, %s is none: a folder holds one kind",
                     picture, other);
    else if (other != NULL && wants_pictures)
        mapper_wrong(m, KEY_cal_data_dir,
                     "%s is no JPEG or PNG file, which preprocess_on: True expects", other);
    else if (picture != NULL && strcmp(in->type_rt, "featuremap") == 0)
        mapper_wrong(m, KEY_cal_data_dir, "%s is a picture, input %s is fed featuremaps", picture,
                     in->name);
    else if (picture != NULL && !wants_pictures)
        rdk_say(&m->log, RDK_INFO,
                "cal_data_dir holds pictures: they are read as with preprocess_on: True");
}

/* What raw files hold: as the yaml says, as the folder's name says, or as their size says. */
static void find_type(struct mapper *m, struct mapper_input *in, const path_vec *files)
{
    if (in->data_type[0] != '\0') {
        if (str_has_ending(in->data_dir, "_f32") != (strcmp(in->data_type, "float32") == 0))
            rdk_say(&m->log, RDK_INFO, "cal_data_type %s counts, whatever the folder's name says",
                    in->data_type);
        return;
    }
    const bool has_float_size = size_of(files->data[0]) == in->n_elements * sizeof(float);
    in->data_type = str_has_ending(in->data_dir, "_f32") || has_float_size ? "float32" : "uint8";
    rdk_say(&m->log, RDK_INFO, "cal_data_type is not given: %s by the %s", in->data_type,
            str_has_ending(in->data_dir, "_f32") ? "folder's name" : "size of the files");
}

static void check_sizes(struct mapper *m, const struct mapper_input *in, const path_vec *files)
{
    uint64_t size = 0;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strcmp(types[i].name, in->data_type) == 0) {
            m->build.tensors_type = types[i].type;
            size = in->n_elements * (uint64_t)types[i].size;
        }
    for (size_t i = 0; i < files->len; i++) {
        const uint64_t own = size_of(files->data[i]);
        if (str_has_ending(files->data[i], ".npy") || own == size) continue;
        mapper_wrong(m, KEY_cal_data_dir,
                     "%s: %llu bytes, but input %s of shape %s and type %s takes %llu",
                     files->data[i], (unsigned long long)own, in->name, in->shape_text,
                     in->data_type, (unsigned long long)size);
        return;
    }
}

static itx_status read_folder(struct mapper *m, struct mapper_input *in, path_vec *files,
                              struct itx_error *err)
{
    ITX_TRY(list_files(m, in->data_dir, files, err));
    if (files->len == 0) return ITX_OK;
    check_kinds(m, in, files);
    if (m->are_pictures) return ITX_OK;
    find_type(m, in, files);
    check_sizes(m, in, files);
    return ITX_OK;
}

/* ---- all inputs ---- */

/* A file for each input in turn. */
static itx_status interleave(struct mapper *m, const path_vec *files, struct itx_error *err)
{
    for (int k = 1; k < m->n_inputs; k++) {
        if (files[k].len != files[0].len)
            mapper_wrong(m, KEY_cal_data_dir, "%s has %zu files, %s has %zu", m->input[0].data_dir,
                         files[0].len, m->input[k].data_dir, files[k].len);
        if (strcmp(m->input[k].data_type, m->input[0].data_type) != 0)
            mapper_wrong(m, KEY_cal_data_type, "inputs of different types, %s and %s",
                         m->input[0].data_type, m->input[k].data_type);
    }
    ITX_TRY(mapper_say_mistakes(m, err));
    for (size_t i = 0; i < files[0].len; i++)
        for (int k = 0; k < m->n_inputs; k++)
            if (!vec_push(&m->files, files[k].data[i]))
                return itx_fail(err, ITX_E_NOMEM, "out of memory");
    return ITX_OK;
}

static itx_status find_files(struct mapper *m, struct itx_error *err)
{
    path_vec files[MAPPER_MAX_INPUTS] = {0};
    itx_status rc = ITX_OK;
    for (int i = 0; rc == ITX_OK && i < m->n_inputs; i++)
        rc = read_folder(m, &m->input[i], &files[i], err);
    if (rc == ITX_OK) rc = mapper_say_mistakes(m, err);
    if (rc == ITX_OK) rc = interleave(m, files, err);
    for (int i = 0; i < m->n_inputs; i++) vec_release(&files[i]);
    return rc;
}

static const char *item_of(const struct mapper *m, enum mapper_key key, int i)
{
    const struct mapper_value *const v = mapper_value(m, key);
    return i < v->n && v->item[i] != NULL ? v->item[i] : "";
}

static void use_files(struct mapper *m)
{
    struct itx_build_options *const b = &m->build;
    if (m->are_pictures) {
        b->images = m->files.data;
        b->n_images = (int)m->files.len;
    } else {
        b->tensors = m->files.data;
        b->n_tensors = (int)m->files.len;
    }
}

/* ---- how ---- */

static void read_method(struct mapper *m)
{
    enum { N_RANDOM = 4 };
    const struct mapper_value *const type = mapper_value(m, KEY_calibration_type);
    const struct mapper_value *const percentile = mapper_value(m, KEY_max_percentile);
    struct itx_build_options *const b = &m->build;
    const bool is_max = strcmp(type->text, "max") == 0;
    if (percentile->given != NULL && !is_max)
        rdk_say(&m->log, RDK_WARNING, "max_percentile goes with calibration_type: max, not with %s",
                type->text);
    if (strcmp(type->text, "load") == 0) {
        mapper_wrong(m, KEY_calibration_type,
                     "load: thresholds inside a network (quantisation-aware training) are not "
                     "read; the float network is calibrated");
    } else if (strcmp(type->text, "skip") == 0) {
        b->method = ITX_METHOD_MINMAX;
        b->random = N_RANDOM;
        rdk_say(&m->log, RDK_WARNING,
                "calibration_type skip: made-up data, the result is of no use but to measure "
                "speed");
    } else if (strcmp(type->text, "kl") == 0) {
        b->method = ITX_METHOD_KL;
    } else if (strcmp(type->text, "mix") == 0) {
        b->method = ITX_METHOD_MEASURED;
        if (b->effort == 0)
            mapper_wrong(m, KEY_calibration_type,
                         "mix measures, which optimize_level: O0 does not");
        b->effort = 2;
    } else if (is_max && percentile->number < 1) {
        b->method = ITX_METHOD_PERCENTILE;
        b->percentile = (float)(100 * percentile->number);
        if (percentile->number <= 0.5)
            mapper_wrong(m, KEY_max_percentile, "%s: above 0.5 is possible", percentile->text);
    } else if (is_max) {
        b->method = ITX_METHOD_MINMAX;
    }
}

itx_status mapper_read_calibration(struct mapper *m, struct itx_error *err)
{
    rdk_say(&m->log, RDK_INFO, "validating calibration_parameters...");
    read_method(m);
    ITX_TRY(mapper_say_mistakes(m, err));
    for (int i = 0; i < m->n_inputs; i++) {
        m->input[i].data_dir = item_of(m, KEY_cal_data_dir, i);
        m->input[i].data_type = item_of(m, KEY_cal_data_type, i);
        if (m->build.random > 0) continue;
        if (m->input[i].data_dir[0] == '\0')
            mapper_wrong(m, KEY_cal_data_dir,
                         "is needed: a folder for input %s, or calibration_type: skip",
                         m->input[i].name);
    }
    ITX_TRY(mapper_say_mistakes(m, err));
    if (m->build.random == 0) {
        ITX_TRY(find_files(m, err));
        use_files(m);
    } else if (mapper_value(m, KEY_cal_data_dir)->given != NULL) {
        rdk_say(&m->log, RDK_INFO, "cal_data_dir is not read with calibration_type: skip");
    }
    ITX_TRY(mapper_read_nodes(m, err));
    mapper_say_idle(m, GROUP_CALIBRATION);
    rdk_say(&m->log, RDK_INFO, "validating calibration_parameters finished");
    return ITX_OK;
}
