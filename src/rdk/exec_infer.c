/* SPDX-License-Identifier: Apache-2.0
 *
 * hrt_model_exec infer: runs a frame and writes what goes in and comes out.
 */
#include <inttypes.h>

#include "base/format.h"
#include "base/mem.h"
#include "dnn/values.h"
#include "rdk/exec.h"
#include "rdk/made_name.h"

enum { FORMAT_BIN, FORMAT_TXT };

/* What is written into a file: the values of an input or output. */
struct dump {
    const char *kind, *name; /* "input" or "output"; its name */
    int i;
    const int *shape;
    size_t n, size; /* numbers, bytes of one */
    enum { BYTES, INT8, INT16, INT32, FLOATS } type;
    const void *data; /* [n] */
};

static void set_type(struct dump *d, enum itx_dtype dtype)
{
    d->type = dtype == ITX_S8 ? INT8 : dtype == ITX_S16 ? INT16 : dtype == ITX_S32 ? INT32 : FLOATS;
    d->size = dtype == ITX_S8 ? 1 : dtype == ITX_S16 ? 2 : 4;
}

/* DIR/model_infer_output_I_NAME.bin; what cannot stand in a file's name becomes '_'. */
static void dump_path(const struct exec_options *o, const struct dump *d, int format,
                      struct strbuf *path)
{
    strbuf_addf(path, "%s/model_infer_%s_%d_", o->dump_path != NULL ? o->dump_path : ".", d->kind,
                d->i);
    strbuf_add_file_name(path, d->name);
    strbuf_addf(path, format == FORMAT_BIN ? ".bin" : ".txt");
}

static void add_number(struct strbuf *text, const struct dump *d, size_t at, int precision)
{
    switch (d->type) {
    case BYTES:
        strbuf_addf(text, "%d", ((const uint8_t *)d->data)[at]);
        break;
    case INT8:
        strbuf_addf(text, "%d", ((const int8_t *)d->data)[at]);
        break;
    case INT16:
        strbuf_addf(text, "%d", ((const int16_t *)d->data)[at]);
        break;
    case INT32:
        strbuf_addf(text, "%" PRId32, ((const int32_t *)d->data)[at]);
        break;
    case FLOATS:
        strbuf_addf(text, "%.*f", precision, (double)((const float *)d->data)[at]);
        break;
    }
}

/* How many numbers stand in a line. */
static size_t line_length(const int *shape, int axis)
{
    size_t n = 1;
    for (int i = axis + 1; axis >= 0 && i < 4; i++) n *= (size_t)shape[i];
    return n;
}

static itx_status write_text(struct exec *e, const struct dump *d, struct strbuf *path,
                             struct itx_error *err)
{
    struct strbuf text = {0};
    const struct exec_options *const o = e->options;
    const size_t line = line_length(d->shape, o->dump_txt_axis);
    for (size_t i = 0; i < d->n; i++) {
        add_number(&text, d, i, o->dump_precision);
        strbuf_addf(&text, (i + 1) % line == 0 || i + 1 == d->n ? "\n" : " ");
    }
    const itx_status rc = text.failed ? itx_fail(err, ITX_E_NOMEM, "%s: out of memory", path->data)
                                      : made_name_write(&e->used, path, text.data, text.len, err);
    strbuf_release(&text);
    return rc;
}

static itx_status write_dump(struct exec *e, const struct dump *d, int format,
                             struct itx_error *err)
{
    struct strbuf path = {0};
    itx_status rc;
    dump_path(e->options, d, format, &path);
    if (path.failed)
        rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    else if (format == FORMAT_TXT)
        rc = write_text(e, d, &path, err);
    else
        rc = made_name_write(&e->used, &path, d->data, d->n * d->size, err);
    strbuf_release(&path);
    return rc;
}

static size_t count(const int *shape)
{
    return (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2] * (size_t)shape[3];
}

/* The bytes of a picture, in *own (mem_free) where its rows have gaps. */
static itx_status take_picture(const struct itx_image *image, struct dump *d, void **own,
                               struct itx_error *err)
{
    const size_t h = (size_t)image->height, w = (size_t)image->width;
    const bool is_nv12 = image->format == ITX_IMAGE_NV12;
    const size_t row = is_nv12 || image->format == ITX_IMAGE_GRAY ? w : 3 * w;
    const size_t n_rows[] = {h, is_nv12 ? (h + 1) / 2 : 0};
    const size_t rows[] = {row, (w + 1) / 2 * 2};
    uint8_t *to = *own = mem_alloc(row * h + rows[1] * n_rows[1]);
    if (to == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    d->type = BYTES;
    d->size = 1;
    d->n = row * h + rows[1] * n_rows[1];
    d->data = to;
    for (int k = 0; k < 2; k++)
        for (size_t y = 0; y < n_rows[k]; y++, to += rows[k])
            memcpy(to, image->plane[k] + y * image->stride[k], rows[k]);
    return ITX_OK;
}

static itx_status dump_input(struct exec *e, const struct rdk_frame *frame, int i,
                             struct itx_error *err)
{
    const struct rdk_tensor t = rdk_input(e->plan, i);
    struct dump d = {
        .kind = "input", .name = t.name, .i = i, .shape = t.shape, .n = count(t.shape)};
    void *own = NULL;
    itx_status rc = ITX_OK;
    if (frame->numbers != NULL) {
        set_type(&d, frame->numbers[i].dtype);
        d.data = frame->numbers[i].data;
    } else {
        rc = take_picture(&frame->image, &d, &own, err);
    }
    if (rc == ITX_OK) rc = write_dump(e, &d, e->options->dump_format, err);
    mem_free(own);
    return rc;
}

static itx_status dump_output(struct exec *e, const struct rdk_run *run, int i,
                              struct itx_error *err)
{
    const struct rdk_output *const out = &run->output[i];
    const struct rdk_tensor *const t = &out->tensor;
    const bool makes = !t->is_float && e->options->hybrid_dequantize_process;
    struct dump d = {.kind = "output",
                     .name = t->name,
                     .i = i,
                     .shape = t->shape,
                     .n = count(t->shape),
                     .data = out->data};
    set_type(&d, t->is_float || makes ? ITX_F32 : out->stored.dtype);
    float *const made = makes ? mem_alloc(d.n * sizeof *made) : NULL;
    if (makes && made == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (makes) d.data = made;
    itx_status rc = makes ? rdk_run_floats(run, i, made, err) : ITX_OK;
    if (rc == ITX_OK) rc = write_dump(e, &d, e->options->dump_format, err);
    mem_free(made);
    return rc;
}

/* What a step wrote: integers as they are stored. */
static itx_status dump_layer(struct exec *e, const struct rdk_run *run, int i,
                             struct itx_error *err)
{
    const struct plan_step *const s = &e->plan->steps[i];
    struct itx_tensor_info t;
    ITX_TRY(itx_model_get_tensor(e->model, (int)s->out, &t, err));
    const int shape[] = {1, t.height, t.width, t.channels};
    struct dump d = {.kind = "layer", .name = s->name, .i = i, .shape = shape, .n = count(shape)};
    set_type(&d, t.dtype);
    void *const dense = mem_alloc(d.n * d.size);
    if (dense == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    dnn_values_dense(&t, itx_session_tensor(run->session, (int)s->out), dense);
    d.data = dense;
    itx_status rc = write_dump(e, &d, FORMAT_BIN, err);
    if (rc == ITX_OK && e->options->dump_intermediate > 1) rc = write_dump(e, &d, FORMAT_TXT, err);
    mem_free(dense);
    return rc;
}

static itx_status dump(struct exec *e, const struct rdk_frame *frame, const struct rdk_run *run,
                       struct itx_error *err)
{
    const struct exec_options *const o = e->options;
    const bool ends = o->enable_dump, layers = o->dump_intermediate > 0;
    if (o->dump_path != NULL && (ends || layers)) ITX_TRY(file_make_folders(o->dump_path, err));
    for (int i = 0; ends && i < e->plan->n_inputs; i++) ITX_TRY(dump_input(e, frame, i, err));
    for (int i = 0; ends && i < run->n_outputs; i++) ITX_TRY(dump_output(e, run, i, err));
    for (int i = 0; layers && i < e->plan->n_steps; i++) ITX_TRY(dump_layer(e, run, i, err));
    return ITX_OK;
}

static itx_status run_frames(struct exec *e, struct rdk_run *run, const struct rdk_frame *frame,
                             struct itx_error *err)
{
    const int n = e->options->frame_count > 0 ? e->options->frame_count : 1;
    for (int i = 0; i < n; i++) {
        printf("---------------------Frame %d begin---------------------\n", i);
        ITX_TRY(rdk_run_frame(run, frame, err));
        format_out("Infer time: %f ms\n", (double)run->total_ns / 1e6);
        printf("---------------------Frame %d end---------------------\n", i);
    }
    return dump(e, frame, run, err);
}

itx_status exec_infer(struct exec *e, struct itx_error *err)
{
    struct rdk_frame frame = {0};
    struct rdk_run run = {0};
    const unsigned what = e->options->dump_intermediate > 0 ? RDK_RUN_TENSORS : 0;
    itx_status rc = exec_frame(e, &frame, err);
    if (rc == ITX_OK) rc = rdk_run_open(&run, e->model, e->plan, 0, what, &e->options->limits, err);
    if (rc == ITX_OK) rc = run_frames(e, &run, &frame, err);
    rdk_run_release(&run);
    rdk_frame_release(&frame);
    return rc;
}
