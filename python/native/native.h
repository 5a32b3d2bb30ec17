/* SPDX-License-Identifier: Apache-2.0
 *
 * The extension module intarsia._native: what its files share. It holds to CPython's limited API (Py_LIMITED_API), so that one
 * binary serves every Python from 3.10 on, and speaks to numpy through its array interface protocol only: arrays
 * come in by __array_struct__, blocks of memory go out by __array_interface__. Nothing of numpy is needed to build it.
 */
#ifndef PYTHON_NATIVE_H
#define PYTHON_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "intarsia/intarsia.h"

struct native_state {
    PyObject *error; /* IntarsiaError */
    PyTypeObject *block_type, *lease_type, *model_type, *packed_type;
};

/* Of an object of one of the module's types. */
struct native_state *native_state_of(PyObject *object);
/* Raises IntarsiaError with the text and the status; returns NULL. */
PyObject *native_raise(const struct native_state *state, const struct itx_error *err);
/* A type of the module from `spec`, or NULL with an exception; the module gets an attribute `name` when that is not NULL. */
PyTypeObject *native_add_type(PyObject *module, PyType_Spec *spec, const char *name);
/* Appends to *list and drops the caller's reference to `item`. When that is NULL, or it fails, the list is dropped and *list is
 * NULL, with an exception. */
void native_append(PyObject **list, PyObject *item);
/* (sizes[0], ..., sizes[n - 1]), or NULL with an exception. */
PyObject *native_tuple(const Py_ssize_t *sizes, int n);

/* ---- arrays in (array.c) ---- */

enum { ARRAY_MAX_DIMS = 4 };

/* What an array holds, as long as `capsule`, which keeps the array alive, is not dropped. */
struct array {
    PyObject *capsule;
    char *data;
    int n_dims;
    Py_ssize_t shape[ARRAY_MAX_DIMS], stride[ARRAY_MAX_DIMS]; /* strides in bytes */
    bool writable;
};

/* Borrows the memory of a numpy array of `item_size` bytes of `kind` ('u', 'i', 'f') an element. Release it after use; zero-initialised is valid and
 * empty. False with TypeError or ValueError. */
bool array_borrow(struct array *a, PyObject *object, char kind, int item_size);
void array_release(struct array *a);
/* Elements follow each other without gaps from axis `first` on. */
bool array_is_dense(const struct array *a, int first, Py_ssize_t item_size);

/* ---- memory out (block.c) ---- */

/* Memory that numpy.asarray makes an array of, without a copy; the array keeps the block, and the block its owner. */
struct block_shape {
    const char *type; /* as in numpy's typestr, "<f4"; static */
    int n_dims;
    Py_ssize_t shape[ARRAY_MAX_DIMS], stride[ARRAY_MAX_DIMS]; /* in bytes */
};

/* Takes `data`, which malloc gave (the interpreter's own allocators need its lock), also when it fails. */
PyObject *block_take(const struct native_state *state, void *data, const struct block_shape *shape);
/* Shares `data` of `owner`, read-only. */
PyObject *block_share(const struct native_state *state, const void *data, PyObject *owner,
                      const struct block_shape *shape);
/* Strides of elements of `size` bytes that follow each other. */
void block_dense(struct block_shape *shape, Py_ssize_t size);

extern PyType_Spec block_spec, lease_spec, model_spec, packed_spec;

#endif
