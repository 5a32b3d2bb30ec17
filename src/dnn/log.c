/* SPDX-License-Identifier: Apache-2.0 */
#include "dnn/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/printable.h"

#define LEVEL_WARNING 3
#define LEVEL_ERROR 4

static bool says(int of_level)
{
    const char *const text = getenv("HB_DNN_LOG_LEVEL");
    if (text == NULL || *text == '\0') return true;
    char *end;
    const long level = strtol(text, &end, 10);
    if (*end != '\0') return true;
    return level != 0 && level <= of_level;
}

static void say(const char *what, const char *fmt, va_list args)
{
    char text[600];
    format_textv(text, sizeof text, fmt, args);
    printable_make(text);
    fprintf(stderr, "[DNN] %s: %s\n", what, text);
}

void dnn_say(const char *fmt, ...)
{
    if (!says(LEVEL_WARNING)) return;
    va_list args;
    va_start(args, fmt);
    say("warning", fmt, args);
    va_end(args);
}

int32_t dnn_fail(int32_t code, const char *fmt, ...)
{
    if (!says(LEVEL_ERROR)) return code;
    char what[32];
    va_list args;
    snprintf(what, sizeof what, "error %d", (int)code);
    va_start(args, fmt);
    say(what, fmt, args);
    va_end(args);
    return code;
}

int32_t dnn_fail_model(const struct itx_error *err)
{
    int32_t code = HB_DNN_INVALID_MODEL;
    switch (err->code) {
    case ITX_E_NOMEM:
        code = HB_DNN_OUT_OF_MEMORY;
        break;
    case ITX_E_IO:
        code = HB_DNN_CAN_NOT_OPEN_FILE;
        break;
    case ITX_E_VERSION:
    case ITX_E_UNSUPPORTED:
        code = HB_DNN_INCOMPATIBLE_MODEL;
        break;
    case ITX_OK:
    case ITX_E_INVAL:
    case ITX_E_FORMAT:
    case ITX_E_RANGE:
    case ITX_E_CANCELLED:
    case ITX_E_INTERNAL:
        break;
    }
    return dnn_fail(code, "%s", err->text);
}
