/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "base/format.h"
#include "base/printable.h"

#define PREFIX_SIZE 4200 /* a path and a few words */

const char *itx_status_text(itx_status status)
{
    switch (status) {
#define ITX_X(name, value, text)                                                                   \
    case name:                                                                                     \
        return text;
        ITX_STATUS_LIST(ITX_X)
#undef ITX_X
    }
    return "unknown status";
}

/* `first`, ": " and `second` in `text`, which has room for an error's. What is too long loses its front: a path says
 * most at its end, and the cause comes last. */
static void join(char *text, const char *first, const char *second)
{
    enum { ROOM = sizeof((struct itx_error *)0)->text - sizeof "...: ", SECOND = ROOM - 60 };
    size_t n_first = strlen(first), n_second = strlen(second);
    const size_t cut_second = n_second > SECOND ? n_second - SECOND : 0;
    n_second -= cut_second;
    const size_t cut_first = n_first + n_second > ROOM ? n_first + n_second - ROOM : 0;
    snprintf(text, sizeof((struct itx_error *)0)->text, "%s%s: %s", cut_first != 0 ? "..." : "",
             first + cut_first, second + cut_second);
    printable_make(text);
}

itx_status itx_fail(struct itx_error *err, itx_status code, const char *fmt, ...)
{
    if (err == NULL) return code;
    va_list args;
    va_start(args, fmt);
    format_textv(err->text, sizeof err->text, fmt, args);
    va_end(args);
    printable_make(err->text);
    err->code = code;
    return code;
}

itx_status itx_fail_errno(struct itx_error *err, const char *fmt, ...)
{
    const int code = errno;
    if (err == NULL) return ITX_E_IO;
    char text[PREFIX_SIZE];
    va_list args;
    va_start(args, fmt);
    format_textv(text, sizeof text, fmt, args);
    va_end(args);
    join(err->text, text, error_text(code));
    err->code = ITX_E_IO;
    return ITX_E_IO;
}

void itx_error_prefix(struct itx_error *err, const char *fmt, ...)
{
    if (err == NULL) return;
    char prefix[PREFIX_SIZE], text[sizeof err->text];
    va_list args;
    va_start(args, fmt);
    format_textv(prefix, sizeof prefix, fmt, args);
    va_end(args);
    join(text, prefix, err->text);
    memcpy(err->text, text, sizeof text);
}
