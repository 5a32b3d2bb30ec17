/* SPDX-License-Identifier: Apache-2.0
 *
 * intarsia._native.Model: an opened model with the sessions that its calls need. Any number of threads may call it: each
 * call takes an idle session, or makes one when all are at work, and gives it back. What is written here is done with
 * the interpreter's lock held.
 */
#ifndef PYTHON_MODEL_H
#define PYTHON_MODEL_H

#include "native.h"

struct model {
    PyObject_HEAD itx_model *handle;
    struct itx_model_info info;
    struct itx_session_options options;
    char *cpu; /* what options.cpu points to, or NULL */
    itx_session **idle;
    int n_idle, idle_room;
    long pid; /* that made the sessions: their threads do not exist in a process forked from it */
};

/* A session that is not idle, as an object, for arrays that show its memory: idle again when the last is gone. */
struct lease {
    PyObject_HEAD PyObject *model;
    itx_session *session;
    long pid;
};

/* NULL with an exception. */
itx_session *model_take_session(struct model *m);
/* pid: m->pid when the session was taken. */
void model_return_session(struct model *m, itx_session *session, long pid);
/* Takes `session` over, which is returned when the lease goes; also when it fails. */
PyObject *lease_new(struct model *m, itx_session *session);

PyObject *model_segment(PyObject *self, PyObject *args);
PyObject *model_run(PyObject *self, PyObject *args);
PyObject *model_run_float(PyObject *self, PyObject *args);

#endif
