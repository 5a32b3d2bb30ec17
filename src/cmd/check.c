/* SPDX-License-Identifier: Apache-2.0
 *
 * intarsia check: every node of an ONNX file, how it will run or why it cannot.
 */
#include <string.h>

#include <jansson.h>

#include "cmd/cmd.h"
#include "cmd/json.h"
#include "cmd/terminal.h"
#include "intarsia/compiler.h"

struct check_options {
    bool json;
    int max_constants;
};

static const struct option check_rows[] = {
    {"json", 0, OPTION_FLAG, offsetof(struct check_options, json), "", NULL, 0, 0, false,
     "print the report as JSON"},
    OPTION_MAX_CONSTANTS("max-constants", offsetof(struct check_options, max_constants)),
};

static void print_nodes(const json_t *nodes)
{
    static const char *const heading[] = {"node", "type", "runs", "as", "reason"};
    struct table t = {0};
    for (size_t i = 0; i < ARRAY_LEN(heading); i++) table_cell(&t, COLOR_BOLD, "%s", heading[i]);
    table_end_row(&t);
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        const char *runs = json_text_of(node, "runs");
        const enum color_name color = strcmp(runs, "no") == 0     ? COLOR_RED
                                      : strcmp(runs, "int8") == 0 ? COLOR_GREEN
                                                                  : COLOR_PLAIN;
        table_cell(&t, COLOR_PLAIN, "%s", json_text_of(node, "name"));
        table_cell(&t, COLOR_PLAIN, "%s", json_text_of(node, "type"));
        table_cell(&t, color, "%s", runs);
        table_cell(&t, COLOR_PLAIN, "%s", json_text_of(node, "as"));
        table_cell(&t, COLOR_PLAIN, "%s", json_text_of(node, "reason"));
        table_end_row(&t);
    }
    table_print(&t, "lllll", stdout);
    table_release(&t);
}

static size_t count_refused(const json_t *nodes)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(nodes); i++)
        n += strcmp(json_text_of(json_array_get(nodes, i), "runs"), "no") == 0;
    return n;
}

static enum exit_code check_run(const void *options, int n_args, const char *const *args)
{
    (void)n_args;
    const struct check_options *o = options;
    char *text = NULL;
    struct itx_error err;
    struct itx_build_options limits = ITX_BUILD_OPTIONS_INIT;
    limits.max_constants = option_mib(o->max_constants);
    if (itx_check_with(args[0], &limits, &text, &err) != ITX_OK) {
        say_error("%s", err.text);
        return EXIT_FAILED;
    }
    json_t *report = json_loads(text, 0, NULL);
    const json_t *nodes = json_object_get(report, "nodes");
    const bool is_ok = json_is_true(json_object_get(report, "ok"));
    if (o->json)
        printf("%s\n", text);
    else
        print_nodes(nodes);
    const size_t n_refused = count_refused(nodes);
    fflush(stdout);
    if (is_ok)
        print_line(stderr, "%s: all %zu nodes run", args[0], json_array_size(nodes));
    else
        say_error("%s: %zu of %zu nodes cannot run", args[0], n_refused, json_array_size(nodes));
    json_decref(report);
    itx_text_free(text);
    return is_ok ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_check = {
    "check",
    "Says for every node of an ONNX file how it will run, or why it cannot",
    "MODEL.onnx",
    check_rows,
    ARRAY_LEN(check_rows),
    sizeof(struct check_options),
    1,
    1,
    check_run,
};
