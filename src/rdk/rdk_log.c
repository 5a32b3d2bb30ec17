/* SPDX-License-Identifier: Apache-2.0 */
#include "rdk/rdk_log.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/format.h"
#include "base/mem.h"
#include "rdk/made_name.h"
#include "base/printable.h"

static itx_status begin_file(struct rdk_log *log, const char *name, struct itx_error *err)
{
    char folder[PATH_MAX];
    struct file_out out;
    ITX_TRY(file_out_open(&out, name, err));
    itx_status rc = file_out_rename(&out, err);
    if (rc == ITX_OK) {
        log->file = fdopen(out.fd, "w");
        if (log->file == NULL) rc = itx_fail_errno(err, "%s", name);
    }
    if (rc != ITX_OK) {
        file_out_abandon(&out);
        return rc;
    }
    rdk_say(log, RDK_INFO, "log will be stored in %s/%s",
            getcwd(folder, sizeof folder) != NULL ? folder : ".", name);
    return ITX_OK;
}

itx_status rdk_log_open(struct rdk_log *log, const char *name, const char *input,
                        struct itx_error *err)
{
    struct file_set used = {0};
    struct strbuf path = {0};
    strbuf_addf(&path, "%s", name);
    itx_status rc = made_name_note(&used, input, err);
    made_name_choose(&used, &path);
    if (rc == ITX_OK && path.failed) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK) rc = begin_file(log, path.data, err);
    strbuf_release(&path);
    file_set_release(&used);
    return rc;
}

void rdk_log_close(struct rdk_log *log)
{
    if (log->file != NULL) fclose(log->file);
    log->file = NULL;
}

static void print_time(FILE *out)
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    fprintf(out, "%04d-%02d-%02d %02d:%02d:%02d,%03ld ", tm.tm_year + 1900, tm.tm_mon + 1,
            tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
}

/* Names from a file may hold anything: what may not be shown becomes '?'. NULL without memory. */
static char *clean_text(const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    const int n = format_textv(NULL, 0, fmt, again);
    va_end(again);
    char *const text = n < 0 ? NULL : mem_alloc((size_t)n + 1);
    if (text == NULL) return NULL;
    format_textv(text, (size_t)n + 1, fmt, args);
    printable_make_lines(text);
    return text;
}

void rdk_log_line(struct rdk_log *log, enum rdk_level level, const char *file, const char *func,
                  int line, const char *fmt, ...)
{
    static const char *const names[] = {"INFO", "WARNING", "ERROR"};
    const char *const slash = strrchr(file, '/');
    va_list args;
    va_start(args, fmt);
    char *const text = clean_text(fmt, args);
    va_end(args);
    const char *const shown = text != NULL ? text : "out of memory";
    if (level != RDK_DETAIL) {
        print_time(stdout);
        printf("%s %s\n", names[level], shown);
    }
    if (log->file != NULL) {
        print_time(log->file);
        fprintf(log->file, "file: %s func: %s line No: %d %s\n", slash != NULL ? slash + 1 : file,
                func, line, shown);
    }
    mem_free(text);
}
