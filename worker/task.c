/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/task.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

static const char *const STATE_NAMES[] = {
    [TASK_QUEUED] = "queued",
    [TASK_STARTING] = "starting",
    [TASK_FETCHING] = "fetching",
    [TASK_DECODING] = "decoding",
    [TASK_TRANSCRIBING] = "transcribing",
    [TASK_CORRECTING] = "correcting",
    [TASK_PUBLISHING] = "publishing",
    [TASK_FINISHED] = "finished",
};
static_assert(ARRAY_LEN(STATE_NAMES) == TASK_STATE_COUNT, "a name for each state");

static const char *const EVENT_NAMES[] = {
    [TASK_EVENT_NONE] = "none",
    [TASK_EVENT_BEGIN] = "begin",
    [TASK_EVENT_STARTED_ACKED] = "started_acked",
    [TASK_EVENT_FETCHED] = "fetched",
    [TASK_EVENT_AUDIO_ENDED] = "audio_ended",
    [TASK_EVENT_ALL_READ] = "all_read",
    [TASK_EVENT_CORRECTED] = "corrected",
    [TASK_EVENT_CUT_SHORT] = "cut_short",
    [TASK_EVENT_RESULT_ACKED] = "result_acked",
    [TASK_EVENT_ABANDONED] = "abandoned",
    [TASK_EVENT_FORBIDDEN] = "forbidden",
};
static_assert(ARRAY_LEN(EVENT_NAMES) == TASK_EVENT_COUNT, "a name for each event");

struct transition {
    enum task_state from;
    enum task_event event;
    enum task_state to;
    enum task_action action;
};

/* clang-format off */
static const struct transition TRANSITIONS[] = {
    /* The way of an attempt that goes well. Nothing is decoded before chunk.started is
     * acknowledged: three of them without a result are how the assembler knows a chunk that kills
     * workers. */
    {TASK_QUEUED,       TASK_EVENT_BEGIN,         TASK_STARTING,     TASK_DO_ANNOUNCE},
    {TASK_STARTING,     TASK_EVENT_STARTED_ACKED, TASK_FETCHING,     TASK_DO_FETCH},
    {TASK_FETCHING,     TASK_EVENT_FETCHED,       TASK_DECODING,     TASK_DO_DECODE},
    {TASK_DECODING,     TASK_EVENT_AUDIO_ENDED,   TASK_TRANSCRIBING, TASK_DO_NOTHING},
    {TASK_TRANSCRIBING, TASK_EVENT_ALL_READ,      TASK_CORRECTING,   TASK_DO_CORRECT},
    {TASK_CORRECTING,   TASK_EVENT_CORRECTED,     TASK_PUBLISHING,   TASK_DO_CONCLUDE},
    {TASK_PUBLISHING,   TASK_EVENT_RESULT_ACKED,  TASK_FINISHED,     TASK_DO_FINISH},

    /* The result can be known early at any step after the start. */
    {TASK_FETCHING,     TASK_EVENT_CUT_SHORT,     TASK_PUBLISHING,   TASK_DO_CUT_SHORT},
    {TASK_DECODING,     TASK_EVENT_CUT_SHORT,     TASK_PUBLISHING,   TASK_DO_CUT_SHORT},
    {TASK_TRANSCRIBING, TASK_EVENT_CUT_SHORT,     TASK_PUBLISHING,   TASK_DO_CUT_SHORT},

    /* The process ends: the record of the work is not finished, someone gets it again. */
    {TASK_QUEUED,       TASK_EVENT_ABANDONED,     TASK_FINISHED,     TASK_DO_ABANDON},
    {TASK_STARTING,     TASK_EVENT_ABANDONED,     TASK_FINISHED,     TASK_DO_ABANDON},
    {TASK_FETCHING,     TASK_EVENT_ABANDONED,     TASK_FINISHED,     TASK_DO_ABANDON},
    {TASK_DECODING,     TASK_EVENT_ABANDONED,     TASK_FINISHED,     TASK_DO_ABANDON},
    {TASK_TRANSCRIBING, TASK_EVENT_ABANDONED,     TASK_FINISHED,     TASK_DO_ABANDON},
    {TASK_CORRECTING,   TASK_EVENT_ABANDONED,     TASK_FINISHED,     TASK_DO_ABANDON},
    {TASK_PUBLISHING,   TASK_EVENT_ABANDONED,     TASK_FINISHED,     TASK_DO_ABANDON},

    /* The job was cancelled, or this attempt is known to kill those who take it. */
    {TASK_STARTING,     TASK_EVENT_FORBIDDEN,     TASK_FINISHED,     TASK_DO_DROP},
    {TASK_FETCHING,     TASK_EVENT_FORBIDDEN,     TASK_FINISHED,     TASK_DO_DROP},
    {TASK_DECODING,     TASK_EVENT_FORBIDDEN,     TASK_FINISHED,     TASK_DO_DROP},
    {TASK_TRANSCRIBING, TASK_EVENT_FORBIDDEN,     TASK_FINISHED,     TASK_DO_DROP},
    {TASK_CORRECTING,   TASK_EVENT_FORBIDDEN,     TASK_FINISHED,     TASK_DO_DROP},
    {TASK_PUBLISHING,   TASK_EVENT_FORBIDDEN,     TASK_FINISHED,     TASK_DO_DROP},
};
/* clang-format on */

static const struct transition *transition_of(enum task_state from, enum task_event event)
{
    for (size_t i = 0; i < ARRAY_LEN(TRANSITIONS); i++) {
        if (TRANSITIONS[i].from == from && TRANSITIONS[i].event == event)
            return &TRANSITIONS[i];
    }
    return NULL;
}

bool task_can(const struct task *task, enum task_event event)
{
    return transition_of(task->state, event) != NULL;
}

enum task_action task_step(struct task *task, enum task_event event)
{
    const struct transition *transition = transition_of(task->state, event);

    /* In every build: going on with a task in an unknown state could lose a chunk silently. */
    if (transition == NULL)
        abort();
    task->state = transition->to;
    return transition->action;
}

const char *task_state_name(enum task_state state)
{
    assert(state < TASK_STATE_COUNT);
    return STATE_NAMES[state];
}

const char *task_event_name(enum task_event event)
{
    assert(event < TASK_EVENT_COUNT);
    return EVENT_NAMES[event];
}
