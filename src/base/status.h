/* SPDX-License-Identifier: Apache-2.0
 *
 * How an error travels: the finder calls itx_fail, everyone above passes the code on and adds at most
 * one prefix per boundary (file, then node). The only place where messages are formatted.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "base/compiler.h"
#include "intarsia/status.h"

/* Fills `err` (may be NULL) with the code and a formatted one-line message; returns `code`. What may not be
 * shown (base/printable.h) becomes question marks, so file contents may be printed with %.*s. */
itx_status itx_fail(struct itx_error *err, itx_status code, const char *fmt, ...) ITX_PRINTF(3, 4);

/* Same for ITX_E_IO with ": " and the text of errno appended, which stays whole when a path is too long for both. */
itx_status itx_fail_errno(struct itx_error *err, const char *fmt, ...) ITX_PRINTF(2, 3);

/* Puts "PREFIX: " before the message already in `err`. */
void itx_error_prefix(struct itx_error *err, const char *fmt, ...) ITX_PRINTF(2, 3);

#define ITX_TRY(call)                                                                              \
    do {                                                                                           \
        const itx_status itx_try_status = (call);                                                  \
        if (itx_try_status != ITX_OK) return itx_try_status;                                       \
    } while (0)

#endif
