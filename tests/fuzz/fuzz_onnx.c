/* SPDX-License-Identifier: Apache-2.0
 *
 * ONNX: whatever is accepted is a graph that passes the verifier, survives shape inference, and when it can be written is
 * accepted again.
 */
#include "base/mem.h"
#include "fuzz.h"
#include "graph/graph.h"
#include "onnx/onnx.h"

static void require_ok(itx_status rc, const struct itx_error *err)
{
    if (rc != ITX_OK) fprintf(stderr, "%s\n", err->text);
    FUZZ_REQUIRE(rc == ITX_OK);
}

static void run_graph(struct graph *g)
{
    struct itx_error err = {.text = ""};
    require_ok(graph_check(g, &err), &err);
    if (graph_infer(g, &err) != ITX_OK) return;
    require_ok(graph_check(g, &err), &err);
    uint8_t *data;
    size_t size;
    if (onnx_write_memory(g, &data, &size, &err) != ITX_OK) return;
    struct graph *again = NULL;
    require_ok(onnx_read_memory(&again, data, size, &err), &err);
    require_ok(graph_check(again, &err), &err);
    graph_destroy(&again);
    mem_free(data);
}

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
    run_graph(g);
    graph_destroy(&g);
    return 0;
}
