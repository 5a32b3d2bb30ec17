/* SPDX-License-Identifier: Apache-2.0
 *
 * Values as the RDK's tools print them: in Python's words.
 */
#ifndef RDK_PYTHON_H
#define RDK_PYTHON_H

#include <jansson.h>

#include "base/str.h"

/* True, None, 'text', ['a', 1], {'key': 0.5}; a text alone has no quotes. Nothing for NULL. */
void rdk_add_python(struct strbuf *text, const json_t *value);

#endif
