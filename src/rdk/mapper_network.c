/* SPDX-License-Identifier: Apache-2.0 */
#include "rdk/mapper_network.h"

#include <string.h>

#include "base/format.h"
#include "base/str.h"
#include "cmd/json.h"

static void add_field(struct strbuf *text, const char *name, const char *value)
{
    strbuf_addf(text, "\n%-25s %s", name, value[0] != '\0' ? value : "None");
}

static void add_producer(struct strbuf *text, const json_t *check)
{
    const char *const name = json_text_of(check, "producer");
    const char *const version = json_text_of(check, "producer_version");
    strbuf_addf(text, "\n%-25s %s%s%s", "Producer:", name[0] != '\0' ? name : "None",
                version[0] != '\0' ? " v" : "", version);
}

static void add_values(struct strbuf *text, const char *what, const json_t *values)
{
    strbuf_addf(text, "\nGraph %s:", what);
    for (size_t i = 0; i < json_array_size(values); i++) {
        const json_t *const v = json_array_get(values, i), *const shape =
                                                               json_object_get(v, "shape");
        struct strbuf name = {0};
        strbuf_addf(&name, "%s:", json_text_of(v, "name"));
        strbuf_addf(text, "\n    %-21s shape=[", name.failed ? "" : name.data);
        strbuf_release(&name);
        for (size_t d = 0; d < json_array_size(shape); d++)
            strbuf_addf(text, "%s%lld", d > 0 ? ", " : "",
                        (long long)json_integer_value(json_array_get(shape, d)));
        strbuf_addf(text, "], dtype=FLOAT32");
    }
}

void mapper_say_network(struct rdk_log *log, const json_t *check)
{
    struct strbuf text = {0};
    const double version = json_number(check, "model_version");
    char number[32] = "";
    if (version != 0) format_text(number, sizeof number, "%.0f", version);
    strbuf_addf(&text, "Input ONNX Model Information:\n%-25s %.0f\n%-25s ['ai.onnx v%.0f']",
                "ONNX IR version:", json_number(check, "ir_version"),
                "Opset version:", json_number(check, "opset"));
    add_producer(&text, check);
    add_field(&text, "Domain:", json_text_of(check, "domain"));
    add_field(&text, "Version:", number);
    add_values(&text, "input", json_object_get(check, "inputs"));
    add_values(&text, "output", json_object_get(check, "outputs"));
    rdk_say(log, RDK_INFO, "%s", text.failed ? "out of memory" : text.data);
    strbuf_release(&text);
}

void mapper_say_folding(struct rdk_log *log, const json_t *check)
{
    static const char *const keys[] = {"nodes", "parameters"};
    const json_t *const whole = json_object_get(check, "whole"), *const folded = json_object_get(
                                                                     check, "folded");
    rdk_say(log, RDK_INFO, "Summary info for constant_folding:");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        rdk_say(log, RDK_INFO,
                "  After constant_folding, the number of %s has changed from %.0f to %.0f.",
                keys[i], json_number(whole, keys[i]), json_number(folded, keys[i]));
}

int mapper_say_refused(struct rdk_log *log, const json_t *check)
{
    const json_t *const nodes = json_object_get(check, "nodes");
    int n = 0;
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *const node = json_array_get(nodes, i);
        if (strcmp(json_text_of(node, "runs"), "no") != 0) continue;
        rdk_say(log, RDK_ERROR, "node %s (%s) cannot run: %s", json_text_of(node, "name"),
                json_text_of(node, "type"), json_text_of(node, "reason"));
        n++;
    }
    return n;
}

const char *mapper_type_name(const char *kind)
{
    static const struct {
        const char *kind, *type;
    } types[] = {
        {"Conv", "HzSQuantizedConv"},
        {"DepthwiseConv", "HzSQuantizedConv"},
        {"Gemm", "HzSQuantizedConv"},
        {"ConvTranspose", "HzSQuantizedConvTranspose"},
        {"MatMul", "HzSQuantizedMatmul"},
        {"MaxPool", "HzQuantizedMaxPool"},
        {"Resize", "HzQuantizedResizeUpsample"},
        {"Upsample", "HzQuantizedResizeUpsample"},
        {"Copy", "HzRequantize"},
        {"Add", "HzSElementwiseAdd"},
        {"Sub", "HzSElementwiseSub"},
        {"Mul", "HzSElementwiseMul"},
        {"Sigmoid", "HzLut"},
        {"Exp", "HzLut"},
        {"Lut", "HzLut"},
        {"ReduceMax", "HzQuantizedReduceMax"},
        {"ReduceSum", "HzSQuantizedReduceSum"},
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strcmp(types[i].kind, kind) == 0) return types[i].type;
    return kind;
}
