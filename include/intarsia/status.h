/* SPDX-License-Identifier: Apache-2.0
 *
 * Status codes and the error record that every fallible call fills.
 * Part of the public interface; included by intarsia.h and compiler.h.
 */
#ifndef INTARSIA_STATUS_H
#define INTARSIA_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define ITX_API
#else
#define ITX_API __attribute__((visibility("default")))
#endif

/* columns: name, value, text. Values are frozen once released. */
#define ITX_STATUS_LIST(X)                                                                         \
    X(ITX_OK, 0, "success")                                                                        \
    X(ITX_E_NOMEM, -1, "out of memory")                                                            \
    X(ITX_E_INVAL, -2, "invalid use of a function")                                                \
    X(ITX_E_IO, -3, "input/output error")                                                          \
    X(ITX_E_FORMAT, -4, "malformed input")                                                         \
    X(ITX_E_UNSUPPORTED, -5, "not supported")                                                      \
    X(ITX_E_RANGE, -6, "out of range")                                                             \
    X(ITX_E_VERSION, -7, "version mismatch")                                                       \
    X(ITX_E_CANCELLED, -8, "cancelled")                                                            \
    X(ITX_E_INTERNAL, -9, "internal error")

typedef enum itx_status {
#define ITX_X(name, value, text) name = value,
    ITX_STATUS_LIST(ITX_X)
#undef ITX_X
} itx_status;

/* Owned by the caller; filled only on failure, untouched on success. `text` is one line, lower case,
 * without a full stop, fit to be shown to a person. Every function that takes one accepts NULL. */
struct itx_error {
    itx_status code;
    char text[500];
};

/* Text of a status code; a static string, never NULL ("unknown status" for an unknown value). */
ITX_API const char *itx_status_text(itx_status status);

#ifdef __cplusplus
}
#endif
#endif
