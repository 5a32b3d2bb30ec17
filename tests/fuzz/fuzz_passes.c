/* SPDX-License-Identifier: Apache-2.0
 *
 * Any graph through all passes: refused or brought to a graph that passes the verifier, and passing
 * again changes nothing that the verifier sees.
 */
#include "fuzz.h"
#include "passes/pass.h"

/* Small enough that evaluating constants takes no time. */
static int is_small(const struct graph *g)
{
    for (size_t v = 1; v < g->values.len; v++) {
        const struct shape *s = &g->values.data[v].shape;
        if (s->rank >= 0 && (shape_elements(s) < 0 || shape_elements(s) > 100000)) return 0;
    }
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct graph *g = NULL;
    struct head_info head;
    struct itx_error err;
    if (graph_parse(&g, (const char *)data, size, &err) != ITX_OK) return 0;
    if (is_small(g) && passes_run(g, &head, NULL, NULL, &err) == ITX_OK) {
        FUZZ_REQUIRE(graph_check(g, &err) == ITX_OK);
        FUZZ_REQUIRE(head.task != HEAD_SEGMENT || head.proto == (int)g->outputs.len - 1);
        FUZZ_REQUIRE(pass_canonical(g, &err) == ITX_OK);
    }
    graph_destroy(&g);
    return 0;
}
