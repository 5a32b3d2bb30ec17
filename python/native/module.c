/* SPDX-License-Identifier: Apache-2.0
 *
 * The module itself: its types, its exception, its version.
 */
#include "native.h"

#include "dnn/hb_dnn.h"

static struct PyModuleDef module_def;

struct native_state *native_state_of(PyObject *object)
{
    return PyType_GetModuleState(Py_TYPE(object));
}

static const char *status_name(itx_status status)
{
    switch (status) {
#define ITX_X(name, value, text)                                                                   \
    case name:                                                                                     \
        return #name;
        ITX_STATUS_LIST(ITX_X)
#undef ITX_X
    }
    return "";
}

PyObject *native_raise(const struct native_state *state, const struct itx_error *err)
{
    PyObject *const exception = PyObject_CallFunction(state->error, "s", err->text);
    PyObject *const code = PyUnicode_FromString(status_name(err->code));
    if (exception != NULL && code != NULL && PyObject_SetAttrString(exception, "code", code) == 0)
        PyErr_SetObject(state->error, exception);
    Py_XDECREF(exception);
    Py_XDECREF(code);
    return NULL;
}

void native_append(PyObject **list, PyObject *item)
{
    const bool ok = item != NULL && PyList_Append(*list, item) == 0;
    Py_XDECREF(item);
    if (!ok) Py_CLEAR(*list);
}

PyObject *native_tuple(const Py_ssize_t *sizes, int n)
{
    PyObject *const tuple = PyTuple_New(n);
    for (int i = 0; tuple != NULL && i < n; i++) {
        PyObject *const size = PyLong_FromSsize_t(sizes[i]);
        if (size == NULL || PyTuple_SetItem(tuple, i, size) != 0) {
            Py_DECREF(tuple);
            return NULL;
        }
    }
    return tuple;
}

PyTypeObject *native_add_type(PyObject *module, PyType_Spec *spec, const char *name)
{
    PyObject *const type = PyType_FromModuleAndSpec(module, spec, NULL);
    if (type != NULL && name != NULL && PyModule_AddObjectRef(module, name, type) != 0) {
        Py_DECREF(type);
        return NULL;
    }
    return (PyTypeObject *)type;
}

static int module_exec(PyObject *module)
{
    struct native_state *const state = PyModule_GetState(module);
    state->error =
        PyErr_NewExceptionWithDoc("intarsia.IntarsiaError",
                                  "What the library refused or could not do, in its own words. "
                                  "`code` is the name of the C status, \"ITX_E_IO\".",
                                  PyExc_RuntimeError, NULL);
    state->block_type = native_add_type(module, &block_spec, NULL);
    state->lease_type = native_add_type(module, &lease_spec, NULL);
    state->model_type = native_add_type(module, &model_spec, "Model");
    state->packed_type = native_add_type(module, &packed_spec, "Packed");
    if (state->error == NULL || state->block_type == NULL || state->lease_type == NULL ||
        state->model_type == NULL || state->packed_type == NULL)
        return -1;
    if (PyModule_AddObjectRef(module, "IntarsiaError", state->error) != 0) return -1;
    if (PyModule_AddStringConstant(module, "dnn_version", hbDNNGetVersion()) != 0) return -1;
    return PyModule_AddStringConstant(module, "version", itx_version());
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    const struct native_state *const state = PyModule_GetState(module);
    Py_VISIT(state->error);
    Py_VISIT(state->block_type);
    Py_VISIT(state->lease_type);
    Py_VISIT(state->model_type);
    Py_VISIT(state->packed_type);
    return 0;
}

static int module_clear(PyObject *module)
{
    struct native_state *const state = PyModule_GetState(module);
    Py_CLEAR(state->error);
    Py_CLEAR(state->block_type);
    Py_CLEAR(state->lease_type);
    Py_CLEAR(state->model_type);
    Py_CLEAR(state->packed_type);
    return 0;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, (void *)module_exec}, {0, NULL}};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "intarsia._native",
    .m_doc = "Intarsia's C libraries; use the package intarsia",
    .m_size = sizeof(struct native_state),
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
};

PyMODINIT_FUNC PyInit__native(void); /* the interpreter looks for it by name */

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&module_def);
}
