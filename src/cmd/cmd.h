/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sub-command is: one file, one const struct command, one line in main.c's table. Options are rows; parsing, help
 * and the man page are made from them.
 *
 * To add a command: write NAME.c with `const struct command command_NAME`, declare it below, add it to main.c's table
 * and to meson.build, write man/NAME.roff and a case in tests/cli.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/compiler.h"

enum exit_code { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

/* The field behind `offset` is a bool, int, float, const char *, int (index into the alternatives), bool, or struct
 * option_list. A switch is a flag that may be given a value, "--name=false"; a list may be given again and again. */
enum option_kind {
    OPTION_FLAG,
    OPTION_INT,
    OPTION_FLOAT,
    OPTION_TEXT,
    OPTION_CHOICE,
    OPTION_SWITCH,
    OPTION_LIST
};

enum { OPTION_LIST_MAX = 256 };
struct option_list {
    int n;
    const char *item[OPTION_LIST_MAX];
};

struct option {
    const char *name; /* without the dashes */
    char letter;      /* "-o"; 0: none */
    enum option_kind kind;
    size_t offset;        /* in the command's options */
    const char *argument; /* shown in the help; OPTION_CHOICE: the alternatives, "rgb|nv12" */
    const char *fallback; /* used when not given; NULL: 0, NULL or, for a choice, -1 */
    double min, max;      /* of numbers, both allowed */
    bool is_required;
    const char *help;
};

/* The row of every command that reads pictures; its field is an int that picture_read is given. */
#define OPTION_MAX_PIXELS(name, at)                                                                \
    {                                                                                              \
        name, 0, OPTION_INT, at, "N", "256000000", 1, 1073741824, false,                           \
            "refuse a picture of more pixels; each takes 3 bytes of memory"                        \
    }

/* What a NAME.bin may ask of the machine. `prefix`: of the options' names, "max-" or "max_"; `at`: where the command's options
 * have them. */
struct model_limits {
    int work, scratch, memory;
};
#define OPTION_MODEL_LIMITS(prefix, at)                                                            \
    {prefix "work",                                                                                \
     0,                                                                                            \
     OPTION_INT,                                                                                   \
     (at) + offsetof(struct model_limits, work),                                                   \
     "N",                                                                                          \
     "4000",                                                                                       \
     1,                                                                                            \
     INT_MAX,                                                                                      \
     false,                                                                                        \
     "refuse a model that takes more multiplications and reads of windows for a frame, in "        \
     "thousand millions"},                                                                         \
        {prefix "scratch",                                                                         \
         0,                                                                                        \
         OPTION_INT,                                                                               \
         (at) + offsetof(struct model_limits, scratch),                                            \
         "MIB",                                                                                    \
         "1024",                                                                                   \
         1,                                                                                        \
         INT_MAX,                                                                                  \
         false,                                                                                    \
         "refuse a model with a step that takes more memory while it runs"},                       \
    {                                                                                              \
        prefix "memory", 0, OPTION_INT, (at) + offsetof(struct model_limits, memory), "MIB",       \
            "2048", 1, INT_MAX, false, "refuse a model that takes more memory in all"              \
    }

#define OPTION_MAX_CONSTANTS(name, at)                                                             \
    {                                                                                              \
        name, 0, OPTION_INT, at, "MIB", "1024", 1, 1048576, false,                                 \
            "refuse an ONNX file whose constants make more MiB of others"                          \
    }
/* In bytes, as itx_build_options has it. */
static inline int64_t option_mib(int mib)
{
    return (int64_t)mib << 20;
}

struct command {
    const char *name, *summary;
    const char *arguments; /* in the synopsis, "NAME.bin PHOTO..." */
    const struct option *options;
    int n_options;
    size_t options_size;
    int min_args, max_args;
    enum exit_code (*run)(const void *options, int n_args, const char *const *args);
    bool
        is_program; /* known by its own name, a link to the program; "intarsia NAME" works as well */
};

extern const struct command command_build, command_calib_data, command_check, command_cut,
    command_eval, command_info, command_perf, command_segment;

/* ---- options.c ---- */

/* Fills `options` (options_size bytes, zeroed) and moves what is no option to the front of argv. Wrong usage is
 * explained on stderr. *wants_help: -h was met, nothing else counts. */
bool options_parse(const struct command *command, int argc, char **argv, void *options, int *n_args,
                   bool *wants_help);
/* The synopsis without "usage: ": one line. */
void options_synopsis(const struct command *command, FILE *out);
void options_help(const struct command *command, FILE *out);
/* Says what is wrong with the arguments, and where the help is. */
enum exit_code options_wrong(const struct command *command, const char *fmt, ...) ITX_PRINTF(2, 3);
/* The nearest of n names to `text`, or NULL when none is near. */
const char *nearest_name(const char *text, const char *const *names, int n);

/* For --cpu: false, and explained, unless `level` is NULL or an instruction set. */
bool options_check_cpu(const struct command *command, const char *level);

/* ---- man.c ---- */

/* A page in roff: from the rows, with the sections of the file `prose` around them. */
enum exit_code man_page(const struct command *const *commands, int n_commands, const char *name,
                        const char *prose);

#endif
