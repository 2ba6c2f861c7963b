/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/claim.h"

#include <stdlib.h>
#include <string.h>

#include "common/chunk_layout.h"
#include "common/clock.h"
#include "common/mem.h"

enum fact { STARTED, RELEASED, FACT_COUNT };

static const enum event_type OF_CHUNK[FACT_COUNT] = {EVENT_CHUNK_STARTED, EVENT_CHUNK_RELEASED};
static const enum event_type OF_TASK[FACT_COUNT] = {EVENT_TASK_STARTED, EVENT_TASK_RELEASED};

static struct event event_of(const struct claim *claim, enum fact fact)
{
    const struct event *work = &claim->item->event;
    struct event event = {
        .job = work->job, .chunk_index = work->chunk_index, .attempt = work->attempt};
    struct event_started started = {.worker_id = mem_copy_string(claim->worker_id),
                                    .work = claim->item->place,
                                    .at_wall_us = claim->at_wall_us};

    if (work->type == EVENT_TASK_WORK) {
        event.type = OF_TASK[fact];
        event.task = (struct event_task){.id = work->task.id, .started = started};
        memcpy(event.task.kind, work->task.kind, sizeof event.task.kind);
    } else {
        event.type = OF_CHUNK[fact];
        started.size_bytes = chunk_layout_size(&work->work.layout, work->chunk_index);
        event.started = started;
    }
    return event;
}

static struct emission *tell(const struct claim *claim, enum fact fact, emit_on_settled on_settled,
                             void *context)
{
    struct event event = event_of(claim, fact);
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
    *ret_emission = tell(claim, STARTED, on_settled, context);
}

void claim_set_ours(struct claim *claim, bool is_ours)
{
    if (claim->state == CLAIM_HELD && !is_ours) {
        claim->state = CLAIM_RELEASED;
        (void)tell(claim, RELEASED, on_told, NULL);
    } else if (claim->state == CLAIM_RELEASED && is_ours) {
        claim->state = CLAIM_HELD;
        claim->at_wall_us = clock_wall_us();
        (void)tell(claim, STARTED, on_told, NULL);
    }
}

void claim_abandon(struct claim *claim)
{
    if (claim->state == CLAIM_HELD) {
        struct event event = event_of(claim, RELEASED);
        emit_event_once(claim->emit, &event, claim->item->traceparent);
        event_done(&event);
    }
    claim->state = CLAIM_OVER;
}

void claim_end(struct claim *claim)
{
    claim->state = CLAIM_OVER;
}
