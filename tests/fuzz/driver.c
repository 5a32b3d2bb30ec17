/* SPDX-License-Identifier: Apache-2.0
 *
 * Replays files through a fuzz target where no fuzzing engine is linked in, and every shortening and many single-byte
 * changes of the small ones. Arguments are files or folders (of files, not deeper). The empty input is always tried first. A
 * target that returns anything but 0 took no interest in the input, which counts as skipped. A fault ends the program; the
 * last line on stderr then names the file.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include "fuzz.h"

struct replay {
    int passed, failed, skipped;
};

#define MAX_CHANGED 4096 /* larger files are only replayed */

/* A block of exactly this size, so that a sanitizer sees every read past the end. */
static int run_exact(const uint8_t *data, size_t size)
{
    uint8_t *copy = mem_alloc(size);
    FUZZ_REQUIRE(copy != NULL);
    if (size != 0) memcpy(copy, data, size);
    const int result = LLVMFuzzerTestOneInput(copy, size);
    mem_free(copy);
    return result;
}

static void run_changes(const uint8_t *data, size_t size)
{
    uint8_t *copy = mem_alloc(size);
    FUZZ_REQUIRE(copy != NULL);
    uint64_t seed = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < size; i++) {
        run_exact(data, i);
        memcpy(copy, data, size);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        copy[i] = (uint8_t)(seed >> 56);
        LLVMFuzzerTestOneInput(copy, size);
        copy[i] = data[(seed >> 20) % size];
        LLVMFuzzerTestOneInput(copy, size);
    }
    mem_free(copy);
}

static void replay_bytes(struct replay *r, const uint8_t *data, size_t size)
{
    if (run_exact(data, size) == 0)
        r->passed++;
    else
        r->skipped++;
    if (size <= MAX_CHANGED) run_changes(data, size);
}

static void replay_file(struct replay *r, const char *path)
{
    struct file_bytes map = {0};
    struct itx_error err;
    fprintf(stderr, "%s\n", path);
    if (file_read(&map, path, SIZE_MAX, &err) != ITX_OK) {
        fprintf(stderr, "%s\n", err.text);
        r->failed++;
        return;
    }
    replay_bytes(r, map.data, map.size);
    file_bytes_release(&map);
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay_folder(struct replay *r, const char *path)
{
    struct dirent **entries;
    const int n = scandir(path, &entries, not_hidden, alphasort);
    if (n < 0) {
        perror(path);
        r->failed++;
        return;
    }
    for (int i = 0; i < n; i++) {
        struct strbuf name = {0};
        strbuf_addf(&name, "%s/%s", path, entries[i]->d_name);
        if (name.failed)
            r->failed++;
        else
            replay_file(r, name.data);
        strbuf_release(&name);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    struct replay r = {0};
    replay_bytes(&r, (const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode))
            replay_folder(&r, argv[i]);
        else
            replay_file(&r, argv[i]);
    }
    printf("%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped);
    return r.failed != 0;
}
