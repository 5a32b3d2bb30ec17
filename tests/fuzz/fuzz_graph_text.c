/* SPDX-License-Identifier: Apache-2.0
 *
 * Graph text: what is accepted prints, the print is accepted, and prints the same again.
 */
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "graph/graph.h"

static char *print(const struct graph *g, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    FUZZ_REQUIRE(out != NULL);
    FUZZ_REQUIRE(graph_print(g, out, true, NULL) == ITX_OK);
    fclose(out);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct graph *g = NULL, *again = NULL;
    struct itx_error err;
    if (graph_parse(&g, (const char *)data, size, &err) != ITX_OK) return 0;
    size_t first_size, second_size;
    char *first = print(g, &first_size);
    FUZZ_REQUIRE(graph_parse(&again, first, first_size, &err) == ITX_OK);
    char *second = print(again, &second_size);
    FUZZ_REQUIRE(first_size == second_size && memcmp(first, second, first_size) == 0);
    graph_destroy(&g);
    graph_destroy(&again);
    free(first);
    free(second);
    return 0;
}
