/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_INTAKE_H
#define WORKER_INTAKE_H

/*
 * Takes work from chunks.uploaded: starts attempts in the inbox's order while there is room and the
 * speech service lets us, stops those that control forbids. Owns the attempts. Thread: the loop's.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/kafka_conf.h"
#include "worker/control.h"
#include "worker/task_run.h"

struct intake;

struct intake_options {
    struct kafka_settings kafka; /* borrowed */
    const char *member_id;       /* NULL: a member for this run only */
    size_t max_in_flight;
    const struct task_services *services; /* borrowed */
    const struct control *control;        /* borrowed */
    /* intake_is_drained() has become true; may come more than once. */
    void (*on_drained)(void *context);
    void *context;
};

/* Leaves the group and gives up the tasks that still run. */
void intake_free(struct intake *intake);
struct intake *intake_new(const struct intake_options *options) FREED_BY(intake_free);
bool intake_start(struct intake *intake, struct err *err) MUST_CHECK;
/* More may be started than before: the speech service has released us, or control is ready. */
void intake_wake(struct intake *intake);
/* Control forbids more than before: what runs of it is stopped. */
void intake_stop_forbidden(struct intake *intake);
/* Takes nothing more; what runs is finished. */
void intake_drain(struct intake *intake);
bool intake_is_drained(const struct intake *intake);
bool intake_is_up(const struct intake *intake);

#endif
