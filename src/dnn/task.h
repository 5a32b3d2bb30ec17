/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks: what hbDNNInfer, hbDNNRoiInfer and hbDNNResize put into the queue, and worker threads that take it from there.
 */
#ifndef DNN_TASK_H
#define DNN_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "dnn/hb_dnn.h"
#include "dnn/model.h"

#define TASK_MAX_ALIVE 32
#define TASK_MAX_JOBS 255

/* One thing to do. Whoever makes one sets `run` and `destroy` and embeds it. */
struct job {
    struct job *next;
    struct dnn_model *model;                                      /* NULL: hbDNNResize */
    int32_t (*run)(struct job *job, struct dnn_session *session); /* session NULL without a model */
    void (*destroy)(struct job *job);
};

struct job_order {
    int32_t priority;
    int64_t custom_id;
    bool more;
};

/* Looks the model up and keeps it from being released; NULL when there is none. */
struct dnn_model *task_use_model(hbDNNHandle_t handle);
void task_leave_model(struct dnn_model *model); /* accepts NULL */

/* Puts the job into a new task, or into *handle, and that into the queue unless there will be more. The job becomes the
 * task's, with the use of its model; on failure both are still the caller's. */
int32_t task_add(const char *function, hbDNNTaskHandle_t *handle, struct job *job,
                 const struct job_order *order);

/* In a child, whose workers are not there, with the lock held: tasks that were not done have failed, models are not in use
 * but by those that still collect, and the next task makes new workers. */
void task_lose_workers(void);

/* Ends the worker threads when no handle of any kind is alive. */
void task_stop_workers(void);

#endif
