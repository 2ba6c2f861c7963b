/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_CONTROL_H
#define WORKER_CONTROL_H

/*
 * Reads jobs.control, every worker all of it, from its beginning: what must be left alone although
 * its work record is there. Nothing may be started before it has been read to its end once.
 * Thread: the loop's.
 */

#include <stdbool.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/event.h"
#include "common/kafka_conf.h"
#include "common/loop.h"

struct control;

struct control_handlers {
    void (*on_ready)(void *context); /* once: the end was reached */
    void (*on_stop)(void *context);  /* control_forbids() forbids more than before */
    void (*on_fatal)(void *context); /* nothing will come any more */
    void *context;
};

void control_free(struct control *control);
struct control *control_new(struct loop *loop, struct control_handlers handlers)
    FREED_BY(control_free);
bool control_start(struct control *control, const struct kafka_settings *settings,
                   struct err *err) MUST_CHECK;
bool control_is_ready(const struct control *control);
/* `work` is an EVENT_CHUNK_WORK or EVENT_TASK_WORK. */
bool control_forbids(const struct control *control, const struct event *work);

#endif
