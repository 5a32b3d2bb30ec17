/* SPDX-License-Identifier: Apache-2.0
 *
 * intarsia: the table of commands, and what is said when none of them is meant.
 */
#include <signal.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "cmd/cmd.h"
#include "cmd/terminal.h"
#include "intarsia/intarsia.h"
#include "rdk/rdk.h"

static const struct command *const commands[] = {
    &command_build, &command_segment, &command_info, &command_check,
    &command_perf,  &command_eval,    &command_cut,  &command_calib_data,
};

/* Names of the RDK's tools: links to this program. */
static const struct command *const rdk_commands[] = {
#define ITX_X(name) &command_##name,
    RDK_COMMAND_LIST(ITX_X)
#undef ITX_X
};

static void print_help(FILE *out)
{
    fprintf(out, "usage: intarsia COMMAND [arguments] [options]\n\n"
                 "Compiles trained YOLO networks to int8 and runs them on any CPU.\n\ncommands:\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "\nby the names that RDK users know (links to this program):\n");
    for (size_t i = 0; i < ARRAY_LEN(rdk_commands); i++)
        fprintf(out, "  %-17s %s\n", rdk_commands[i]->name, rdk_commands[i]->summary);
    fprintf(out, "\nintarsia COMMAND --help  says more about one\n"
                 "intarsia --version       the version, its parts, and this CPU\n");
}

static void print_version(void)
{
    char cpu[100];
    cpu_model_name(cpu, sizeof cpu);
    printf("intarsia %s\n", itx_version());
    printf("parts: %s\n", CMD_FEATURES);
    printf("CPU: %s, %s\n", cpu, cpu_level_name(cpu_detect()));
}

static enum exit_code unknown_command(const char *name)
{
    const char *names[ARRAY_LEN(commands) + ARRAY_LEN(rdk_commands)];
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) names[i] = commands[i]->name;
    for (size_t i = 0; i < ARRAY_LEN(rdk_commands); i++)
        names[ARRAY_LEN(commands) + i] = rdk_commands[i]->name;
    const char *near = nearest_name(name, names, (int)ARRAY_LEN(names));
    const char *what = name[0] == '-' ? "option" : "command";
    if (near != NULL)
        say_error("unknown %s %s, did you mean %s? (see: intarsia --help)", what, name, near);
    else
        say_error("unknown %s %s (see: intarsia --help)", what, name);
    return EXIT_USAGE;
}

static enum exit_code run_command(const struct command *command, int argc, char **argv)
{
    void *options = mem_calloc(1, command->options_size);
    if (options == NULL) {
        say_error("out of memory");
        return EXIT_FAILED;
    }
    int n_args = 0;
    bool wants_help = false;
    enum exit_code code = EXIT_USAGE;
    if (options_parse(command, argc, argv, options, &n_args, &wants_help)) {
        if (wants_help) {
            options_help(command, stdout);
            code = EXIT_DONE;
        } else {
            code = command->run(options, n_args, (const char *const *)argv);
        }
    }
    mem_free(options);
    return code;
}

static const struct command *find_rdk_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(rdk_commands); i++)
        if (strcmp(name, rdk_commands[i]->name) == 0) return rdk_commands[i];
    return NULL;
}

static enum exit_code run(int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const struct command *own =
        argc > 0 ? find_rdk_command(slash != NULL ? slash + 1 : argv[0]) : NULL;
    if (own != NULL) return run_command(own, argc - 1, argv + 1);
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        print_version();
        return EXIT_DONE;
    }
    /* for the build: man/meson.build */
    if (strcmp(argv[1], "--man") == 0 && argc == 4)
        return find_rdk_command(argv[2]) != NULL
                   ? man_page(rdk_commands, ARRAY_LEN(rdk_commands), argv[2], argv[3])
                   : man_page(commands, ARRAY_LEN(commands), argv[2], argv[3]);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return run_command(commands[i], argc - 2, argv + 2);
    own = find_rdk_command(argv[1]);
    if (own != NULL) return run_command(own, argc - 2, argv + 2);
    return unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
    signal(SIGXFSZ, SIG_IGN); /* a limit on files is told like a full disk */
    const enum exit_code code = run(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout)) return (int)code;
    say_error("cannot write to the standard output");
    return code == EXIT_DONE ? EXIT_FAILED : (int)code;
}
