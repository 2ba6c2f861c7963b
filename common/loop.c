/* SPDX-License-Identifier: Apache-2.0 */
#include "common/loop.h"

/*
 * libevent's base is used by one thread only and so has no locks. What other threads post waits in
 * a list under a mutex; an eventfd wakes the loop.
 */

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"

/* A timer that fires this often measures by how much the loop is late. */
#define PROBE_US 100000
/* The lag shown is the worst of this many probes and of as many before them: 10 to 20 s, so that a
 * scrape every 15 s meets each stall. */
#define PROBES_PER_WINDOW 100

struct call {
    void (*run)(void *object);
    void *object;
    STAILQ_ENTRY(call) entry;
};
STAILQ_HEAD(call_list, call);

struct loop {
    struct event_base *base; /* owned */
    bool stopped;            /* loop_stop() was called before or during the run */

    struct call_list deferred; /* owned; objects to free after the present callback */
    struct event *free_soon;   /* owned; made active while `deferred` isn't empty */

    pthread_mutex_t post_lock;
    struct call_list posted; /* owned; under post_lock */
    int post_fd;             /* owned; an eventfd, readable while `posted` isn't empty */
    struct event *post_soon; /* owned */

    struct event *probe; /* owned */
    uint64_t probe_due_us;
    unsigned probe_count;
    uint64_t window_lag_us;
    uint64_t previous_window_lag_us;
};

static void run_calls(struct call_list *calls)
{
    while (!STAILQ_EMPTY(calls)) {
        struct call *call = STAILQ_FIRST(calls);
        STAILQ_REMOVE_HEAD(calls, entry);
        call->run(call->object);
        free(call);
    }
}

static void append_call(struct call_list *calls, void (*run)(void *object), void *object)
{
    struct call *call = mem_new(sizeof *call);

    call->run = run;
    call->object = object;
    STAILQ_INSERT_TAIL(calls, call, entry);
}

static void on_free_soon(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct loop *loop = context;

    run_calls(&loop->deferred);
}

static void on_posted(evutil_socket_t fd, short what UNUSED, void *context)
{
    struct loop *loop = context;
    struct call_list taken = STAILQ_HEAD_INITIALIZER(taken);
    uint64_t count;

    /* Emptied before the list is taken: a later post makes it readable again. */
    ssize_t length = read(fd, &count, sizeof count);
    assert(length == (ssize_t)sizeof count || errno == EAGAIN);
    (void)length;
    pthread_mutex_lock(&loop->post_lock);
    STAILQ_CONCAT(&taken, &loop->posted);
    pthread_mutex_unlock(&loop->post_lock);
    run_calls(&taken);
}

void loop_start_timer(struct event *timer, uint64_t delay_us)
{
    const struct timeval delay = {.tv_sec = (time_t)(delay_us / 1000000),
                                  .tv_usec = (suseconds_t)(delay_us % 1000000)};

    (void)event_add(timer, &delay);
}

static void schedule_probe(struct loop *loop)
{
    loop->probe_due_us = clock_now_us() + PROBE_US;
    loop_start_timer(loop->probe, PROBE_US);
}

static void on_probe(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct loop *loop = context;
    uint64_t now = clock_now_us();
    uint64_t lag_us = now > loop->probe_due_us ? now - loop->probe_due_us : 0;

    if (++loop->probe_count == PROBES_PER_WINDOW) {
        loop->probe_count = 0;
        loop->previous_window_lag_us = loop->window_lag_us;
        loop->window_lag_us = 0;
    }
    if (lag_us > loop->window_lag_us)
        loop->window_lag_us = lag_us;
    schedule_probe(loop);
}

static struct event *new_event(struct loop *loop, int fd, short what, event_callback_fn call)
{
    struct event *event = event_new(loop->base, fd, what, call, loop);

    if (event == NULL)
        abort(); /* out of memory */
    return event;
}

struct loop *loop_new(void)
{
    struct loop *loop = mem_new(sizeof *loop);

    STAILQ_INIT(&loop->deferred);
    STAILQ_INIT(&loop->posted);
    pthread_mutex_init(&loop->post_lock, NULL);
    loop->base = event_base_new();
    loop->post_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->base == NULL || loop->post_fd < 0)
        abort(); /* no descriptors at the very start: nothing could run */
    loop->free_soon = new_event(loop, -1, 0, on_free_soon);
    loop->post_soon = new_event(loop, loop->post_fd, EV_READ | EV_PERSIST, on_posted);
    loop->probe = new_event(loop, -1, 0, on_probe);
    event_add(loop->post_soon, NULL);
    schedule_probe(loop);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    run_calls(&loop->deferred);
    event_free(loop->probe);
    event_free(loop->post_soon);
    event_free(loop->free_soon);
    close(loop->post_fd);
    while (!STAILQ_EMPTY(&loop->posted)) {
        struct call *call = STAILQ_FIRST(&loop->posted);
        STAILQ_REMOVE_HEAD(&loop->posted, entry);
        free(call);
    }
    event_base_free(loop->base);
    pthread_mutex_destroy(&loop->post_lock);
    free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

void loop_run(struct loop *loop)
{
    if (!loop->stopped)
        event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
    loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
    event_base_loopbreak(loop->base);
}

void loop_defer_free(struct loop *loop, void (*free_fn)(void *object), void *take_object)
{
    append_call(&loop->deferred, free_fn, take_object);
    event_active(loop->free_soon, 0, 0);
}

void loop_post(struct loop *loop, void (*call)(void *context), void *context)
{
    uint64_t one = 1;

    pthread_mutex_lock(&loop->post_lock);
    bool was_empty = STAILQ_EMPTY(&loop->posted);
    append_call(&loop->posted, call, context);
    pthread_mutex_unlock(&loop->post_lock);
    if (!was_empty)
        return; /* whoever made it non-empty wakes the loop */
    ssize_t length = write(loop->post_fd, &one, sizeof one);
    assert(length == (ssize_t)sizeof one);
    (void)length;
}

uint64_t loop_lag_us(const struct loop *loop)
{
    return loop->window_lag_us > loop->previous_window_lag_us ? loop->window_lag_us
                                                              : loop->previous_window_lag_us;
}
