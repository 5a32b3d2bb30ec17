/* SPDX-License-Identifier: Apache-2.0
 *
 * ONNX import: whatever is accepted is a graph that passes the verifier.
 */
#include "fuzz.h"
#include "graph/graph.h"
#include "onnx/onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct graph *g = NULL;
    struct itx_error err = {.text = ""};
    struct arena arena = {0};
    struct tensor t;
    (void)onnx_read_tensor_memory(data, size, &arena, &t, NULL);
    arena_release(&arena);
    if (onnx_read_memory(&g, data, size, &err) != ITX_OK) {
        FUZZ_REQUIRE(g == NULL && err.text[0] != '\0');
        return 0;
    }
    const itx_status rc = graph_check(g, &err);
    if (rc != ITX_OK) fprintf(stderr, "%s\n", err.text);
    FUZZ_REQUIRE(rc == ITX_OK);
    graph_destroy(&g);
    return 0;
}
