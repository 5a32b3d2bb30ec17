/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_set.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"

static uint64_t hash(uint64_t h, const void *data, size_t size)
{
    const uint8_t *const p = data;
    for (size_t i = 0; i < size; i++) h = (h ^ p[i]) * 0x100000001b3u; /* FNV-1a */
    return h;
}

/* Of a file that is not there: its folder and a hash of its name; without a folder the whole path. */
static struct file_key key_of_missing(const char *named)
{
    struct stat st;
    char folder[PATH_MAX], target[PATH_MAX];
    const char *const path = file_follow_links(target, named) ? target : named;
    const char *const slash = strrchr(path, '/');
    const int n_folder = slash != NULL ? (int)(slash - path) + 1 : 0;
    const int n = n_folder > 0 ? snprintf(folder, sizeof folder, "%.*s", n_folder, path)
                               : snprintf(folder, sizeof folder, ".");
    const bool has_folder = n > 0 && n < PATH_MAX && stat(folder, &st) == 0;
    const char *const name = has_folder ? path + n_folder : path;
    const uint64_t h = hash(0xcbf29ce484222325u, name, strlen(name)) | 1;
    return has_folder ? (struct file_key){st.st_dev, st.st_ino, h} : (struct file_key){0, 0, h};
}

static struct file_key key_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0) return (struct file_key){st.st_dev, st.st_ino, 0};
    return key_of_missing(path);
}

static bool is_empty(const struct file_key *k)
{
    return k->device == 0 && k->inode == 0 && k->name == 0;
}

/* Where the key is, or would be; there is always an empty slot. */
static struct file_key *find(struct file_key *slots, size_t n_slots, const struct file_key *k)
{
    size_t i = (size_t)hash(0xcbf29ce484222325u, k, sizeof *k);
    for (;; i++) {
        struct file_key *const slot = &slots[i & (n_slots - 1)];
        if (is_empty(slot) || memcmp(slot, k, sizeof *k) == 0) return slot;
    }
}

static bool grow(struct file_set *set)
{
    const size_t n = set->n_slots == 0 ? 64 : set->n_slots * 2;
    struct file_key *const slots = mem_calloc(n, sizeof *slots);
    if (slots == NULL) return false;
    for (size_t i = 0; i < set->n_slots; i++)
        if (!is_empty(&set->slots[i])) *find(slots, n, &set->slots[i]) = set->slots[i];
    mem_free(set->slots);
    set->slots = slots;
    set->n_slots = n;
    return true;
}

bool file_set_add(struct file_set *set, const char *path)
{
    const struct file_key k = key_of(path);
    if (set->n * 2 >= set->n_slots && !grow(set)) return false;
    struct file_key *const slot = find(set->slots, set->n_slots, &k);
    set->n += is_empty(slot);
    *slot = k;
    return true;
}

bool file_set_has(const struct file_set *set, const char *path)
{
    const struct file_key k = key_of(path);
    return set->n_slots > 0 && !is_empty(find(set->slots, set->n_slots, &k));
}

int file_set_free_name(const struct file_set *set, struct strbuf *path)
{
    int number = 1;
    if (path->failed || !file_set_has(set, path->data)) return number;
    const char *const slash = strrchr(path->data, '/');
    const char *const name = slash != NULL ? slash + 1 : path->data;
    const char *const dot = strrchr(name, '.');
    const size_t stem = dot != NULL && dot != name ? (size_t)(dot - path->data) : path->len;
    struct strbuf ending = {0};
    strbuf_add(&ending, path->data + stem, path->len - stem);
    do {
        path->len = stem;
        strbuf_addf(path, "_%d%s", ++number, ending.data != NULL ? ending.data : "");
        path->failed |= ending.failed;
    } while (!path->failed && file_set_has(set, path->data));
    strbuf_release(&ending);
    return number;
}

void file_set_release(struct file_set *set)
{
    mem_free(set->slots);
    *set = (struct file_set){0};
}
