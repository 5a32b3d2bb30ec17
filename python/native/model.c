/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening a model, what can be asked of it, and its sessions.
 */
#include "model.h"

#include <string.h>
#include <unistd.h>

static bool keep_room(struct model *m)
{
    if (m->n_idle < m->idle_room) return true;
    const int room = 2 * m->idle_room + 2;
    itx_session **const idle = PyMem_Realloc(m->idle, (size_t)room * sizeof *idle);
    if (idle == NULL) return false;
    m->idle = idle;
    m->idle_room = room;
    return true;
}

static itx_session *create_session(struct model *m)
{
    itx_session *session = NULL;
    struct itx_error err;
    itx_status rc;
    Py_BEGIN_ALLOW_THREADS rc = itx_session_create(&session, m->handle, &m->options, &err);
    Py_END_ALLOW_THREADS if (rc != ITX_OK) native_raise(native_state_of((PyObject *)m), &err);
    return session;
}

itx_session *model_take_session(struct model *m)
{
    if (m->pid != (long)getpid()) {
        m->n_idle =
            0; /* their threads stayed in the other process, so they can be neither run nor destroyed */
        m->pid = (long)getpid();
    }
    return m->n_idle > 0 ? m->idle[--m->n_idle] : create_session(m);
}

void model_return_session(struct model *m, itx_session *session, long pid)
{
    if (pid != m->pid || pid != (long)getpid()) return;
    if (keep_room(m))
        m->idle[m->n_idle++] = session;
    else
        itx_session_destroy(&session);
}

static void lease_dealloc(PyObject *self)
{
    struct lease *const lease = (struct lease *)self;
    PyTypeObject *const type = Py_TYPE(self);
    model_return_session((struct model *)lease->model, lease->session, lease->pid);
    Py_DECREF(lease->model);
    PyObject_Free(self);
    Py_DECREF(type);
}

PyObject *lease_new(struct model *m, itx_session *session)
{
    struct lease *const lease =
        PyObject_New(struct lease, native_state_of((PyObject *)m)->lease_type);
    if (lease == NULL) {
        model_return_session(m, session, m->pid);
        return NULL;
    }
    Py_INCREF((PyObject *)m);
    lease->model = (PyObject *)m;
    lease->session = session;
    lease->pid = m->pid;
    return (PyObject *)lease;
}

static PyType_Slot lease_slots[] = {
    {Py_tp_dealloc, (void *)lease_dealloc},
    {Py_tp_doc, "a session that arrays are reading"},
    {0, NULL},
};

PyType_Spec lease_spec = {
    .name = "intarsia._native.Lease",
    .basicsize = sizeof(struct lease),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = lease_slots,
};

static void model_dealloc(PyObject *self)
{
    struct model *const m = (struct model *)self;
    PyTypeObject *const type = Py_TYPE(self);
    if (m->pid == (long)getpid())
        for (int i = 0; i < m->n_idle; i++) itx_session_destroy(&m->idle[i]);
    itx_model_close(&m->handle);
    PyMem_Free(m->idle);
    PyMem_Free(m->cpu);
    PyObject_Free(self);
    Py_DECREF(type);
}

static bool copy_cpu(struct model *m, const char *cpu)
{
    if (cpu == NULL) return true;
    const size_t size = strlen(cpu) + 1;
    m->cpu = PyMem_Malloc(size);
    if (m->cpu == NULL) {
        PyErr_NoMemory();
        return false;
    }
    memcpy(m->cpu, cpu, size);
    m->options.cpu = m->cpu;
    return true;
}

static bool open_handle(struct model *m, const char *path, PyObject *data, const char *name)
{
    struct itx_error err;
    itx_status rc;
    char *bytes = NULL;
    Py_ssize_t size = 0;
    if (path == NULL && PyBytes_AsStringAndSize(data, &bytes, &size) != 0) return false;
    Py_BEGIN_ALLOW_THREADS rc =
        path != NULL ? itx_model_open(&m->handle, path, name, &err)
                     : itx_model_open_memory(&m->handle, bytes, (size_t)size, name, &err);
    if (rc == ITX_OK) rc = itx_model_get_info(m->handle, &m->info, &err);
    Py_END_ALLOW_THREADS if (rc != ITX_OK) native_raise(native_state_of((PyObject *)m), &err);
    return rc == ITX_OK;
}

/* Model(path, data, name, threads, cpu, max_det): path or data (bytes) is None. The first session is made now, so that what
 * could fail fails here. */
static PyObject *model_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    const char *path, *name, *cpu;
    PyObject *data;
    int n_threads, max_det;
    static const struct itx_session_options defaults = ITX_SESSION_OPTIONS_INIT;
    if (kwargs != NULL && PyDict_Size(kwargs) > 0) {
        PyErr_SetString(PyExc_TypeError, "Model takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "yOzizi:Model", &path, &data, &name, &n_threads, &cpu, &max_det))
        return NULL;
    struct model *const m = PyObject_New(struct model, type);
    if (m == NULL) return NULL;
    m->handle = NULL;
    m->options = defaults;
    m->options.n_threads = n_threads;
    m->options.max_det = max_det;
    m->cpu = NULL;
    m->idle = NULL;
    m->n_idle = m->idle_room = 0;
    m->pid = (long)getpid();
    itx_session *session = NULL;
    if (copy_cpu(m, cpu) && open_handle(m, *path != '\0' ? path : NULL, data, name))
        session = model_take_session(m);
    if (session == NULL) {
        Py_DECREF((PyObject *)m);
        return NULL;
    }
    model_return_session(m, session, m->pid);
    return (PyObject *)m;
}

static PyObject *list_of_names(const itx_model *handle, const char *(*name)(const itx_model *, int))
{
    PyObject *list = PyList_New(0);
    for (int i = 0; list != NULL && name(handle, i) != NULL; i++) {
        native_append(&list, PyUnicode_DecodeUTF8(name(handle, i),
                                                  (Py_ssize_t)strlen(name(handle, i)), "replace"));
    }
    return list;
}

static PyObject *model_info(PyObject *self, PyObject *unused)
{
    (void)unused;
    const struct model *const m = (struct model *)self;
    const struct itx_model_info *const i = &m->info;
    PyObject *const classes = list_of_names(m->handle, itx_model_class_name);
    PyObject *const models = list_of_names(m->handle, itx_model_name_in_file);
    if (classes == NULL || models == NULL) {
        Py_XDECREF(classes);
        Py_XDECREF(models);
        return NULL;
    }
    return Py_BuildValue(
        "{s:s,s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:K,s:K,s:K,s:N,s:N}", "name", i->name, "meta",
        i->meta != NULL ? i->meta : "{}", "task", (int)i->task, "format", (int)i->input_format,
        "range", (int)i->input_range, "width", i->input_width, "height", i->input_height, "inputs",
        i->n_inputs, "outputs", i->n_outputs, "steps", i->n_steps, "weight_bytes",
        (unsigned long long)i->weight_bytes, "arena_bytes", (unsigned long long)i->arena_bytes,
        "multiply_adds", (unsigned long long)i->multiply_adds, "classes", classes, "models",
        models);
}

static PyObject *list_of_numbers(const float *scale, const int32_t *zero_point, int n)
{
    PyObject *list = PyList_New(0);
    for (int i = 0; list != NULL && i < n; i++) {
        native_append(&list, scale != NULL
                                 ? PyFloat_FromDouble((double)scale[i])
                                 : PyLong_FromLong(zero_point != NULL ? zero_point[i] : 0));
    }
    return list;
}

static PyObject *model_input(PyObject *self, PyObject *args)
{
    int i;
    struct itx_input_info t;
    struct itx_error err;
    if (!PyArg_ParseTuple(args, "i:input", &i)) return NULL;
    if (itx_model_get_input(((struct model *)self)->handle, i, &t, &err) != ITX_OK)
        return native_raise(native_state_of(self), &err);
    return Py_BuildValue("{s:s,s:i,s:i,s:(iii)}", "name", t.name, "format", (int)t.format, "range",
                         (int)t.range, "shape", t.channels, t.height, t.width);
}

static PyObject *model_output(PyObject *self, PyObject *args)
{
    static const char *const types[] = {
        [ITX_S8] = "int8", [ITX_S16] = "int16", [ITX_S32] = "int32", [ITX_F32] = "float32"};
    int i;
    struct itx_tensor_info t;
    struct itx_error err;
    if (!PyArg_ParseTuple(args, "i:output", &i)) return NULL;
    if (itx_model_get_output(((struct model *)self)->handle, i, &t, &err) != ITX_OK)
        return native_raise(native_state_of(self), &err);
    PyObject *const scale = list_of_numbers(t.scale, NULL, t.n_quant);
    PyObject *const zero = list_of_numbers(NULL, t.zero_point, t.n_quant);
    if (scale == NULL || zero == NULL) {
        Py_XDECREF(scale);
        Py_XDECREF(zero);
        return NULL;
    }
    return Py_BuildValue("{s:s,s:s,s:(iiii),s:N,s:N}", "name", t.name, "dtype", types[t.dtype],
                         "shape", 1, t.height, t.width, t.channels, "scale", scale, "zero_point",
                         zero);
}

/* How many sessions wait for work; for tests and the curious. */
static PyObject *model_n_idle(PyObject *self, void *closure)
{
    (void)closure;
    return PyLong_FromLong(((struct model *)self)->n_idle);
}

static PyObject *model_cpu(PyObject *self, PyObject *unused)
{
    (void)unused;
    struct model *const m = (struct model *)self;
    itx_session *const session = model_take_session(m);
    if (session == NULL) return NULL;
    const char *const cpu = itx_session_cpu(session);
    const int n_threads = itx_session_n_threads(session);
    model_return_session(m, session, m->pid);
    return Py_BuildValue("(si)", cpu, n_threads);
}

static PyMethodDef model_methods[] = {
    {"info", model_info, METH_NOARGS,
     "info() -> dict: itx_model_info, with class names and the names of the models in the file"},
    {"input", model_input, METH_VARARGS, "input(i) -> dict: itx_input_info, shape [c, h, w]"},
    {"output", model_output, METH_VARARGS,
     "output(i) -> dict: itx_tensor_info, shape [1, h, w, c]"},
    {"cpu", model_cpu, METH_NOARGS, "cpu() -> (instruction set, threads) that sessions use"},
    {"segment", model_segment, METH_VARARGS, "segment(picture, thresholds): see run.c"},
    {"run", model_run, METH_VARARGS, "run(picture, what): see run.c"},
    {"run_float", model_run_float, METH_VARARGS, "run_float(inputs, what): see run.c"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef model_getset[] = {
    {"n_idle", model_n_idle, NULL, "how many sessions wait for work", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot model_slots[] = {
    {Py_tp_new, (void *)model_new},
    {Py_tp_dealloc, (void *)model_dealloc},
    {Py_tp_methods, model_methods},
    {Py_tp_getset, model_getset},
    {Py_tp_doc,
     "Model(path, data, name, threads, cpu, max_det): an opened model with its sessions"},
    {0, NULL},
};

PyType_Spec model_spec = {
    .name = "intarsia._native.Model",
    .basicsize = sizeof(struct model),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = model_slots,
};
