/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_JOB_TASK_H
#define WORKER_JOB_TASK_H

/*
 * What a worker does for a job beside transcribing it: one handler for each kind of task. To add a
 * kind, write a module with a handler and name it in job_task_kinds.c; assembler/task_kind.c has
 * the other half. A task may be done twice, also at the same time by two workers: handlers must
 * not mind. Thread: the loop's.
 */

#include "common/attrs.h"
#include "common/blob_file.h"
#include "common/event.h"
#include "common/loop.h"
#include "common/pool.h"

struct correction_service;
struct webhook_service;

/* What handlers share, all borrowed. */
struct job_task_services {
    struct loop *loop;
    struct pool *pool; /* for what blocks */
    const struct blob_file *store;
    const struct correction_service *correction;
    const struct webhook_service *webhooks;
};

/* How an attempt ended: done with a result (a JSON object, or NULL), or failed. */
struct job_task_end {
    bool is_done;
    char *result;               /* owned */
    struct event_failed failed; /* owned message */
};

/* To be called exactly once, never before start() has returned; the end is consumed. */
struct job_task_ending {
    void (*on_end)(void *context, struct job_task_end take_end);
    void *context;
};

struct job_task_handler {
    const char *kind; /* as in the record */
    /* Begins an attempt at a task (EVENT_TASK_WORK, borrowed only during the call). A payload that
     * cannot be understood is a permanent failure. */
    void *(*start)(const struct job_task_services *services, const struct event *task,
                   struct job_task_ending ending);
    /* Frees what start() gave, not inside on_end. What has not ended is given up: on_end is not
     * called any more. */
    void (*stop)(void *work);
};

/* NULL: this worker does not know the kind. */
const struct job_task_handler *job_task_handler_of(const char *kind);

/* Failures in the words of struct err: ERR_REJECT is permanent. */
struct job_task_end job_task_failed(const char *type, const struct err *err);

#endif
