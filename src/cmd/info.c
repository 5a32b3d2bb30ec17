/* SPDX-License-Identifier: Apache-2.0
 *
 * intarsia info: what is in a NAME.bin and how this CPU would run it; or every kernel of the program.
 */
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "base/cpu.h"
#include "base/format.h"
#include "cmd/cmd.h"
#include "cmd/json.h"
#include "cmd/net.h"
#include "cmd/terminal.h"

struct info_options {
    const char *cpu;
    bool json, kernels;
    struct model_limits limits;
};

static const struct option info_rows[] = {
    {"kernels", 0, OPTION_FLAG, offsetof(struct info_options, kernels), "", NULL, 0, 0, false,
     "list every kernel of the program and whether this CPU can run it; needs no file"},
    {"cpu", 0, OPTION_TEXT, offsetof(struct info_options, cpu), "LEVEL", NULL, 0, 0, false,
     "as if the CPU had instruction sets up to this one only: scalar, avx2, avx512vnni, ..."},
    OPTION_MODEL_LIMITS("max-", offsetof(struct info_options, limits)),
    {"json", 0, OPTION_FLAG, offsetof(struct info_options, json), "", NULL, 0, 0, false,
     "print it as JSON"},
};

/* ---- kernels ---- */

static enum exit_code list_kernels(bool as_json)
{
    struct itx_kernel_info k;
    struct table t = {0};
    json_t *rows = json_array();
    static const char *const heading[] = {"family", "kernel", "needs", "this CPU"};
    for (size_t i = 0; i < ARRAY_LEN(heading); i++) table_cell(&t, COLOR_BOLD, "%s", heading[i]);
    table_end_row(&t);
    for (int i = 0; itx_kernel_get(i, &k) == ITX_OK; i++) {
        table_cell(&t, COLOR_PLAIN, "%s", k.family);
        table_cell(&t, COLOR_PLAIN, "%s", k.name);
        table_cell(&t, COLOR_PLAIN, "%s", k.needs);
        table_cell(&t, k.available ? COLOR_GREEN : COLOR_FAINT, "%s", k.available ? "yes" : "no");
        table_end_row(&t);
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:b}", "family", k.family, "name",
                                              k.name, "needs", k.needs, "available", k.available));
    }
    bool done = true;
    if (as_json)
        done = json_print(json_incref(rows), 7);
    else
        table_print(&t, "llll", stdout);
    json_decref(rows);
    table_release(&t);
    return done ? EXIT_DONE : EXIT_FAILED;
}

/* ---- a file ---- */

static const char *dtype_name(enum itx_dtype dtype)
{
    static const char *const names[] = {
        [ITX_S8] = "s8", [ITX_S16] = "s16", [ITX_S32] = "s32", [ITX_F32] = "f32"};
    return names[dtype];
}

static json_t *names_in_file(const itx_model *model)
{
    json_t *names = json_array();
    for (int i = 0; itx_model_name_in_file(model, i) != NULL; i++)
        json_array_append_new(names, json_safe_string(itx_model_name_in_file(model, i)));
    return names;
}

static json_t *outputs_json(const struct net *net)
{
    json_t *outputs = json_array();
    struct itx_tensor_info t;
    for (int i = 0; itx_model_get_output(net->model, i, &t, NULL) == ITX_OK; i++)
        json_array_append_new(outputs,
                              json_pack("{s:o, s:[i, i, i], s:s, s:i, s:f}", "name",
                                        json_safe_string(t.name), "shape", t.height, t.width,
                                        t.channels, "dtype", dtype_name(t.dtype), "n_scales",
                                        t.n_quant, "scale", (double)t.scale[0]));
    return outputs;
}

static json_t *steps_json(const struct net *net)
{
    json_t *steps = json_array();
    struct itx_step_info s;
    for (int i = 0; itx_model_get_step(net->model, i, &s, NULL) == ITX_OK; i++)
        json_array_append_new(steps,
                              json_pack("{s:o, s:s, s:s, s:[i, i, i], s:I, s:I, s:s?}", "name",
                                        json_safe_string(s.name), "kind", s.kind, "activation",
                                        s.activation, "shape", s.height, s.width, s.channels,
                                        "multiply_adds", (json_int_t)s.multiply_adds,
                                        "weight_bytes", (json_int_t)s.weight_bytes, "kernel",
                                        itx_session_step_kernel(net->session, i)));
    return steps;
}

static bool print_json(const struct net *net)
{
    const struct itx_model_info *m = &net->info;
    json_t *classes = json_array();
    for (int i = 0; i < m->n_classes; i++)
        json_array_append_new(classes, json_safe_string(net_class_name(net, i)));
    json_t *root = json_pack(
        "{s:o, s:o, s:s, s:{s:s, s:s, s:i, s:i, s:i}, s:o, s:I, s:I, s:I, s:s, s:o, s:o}", "models",
        names_in_file(net->model), "name", json_safe_string(m->name), "task", task_name(m->task),
        "input", "format", image_format_name(m->input_format), "range",
        m->input_range == ITX_RANGE_VIDEO ? "video" : "full", "width", m->input_width, "height",
        m->input_height, "channels", m->input_channels, "classes", classes, "multiply_adds",
        (json_int_t)m->multiply_adds, "weight_bytes", (json_int_t)m->weight_bytes, "arena_bytes",
        (json_int_t)m->arena_bytes, "cpu", itx_session_cpu(net->session), "outputs",
        outputs_json(net), "steps", steps_json(net));
    json_t *meta = json_loads(m->meta, 0, NULL);
    if (meta != NULL) json_object_set_new(root, "meta", meta);
    return json_print(root, 7);
}

static void print_classes(const struct net *net)
{
    enum { SHOWN = 8 };
    const int n = net->info.n_classes;
    printf("%-9s %s", "model", task_name(net->info.task));
    for (int i = 0; i < n && i < SHOWN; i++) {
        if (i == 0)
            printf(", %d class%s (", n, n == 1 ? "" : "es");
        else
            printf(", ");
        print_safely(stdout, net_class_name(net, i));
    }
    printf("%s\n", n > SHOWN ? ", ...)" : n > 0 ? ")" : "");
}

static void print_outputs(const struct net *net)
{
    struct table t = {0};
    static const char *const heading[] = {"output", "shape", "type", "scale"};
    for (size_t i = 0; i < ARRAY_LEN(heading); i++) table_cell(&t, COLOR_BOLD, "%s", heading[i]);
    table_end_row(&t);
    struct itx_tensor_info o;
    for (int i = 0; itx_model_get_output(net->model, i, &o, NULL) == ITX_OK; i++) {
        table_cell(&t, COLOR_PLAIN, "%s", o.name);
        table_cell(&t, COLOR_PLAIN, "%d x %d x %d", o.height, o.width, o.channels);
        table_cell(&t, COLOR_PLAIN, "%s", dtype_name(o.dtype));
        if (o.n_quant == 1)
            table_cell(&t, COLOR_PLAIN, "%g", (double)o.scale[0]);
        else
            table_cell(&t, COLOR_PLAIN, "one a channel");
        table_end_row(&t);
    }
    printf("\n");
    table_print(&t, "lllr", stdout);
    table_release(&t);
}

/* How many steps each pair of kind and kernel has; both are few, so a list will do. */
struct kernel_use {
    const char *kind, *kernel;
    int n_steps;
    uint64_t macs;
};

static void print_kernel_use(const struct net *net)
{
    VEC(struct kernel_use) uses = {0};
    struct itx_step_info s;
    for (int i = 0; itx_model_get_step(net->model, i, &s, NULL) == ITX_OK; i++) {
        const char *kernel = itx_session_step_kernel(net->session, i);
        struct kernel_use *use = NULL;
        for (size_t k = 0; k < uses.len && use == NULL; k++)
            if (strcmp(uses.data[k].kind, s.kind) == 0 && strcmp(uses.data[k].kernel, kernel) == 0)
                use = &uses.data[k];
        if (use == NULL) {
            if (!vec_push(&uses, (struct kernel_use){s.kind, kernel, 0, 0})) break;
            use = &uses.data[uses.len - 1];
        }
        use->n_steps++;
        use->macs += s.multiply_adds;
    }
    struct table t = {0};
    static const char *const heading[] = {"step", "kernel", "steps", "million MAC"};
    for (size_t i = 0; i < ARRAY_LEN(heading); i++) table_cell(&t, COLOR_BOLD, "%s", heading[i]);
    table_end_row(&t);
    for (size_t k = 0; k < uses.len; k++) {
        table_cell(&t, COLOR_PLAIN, "%s", uses.data[k].kind);
        table_cell(&t, COLOR_PLAIN, "%s", uses.data[k].kernel);
        table_cell(&t, COLOR_PLAIN, "%d", uses.data[k].n_steps);
        table_cell(&t, COLOR_PLAIN, "%.1f", (double)uses.data[k].macs / 1e6);
        table_end_row(&t);
    }
    printf("\n");
    table_print(&t, "llrr", stdout);
    table_release(&t);
    vec_release(&uses);
}

static void print_text(const struct net *net, const char *path)
{
    const struct itx_model_info *m = &net->info;
    struct stat st;
    char a[NUMBER_TEXT_SIZE], b[NUMBER_TEXT_SIZE], cpu[100];
    cpu_model_name(cpu, sizeof cpu);
    print_line(stdout, "%-9s %s, %s", "file", path,
               stat(path, &st) == 0 ? bytes_text((uint64_t)st.st_size, a) : "?");
    for (int i = 0; itx_model_name_in_file(net->model, i) != NULL; i++) {
        printf("%-9s ", i == 0 ? "name" : "");
        print_safely(stdout, itx_model_name_in_file(net->model, i));
        printf("\n");
    }
    print_classes(net);
    printf("%-9s %d x %d x %d, %s%s\n", "input", m->input_height, m->input_width, m->input_channels,
           image_format_name(m->input_format),
           m->input_format != ITX_IMAGE_NV12   ? ""
           : m->input_range == ITX_RANGE_VIDEO ? ", video range"
                                               : ", full range");
    format_out("%-9s %d steps, %.3f GMAC a frame\n", "work", m->n_steps,
               (double)m->multiply_adds / 1e9);
    printf("%-9s %s of weights, %s for tensors\n", "memory", bytes_text(m->weight_bytes, a),
           bytes_text(m->arena_bytes, b));
    printf("%-9s %s, %s\n", "CPU", cpu, itx_session_cpu(net->session));
    print_outputs(net);
    print_kernel_use(net);
}

static enum exit_code info_run(const void *options, int n_args, const char *const *args)
{
    const struct info_options *o = options;
    if (o->kernels && n_args == 0) return list_kernels(o->json);
    if (o->kernels) return options_wrong(&command_info, "--kernels takes no file");
    if (n_args == 0) return options_wrong(&command_info, "an argument is missing: NAME.bin");
    if (!options_check_cpu(&command_info, o->cpu)) return EXIT_USAGE;
    struct itx_session_options s = ITX_SESSION_OPTIONS_INIT;
    s.n_threads = 1;
    s.cpu = o->cpu;
    net_set_limits(&s, &o->limits);
    struct net net = {0};
    struct itx_error err;
    if (net_open_compiled(&net, args[0], &s, &err) != ITX_OK) {
        say_error("%s", err.text);
        return EXIT_FAILED;
    }
    bool done = true;
    if (o->json)
        done = print_json(&net);
    else
        print_text(&net, args[0]);
    net_close(&net);
    return done ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_info = {
    "info",
    "Shows what is in a NAME.bin and which kernels this CPU will run it with",
    "[NAME.bin]",
    info_rows,
    ARRAY_LEN(info_rows),
    sizeof(struct info_options),
    0,
    1,
    info_run,
};
