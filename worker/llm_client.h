/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_LLM_CLIENT_H
#define WORKER_LLM_CLIENT_H

/*
 * The worker's way to the language model: a bounded number of requests at the same time, in the
 * order asked for. While the model's service limits us or is down (speech_hold.h) calls wait, but
 * not for long: a correction is worth little delay, and the text stands without it. Thread: the
 * loop's.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/http_fetch.h"
#include "common/loop.h"
#include "common/metrics.h"
#include "worker/llm_guard.h"

struct llm_client;
struct llm_call;

struct llm_service {
    const char *url; /* up to the version; borrowed */
    const char *key; /* NULL: none */
    const char *model;
};

struct llm_client_options {
    struct llm_service service;
    size_t max_requests;
    uint64_t connect_timeout_us;
    uint64_t total_timeout_us; /* of one request */
    size_t answer_limit_bytes;
};

struct llm_answer {
    enum llm_verdict verdict; /* LLM_ACCEPTED: there is a text, which nobody has judged yet */
    char *text;               /* freed after the callback, unless taken */
    int32_t requests;
};

/* The call is gone when it returns. */
typedef void (*llm_on_answer)(void *context, struct llm_answer *answer);

void llm_client_free(struct llm_client *client);
struct llm_client *llm_client_new(struct loop *loop, struct metrics *metrics,
                                  const struct llm_client_options *options)
    FREED_BY(llm_client_free);
const char *llm_client_model(const struct llm_client *client);

/* Asks for a text to be corrected. Calls back exactly once, never before it returns, unless
 * cancelled. */
struct llm_call *llm_client_call(struct llm_client *client, const char *text,
                                 llm_on_answer on_answer, void *context);
/* No callback follows. */
void llm_call_cancel(struct llm_call *call);

#endif
