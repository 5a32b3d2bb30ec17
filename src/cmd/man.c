/* SPDX-License-Identifier: Apache-2.0
 *
 * Man pages: name, synopsis and options from the rows, the sections in between from a file of roff in which a line
 * "@OPTIONS@" (the program's own page: "@COMMANDS@") says where the rows go. Run by the build.
 */
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/terminal.h"
#include "intarsia/intarsia.h"

/* Hyphens are minus signs here, a leading dot or quote would be a request. */
static void put_roff(const char *text)
{
    if (*text == '.' || *text == '\'') printf("\\&");
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '-')
            printf("\\-");
        else if (*p == '\\')
            printf("\\\\");
        else
            putchar(*p);
    }
}

static void put_options(const struct command *command)
{
    for (int i = 0; i < command->n_options; i++) {
        const struct option *o = &command->options[i];
        printf(".TP\n");
        if (o->letter != 0) printf("\\fB\\-%c\\fR, ", o->letter);
        printf("\\fB\\-\\-");
        put_roff(o->name);
        printf("\\fR");
        if (o->kind != OPTION_FLAG && o->kind != OPTION_SWITCH) {
            printf(" \\fI");
            put_roff(o->argument);
            printf("\\fR");
        }
        printf("\n");
        put_roff(o->help);
        if (o->fallback != NULL) printf(" (default: %s)", o->fallback);
        printf("\n");
    }
    printf(".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nA summary of the options.\n");
}

static void put_commands(const struct command *const *commands, int n)
{
    for (int i = 0; i < n; i++) {
        printf(".TP\n\\fBintarsia\\-%s\\fR(1)\n", commands[i]->name);
        put_roff(commands[i]->summary);
        printf("\n");
    }
}

static void put_page(const struct command *const *commands, int n_commands,
                     const struct command *command, struct str prose)
{
    const char *name = command != NULL ? command->name : NULL;
    const bool is_program = command != NULL && command->is_program;
    const char *const title = is_program ? "" : "INTARSIA", *const own =
                                                                is_program ? "" : "intarsia";
    const char *const dash = name != NULL && !is_program ? "\\-" : "";
    printf(".TH %s%s%s 1 \"\" \"Intarsia %s\"\n", title, dash, name != NULL ? name : "",
           itx_version());
    printf(".SH NAME\n%s%s%s \\- ", own, dash, name != NULL ? name : "");
    put_roff(name != NULL ? command->summary
                          : "compiles YOLO networks to int8 and runs them on any CPU");
    printf("\n.SH SYNOPSIS\n.nf\n");
    if (command != NULL)
        options_synopsis(command, stdout);
    else
        printf("intarsia COMMAND [arguments] [options]\n");
    printf(".fi\n");
    while (prose.len != 0) {
        const char *newline = memchr(prose.data, '\n', prose.len);
        const struct str line = {prose.data,
                                 newline != NULL ? (size_t)(newline - prose.data) : prose.len};
        if (command != NULL && str_eq(line, "@OPTIONS@"))
            put_options(command);
        else if (str_eq(line, "@COMMANDS@"))
            put_commands(commands, n_commands);
        else
            printf("%.*s\n", (int)line.len, line.data);
        const size_t used = line.len + (newline != NULL);
        prose = (struct str){prose.data + used, prose.len - used};
    }
}

enum exit_code man_page(const struct command *const *commands, int n_commands, const char *name,
                        const char *prose)
{
    const struct command *command = NULL;
    for (int i = 0; i < n_commands; i++)
        if (strcmp(commands[i]->name, name) == 0) command = commands[i];
    struct file_bytes map = {0};
    struct itx_error err;
    if (file_read(&map, prose, SIZE_MAX, &err) != ITX_OK) {
        say_error("%s", err.text);
        return EXIT_FAILED;
    }
    put_page(commands, n_commands, command, (struct str){(const char *)map.data, map.size});
    file_bytes_release(&map);
    return EXIT_DONE;
}
