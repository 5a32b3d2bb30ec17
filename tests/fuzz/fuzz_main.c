/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target over files, and over every shortening and many single-byte changes of the small ones, where there is
 * no fuzzing engine. Arguments are files or folders.
 */
#include <dirent.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "fuzz.h"

#define MAX_MUTATED 4096 /* larger files are only replayed */

static void run_mutations(const uint8_t *data, size_t size)
{
    uint8_t *copy = mem_alloc(size + 1);
    FUZZ_REQUIRE(copy != NULL);
    uint64_t seed = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < size; i++) {
        /* a copy of exactly this length, so that reading past it is seen by a sanitizer */
        uint8_t *cut = mem_alloc(i);
        FUZZ_REQUIRE(cut != NULL);
        memcpy(cut, data, i);
        LLVMFuzzerTestOneInput(cut, i);
        mem_free(cut);
        memcpy(copy, data, size);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        copy[i] = (uint8_t)(seed >> 56);
        LLVMFuzzerTestOneInput(copy, size);
        copy[i] = data[(seed >> 20) % size];
        LLVMFuzzerTestOneInput(copy, size);
    }
    mem_free(copy);
}

static int run_file(const char *path)
{
    struct file_map map;
    struct itx_error err;
    if (file_map_open(&map, path, &err) != ITX_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 0;
    }
    LLVMFuzzerTestOneInput(map.data, map.size);
    if (map.size <= MAX_MUTATED) run_mutations(map.data, map.size);
    file_map_release(&map);
    return 1;
}

static int run_path(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) return run_file(path);
    int n = 0;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char name[1024];
        if (entry->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        n += run_file(name);
    }
    closedir(dir);
    return n;
}

int main(int argc, char **argv)
{
    int n = 0;
    for (int i = 1; i < argc; i++) n += run_path(argv[i]);
    printf("%d passed, %d failed, 0 skipped\n", n, n == 0);
    return n == 0;
}
