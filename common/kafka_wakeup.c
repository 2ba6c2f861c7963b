/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kafka_wakeup.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/mem.h"

/* What an eventfd wants to be written. */
static const uint64_t ONE = 1;

struct kafka_wakeup {
    int fd;
    struct event *event; /* NULL without a loop */
    void (*on_wake)(void *context);
    void *context;
};

static void clear(struct kafka_wakeup *wakeup)
{
    uint64_t count;

    /* EAGAIN: nothing to clear. */
    if (read(wakeup->fd, &count, sizeof count) < 0)
        return;
}

/* Cleared before the queues are emptied, or what comes in between would wake nobody. */
static void on_event(evutil_socket_t fd, short events, void *context)
{
    struct kafka_wakeup *wakeup = context;

    (void)fd;
    (void)events;
    clear(wakeup);
    wakeup->on_wake(wakeup->context);
}

void kafka_wakeup_free(struct kafka_wakeup *wakeup)
{
    if (wakeup == NULL)
        return;
    if (wakeup->event != NULL)
        event_free(wakeup->event);
    (void)close(wakeup->fd);
    free(wakeup);
}

struct kafka_wakeup *kafka_wakeup_new(struct loop *loop, void (*on_wake)(void *context),
                                      void *context)
{
    struct kafka_wakeup *wakeup = mem_new(sizeof *wakeup);
    const struct timeval tick = {.tv_sec = 1};

    wakeup->on_wake = on_wake;
    wakeup->context = context;
    wakeup->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wakeup->fd < 0) {
        perror("eventfd");
        abort();
    }
    if (loop != NULL) {
        wakeup->event =
            event_new(loop_base(loop), wakeup->fd, EV_READ | EV_PERSIST, on_event, wakeup);
        (void)event_add(wakeup->event, &tick);
    }
    return wakeup;
}

void kafka_wakeup_watch(struct kafka_wakeup *wakeup, rd_kafka_queue_t *queue)
{
    rd_kafka_queue_io_event_enable(queue, wakeup->fd, &ONE, sizeof ONE);
}

void kafka_wakeup_unwatch(rd_kafka_queue_t *queue)
{
    rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
}

void kafka_wakeup_signal(struct kafka_wakeup *wakeup)
{
    /* Fails only when the counter is full, and then a wake-up is on its way already. */
    if (write(wakeup->fd, &ONE, sizeof ONE) < 0)
        return;
}

void kafka_wakeup_wait(struct kafka_wakeup *wakeup, uint64_t timeout_us)
{
    struct pollfd pollfd = {.fd = wakeup->fd, .events = POLLIN};

    if (poll(&pollfd, 1, (int)((timeout_us + 999) / 1000)) > 0)
        clear(wakeup);
}
