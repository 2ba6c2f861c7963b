/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_POST_PROCESS_H
#define ASSEMBLER_POST_PROCESS_H

/*
 * llm_mode post_process: once all of a job's text is in order, a language model corrects it, one
 * task `llm.post_process` after the other, each with as many parts as a record takes. The job stays
 * `assembling` until the last; whatever fails, the text stands as it was heard. Pure.
 */

#include "assembler/job.h"

#define POST_PROCESS_ATTEMPTS 5

/* The text is whole. True: it is (now) being corrected, the job has to wait. */
bool post_process_holds(struct job *job);
/* It is over, and the job ends in the next transaction. */
bool post_process_has_more(const struct job *job);
/* The text is written anew from somewhere on: what was begun counts for nothing. */
void post_process_reset(struct job *job);

/* Of task_kind.h. */
void post_process_on_done(struct job *job, const struct job_open_task *task, const char *result);
void post_process_on_failed(struct job *job, const struct job_open_task *task,
                            const struct event_failed *failed);

const char *post_process_name(enum post_process_state state);
bool post_process_parse(const char *name, enum post_process_state *ret_state) MUST_CHECK;

#endif
