/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/list_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { MAX_TEXT = 1 << 20 }; /* bytes that wait for being written */

/* ---- the file ---- */

/* A file of its own to which nothing is appended can be written to at any place, as one that was named. */
static bool is_own_file(int fd, off_t *at)
{
    struct stat out, messages;
    const int flags = fcntl(fd, F_GETFL);
    if (fstat(fd, &out) != 0 || !S_ISREG(out.st_mode) || flags == -1 || (flags & O_APPEND) != 0)
        return false;
    const bool is_shared = fstat(STDERR_FILENO, &messages) == 0 && messages.st_dev == out.st_dev &&
                           messages.st_ino == out.st_ino;
    *at = lseek(fd, 0, SEEK_CUR);
    return !is_shared && *at >= 0;
}

static itx_status open_stdout(struct list_file *f, struct itx_error *err)
{
    off_t at = 0;
    fflush(stdout);
    f->out = (struct file_out){.path = "the standard output", .fd = dup(STDOUT_FILENO)};
    if (f->out.fd < 0) return itx_fail_errno(err, "the standard output");
    f->is_stdout = true;
    f->out.is_regular = is_own_file(f->out.fd, &at);
    f->at = (uint64_t)at;
    return ITX_OK;
}

/* What others write there comes behind. */
static void move_behind(const struct list_file *f)
{
    const uint64_t behind = f->end + strlen(f->tail);
    if (f->is_stdout && f->out.is_regular && lseek(f->out.fd, (off_t)behind, SEEK_SET) < 0)
        errno = 0;
}

static itx_status out_of_memory(const struct list_file *f, struct itx_error *err)
{
    return itx_fail(err, ITX_E_NOMEM, "%s: out of memory", f->out.path);
}

/* Writes what waits, and `tail` behind it. */
static itx_status write_text(struct list_file *f, const char *tail, struct itx_error *err)
{
    const size_t n = f->text.len;
    strbuf_addf(&f->text, "%s", tail);
    itx_status rc = f->text.failed ? out_of_memory(f, err) : ITX_OK;
    if (rc == ITX_OK)
        rc = f->out.is_regular ? file_out_write_at(&f->out, f->text.data, f->text.len, f->at, err)
                               : file_out_write(&f->out, f->text.data, f->text.len, err);
    if (rc == ITX_OK) f->at += n;
    f->text.len = 0;
    return rc;
}

/* The tail takes its place again, over bytes that the file already has: a full disk has room for that. */
static void restore(struct list_file *f)
{
    if (file_out_write_at(&f->out, f->tail, strlen(f->tail), f->end, NULL) == ITX_OK)
        file_out_cut(&f->out, f->end + strlen(f->tail));
    f->at = f->end;
}

/* Without memory only what is at hand is lost. */
static itx_status fail(struct list_file *f, itx_status rc)
{
    if (rc != ITX_E_NOMEM) f->is_broken = true;
    list_file_discard(f);
    return rc;
}

/* ---- the list ---- */

itx_status list_file_open(struct list_file *f, const char *path, const char *head, const char *tail,
                          struct itx_error *err)
{
    *f = (struct list_file){.tail = tail};
    ITX_TRY(file_is_stdio(path) ? open_stdout(f, err) : file_out_open(&f->out, path, err));
    strbuf_addf(&f->text, "%s", head);
    itx_status rc = write_text(f, f->out.is_regular ? tail : "", err);
    if (rc == ITX_OK && f->out.is_regular) rc = file_out_rename(&f->out, err);
    f->end = f->at;
    f->is_open = rc == ITX_OK;
    if (rc == ITX_OK) {
        move_behind(f);
        return ITX_OK;
    }
    file_out_abandon(&f->out);
    strbuf_release(&f->text);
    return rc;
}

struct strbuf *list_file_entry(struct list_file *f)
{
    strbuf_addf(&f->text, "%s\n", f->n + f->n_new++ != 0 ? "," : "");
    return &f->text;
}

itx_status list_file_relieve(struct list_file *f, struct itx_error *err)
{
    if (f->text.len < MAX_TEXT && !f->text.failed) return ITX_OK;
    const itx_status rc = write_text(f, "", err);
    return rc == ITX_OK ? ITX_OK : fail(f, rc);
}

itx_status list_file_commit(struct list_file *f, struct itx_error *err)
{
    if (f->text.len == 0 && f->at == f->end && !f->text.failed) return ITX_OK;
    const itx_status rc = write_text(f, f->out.is_regular ? f->tail : "", err);
    if (rc != ITX_OK) return fail(f, rc);
    f->end = f->at;
    f->n += f->n_new;
    f->n_new = 0;
    move_behind(f);
    return ITX_OK;
}

bool list_file_discard(struct list_file *f)
{
    f->text.len = 0;
    f->text.failed = false;
    if (!f->out.is_regular && f->at > f->end) return false;
    f->n_new = 0;
    if (f->out.is_regular) restore(f);
    return true;
}

itx_status list_file_close(struct list_file *f, struct itx_error *err)
{
    if (!f->is_open || f->is_broken) {
        list_file_release(f);
        return ITX_OK;
    }
    itx_status rc = list_file_commit(f, err);
    if (rc == ITX_OK && !f->out.is_regular)
        rc = file_out_write(&f->out, f->tail, strlen(f->tail), err);
    if (rc == ITX_OK) rc = file_out_sync(&f->out, err);
    f->is_open = false;
    if (rc == ITX_OK) rc = file_out_close(&f->out, err);
    file_out_abandon(&f->out);
    strbuf_release(&f->text);
    return rc;
}

void list_file_release(struct list_file *f)
{
    if (f->is_open) {
        list_file_discard(f);
        file_out_abandon(&f->out);
    }
    strbuf_release(&f->text);
    f->is_open = false;
}
