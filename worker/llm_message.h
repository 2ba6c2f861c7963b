/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_LLM_MESSAGE_H
#define WORKER_LLM_MESSAGE_H

/*
 * The bodies of an OpenAI-compatible POST /chat/completions that asks for a text to be corrected,
 * and of its answer, of which nothing is trusted. Pure.
 */

#include <stddef.h>

#include "common/attrs.h"
#include "worker/llm_guard.h"

/* Owned by the caller. */
char *llm_message_request(const char *model, const char *text) NEVER_NULL;

/* LLM_ACCEPTED: the answer's text in `ret_text`, valid UTF-8, in one line, without the fence or the
 * thoughts that some models put around it; owned by the caller. Else what is wrong with it. */
enum llm_verdict llm_message_parse(const char *body, size_t length, char **ret_text) MUST_CHECK;

#endif
