/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory out.
 */
#include "native.h"

struct block {
    PyObject_HEAD void *mine; /* freed with the block; or NULL, and the memory is the owner's */
    const void *data;
    PyObject *owner; /* kept alive */
    struct block_shape shape;
};

static struct block *block_new(const struct native_state *state, const struct block_shape *shape)
{
    struct block *const b = PyObject_New(struct block, state->block_type);
    if (b == NULL) return NULL;
    b->mine = NULL;
    b->data = NULL;
    b->owner = NULL;
    b->shape = *shape;
    return b;
}

PyObject *block_take(const struct native_state *state, void *data, const struct block_shape *shape)
{
    if (data == NULL) return PyErr_NoMemory();
    struct block *const b = block_new(state, shape);
    if (b == NULL) {
        free(data);
        return NULL;
    }
    b->mine = data;
    b->data = data;
    return (PyObject *)b;
}

PyObject *block_share(const struct native_state *state, const void *data, PyObject *owner,
                      const struct block_shape *shape)
{
    struct block *const b = block_new(state, shape);
    if (b == NULL) return NULL;
    Py_INCREF(owner);
    b->owner = owner;
    b->data = data;
    return (PyObject *)b;
}

void block_dense(struct block_shape *shape, Py_ssize_t size)
{
    for (int i = shape->n_dims - 1; i >= 0; i--) {
        shape->stride[i] = size;
        size *= shape->shape[i];
    }
}

static void block_dealloc(PyObject *self)
{
    struct block *const b = (struct block *)self;
    PyTypeObject *const type = Py_TYPE(self);
    free(b->mine);
    Py_XDECREF(b->owner);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *block_interface(PyObject *self, void *closure)
{
    (void)closure;
    const struct block *const b = (struct block *)self;
    PyObject *const shape = native_tuple(b->shape.shape, b->shape.n_dims);
    PyObject *const strides = native_tuple(b->shape.stride, b->shape.n_dims);
    PyObject *const data = PyLong_FromVoidPtr((void *)(uintptr_t)b->data);
    if (shape == NULL || strides == NULL || data == NULL) {
        Py_XDECREF(shape);
        Py_XDECREF(strides);
        Py_XDECREF(data);
        return NULL;
    }
    return Py_BuildValue("{s:i,s:s,s:N,s:N,s:(NO)}", "version", 3, "typestr", b->shape.type,
                         "shape", shape, "strides", strides, "data", data,
                         b->mine != NULL ? Py_False : Py_True);
}

static PyGetSetDef block_getset[] = {
    {"__array_interface__", block_interface, NULL, "numpy's array interface, version 3", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot block_slots[] = {
    {Py_tp_dealloc, (void *)block_dealloc},
    {Py_tp_getset, block_getset},
    {Py_tp_doc, "memory that numpy.asarray makes an array of without a copy"},
    {0, NULL},
};

PyType_Spec block_spec = {
    .name = "intarsia._native.Block",
    .basicsize = sizeof(struct block),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = block_slots,
};
