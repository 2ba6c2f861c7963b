/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_TASK_H
#define WORKER_TASK_H

/*
 * The life of one attempt at one chunk, as a table (task.c); task_run.c does what it says. Whatever
 * happens, an attempt that begins ends with exactly one acknowledged result record (transcribed,
 * failed, waiting or deferred), or the process ends before it and the record of the work is
 * delivered again, or nobody wants it any more: then it ends with nothing. Pure.
 */

#include <stdbool.h>

#include "common/attrs.h"

enum task_state {
    TASK_QUEUED,
    TASK_STARTING,     /* chunk.started is on its way */
    TASK_FETCHING,     /* the chunk's bytes, the header's, the neighbours' */
    TASK_DECODING,     /* audio comes in; its windows are transcribed as they fill */
    TASK_TRANSCRIBING, /* all audio is here; windows are outstanding */
    TASK_CORRECTING,   /* a language model has the text, if the job wants one */
    TASK_PUBLISHING,   /* the result is on its way */
    TASK_FINISHED,
    TASK_STATE_COUNT
};

enum task_event {
    TASK_EVENT_NONE, /* nothing happened */
    TASK_EVENT_BEGIN,
    TASK_EVENT_STARTED_ACKED,
    TASK_EVENT_FETCHED,
    TASK_EVENT_AUDIO_ENDED,
    TASK_EVENT_ALL_READ,     /* every window has its words, and the audio has ended */
    TASK_EVENT_CORRECTED,    /* or not: no correction is no failure */
    TASK_EVENT_CUT_SHORT,    /* failed, waiting or deferred: the result is known now */
    TASK_EVENT_RESULT_ACKED, /* by Kafka */
    TASK_EVENT_ABANDONED,    /* the process ends: no result */
    TASK_EVENT_FORBIDDEN,    /* nobody wants its result any more */
    TASK_EVENT_COUNT
};

enum task_action {
    TASK_DO_NOTHING,
    TASK_DO_ANNOUNCE,  /* send chunk.started */
    TASK_DO_FETCH,     /* open the stretches of the recording */
    TASK_DO_DECODE,    /* start the decoder */
    TASK_DO_CORRECT,   /* join the windows and ask the language model */
    TASK_DO_CONCLUDE,  /* send chunk.transcribed */
    TASK_DO_CUT_SHORT, /* stop decoder and requests, and send the result */
    TASK_DO_FINISH,    /* the record of the work is done with */
    TASK_DO_ABANDON,   /* stop everything, tell nobody */
    TASK_DO_DROP,      /* the same, and the record of the work is done with */
    TASK_ACTION_COUNT
};

struct task {
    enum task_state state;
};

/* Takes the transition and says what is to be done now. An event that has no transition from this
 * state is a bug of the caller and ends the process. */
enum task_action task_step(struct task *task, enum task_event event);
bool task_can(const struct task *task, enum task_event event);
const char *task_state_name(enum task_state state);
const char *task_event_name(enum task_event event);

#endif
