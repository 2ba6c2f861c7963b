/* SPDX-License-Identifier: Apache-2.0 */
#include "common/service.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"

enum service_state { SERVICE_RUNNING, SERVICE_DRAINING, SERVICE_DONE };

struct service {
    struct loop *loop; /* borrowed */
    enum service_state state;
    enum exit_code exit_code; /* once state is SERVICE_DONE */
    uint64_t grace_us;
    void (*on_drain)(void *context);
    void *context;
    struct event *on_term;      /* owned */
    struct event *on_interrupt; /* owned */
    struct event *grace_timer;  /* owned */
};

/* The first reason to end stands. */
static void finish(struct service *service, enum exit_code exit_code)
{
    if (service->state == SERVICE_DONE)
        return;
    service->state = SERVICE_DONE;
    service->exit_code = exit_code;
    event_del(service->grace_timer);
    loop_stop(service->loop);
}

static void start_drain(struct service *service, int signal_number)
{
    log_info("drain_started", "finishing what runs", LOG_STR("signal", sigabbrev_np(signal_number)),
             LOG_INT("grace_ms", service->grace_us / 1000));
    service->state = SERVICE_DRAINING;
    loop_start_timer(service->grace_timer, (uint64_t)service->grace_us);
    service->on_drain(service->context);
}

static void on_signal(evutil_socket_t signal_number, short what UNUSED, void *context)
{
    struct service *service = context;

    switch (service->state) {
    case SERVICE_RUNNING:
        start_drain(service, (int)signal_number);
        break;
    case SERVICE_DRAINING:
        log_warn("drain_cut", "second signal, ending with work in flight");
        finish(service, EXIT_DRAIN_LATE);
        break;
    case SERVICE_DONE:
        break;
    }
}

static void on_grace_end(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct service *service = context;

    log_warn("drain_late", "grace time is over, ending with work in flight",
             LOG_INT("grace_ms", service->grace_us / 1000));
    finish(service, EXIT_DRAIN_LATE);
}

static struct event *require(struct event *event)
{
    if (event == NULL)
        abort(); /* out of memory */
    return event;
}

struct service *service_new(struct loop *loop, uint64_t grace_us, void (*on_drain)(void *context),
                            void *context)
{
    struct service *service = mem_new(sizeof *service);
    struct event_base *base = loop_base(loop);

    service->loop = loop;
    service->grace_us = grace_us;
    service->on_drain = on_drain;
    service->context = context;
    service->on_term = require(evsignal_new(base, SIGTERM, on_signal, service));
    service->on_interrupt = require(evsignal_new(base, SIGINT, on_signal, service));
    service->grace_timer = require(evtimer_new(base, on_grace_end, service));
    event_add(service->on_term, NULL);
    event_add(service->on_interrupt, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail for a valid signal */
    return service;
}

void service_free(struct service *service)
{
    if (service == NULL)
        return;
    event_free(service->grace_timer);
    event_free(service->on_interrupt);
    event_free(service->on_term);
    free(service);
}

enum exit_code service_run(struct service *service)
{
    loop_run(service->loop);
    assert(service->state == SERVICE_DONE);
    return service->exit_code;
}

bool service_is_draining(const struct service *service)
{
    return service->state != SERVICE_RUNNING;
}

void service_drained(struct service *service)
{
    assert(service->state != SERVICE_RUNNING);
    finish(service, EXIT_ASKED);
}

void service_fail(struct service *service)
{
    finish(service, EXIT_FATAL);
}
