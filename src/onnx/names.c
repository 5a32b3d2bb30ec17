/* SPDX-License-Identifier: Apache-2.0
 *
 * Open addressing with linear probing, at most half full.
 */
#include "onnx/names.h"

#include <string.h>

#include "base/mem.h"

static size_t hash_text(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (const char *p = text; *p != '\0'; p++) h = (h ^ (uint8_t)*p) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32);
}

/* The slot that holds `text`, or the free one where it belongs. */
static struct name *find_slot(const struct names *names, const char *text)
{
    const size_t mask = names->n_slots - 1;
    size_t i = hash_text(text) & mask;
    while (names->slots[i].text != NULL && strcmp(names->slots[i].text, text) != 0)
        i = (i + 1) & mask;
    return &names->slots[i];
}

static bool grow(struct names *names)
{
    struct names bigger = {.n_slots = names->n_slots == 0 ? 256 : names->n_slots * 2,
                           .n_names = names->n_names};
    bigger.slots = mem_calloc(bigger.n_slots, sizeof *bigger.slots);
    if (bigger.slots == NULL) return false;
    for (size_t i = 0; i < names->n_slots; i++)
        if (names->slots[i].text != NULL)
            *find_slot(&bigger, names->slots[i].text) = names->slots[i];
    mem_free(names->slots);
    *names = bigger;
    return true;
}

struct name *names_find(const struct names *names, const char *text)
{
    if (names->n_slots == 0) return NULL;
    struct name *slot = find_slot(names, text);
    return slot->text != NULL ? slot : NULL;
}

struct name *names_add(struct names *names, const char *text)
{
    if (names->n_names * 2 >= names->n_slots && !grow(names)) return NULL;
    struct name *slot = find_slot(names, text);
    if (slot->text == NULL) {
        slot->text = text;
        names->n_names++;
    }
    return slot;
}

void names_release(struct names *names)
{
    mem_free(names->slots);
    *names = (struct names){0};
}
