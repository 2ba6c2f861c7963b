/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kafka_close.h"

#include <pthread.h>
#include <time.h>

#include "common/log.h"
#include "common/mem.h"

struct closing {
    rd_kafka_t *rk; /* owned */
    int flags;
};

/* Runs on a thread of its own. */
static void *destroy(void *context)
{
    struct closing *closing = context;

    rd_kafka_destroy_flags(closing->rk, closing->flags);
    free(closing);
    return NULL;
}

static void join(pthread_t thread, unsigned wait_s)
{
    struct timespec until;

    /* Wall time: gcc 12's ThreadSanitizer does not know pthread_clockjoin_np(). */
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)wait_s;
    if (pthread_timedjoin_np(thread, NULL, &until) == 0)
        return;
    log_warn("kafka_close_late", "a Kafka client did not end in time and is left behind",
             LOG_INT("waited_s", wait_s));
    (void)pthread_detach(thread);
}

void kafka_close(rd_kafka_t *take_rk, int destroy_flags, unsigned wait_s)
{
    struct closing *closing = mem_new(sizeof *closing);
    pthread_t thread;

    *closing = (struct closing){.rk = take_rk, .flags = destroy_flags};
    if (pthread_create(&thread, NULL, destroy, closing) != 0)
        abort();
    if (wait_s > 0)
        join(thread, wait_s);
    else
        (void)pthread_detach(thread);
}
