/* SPDX-License-Identifier: Apache-2.0
 *
 * What the process knows of libdnn: which handles are alive, behind one lock. The interface has no object to keep it in, so
 * it is global.
 *
 * A handle is no address but a number that is never given twice, so that one that was released, or comes from elsewhere, is
 * recognised instead of followed.
 */
#ifndef DNN_STATE_H
#define DNN_STATE_H

#include <pthread.h>
#include <stdbool.h>

/* From now on fork() finds the library's locks free, and the child without its threads: tasks that were not done have failed
 * there. To be called before a lock is taken; it costs nothing after the first time. */
void state_watch_forks(void);

/* Guards the table below, and of models, tasks and sessions what their comments say. Nothing slow happens under it. */
void state_lock(void);
void state_unlock(void);
pthread_mutex_t *state_mutex(void); /* the same lock, to wait with */

enum handle_kind { HANDLE_PACKED = 1, HANDLE_MODEL, HANDLE_TASK };

/* All with the lock held. */
void *handle_new(enum handle_kind kind, void *object);          /* NULL: out of memory */
void *handle_object(enum handle_kind kind, const void *handle); /* NULL: no such handle */
void handle_drop(enum handle_kind kind, const void *handle);    /* accepts what is none */
/* Calls visit(object) for each handle of a kind. */
void handle_each(enum handle_kind kind, void (*visit)(void *object));
/* No handle of any kind is alive. */
bool state_is_empty(void);

#endif
