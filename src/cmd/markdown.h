/* SPDX-License-Identifier: Apache-2.0
 *
 * Several networks as a table in Markdown: what the RDK's page shows at its end, and what comes with it.
 */
#ifndef CMD_MARKDOWN_H
#define CMD_MARKDOWN_H

#include "cmd/subject.h"

/* A row for each; columns about masks are left out when none has them. */
void markdown_print(const struct subject *subjects, int n, FILE *out);
/* "model", "input", "bytes", "network_ms" of a row. */
void markdown_add_json(json_t *row, const struct subject *s);

#endif
