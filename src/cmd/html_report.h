/* SPDX-License-Identifier: Apache-2.0
 *
 * The report of a build as one page that needs nothing else: no network, no other file.
 */
#ifndef CMD_HTML_REPORT_H
#define CMD_HTML_REPORT_H

#include <jansson.h>

#include "cmd/html_photos.h"

/* The bytes of the page, to be released by the caller. `name` of the compiled file, `size` of it in bytes. */
itx_status html_report_make(struct strbuf *page, const json_t *report,
                            const struct html_photos *photos, const char *name, uint64_t size,
                            struct itx_error *err);

#endif
