/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays in. The structure is numpy's, version 2 of its array interface; the array exports it in a capsule.
 */
#include "native.h"

#include <string.h>

enum { NPY_WRITEABLE_FLAG = 0x400, NPY_NATIVE_FLAG = 0x200 };

struct array_interface {
    int two; /* 2: what tells this structure from others */
    int n_dims;
    char kind;
    int item_size;
    int flags;
    Py_ssize_t *shape, *strides;
    void *data;
    PyObject *description;
};

static bool check(const struct array_interface *from, char kind, int item_size)
{
    if (from == NULL || from->two != 2) {
        PyErr_SetString(PyExc_TypeError,
                        "not a numpy array: its __array_struct__ is of no known kind");
        return false;
    }
    if (from->kind != kind || from->item_size != item_size || !(from->flags & NPY_NATIVE_FLAG)) {
        PyErr_Format(PyExc_TypeError,
                     "an array of kind '%c', %d bytes an element, is needed, not '%c', %d", kind,
                     item_size, from->kind, from->item_size);
        return false;
    }
    if (from->n_dims > ARRAY_MAX_DIMS) {
        PyErr_Format(PyExc_ValueError, "an array of %d axes: %d are possible", from->n_dims,
                     ARRAY_MAX_DIMS);
        return false;
    }
    return true;
}

bool array_borrow(struct array *a, PyObject *object, char kind, int item_size)
{
    PyObject *const capsule = PyObject_GetAttrString(object, "__array_struct__");
    if (capsule == NULL) {
        PyErr_Clear();
        PyErr_SetString(PyExc_TypeError, "a numpy array is needed");
        return false;
    }
    if (!PyCapsule_CheckExact(capsule)) {
        PyErr_SetString(PyExc_TypeError, "not a numpy array: its __array_struct__ is no capsule");
        Py_DECREF(capsule);
        return false;
    }
    const struct array_interface *const from = PyCapsule_GetPointer(capsule, NULL);
    if (PyErr_Occurred() || !check(from, kind, item_size)) {
        Py_DECREF(capsule);
        return false;
    }
    *a = (struct array){
        .capsule = capsule,
        .data = from->data,
        .n_dims = from->n_dims,
        .writable = (from->flags & NPY_WRITEABLE_FLAG) != 0,
    };
    for (int i = 0; i < from->n_dims; i++) {
        a->shape[i] = from->shape[i];
        a->stride[i] = from->strides[i];
    }
    return true;
}

void array_release(struct array *a)
{
    Py_XDECREF(a->capsule);
    *a = (struct array){0};
}

bool array_is_dense(const struct array *a, int first, Py_ssize_t item_size)
{
    Py_ssize_t step = item_size;
    for (int i = a->n_dims - 1; i >= first; i--) {
        if (a->shape[i] > 1 && a->stride[i] != step) return false;
        step *= a->shape[i];
    }
    return true;
}
