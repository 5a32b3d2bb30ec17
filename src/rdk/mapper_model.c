/* SPDX-License-Identifier: Apache-2.0
 *
 * makertbin: model_parameters, and the network that they name.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/format.h"
#include "cmd/json.h"
#include "rdk/mapper_network.h"
#include "rdk/mapper_work.h"
#include "rdk/rdk_bin.h"

static itx_status no_memory(struct itx_error *err)
{
    return itx_fail(err, ITX_E_NOMEM, "out of memory");
}

/* A path that exists, in full: from the current folder, else from the yaml's. NULL when there is none. */
static const char *find_file(struct mapper *m, const char *path)
{
    char full[PATH_MAX];
    if (realpath(path, full) != NULL) return arena_text(&m->arena, full, strlen(full));
    const int n = (int)(rdk_base_name(m->yaml) - m->yaml);
    const char *const beside = path[0] != '/' ? mapper_text(m, "%.*s%s", n, m->yaml, path) : NULL;
    if (n == 0 || beside == NULL || realpath(beside, full) == NULL) return NULL;
    return arena_text(&m->arena, full, strlen(full));
}

static itx_status read_paths(struct mapper *m, struct itx_error *err)
{
    char here[PATH_MAX];
    const char *const onnx = mapper_value(m, KEY_onnx_model)->text;
    const char *const folder = mapper_value(m, KEY_working_dir)->text;
    m->onnx = find_file(m, onnx);
    if (m->onnx == NULL) {
        mapper_wrong(m, KEY_onnx_model, "%s: %s", onnx, error_text(errno));
    } else {
        rdk_say(&m->log, RDK_INFO, "Using abs path %s", m->onnx);
        rdk_say(&m->log, RDK_INFO, "Using onnx model file: %s", m->onnx);
    }
    m->march = mapper_value(m, KEY_march)->text;
    m->prefix = mapper_value(m, KEY_output_model_file_prefix)->text;
    if (strchr(m->prefix, '/') != NULL)
        mapper_wrong(m, KEY_output_model_file_prefix,
                     "\"%s\" is a path: the folder is working_dir, this is how names begin",
                     m->prefix);
    if (getcwd(here, sizeof here) == NULL) return itx_fail_errno(err, "the current folder");
    m->folder = folder[0] == '/' ? folder : mapper_text(m, "%s/%s", here, folder);
    m->bin = mapper_text(m, "%s/%s.bin", m->folder, m->prefix);
    return m->folder != NULL && m->bin != NULL ? ITX_OK : no_memory(err);
}

/* "['a', 'b']" */
static void say_input_names(struct mapper *m)
{
    const json_t *const inputs = json_object_get(m->check, "inputs");
    struct strbuf names = {0};
    for (size_t i = 0; i < json_array_size(inputs); i++)
        strbuf_addf(&names, "%s'%s'", i > 0 ? ", " : "",
                    json_text_of(json_array_get(inputs, i), "name"));
    rdk_say(&m->log, RDK_INFO, "Model input names: [%s]",
            names.len > 0 && !names.failed ? names.data : "");
    rdk_say(&m->log, RDK_INFO, "Model has %zu inputs according to model file",
            json_array_size(inputs));
    strbuf_release(&names);
}

/* All nodes that cannot run are named. */
static itx_status check_network(struct mapper *m, struct itx_error *err)
{
    char *text = NULL;
    ITX_TRY(itx_check(m->onnx, &text, err));
    m->check = json_loads(text, 0, NULL);
    itx_text_free(text);
    if (m->check == NULL) return no_memory(err);
    const int n_refused = mapper_say_refused(&m->log, m->check);
    if (!json_is_true(json_object_get(m->check, "ok")))
        return itx_fail(err, ITX_E_UNSUPPORTED, "%s: %d of %zu nodes cannot run", m->onnx,
                        n_refused, json_array_size(json_object_get(m->check, "nodes")));
    say_input_names(m);
    return ITX_OK;
}

/* Whether names of nodes are in the network: else the whole would be built for nothing. */
static void check_output_nodes(struct mapper *m)
{
    const struct mapper_value *const v = mapper_value(m, KEY_output_nodes);
    const json_t *const nodes = json_object_get(m->check, "nodes");
    for (int i = 0; i < v->n; i++) {
        bool is_there = v->item[i] == NULL || v->item[i][0] == '\0';
        for (size_t k = 0; !is_there && k < json_array_size(nodes); k++)
            is_there = strcmp(json_text_of(json_array_get(nodes, k), "name"), v->item[i]) == 0;
        if (!is_there) mapper_wrong(m, KEY_output_nodes, "there is no node \"%s\"", v->item[i]);
    }
    if (v->n > 0 && v->item[0] != NULL) {
        m->build.output_nodes = v->item;
        m->build.n_output_nodes = v->n;
    }
}

itx_status mapper_read_model(struct mapper *m, struct itx_error *err)
{
    rdk_say(&m->log, RDK_INFO, "validating model_parameters...");
    ITX_TRY(read_paths(m, err));
    ITX_TRY(mapper_say_mistakes(m, err));
    ITX_TRY(check_network(m, err));
    check_output_nodes(m);
    ITX_TRY(mapper_say_mistakes(m, err));
    rdk_say(&m->log, RDK_INFO, "march: %s; a compiled model runs on any CPU, whatever it says",
            m->march);
    mapper_say_idle(m, GROUP_MODEL);
    rdk_say(&m->log, RDK_INFO, "validating model_parameters finished");
    return ITX_OK;
}
