/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/shape.h"

#include <inttypes.h>
#include <stdio.h>

const char *shape_text(const struct shape *s, char *text)
{
    if (s->rank < 0) {
        snprintf(text, SHAPE_TEXT_SIZE, "[?]");
        return text;
    }
    int n = snprintf(text, SHAPE_TEXT_SIZE, "[");
    for (int i = 0; i < s->rank; i++)
        n += snprintf(text + n, (size_t)(SHAPE_TEXT_SIZE - n), i == 0 ? "%" PRId64 : ", %" PRId64,
                      s->dim[i]);
    snprintf(text + n, (size_t)(SHAPE_TEXT_SIZE - n), "]");
    return text;
}
