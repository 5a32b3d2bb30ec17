/* SPDX-License-Identifier: Apache-2.0
 *
 * The log of the hb_ tools: lines with time and level on stdout, and in a file of the current folder the same with the
 * place in the program that wrote them.
 */
#ifndef RDK_LOG_H
#define RDK_LOG_H

#include <stdio.h>

#include "base/compiler.h"
#include "base/status.h"

/* Zero-initialised is valid: nothing goes to a file. */
struct rdk_log {
    FILE *file;
};

enum rdk_level { RDK_INFO, RDK_WARNING, RDK_ERROR, RDK_DETAIL /* the file alone */ };

/* Begins the file anew and says where it is; NAME is numbered where `input`, or NULL, lies there. */
itx_status rdk_log_open(struct rdk_log *log, const char *name, const char *input,
                        struct itx_error *err);
void rdk_log_close(struct rdk_log *log);

/* A line, or several; what else may not be shown (base/printable.h) becomes '?'. `file` is a path of a source file. */
void rdk_log_line(struct rdk_log *log, enum rdk_level level, const char *file, const char *func,
                  int line, const char *fmt, ...) ITX_PRINTF(6, 7);
#define rdk_say(log, level, ...) rdk_log_line(log, level, __FILE__, __func__, __LINE__, __VA_ARGS__)

#endif
