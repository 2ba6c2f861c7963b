/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/job_wait.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"

/* An assembler that is up needs some milliseconds; one that is not is asked about less and less. */
#define FIRST_US UINT64_C(10000)
#define LONGEST_US UINT64_C(500000)
#define WITHIN_US UINT64_C(10000000)

struct job_wait {
    void (*ask)(void *context);
    void *context;
    struct event *timer;
    uint64_t deadline_us;
    uint64_t pause_us;
};

static void on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct job_wait *wait = context;

    wait->ask(wait->context);
}

struct job_wait *job_wait_new(struct loop *loop, void (*ask)(void *context), void *context)
{
    struct job_wait *wait = mem_new(sizeof *wait);

    wait->ask = ask;
    wait->context = context;
    wait->timer = evtimer_new(loop_base(loop), on_timer, wait);
    wait->deadline_us = clock_now_us() + WITHIN_US;
    wait->pause_us = FIRST_US;
    return wait;
}

void job_wait_free(struct job_wait *wait)
{
    if (wait == NULL)
        return;
    event_free(wait->timer);
    free(wait);
}

bool job_wait_again(struct job_wait *wait)
{
    if (clock_now_us() >= wait->deadline_us)
        return false;
    loop_start_timer(wait->timer, wait->pause_us);
    wait->pause_us = wait->pause_us * 2 < LONGEST_US ? wait->pause_us * 2 : LONGEST_US;
    return true;
}
