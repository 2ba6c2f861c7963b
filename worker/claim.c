/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/claim.h"

#include <stdlib.h>

#include "common/clock.h"
#include "worker/task_events.h"

static struct event event_of(const struct claim *claim, enum event_type type)
{
    return task_event_of_start(&claim->item->event, type, claim->item->place, claim->worker_id,
                               claim->at_wall_us);
}

static struct emission *tell(const struct claim *claim, enum event_type type,
                             emit_on_settled on_settled, void *context)
{
    struct event event = event_of(claim, type);
    struct emission *emission;
    struct err err;

    if (!emit_event(claim->emit, &event, claim->item->traceparent, on_settled, context, &emission,
                    &err))
        abort(); /* it has a few hundred bytes */
    event_done(&event);
    return emission;
}

/* Nobody waits for it, and what is lost with the process counts as its death. */
static void on_told(void *context UNUSED, const struct err *err UNUSED)
{
}

void claim_begin(struct claim *claim, emit_on_settled on_settled, void *context,
                 struct emission **ret_emission)
{
    claim->state = CLAIM_HELD;
    claim->at_wall_us = clock_wall_us();
    *ret_emission = tell(claim, EVENT_CHUNK_STARTED, on_settled, context);
}

void claim_set_ours(struct claim *claim, bool is_ours)
{
    if (claim->state == CLAIM_HELD && !is_ours) {
        claim->state = CLAIM_RELEASED;
        (void)tell(claim, EVENT_CHUNK_RELEASED, on_told, NULL);
    } else if (claim->state == CLAIM_RELEASED && is_ours) {
        claim->state = CLAIM_HELD;
        claim->at_wall_us = clock_wall_us();
        (void)tell(claim, EVENT_CHUNK_STARTED, on_told, NULL);
    }
}

void claim_abandon(struct claim *claim)
{
    if (claim->state == CLAIM_HELD) {
        struct event event = event_of(claim, EVENT_CHUNK_RELEASED);
        emit_event_once(claim->emit, &event, claim->item->traceparent);
        event_done(&event);
    }
    claim->state = CLAIM_OVER;
}

void claim_end(struct claim *claim)
{
    claim->state = CLAIM_OVER;
}
