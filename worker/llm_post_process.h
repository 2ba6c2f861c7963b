/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_LLM_POST_PROCESS_H
#define WORKER_LLM_POST_PROCESS_H

/*
 * The task `llm.post_process`: parts of a job's ordered text, corrected up to the last sentence
 * that ends in them. Payload and result are described in docs/llm.md.
 */

#include "worker/job_task.h"

extern const struct job_task_handler LLM_POST_PROCESS_HANDLER;

#endif
