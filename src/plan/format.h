/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers of the file format that the reader and the writer share; for this folder and its tests only. The words
 * are in docs/plan-format.md.
 */
#ifndef PLAN_FORMAT_H
#define PLAN_FORMAT_H

#include <stdbool.h>

#include "plan/plan.h"

/* As in PNG: not text, and damaged by whatever changes line ends. */
#define FORMAT_MAGIC "\x89ITX\r\n\x1a\n"
#define FORMAT_MAGIC_SIZE 8
#define FORMAT_HEADER_SIZE 64
#define FORMAT_CHECKED_FROM 32 /* the checksum covers the bytes from here to the end */
#define FORMAT_ENTRY_SIZE 32   /* of the section table, which follows the header */

/* ORDER of sections in the table and in the file. columns: id, size of a record */
#define SECTION_LIST(X)                                                                            \
    X(SECTION_MODELS, 192)                                                                         \
    X(SECTION_BUFFERS, 16)                                                                         \
    X(SECTION_TENSORS, 64)                                                                         \
    X(SECTION_STEPS, 160)                                                                          \
    X(SECTION_INPUTS, 16)                                                                          \
    X(SECTION_OUTPUTS, 16)                                                                         \
    X(SECTION_CLASSES, 4)                                                                          \
    X(SECTION_TEXT, 1)                                                                             \
    X(SECTION_DATA, 1)

enum section_id {
#define ITX_X(id, size) id,
    SECTION_LIST(ITX_X)
#undef ITX_X
        SECTION_COUNT
};

static inline uint32_t section_record_size(enum section_id id)
{
    static const uint32_t sizes[] = {
#define ITX_X(name, size) size,
        SECTION_LIST(ITX_X)
#undef ITX_X
    };
    return sizes[id];
}

/* Of `size` bytes, a multiple of 32. Any change within one aligned group of 8 bytes is found with certainty. */
uint64_t format_checksum(const uint8_t *data, size_t size);

/* No overlong forms, surrogates or values above U+10FFFF. */
bool format_is_utf8(const char *text);

#endif
