/* SPDX-License-Identifier: Apache-2.0
 *
 * intarsia cut: from an ordinary export to the form that the RDK's Model Zoo converts.
 */
#include <jansson.h>

#include "base/file.h"
#include "base/format.h"
#include "cmd/cmd.h"
#include "cmd/json.h"
#include "cmd/terminal.h"
#include "intarsia/compiler.h"

struct cut_options {
    const char *output;
    int softmax, max_constants;
};

static const struct option cut_rows[] = {
    {"output", 'o', OPTION_TEXT, offsetof(struct cut_options, output), "TEN.onnx", NULL, 0, 0, true,
     "the file to write"},
    {"softmax", 0, OPTION_CHOICE, offsetof(struct cut_options, softmax), "keep|decomposed", "keep",
     0, 0, false, "decomposed: write attention's softmax out as max, sub, exp, sum and div"},
    OPTION_MAX_CONSTANTS("max-constants", offsetof(struct cut_options, max_constants)),
};

static void print_outputs(const json_t *outputs)
{
    struct table t = {0};
    table_cell(&t, COLOR_BOLD, "output");
    table_cell(&t, COLOR_BOLD, "shape");
    table_end_row(&t);
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const json_t *output = json_array_get(outputs, i),
                     *shape = json_object_get(output, "shape");
        long long d[4];
        for (size_t k = 0; k < ARRAY_LEN(d); k++)
            d[k] = (long long)json_integer_value(json_array_get(shape, k));
        table_cell(&t, COLOR_PLAIN, "%s", json_text_of(output, "name"));
        table_cell(&t, COLOR_PLAIN, "%lldx%lldx%lldx%lld", d[0], d[1], d[2], d[3]);
        table_end_row(&t);
    }
    table_print(&t, "ll", stdout);
    table_release(&t);
}

static enum exit_code cut_run(const void *options, int n_args, const char *const *args)
{
    (void)n_args;
    const struct cut_options *o = options;
    struct itx_error err;
    char *text = NULL;
    if (file_is_same(args[0], o->output)) {
        say_error("%s: would overwrite the network it is made from", o->output);
        return EXIT_FAILED;
    }
    struct itx_build_options limits = ITX_BUILD_OPTIONS_INIT;
    limits.max_constants = option_mib(o->max_constants);
    if (file_check_target(o->output, &err) != ITX_OK ||
        itx_cut_with(args[0], o->output,
                     o->softmax != 0 ? ITX_CUT_SOFTMAX_DECOMPOSED : ITX_CUT_SOFTMAX_KEEP, &limits,
                     &text, &err) != ITX_OK) {
        say_error("%s", err.text);
        return EXIT_FAILED;
    }
    json_t *report = json_loads(text, 0, NULL);
    const json_t *outputs = json_object_get(report, "outputs");
    print_outputs(outputs);
    fflush(stdout);
    print_safely(stderr, o->output);
    fprintf(stderr, ": %zu outputs, operator set 11", json_array_size(outputs));
    if (o->softmax != 0)
        format_file(stderr, ", %.0f softmax written out", json_number(report, "softmax"));
    fprintf(stderr, "\n");
    json_decref(report);
    itx_text_free(text);
    return EXIT_DONE;
}

const struct command command_cut = {
    "cut",
    "Cuts the decoding off an ONNX file: the outputs that the RDK's tools convert",
    "MODEL.onnx",
    cut_rows,
    ARRAY_LEN(cut_rows),
    sizeof(struct cut_options),
    1,
    1,
    cut_run,
    false,
};
