/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames in, instances or raw outputs out. The interpreter's lock is released from when the arguments are read until the
 * results are there as plain memory.
 *
 * A picture is (format, range, width, height, planes): numbers of the C interface and one or two arrays of uint8,
 * [h, w], or [h, w, bytes of a pixel]; rows may have gaps between them, pixels may not.
 */
#include "model.h"

#include <string.h>

#include "base/status.h"
#include "dnn/values.h"

/* ---- pictures ---- */

struct picture {
    struct itx_image image;
    struct array plane[2];
};

static void picture_release(struct picture *p)
{
    array_release(&p->plane[0]);
    array_release(&p->plane[1]);
}

/* Plane `i` is [height, row] bytes, however many axes the array has. */
static bool check_plane(struct picture *p, int i, Py_ssize_t height, Py_ssize_t row)
{
    const struct array *const a = &p->plane[i];
    Py_ssize_t bytes = 1;
    for (int k = 1; k < a->n_dims; k++) bytes *= a->shape[k];
    if (a->n_dims < 2 || a->shape[0] != height || bytes != row || !array_is_dense(a, 1, 1) ||
        (height > 1 && a->stride[0] < row)) {
        PyErr_Format(PyExc_ValueError, "plane %d of the picture is not [%zd, %zd] bytes in rows", i,
                     height, row);
        return false;
    }
    p->image.plane[i] = (const uint8_t *)a->data;
    p->image.stride[i] = (size_t)(height > 1 ? a->stride[0] : row);
    return true;
}

static bool read_picture(struct picture *p, PyObject *from)
{
    static const int pixel_bytes[] = {
        [ITX_IMAGE_RGB] = 3,  [ITX_IMAGE_BGR] = 3,  [ITX_IMAGE_NV12] = 1,
        [ITX_IMAGE_GRAY] = 1, [ITX_IMAGE_RGBA] = 4, [ITX_IMAGE_YUV444] = 3};
    int format, range, w, h;
    PyObject *planes[2] = {NULL, NULL};
    *p = (struct picture){0};
    if (!PyArg_ParseTuple(from, "iiiiO|O:picture", &format, &range, &w, &h, &planes[0], &planes[1]))
        return false;
    if (format < ITX_IMAGE_RGB || format > ITX_IMAGE_YUV444 ||
        (format == ITX_IMAGE_NV12) != (planes[1] != NULL)) {
        PyErr_SetString(PyExc_ValueError, "unknown picture format");
        return false;
    }
    p->image.format = (enum itx_image_format)format;
    p->image.range = (enum itx_range)range;
    p->image.width = w;
    p->image.height = h;
    const bool ok = array_borrow(&p->plane[0], planes[0], 'u', 1) &&
                    check_plane(p, 0, h, (Py_ssize_t)w * pixel_bytes[format]) &&
                    (planes[1] == NULL ||
                     (array_borrow(&p->plane[1], planes[1], 'u', 1) &&
                      check_plane(p, 1, ((Py_ssize_t)h + 1) / 2, ((Py_ssize_t)w + 1) / 2 * 2)));
    if (!ok) picture_release(p);
    return ok;
}

/* ---- instances ---- */

struct found {
    int n;
    float *boxes;     /* [n, 4] */
    float *scores;    /* [n] */
    int32_t *classes; /* [n] */
    int32_t *rects;   /* [n, 4]: x, y, w, h of the mask in the frame */
    uint8_t *masks;   /* the masks [h, w] one after the other */
    size_t size, room;
    struct itx_timing timing;
};

static void found_release(struct found *f)
{
    free(f->boxes);
    free(f->scores);
    free(f->classes);
    free(f->rects);
    free(f->masks);
    *f = (struct found){0};
}

static bool found_allocate(struct found *f, int n)
{
    const size_t count = (size_t)n + 1; /* never nothing */
    f->n = n;
    f->boxes = malloc(count * 4 * sizeof *f->boxes);
    f->scores = malloc(count * sizeof *f->scores);
    f->classes = malloc(count * sizeof *f->classes);
    f->rects = malloc(count * 4 * sizeof *f->rects);
    f->room = 4096;
    f->masks = malloc(f->room);
    return f->boxes != NULL && f->scores != NULL && f->classes != NULL && f->rects != NULL &&
           f->masks != NULL;
}

static bool found_add_mask(struct found *f, const uint8_t *mask, size_t size)
{
    if (size > f->room - f->size) {
        const size_t room = 2 * f->room + size;
        uint8_t *const masks = realloc(f->masks, room);
        if (masks == NULL) return false;
        f->masks = masks;
        f->room = room;
    }
    memcpy(f->masks + f->size, mask, size);
    f->size += size;
    return true;
}

static itx_status no_memory(struct itx_error *err)
{
    *err = (struct itx_error){ITX_E_NOMEM, "out of memory"};
    return ITX_E_NOMEM;
}

static itx_status collect(struct found *f, itx_session *session,
                          const struct itx_instance *instances, int n, struct itx_error *err)
{
    if (!found_allocate(f, n)) return no_memory(err);
    for (int i = 0; i < n; i++) {
        const struct itx_instance *const from = &instances[i];
        int x, y, w, h;
        const uint8_t *mask;
        const itx_status rc = itx_session_mask_box(session, i, &x, &y, &w, &h, &mask, err);
        if (rc != ITX_OK) return rc;
        if (!found_add_mask(f, mask, (size_t)w * (size_t)h)) return no_memory(err);
        memcpy(&f->boxes[4 * i], (float[4]){from->x1, from->y1, from->x2, from->y2},
               4 * sizeof(float));
        memcpy(&f->rects[4 * i], (int32_t[4]){x, y, w, h}, 4 * sizeof(int32_t));
        f->scores[i] = from->score;
        f->classes[i] = from->class_id;
    }
    return itx_session_timing(session, &f->timing, err);
}

static PyObject *take(const struct native_state *state, void *memory, const char *type,
                      Py_ssize_t n, int columns, Py_ssize_t item_size)
{
    void *const data = *(void **)memory;
    *(void **)memory = NULL;
    struct block_shape shape = {.type = type, .n_dims = columns > 1 ? 2 : 1, .shape = {n, columns}};
    block_dense(&shape, item_size);
    return block_take(state, data, &shape);
}

static PyObject *found_blocks(const struct native_state *state, struct found *f)
{
    PyObject *const parts[] = {
        take(state, &f->boxes, "<f4", f->n, 4, 4),
        take(state, &f->scores, "<f4", f->n, 1, 4),
        take(state, &f->classes, "<i4", f->n, 1, 4),
        take(state, &f->rects, "<i4", f->n, 4, 4),
        take(state, &f->masks, "|u1", (Py_ssize_t)f->size, 1, 1),
    };
    PyObject *const result = Py_BuildValue("(OOOOO(KKK))", parts[0], parts[1], parts[2], parts[3],
                                           parts[4], (unsigned long long)f->timing.prepare_ns,
                                           (unsigned long long)f->timing.network_ns,
                                           (unsigned long long)f->timing.decode_ns);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) Py_XDECREF(parts[i]);
    return result;
}

/* segment(picture, conf, iou, max_det, multi_label) -> boxes, scores, classes, rects, masks, (ns, ns, ns) */
PyObject *model_segment(PyObject *self, PyObject *args)
{
    struct model *const m = (struct model *)self;
    struct itx_session_options o = m->options;
    struct picture picture;
    PyObject *frame;
    if (!PyArg_ParseTuple(args, "O!ffip:segment", &PyTuple_Type, &frame, &o.conf, &o.iou,
                          &o.max_det, &o.multi_label) ||
        !read_picture(&picture, frame))
        return NULL;
    itx_session *const session = model_take_session(m);
    if (session == NULL) {
        picture_release(&picture);
        return NULL;
    }
    const long pid = m->pid;
    struct found found = {0};
    const struct itx_instance *instances;
    int n = 0;
    struct itx_error err;
    itx_status rc;
    Py_BEGIN_ALLOW_THREADS rc =
        m->info.task == ITX_TASK_RAW ? ITX_OK : itx_session_set_thresholds(session, &o, &err);
    if (rc == ITX_OK) rc = itx_session_segment(session, &picture.image, &instances, &n, &err);
    if (rc == ITX_OK) rc = collect(&found, session, instances, n, &err);
    Py_END_ALLOW_THREADS model_return_session(m, session, pid);
    picture_release(&picture);
    PyObject *const result = rc == ITX_OK ? found_blocks(native_state_of(self), &found)
                                          : native_raise(native_state_of(self), &err);
    found_release(&found);
    return result;
}

/* ---- raw outputs ---- */

enum what { WHAT_REAL, WHAT_STORED, WHAT_SHARED, WHAT_COUNT }; /* ORDER of intarsia/_model.py */

struct outputs {
    int n;
    struct itx_tensor_info *info;
    void **copy; /* [n]; NULL where the session's own memory is shown */
};

static void outputs_release(struct outputs *o)
{
    for (int i = 0; o->copy != NULL && i < o->n; i++) free(o->copy[i]);
    free(o->copy);
    free(o->info);
    *o = (struct outputs){0};
}

static itx_status copy_outputs(struct outputs *o, const struct model *m, itx_session *session,
                               enum what what, struct itx_error *err)
{
    o->n = m->info.n_outputs;
    o->info = calloc((size_t)o->n + 1, sizeof *o->info);
    o->copy = calloc((size_t)o->n + 1, sizeof *o->copy);
    if (o->info == NULL || o->copy == NULL) return no_memory(err);
    for (int i = 0; i < o->n; i++) {
        struct itx_tensor_info *const t = &o->info[i];
        itx_status rc = itx_model_get_output(m->handle, i, t, err);
        if (rc != ITX_OK) return rc;
        if (what == WHAT_SHARED) continue;
        const size_t n = (size_t)t->height * (size_t)t->width * (size_t)t->channels;
        o->copy[i] = malloc(n * (what == WHAT_REAL ? sizeof(float) : dnn_value_size(t)));
        if (o->copy[i] == NULL) return no_memory(err);
        if (what == WHAT_REAL)
            rc = itx_session_read_output(session, i, o->copy[i], err);
        else
            dnn_values_dense(t, itx_session_output(session, i), o->copy[i]);
        if (rc != ITX_OK) return rc;
    }
    return ITX_OK;
}

static const char *type_name(const struct itx_tensor_info *t, enum what what)
{
    static const char *const names[] = {
        [ITX_S8] = "|i1", [ITX_S16] = "<i2", [ITX_S32] = "<i4", [ITX_F32] = "<f4"};
    return what == WHAT_REAL ? "<f4" : names[t->dtype];
}

static PyObject *output_block(const struct native_state *state, struct outputs *o, int i,
                              enum what what, PyObject *lease)
{
    const struct itx_tensor_info *const t = &o->info[i];
    struct block_shape shape = {
        .type = type_name(t, what), .n_dims = 4, .shape = {1, t->height, t->width, t->channels}};
    if (lease == NULL) {
        void *const data = o->copy[i];
        o->copy[i] = NULL;
        block_dense(&shape,
                    what == WHAT_REAL ? (Py_ssize_t)sizeof(float) : (Py_ssize_t)dnn_value_size(t));
        return block_take(state, data, &shape);
    }
    const Py_ssize_t size = (Py_ssize_t)dnn_value_size(t);
    const Py_ssize_t stride[] = {(Py_ssize_t)t->row * t->height * size, (Py_ssize_t)t->row * size,
                                 (Py_ssize_t)t->pixel * size, size};
    memcpy(shape.stride, stride, sizeof stride);
    return block_share(state, itx_session_output(((struct lease *)lease)->session, i), lease,
                       &shape);
}

static PyObject *output_list(const struct native_state *state, struct outputs *o, enum what what,
                             PyObject *lease)
{
    PyObject *list = PyList_New(0);
    for (int i = 0; list != NULL && i < o->n; i++) {
        native_append(&list, output_block(state, o, i, what, lease));
    }
    return list;
}

struct input {
    const struct itx_image *image; /* or */
    const float *const *numbers;
    int n;
};

static PyObject *run(struct model *m, const struct input *in, enum what what)
{
    const struct native_state *const state = native_state_of((PyObject *)m);
    itx_session *const session = model_take_session(m);
    if (session == NULL) return NULL;
    const long pid = m->pid;
    struct outputs outputs = {0};
    struct itx_error err;
    itx_status rc;
    Py_BEGIN_ALLOW_THREADS rc = in->image != NULL
                                    ? itx_session_run(session, in->image, &err)
                                    : itx_session_run_float(session, in->numbers, in->n, &err);
    if (rc == ITX_OK) rc = copy_outputs(&outputs, m, session, what, &err);
    Py_END_ALLOW_THREADS PyObject *result = NULL, *lease = NULL;
    if (rc != ITX_OK || what != WHAT_SHARED)
        model_return_session(m, session, pid);
    else
        lease = lease_new(m, session);
    if (rc != ITX_OK)
        native_raise(state, &err);
    else if (what != WHAT_SHARED || lease != NULL)
        result = output_list(state, &outputs, what, lease);
    Py_XDECREF(lease);
    outputs_release(&outputs);
    return result;
}

static bool check_what(int what)
{
    if (what >= WHAT_REAL && what < WHAT_COUNT) return true;
    PyErr_SetString(PyExc_ValueError, "unknown kind of outputs");
    return false;
}

/* run(picture, what) -> list of blocks [1, h, w, c] */
PyObject *model_run(PyObject *self, PyObject *args)
{
    PyObject *frame;
    int what;
    struct picture picture;
    if (!PyArg_ParseTuple(args, "O!i:run", &PyTuple_Type, &frame, &what) || !check_what(what) ||
        !read_picture(&picture, frame))
        return NULL;
    const struct input in = {.image = &picture.image};
    PyObject *const result = run((struct model *)self, &in, (enum what)what);
    picture_release(&picture);
    return result;
}

enum { MAX_INPUTS = 16 };

static bool read_numbers(const struct model *m, PyObject *from, struct array *arrays,
                         const float **numbers)
{
    const Py_ssize_t n = PyTuple_Size(from);
    if (n != m->info.n_inputs || n > MAX_INPUTS) {
        struct itx_error err;
        itx_fail(&err, ITX_E_INVAL, "%d inputs: model %s has %d", (int)n, m->info.name,
                 m->info.n_inputs);
        PyErr_SetString(PyExc_ValueError, err.text);
        return false;
    }
    for (int i = 0; i < n; i++) {
        struct itx_input_info t;
        if (itx_model_get_input(m->handle, i, &t, NULL) != ITX_OK ||
            !array_borrow(&arrays[i], PyTuple_GetItem(from, i), 'f', (int)sizeof(float)))
            return false;
        const struct array *const a = &arrays[i];
        if (a->n_dims != 3 || a->shape[0] != t.channels || a->shape[1] != t.height ||
            a->shape[2] != t.width || !array_is_dense(a, 0, sizeof(float))) {
            PyErr_Format(PyExc_ValueError, "input %d is not [%d, %d, %d] floats without gaps", i,
                         t.channels, t.height, t.width);
            return false;
        }
        numbers[i] = (const float *)(const void *)a->data;
    }
    return true;
}

/* run_float(arrays [c, h, w] of float32, what) -> list of blocks [1, h, w, c] */
PyObject *model_run_float(PyObject *self, PyObject *args)
{
    PyObject *inputs, *result = NULL;
    int what;
    struct array arrays[MAX_INPUTS] = {0};
    const float *numbers[MAX_INPUTS];
    if (!PyArg_ParseTuple(args, "O!i:run_float", &PyTuple_Type, &inputs, &what) ||
        !check_what(what))
        return NULL;
    struct model *const m = (struct model *)self;
    if (read_numbers(m, inputs, arrays, numbers)) {
        const struct input in = {.numbers = numbers, .n = m->info.n_inputs};
        result = run(m, &in, (enum what)what);
    }
    for (int i = 0; i < MAX_INPUTS; i++) array_release(&arrays[i]);
    return result;
}
