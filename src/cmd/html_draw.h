/* SPDX-License-Identifier: Apache-2.0
 *
 * The drawings of the report page, as SVG elements; their colours are the page's (html_style.h).
 */
#ifndef CMD_HTML_DRAW_H
#define CMD_HTML_DRAW_H

#include <jansson.h>

#include "base/str.h"

/* Text with what HTML reserves escaped, and what may not be shown (base/printable.h) replaced. */
void html_text(struct strbuf *b, const char *text);

/* How a layer's values are distributed, with its thresholds; nothing when its histogram was not asked for. */
enum html_size { HTML_SMALL, HTML_LARGE /* with numbers */ };
void html_histogram(struct strbuf *b, const json_t *layer, enum html_size size);

/* Signal-to-noise along the network: accumulated as a line, alone as dots. */
void html_error_chart(struct strbuf *b, const json_t *report);

#endif
