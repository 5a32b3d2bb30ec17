/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs case files: passes over a graph in text form, compared exactly with the graph that is
 * expected.
 *
 *     # pass: fuse_silu canonical
 *     ...graph before...
 *     ====
 *     ...graph after, or "error: MESSAGE"...
 *
 * After find_head or all, the head is printed behind the graph as comments. --update writes what
 * follows the line of equal signs anew.
 */
#include "base/file.h"
#include "run_passes.h"

static const char separator[] = "\n====\n";

/* The text after running the passes that the first line names. NULL when out of memory. */
static char *run_case(const char *text, size_t len, size_t *size)
{
    static const char prefix[] = "# pass:";
    struct graph *g = NULL;
    struct itx_error err = {0};
    struct head_info head = {0};
    int has_head = 0;
    itx_status rc = graph_parse(&g, text, len, &err);
    const char *p = len >= sizeof prefix && memcmp(text, prefix, sizeof prefix - 1) == 0
                        ? text + sizeof prefix - 1
                        : "\n";
    while (rc == ITX_OK && *p != '\n') {
        while (*p == ' ') p++;
        const size_t n = strcspn(p, " \n");
        rc = run_pass(p, n, g, &head, &err);
        has_head |= memcmp(p, "find_head", 9) == 0 || memcmp(p, "all", 3) == 0;
        if (rc == ITX_OK) rc = graph_check(g, &err);
        p += n;
    }
    char *result = NULL;
    FILE *out = open_memstream(&result, size);
    if (out == NULL) return NULL;
    if (rc != ITX_OK) {
        fprintf(out, "error: %s\n", err.text);
    } else {
        graph_print(g, out, false, NULL);
        if (has_head) print_head(out, g, &head);
    }
    fclose(out);
    graph_destroy(&g);
    return result;
}

static const char *find_separator(const char *text, size_t size)
{
    return memmem(text, size, separator, sizeof separator - 1);
}

static int update_case(const char *path, const char *text, const char *middle, const char *result,
                       size_t result_size)
{
    const size_t before = (size_t)(middle - text);
    char *whole = malloc(before + sizeof separator - 1 + result_size);
    struct itx_error err;
    if (whole == NULL) return 0;
    memcpy(whole, text, before);
    memcpy(whole + before, separator, sizeof separator - 1);
    memcpy(whole + before + sizeof separator - 1, result, result_size);
    const itx_status rc =
        file_write(path, whole, before + sizeof separator - 1 + result_size, &err);
    free(whole);
    if (rc != ITX_OK) printf("%s\n", err.text);
    return rc == ITX_OK;
}

static int test_case(const char *path, int is_update)
{
    struct file_bytes map;
    struct itx_error err;
    if (file_read(&map, path, SIZE_MAX, &err) != ITX_OK) {
        printf("%s\n", err.text);
        return 0;
    }
    const char *text = (const char *)map.data, *middle = find_separator(text, map.size);
    if (middle == NULL) {
        printf("%s: no line of equal signs\n", path);
        file_bytes_release(&map);
        return 0;
    }
    const char *expected = middle + sizeof separator - 1;
    const size_t expected_size = map.size - (size_t)(expected - text);
    size_t size = 0;
    char *result = run_case(text, (size_t)(middle - text) + 1, &size);
    int is_ok = result != NULL && size == expected_size && memcmp(result, expected, size) == 0;
    if (!is_ok && is_update && result != NULL) {
        is_ok = update_case(path, text, middle, result, size);
    } else if (!is_ok) {
        printf("FAILED %s: got\n%s", path, result != NULL ? result : "nothing\n");
    }
    free(result);
    file_bytes_release(&map);
    return is_ok;
}

int main(int argc, char **argv)
{
    const int is_update = argc > 1 && strcmp(argv[1], "--update") == 0;
    int n_passed = 0, n_failed = 0;
    for (int i = 1 + is_update; i < argc; i++) {
        const int is_ok = test_case(argv[i], is_update);
        n_passed += is_ok;
        n_failed += !is_ok;
    }
    printf("%d passed, %d failed, 0 skipped\n", n_passed, n_failed);
    return n_failed != 0 || n_passed == 0;
}
