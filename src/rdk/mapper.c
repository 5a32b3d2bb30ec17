/* SPDX-License-Identifier: Apache-2.0
 *
 * hb_mapper: which of its commands is meant.
 */
#include "rdk/mapper.h"

#include <string.h>

#include "cmd/terminal.h"
#include "rdk/rdk.h"
#include "rdk/rdk_version.h"

#define AT(field) offsetof(struct mapper_options, field)
static const struct option mapper_rows[] = {
    {"model-type", 0, OPTION_TEXT, AT(model_type), "onnx", NULL, 0, 0, false,
     "what kind of file the model is"},
    {"march", 0, OPTION_TEXT, AT(march), "MARCH", NULL, 0, 0, false,
     "bernoulli2, bayes or bayes-e: the board; here all of them run on any CPU"},
    {"model", 0, OPTION_TEXT, AT(model), "MODEL.onnx", NULL, 0, 0, false, "the network"},
    {"proto", 0, OPTION_TEXT, AT(proto), "FILE", NULL, 0, 0, false, "of caffe networks: refused"},
    {"input-shape", 0, OPTION_LIST, AT(input_shape), "NAME SHAPE", NULL, 0, 0, false,
     "the shape of an input, 1x3x640x640; may be given for each"},
    {"output", 0, OPTION_TEXT, AT(output), "FILE", NULL, 0, 0, false, "has no meaning"},
    {"config", 'c', OPTION_TEXT, AT(config), "FILE", NULL, 0, 0, false,
     "read by makertbin; has no meaning for checker"},
    {"version", 0, OPTION_FLAG, AT(version), "", NULL, 0, 0, false, "print the version"},
};
#undef AT

static enum exit_code mapper_run(const void *options, int n_args, const char *const *args)
{
    static const char *const names[] = {"checker"};
    const struct mapper_options *const o = options;
    if (o->version) {
        printf("hb_mapper, version %s\n", RDK_BUILDER_VERSION);
        return EXIT_DONE;
    }
    if (n_args == 0) {
        options_help(&command_hb_mapper, stdout);
        return EXIT_DONE;
    }
    if (strcmp(args[0], "checker") == 0) return mapper_checker(o, n_args - 1, args + 1);
    const char *const near = nearest_name(args[0], names, (int)ARRAY_LEN(names));
    if (near != NULL)
        return options_wrong(&command_hb_mapper, "unknown command %s, did you mean %s?", args[0],
                             near);
    return options_wrong(&command_hb_mapper, "unknown command %s", args[0]);
}

const struct command command_hb_mapper = {
    "hb_mapper",
    "Says how every node of a network will run (checker)",
    "checker",
    mapper_rows,
    ARRAY_LEN(mapper_rows),
    sizeof(struct mapper_options),
    0,
    OPTION_LIST_MAX + 1,
    mapper_run,
    true,
};
