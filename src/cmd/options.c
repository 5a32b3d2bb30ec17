/* SPDX-License-Identifier: Apache-2.0 */
#include "base/format.h"
#include "cmd/cmd.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/str.h"
#include "cmd/terminal.h"

#define MAX_NAMES 64
#define HELP_COLUMN 26
#define HELP_WIDTH 80

/* What stands before the command's name on a command line. */
static const char *own_name(const struct command *command)
{
    return command->is_program ? "" : "intarsia ";
}

enum exit_code options_wrong(const struct command *command, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    format_textv(text, sizeof text, fmt, args);
    va_end(args);
    say_error("%s: %s (see: %s%s --help)", command->name, text, own_name(command), command->name);
    return EXIT_USAGE;
}

const char *nearest_name(const char *text, const char *const *names, int n)
{
    const int limit = strlen(text) < 4 ? 1 : strlen(text) < 8 ? 2 : 3;
    const char *best = NULL;
    int least = limit + 1;
    for (int i = 0; i < n; i++) {
        const int d = str_distance(text, names[i]);
        if (d < least) {
            least = d;
            best = names[i];
        }
    }
    return best;
}

bool options_check_cpu(const struct command *command, const char *level)
{
    uint32_t mask;
    if (level == NULL || cpu_parse(level, &mask)) return true;
    struct strbuf known = {0};
    strbuf_addf(&known, "scalar");
#define ITX_X(name, bit, text) strbuf_addf(&known, ", %s", text);
    CPU_FLAG_LIST(ITX_X)
#undef ITX_X
    options_wrong(command, "--cpu: \"%s\" is no instruction set, known are %s", level,
                  known.failed ? "" : known.data);
    strbuf_release(&known);
    return false;
}

/* ---- values ---- */

static int choice_index(const char *alternatives, const char *text)
{
    const size_t len = strlen(text);
    int index = 0;
    for (const char *p = alternatives; *p != '\0'; index++) {
        const size_t n = strcspn(p, "|");
        if (n == len && memcmp(p, text, n) == 0) return index;
        p += n + (p[n] == '|');
    }
    return -1;
}

static bool wrong_value(const struct command *c, const struct option *o, const char *text)
{
    if (o->kind == OPTION_CHOICE)
        options_wrong(c, "--%s: \"%s\" is none of %s", o->name, text, o->argument);
    else
        options_wrong(c, "--%s: \"%s\" is not a %snumber from %.10g to %.10g", o->name, text,
                      o->kind == OPTION_INT ? "whole " : "", o->min, o->max);
    return false;
}

static bool set_number(const struct command *c, const struct option *o, char *field,
                       const char *text)
{
    char *end = NULL;
    errno = 0;
    if (o->kind == OPTION_INT) {
        const long v = strtol(text, &end, 10);
        if (end == text || *end != '\0' || errno != 0 || (double)v < o->min || (double)v > o->max)
            return wrong_value(c, o, text);
        memcpy(field, &(int){(int)v}, sizeof(int));
        return true;
    }
    const float v = parse_float(text, &end);
    if (end == text || *end != '\0' || !isfinite(v) || (double)v < o->min || (double)v > o->max)
        return wrong_value(c, o, text);
    memcpy(field, &v, sizeof v);
    return true;
}

/* The words that gflags takes. */
static bool set_switch(const struct command *c, const struct option *o, char *field,
                       const char *text)
{
    static const char *const words[] = {"false", "f", "0", "no", "n", "true", "t", "1", "yes", "y"};
    for (size_t i = 0; text != NULL && i < ARRAY_LEN(words); i++) {
        if (strcmp(text, words[i]) != 0) continue;
        memcpy(field, &(bool){i >= ARRAY_LEN(words) / 2}, sizeof(bool));
        return true;
    }
    if (text != NULL) {
        options_wrong(c, "--%s: \"%s\" is neither true nor false", o->name, text);
        return false;
    }
    memcpy(field, &(bool){true}, sizeof(bool));
    return true;
}

static bool add_item(const struct command *c, const struct option *o, char *field, const char *text)
{
    struct option_list *const list = (struct option_list *)(void *)field;
    if (list->n == OPTION_LIST_MAX) {
        options_wrong(c, "--%s: given more than %d times", o->name, OPTION_LIST_MAX);
        return false;
    }
    list->item[list->n++] = text;
    return true;
}

static bool set_value(const struct command *c, const struct option *o, void *options,
                      const char *text)
{
    char *field = (char *)options + o->offset;
    switch (o->kind) {
    case OPTION_FLAG:
        memcpy(field, &(bool){true}, sizeof(bool));
        return true;
    case OPTION_INT:
    case OPTION_FLOAT:
        return set_number(c, o, field, text);
    case OPTION_TEXT:
        memcpy(field, &text, sizeof text);
        return true;
    case OPTION_CHOICE: {
        const int index = text == NULL ? -1 : choice_index(o->argument, text);
        if (index < 0 && text != NULL) return wrong_value(c, o, text);
        memcpy(field, &index, sizeof index);
        return true;
    }
    case OPTION_SWITCH:
        return set_switch(c, o, field, text);
    case OPTION_LIST:
        return add_item(c, o, field, text);
    }
    ITX_BUG();
}

static bool set_fallbacks(const struct command *c, void *options)
{
    for (int i = 0; i < c->n_options; i++) {
        const struct option *o = &c->options[i];
        if ((o->fallback != NULL || o->kind == OPTION_CHOICE) &&
            !set_value(c, o, options, o->fallback))
            return false;
    }
    return true;
}

/* ---- arguments ---- */

static void unknown_option(const struct command *c, const char *name)
{
    const char *names[MAX_NAMES];
    int n = 0;
    names[n++] = "help";
    for (int i = 0; i < c->n_options && n < MAX_NAMES; i++) names[n++] = c->options[i].name;
    const char *near = nearest_name(name, names, n);
    if (near != NULL)
        options_wrong(c, "unknown option --%s, did you mean --%s?", name, near);
    else
        options_wrong(c, "unknown option --%s", name);
}

static const struct option *find_option(const struct command *c, struct str name, char letter)
{
    for (int i = 0; i < c->n_options; i++)
        if (letter != 0 ? c->options[i].letter == letter : str_eq(name, c->options[i].name))
            return &c->options[i];
    return NULL;
}

struct parser {
    const struct command *command;
    int argc, at;
    char **argv;
    void *options;
    unsigned char seen[MAX_NAMES];
};

/* One option at argv[at], with its value behind '=' or in the next argument. */
static bool parse_option(struct parser *p)
{
    const char *text = p->argv[p->at];
    const bool is_long = text[1] == '-';
    const char *name = text + (is_long ? 2 : 1);
    const size_t len = is_long ? strcspn(name, "=") : 1;
    const struct option *o =
        find_option(p->command, (struct str){name, len}, is_long ? 0 : name[0]);
    if (o == NULL) {
        char given[64];
        snprintf(given, sizeof given, "%.*s", (int)(len < 60 ? len : 60), name);
        if (is_long)
            unknown_option(p->command, given);
        else
            options_wrong(p->command, "unknown option -%c", name[0]);
        return false;
    }
    p->seen[o - p->command->options] = 1;
    const char *value = name[len] == '\0' ? NULL : name + len + is_long;
    if (o->kind == OPTION_FLAG || o->kind == OPTION_SWITCH) {
        if (value == NULL || o->kind == OPTION_SWITCH)
            return set_value(p->command, o, p->options, value);
        options_wrong(p->command, "%s: --%s takes no value", text, o->name);
        return false;
    }
    if (value == NULL && p->at + 1 < p->argc) value = p->argv[++p->at];
    if (value == NULL) {
        options_wrong(p->command, "--%s needs a value: %s", o->name, o->argument);
        return false;
    }
    return set_value(p->command, o, p->options, value);
}

static bool check_counts(const struct parser *p, int n_args)
{
    const struct command *c = p->command;
    if (n_args < c->min_args || n_args > c->max_args) {
        options_wrong(c,
                      n_args < c->min_args ? "an argument is missing: %s"
                                           : "too many arguments, expected: %s",
                      c->arguments);
        return false;
    }
    for (int i = 0; i < c->n_options; i++) {
        const struct option *o = &c->options[i];
        if (!o->is_required || p->seen[i]) continue;
        options_wrong(c, "--%s %s is missing", o->name, o->argument);
        return false;
    }
    return true;
}

bool options_parse(const struct command *command, int argc, char **argv, void *options, int *n_args,
                   bool *wants_help)
{
    struct parser p = {.command = command, .argc = argc, .argv = argv, .options = options};
    if (command->n_options > MAX_NAMES) ITX_BUG();
    if (!set_fallbacks(command, options)) ITX_BUG();
    bool only_arguments = false;
    int n = 0;
    for (; p.at < argc; p.at++) {
        const char *text = argv[p.at];
        if (only_arguments || text[0] != '-' || text[1] == '\0') {
            argv[n++] = argv[p.at];
        } else if (strcmp(text, "--") == 0) {
            only_arguments = true;
        } else if (strcmp(text, "-h") == 0 || strcmp(text, "--help") == 0) {
            *wants_help = true;
            return true;
        } else if (!parse_option(&p)) {
            return false;
        }
    }
    *n_args = n;
    return check_counts(&p, n);
}

/* ---- help ---- */

void options_synopsis(const struct command *command, FILE *out)
{
    fprintf(out, "%s%s%s%s", own_name(command), command->name,
            command->arguments[0] != '\0' ? " " : "", command->arguments);
    for (int i = 0; i < command->n_options; i++)
        if (command->options[i].is_required && command->options[i].letter != 0)
            fprintf(out, " -%c %s", command->options[i].letter, command->options[i].argument);
        else if (command->options[i].is_required)
            fprintf(out, " --%s %s", command->options[i].name, command->options[i].argument);
    fprintf(out, " [options]\n");
}

/* Words of `text` from column `at` on, broken before HELP_WIDTH. */
static void print_wrapped(FILE *out, const char *text, int at)
{
    int column = at;
    for (const char *p = text; *p != '\0';) {
        const int n = (int)strcspn(p, " ");
        if (column > at && column + 1 + n > HELP_WIDTH) {
            fprintf(out, "\n%*s", at, "");
            column = at;
        }
        column += fprintf(out, "%s%.*s", column > at ? " " : "", n, p);
        p += n + (p[n] == ' ');
    }
    fprintf(out, "\n");
}

static void option_help(const struct option *o, FILE *out)
{
    char left[80], text[600];
    const int n = o->letter != 0 ? snprintf(left, sizeof left, "  -%c, --%s", o->letter, o->name)
                                 : snprintf(left, sizeof left, "      --%s", o->name);
    if (o->kind != OPTION_FLAG && o->kind != OPTION_SWITCH)
        snprintf(left + n, sizeof left - (size_t)n, " %s", o->argument);
    if (o->fallback != NULL)
        snprintf(text, sizeof text, "%s (default: %s)", o->help, o->fallback);
    else
        snprintf(text, sizeof text, "%s", o->help);
    const int width = fprintf(out, "%-*s", HELP_COLUMN, left);
    if (width > HELP_COLUMN - 1 && strlen(left) > HELP_COLUMN - 2)
        fprintf(out, "\n%*s", HELP_COLUMN, "");
    print_wrapped(out, text, HELP_COLUMN);
}

void options_help(const struct command *command, FILE *out)
{
    fprintf(out, "usage: ");
    options_synopsis(command, out);
    fprintf(out, "\n%s\n\noptions:\n", command->summary);
    for (int i = 0; i < command->n_options; i++) option_help(&command->options[i], out);
    fprintf(out, "  -h, --help              this text\n");
}
