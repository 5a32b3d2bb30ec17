/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of the check program; for check.c and main.c, not for the families.
 */
#ifndef TESTS_CHECK_CHECK_STATE_H
#define TESTS_CHECK_CHECK_STATE_H

#include "check.h"

#define CHECK_MAX_BUFFERS 64

struct check_buffer {
    uint8_t *map; /* [map_size], the last page is not accessible */
    size_t map_size;
    uint8_t *data; /* [size] */
    size_t size;
    uint64_t seed; /* of the noise around */
};

struct check {
    const char *row_name, *family_name;
    uint64_t seed, random;
    char description[256];
    bool has_failed;
    int n_buffers;
    struct check_buffer buffers[CHECK_MAX_BUFFERS];
    int part_begin, part_n;
};

void check_release_buffers(struct check *c);

#endif
