/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of values in a file being read or written: name -> value, by hashing. Names are borrowed.
 */
#ifndef ONNX_NAMES_H
#define ONNX_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "graph/graph.h"

struct name {
    const char *text; /* NULL: free slot */
    value_id id;      /* 0: not produced yet */
    bool is_used;     /* by a node or as an output of the graph */
};

/* Zero-initialised is valid and empty. */
struct names {
    struct name *slots;
    size_t n_slots, n_names; /* n_slots is 0 or a power of two */
};

/* NULL when there is none. Valid until the next names_add. */
struct name *names_find(const struct names *names, const char *text);
/* Finds or adds; NULL when out of memory. */
struct name *names_add(struct names *names, const char *text);
void names_release(struct names *names);

#endif
