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
    {"config", 'c', OPTION_TEXT, AT(config), "FILE", NULL, 0, 0, false,
     "makertbin: the yaml with all parameters; docs/rdk.md lists its keys"},
    {"fast-perf", 0, OPTION_FLAG, AT(fast_perf), "", NULL, 0, 0, false,
     "makertbin: no yaml: the fastest program of --model for --march, calibrated with made-up "
     "data; "
     "tells the speed, not what is found"},
    {"march", 0, OPTION_TEXT, AT(march), "MARCH", NULL, 0, 0, false,
     "bernoulli2, bayes or bayes-e: the board; here all of them run on any CPU"},
    {"model", 0, OPTION_TEXT, AT(model), "MODEL.onnx", NULL, 0, 0, false,
     "checker, --fast-perf: the network"},
    {"proto", 0, OPTION_TEXT, AT(proto), "FILE", NULL, 0, 0, false, "of caffe networks: refused"},
    {"input-shape", 0, OPTION_LIST, AT(input_shape), "NAME SHAPE", NULL, 0, 0, false,
     "checker: the shape of an input, 1x3x640x640; may be given for each"},
    OPTION_MAX_PIXELS("max-pixels", AT(max_pixels)),
    {"output", 0, OPTION_TEXT, AT(output), "FILE", NULL, 0, 0, false, "has no meaning"},
    {"version", 0, OPTION_FLAG, AT(version), "", NULL, 0, 0, false, "print the version"},
};
#undef AT

itx_status mapper_check_type(const struct mapper_options *o, struct itx_error *err)
{
    if (o->model_type == NULL) return itx_fail(err, ITX_E_INVAL, "--model-type onnx is missing");
    if (strcmp(o->model_type, "caffe") == 0 || o->proto != NULL)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "caffe networks are not read: export the network as ONNX");
    if (strcmp(o->model_type, "onnx") != 0)
        return itx_fail(err, ITX_E_INVAL, "--model-type: \"%s\" is neither onnx nor caffe",
                        o->model_type);
    return ITX_OK;
}

itx_status mapper_check_march(const struct mapper_options *o, struct itx_error *err)
{
    static const char *const marches[] = {"bernoulli2", "bayes", "bayes-e"};
    bool is_march = false;
    for (size_t i = 0; o->march != NULL && i < ARRAY_LEN(marches); i++)
        is_march = is_march || strcmp(o->march, marches[i]) == 0;
    if (is_march) return ITX_OK;
    const char *const near =
        o->march != NULL ? nearest_name(o->march, marches, (int)ARRAY_LEN(marches)) : NULL;
    return itx_fail(err, ITX_E_INVAL, "--march: %s: it is bernoulli2, bayes or bayes-e%s%s",
                    o->march != NULL ? o->march : "is missing",
                    near != NULL ? "; did you mean " : "", near != NULL ? near : "");
}

static enum exit_code mapper_run(const void *options, int n_args, const char *const *args)
{
    static const char *const names[] = {"checker", "makertbin"};
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
    if (strcmp(args[0], "makertbin") == 0) return mapper_makertbin(o, n_args - 1);
    const char *const near = nearest_name(args[0], names, (int)ARRAY_LEN(names));
    if (near != NULL)
        return options_wrong(&command_hb_mapper, "unknown command %s, did you mean %s?", args[0],
                             near);
    return options_wrong(&command_hb_mapper, "unknown command %s", args[0]);
}

const struct command command_hb_mapper = {
    "hb_mapper",
    "Says how every node of a network will run (checker), compiles it (makertbin)",
    "checker|makertbin",
    mapper_rows,
    ARRAY_LEN(mapper_rows),
    sizeof(struct mapper_options),
    0,
    OPTION_LIST_MAX + 1,
    mapper_run,
    true,
};
