/* SPDX-License-Identifier: Apache-2.0
 *
 * The entries of a long list, read by all workers of a pool, each a part of them.
 */
#ifndef COCO_ENTRIES_H
#define COCO_ENTRIES_H

#include "base/pool.h"
#include "coco/segmentation.h"

/* Called for every entry; writes only what belongs to entry i. */
typedef itx_status entry_fn(void *ctx, struct mask_reader *reader, size_t i, struct str entry,
                            struct itx_error *err);

/* Masks read from a list. Zero-initialised is valid and empty. */
struct mask_store {
    struct arena *arenas;
    int n;
};

/* The first entry that fails is the one that is told of, with "entry I". On failure `store` may hold memory all the
 * same. */
itx_status entries_read(struct mask_store *store, const struct str *items, size_t n, entry_fn *fn,
                        void *ctx, struct pool *pool, struct itx_error *err);
void mask_store_release(struct mask_store *store);

#endif
