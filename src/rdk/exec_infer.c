/* SPDX-License-Identifier: Apache-2.0
 *
 * hrt_model_exec infer: runs a frame and writes what comes out.
 */
#include <inttypes.h>

#include "base/mem.h"
#include "rdk/exec.h"

enum { FORMAT_BIN, FORMAT_TXT };

/* DIR/model_infer_output_I_NAME.bin; what cannot stand in a file's name becomes '_'. */
static void dump_path(const struct exec *e, int i, struct strbuf *path)
{
    const struct exec_options *const o = e->options;
    strbuf_addf(path, "%s/model_infer_output_%d_", o->dump_path != NULL ? o->dump_path : ".", i);
    for (const char *p = e->plan->outputs[i].name; *p != '\0'; p++) {
        const unsigned char byte = (unsigned char)*p;
        strbuf_addf(path, "%c", byte == '/' || byte < 0x20 ? '_' : *p);
    }
    strbuf_addf(path, o->dump_format == FORMAT_BIN ? ".bin" : ".txt");
}

static void add_number(struct strbuf *text, const struct rdk_output *out, const float *real,
                       size_t at, int precision)
{
    if (real != NULL)
        strbuf_addf(text, "%.*f", precision, (double)real[at]);
    else if (out->stored.dtype == ITX_S8)
        strbuf_addf(text, "%d", ((const int8_t *)out->data)[at]);
    else if (out->stored.dtype == ITX_S16)
        strbuf_addf(text, "%d", ((const int16_t *)out->data)[at]);
    else
        strbuf_addf(text, "%" PRId32, ((const int32_t *)out->data)[at]);
}

/* How many numbers stand in a line. */
static size_t line_length(const struct rdk_tensor *t, int axis)
{
    size_t n = 1;
    for (int i = axis + 1; axis >= 0 && i < 4; i++) n *= (size_t)t->shape[i];
    return n;
}

static itx_status write_text(const struct exec *e, const struct rdk_output *out, const float *real,
                             size_t n, const char *path, struct itx_error *err)
{
    struct strbuf text = {0};
    const size_t line = line_length(&out->tensor, e->options->dump_txt_axis);
    for (size_t i = 0; i < n; i++) {
        add_number(&text, out, real, i, e->options->dump_precision);
        strbuf_addf(&text, (i + 1) % line == 0 ? "\n" : " ");
    }
    const itx_status rc = text.failed ? itx_fail(err, ITX_E_NOMEM, "%s: out of memory", path)
                                      : file_write(path, text.data, text.len, err);
    strbuf_release(&text);
    return rc;
}

static itx_status write_numbers(const struct exec *e, const struct rdk_run *run, int i,
                                const char *path, struct itx_error *err)
{
    const struct rdk_output *const out = &run->output[i];
    const struct rdk_tensor *const t = &out->tensor;
    const size_t n = (size_t)t->shape[1] * (size_t)t->shape[2] * (size_t)t->shape[3];
    float *made = NULL;
    if (!t->is_float && e->options->hybrid_dequantize_process) {
        made = mem_alloc(n * sizeof *made);
        if (made == NULL) return itx_fail(err, ITX_E_NOMEM, "%s: out of memory", path);
        rdk_run_floats(run, i, made);
    }
    const float *const real = t->is_float ? out->data : made;
    itx_status rc;
    if (e->options->dump_format == FORMAT_TXT)
        rc = write_text(e, out, real, n, path, err);
    else if (made != NULL)
        rc = file_write(path, made, n * sizeof *made, err);
    else
        rc = file_write(path, out->data, (size_t)t->byte_size, err);
    mem_free(made);
    return rc;
}

static itx_status dump(const struct exec *e, const struct rdk_run *run, struct itx_error *err)
{
    if (e->options->dump_path != NULL) ITX_TRY(rdk_make_folders(e->options->dump_path, err));
    for (int i = 0; i < run->n_outputs; i++) {
        struct strbuf path = {0};
        dump_path(e, i, &path);
        const itx_status rc = path.failed ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                                          : write_numbers(e, run, i, path.data, err);
        strbuf_release(&path);
        ITX_TRY(rc);
    }
    return ITX_OK;
}

static itx_status run_frames(struct exec *e, struct rdk_run *run, const struct rdk_frame *frame,
                             struct itx_error *err)
{
    const int n = e->options->frame_count > 0 ? e->options->frame_count : 1;
    for (int i = 0; i < n; i++) {
        printf("---------------------Frame %d begin---------------------\n", i);
        ITX_TRY(rdk_run_frame(run, frame, err));
        printf("Infer time: %f ms\n", (double)run->total_ns / 1e6);
        printf("---------------------Frame %d end---------------------\n", i);
    }
    return e->options->enable_dump ? dump(e, run, err) : ITX_OK;
}

itx_status exec_infer(struct exec *e, struct itx_error *err)
{
    struct rdk_frame frame = {0};
    struct rdk_run run = {0};
    itx_status rc = exec_frame(e, &frame, err);
    if (rc == ITX_OK) rc = rdk_run_open(&run, e->model, e->plan, 0, false, err);
    if (rc == ITX_OK) rc = run_frames(e, &run, &frame, err);
    rdk_run_release(&run);
    rdk_frame_release(&frame);
    return rc;
}
