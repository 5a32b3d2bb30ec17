/* SPDX-License-Identifier: Apache-2.0 */
#include "dnn/record.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/file_set.h"
#include "base/mem.h"
#include "base/str.h"
#include "dnn/log.h"
#include "dnn/state.h"

/* What models were read from. */
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;
static struct file_set files;

void dnn_record_read(const char *path)
{
    pthread_mutex_lock(&files_lock);
    if (!file_set_add(&files, path)) dnn_say("out of memory: %s is not guarded", path);
    pthread_mutex_unlock(&files_lock);
}

static void free_name(struct strbuf *path)
{
    pthread_mutex_lock(&files_lock);
    file_set_free_name(&files, path);
    pthread_mutex_unlock(&files_lock);
}

/* A copy of the variable's text; NULL when it is not set or empty. */
static itx_status read_folder(const char *variable, char **folder, struct itx_error *err)
{
    const char *const text = getenv(variable);
    *folder = NULL;
    if (text == NULL || text[0] == '\0') return ITX_OK;
    const size_t size = strlen(text) + 1;
    *folder = mem_alloc(size);
    if (*folder == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    memcpy(*folder, text, size);
    return ITX_OK;
}

itx_status dnn_record_init(struct dnn_record *r, const itx_model *model, struct itx_error *err)
{
    *r = (struct dnn_record){0};
    ITX_TRY(read_folder("HB_DNN_DUMP_PATH", &r->dump_folder, err));
    ITX_TRY(read_folder("HB_DNN_PROFILER_LOG_PATH", &r->profile_folder, err));
    return r->profile_folder != NULL ? dnn_profile_init(&r->profile, model, err) : ITX_OK;
}

void dnn_record_release(struct dnn_record *r)
{
    dnn_profile_release(&r->profile);
    mem_free(r->profile_folder);
    mem_free(r->dump_folder);
    *r = (struct dnn_record){0};
}

/* ---- times ---- */

void dnn_record_begin(struct dnn_record *r)
{
    if (r->profile_folder == NULL) return;
    state_lock();
    r->n_running++;
    if (r->n_running > r->most_running) r->most_running = r->n_running;
    if (r->begin_ns == 0) r->begin_ns = clock_ns();
    state_unlock();
}

void dnn_record_end(struct dnn_record *r)
{
    if (r->profile_folder == NULL) return;
    state_lock();
    r->n_running--;
    r->end_ns = clock_ns();
    state_unlock();
}

void dnn_record_join(struct dnn_record *r, const struct dnn_profile *of_session)
{
    if (r->profile_folder == NULL) return;
    state_lock();
    dnn_profile_join(&r->profile, of_session);
    state_unlock();
}

void dnn_record_write(const struct dnn_recorded *models, int n)
{
    struct dnn_profiled *const list = mem_calloc((size_t)n, sizeof *list);
    const char *folder = NULL;
    int used = 0;
    struct itx_error err;
    for (int i = 0; i < n && list != NULL; i++) {
        struct dnn_record *const r = models[i].record;
        if (r->profile_folder == NULL || r->profile.n_frames == 0) continue;
        folder = r->profile_folder;
        r->profile.n_threads = r->most_running;
        r->profile.run_ns = r->end_ns - r->begin_ns;
        list[used++] = (struct dnn_profiled){models[i].model, &r->profile};
    }
    pthread_mutex_lock(&files_lock);
    const itx_status rc = list == NULL ? itx_fail(&err, ITX_E_NOMEM, "out of memory")
                          : used > 0   ? dnn_profile_write(list, used, folder, &files, &err)
                                       : ITX_OK;
    pthread_mutex_unlock(&files_lock);
    if (rc != ITX_OK) dnn_say("HB_DNN_PROFILER_LOG_PATH: %s", err.text);
    mem_free(list);
}

/* ---- what goes in and comes out ---- */

bool dnn_dump_begin(struct dnn_dump *d, struct dnn_record *r, const char *model)
{
    struct itx_error err;
    if (r->dump_folder == NULL) return false;
    *d = (struct dnn_dump){.folder = r->dump_folder, .model = model};
    state_lock();
    d->run = ++r->n_dumps;
    state_unlock();
    if (file_make_folders(d->folder, &err) == ITX_OK) return true;
    dnn_say("HB_DNN_DUMP_PATH: %s", err.text);
    return false;
}

void dnn_dump_bytes(struct dnn_dump *d, const char *side, int i, const char *name, const void *data,
                    size_t size)
{
    if (d->failed) return; /* said once a run */
    struct itx_error err;
    struct strbuf path = {0};
    strbuf_addf(&path, "%s/", d->folder);
    strbuf_add_file_name(&path, d->model);
    strbuf_addf(&path, "_%06d_%s_%d_", d->run, side, i);
    strbuf_add_file_name(&path, name);
    strbuf_addf(&path, ".bin");
    free_name(&path);
    const itx_status rc = path.failed ? itx_fail(&err, ITX_E_NOMEM, "out of memory")
                                      : file_write(path.data, data, size, &err);
    d->failed = rc != ITX_OK;
    if (d->failed) dnn_say("HB_DNN_DUMP_PATH: %s", err.text);
    strbuf_release(&path);
}

void dnn_dump_picture(struct dnn_dump *d, const char *name, const struct dnn_picture *p)
{
    struct strbuf bytes = {0};
    for (int i = 0; i < p->n_planes; i++) {
        const struct dnn_picture_plane *const plane = &p->plane[i];
        const int w = (p->w + plane->shift) >> plane->shift;
        const int h = (p->h + plane->shift) >> plane->shift;
        for (int y = 0; y < h; y++)
            strbuf_add(&bytes, plane->data + (size_t)y * plane->row,
                       (size_t)w * (size_t)plane->channels);
    }
    if (bytes.failed)
        dnn_say("HB_DNN_DUMP_PATH: out of memory");
    else
        dnn_dump_bytes(d, "input", 0, name, bytes.data, bytes.len);
    strbuf_release(&bytes);
}
