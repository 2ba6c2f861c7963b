/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_STOP_LIST_H
#define WORKER_STOP_LIST_H

/*
 * What is not to be worked on any more: cancelled jobs, and attempts that kill those who take them.
 * Bounded: the oldest entries make room, which costs no more than an attempt whose result nobody
 * wants. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/attrs.h"
#include "common/event.h"

struct stop_list;

void stop_list_free(struct stop_list *list);
/* Keeps the newest `limit` jobs, and as many chunks and tasks. */
struct stop_list *stop_list_new(size_t limit) FREED_BY(stop_list_free);
/* A control.cancel, control.skip or control.skip_task; others are ignored. A skip covers all
 * attempts up to its own. */
void stop_list_add(struct stop_list *list, const struct event *control);
/* `work` is an EVENT_CHUNK_WORK, or an EVENT_TASK_WORK: a job's end does not stop its tasks. */
bool stop_list_has(const struct stop_list *list, const struct event *work);

#endif
