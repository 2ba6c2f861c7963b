/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control.h"

#include <event2/event.h>

#include "common/kafka_consumer.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/stop_list.h"

#define STOPS_MAX 100000
#define MAX_POLL_INTERVAL_US INT64_C(300000000)
#define QUEUED_KBYTES 1024
/* Only while the process starts. */
static const struct timeval LOOK_FOR_END = {.tv_usec = 20000};

struct control {
    struct loop *loop; /* borrowed */
    struct control_handlers handlers;
    struct stop_list *stops;
    struct kafka_consumer *consumer;
    struct event *timer;
    bool is_ready;
};

/* Callbacks */

/* A tombstone takes nothing back: a job that was cancelled never comes again. */
static void on_message(void *context, const struct kafka_message *message)
{
    struct control *control = context;
    struct event event;
    struct err err;

    if (message->value == NULL)
        return;
    if (!event_decode(message->value, message->value_length, &event, &err)) {
        log_warn("control_unreadable", "a record of control is left out",
                 LOG_INT("partition", message->partition), LOG_INT("offset", message->offset),
                 LOG_ERR(&err));
        return;
    }
    stop_list_add(control->stops, &event);
    event_done(&event);
    if (control->is_ready)
        control->handlers.on_stop(control->handlers.context);
}

static void on_consumer_fatal(void *context, const struct err *err UNUSED)
{
    struct control *control = context;

    control->handlers.on_fatal(control->handlers.context);
}

static void on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct control *control = context;

    if (!kafka_consumer_is_at_end(control->consumer)) {
        (void)event_add(control->timer, &LOOK_FOR_END);
        return;
    }
    control->is_ready = true;
    control->handlers.on_ready(control->handlers.context);
}

/* Public */

struct control *control_new(struct loop *loop, struct control_handlers handlers)
{
    struct control *control = mem_new(sizeof *control);

    control->loop = loop;
    control->handlers = handlers;
    control->stops = stop_list_new(STOPS_MAX);
    control->timer = evtimer_new(loop_base(loop), on_timer, control);
    return control;
}

bool control_start(struct control *control, const struct kafka_settings *settings, struct err *err)
{
    static const char *const TOPICS[] = {"jobs.control", NULL};
    const struct kafka_consumer_options options = {
        .settings = *settings,
        .topics = TOPICS,
        .max_poll_interval_us = MAX_POLL_INTERVAL_US,
        .queued_kbytes = QUEUED_KBYTES,
    };
    const struct kafka_consumer_handlers handlers = {
        .on_message = on_message, .on_fatal = on_consumer_fatal, .context = control};

    if (!kafka_consumer_start(control->loop, &options, handlers, &control->consumer, err))
        return false;
    (void)event_add(control->timer, &LOOK_FOR_END);
    return true;
}

void control_free(struct control *control)
{
    if (control == NULL)
        return;
    kafka_consumer_free(control->consumer);
    event_free(control->timer);
    stop_list_free(control->stops);
    free(control);
}

bool control_is_ready(const struct control *control)
{
    return control->is_ready;
}

bool control_forbids(const struct control *control, const struct event *work)
{
    return stop_list_has(control->stops, work);
}
