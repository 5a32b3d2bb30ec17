/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

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

/* Control characters from files must not reach a terminal. */
static void make_printable(char *text)
{
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = '?';
}

itx_status itx_fail(struct itx_error *err, itx_status code, const char *fmt, ...)
{
    if (err == NULL) return code;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    make_printable(err->text);
    err->code = code;
    return code;
}

itx_status itx_fail_errno(struct itx_error *err, const char *fmt, ...)
{
    const int code = errno;
    if (err == NULL) return ITX_E_IO;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    const size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof err->text - len, ": %s", strerror(code));
    make_printable(err->text);
    err->code = ITX_E_IO;
    return ITX_E_IO;
}

void itx_error_prefix(struct itx_error *err, const char *fmt, ...)
{
    if (err == NULL) return;
    char text[sizeof err->text];
    va_list args;
    va_start(args, fmt);
    const int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0) return;
    const size_t len = strlen(text);
    snprintf(text + len, sizeof text - len, ": %.400s", err->text);
    make_printable(text);
    memcpy(err->text, text, sizeof text);
}
