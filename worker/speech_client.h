/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_SPEECH_CLIENT_H
#define WORKER_SPEECH_CLIENT_H

/*
 * The worker's way to the speech service: a bounded number of requests at the same time, in the
 * order asked for, held back altogether while the service limits us or is down (speech_hold.h).
 * A call that would have to wait longer than SPEECH_WAIT_MAX_US is given back as deferred.
 * Thread: the loop's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/http_fetch.h"
#include "common/loop.h"
#include "common/metrics.h"
#include "worker/speech_reply.h"
#include "worker/speech_request.h"

#define SPEECH_WAIT_MAX_US INT64_C(30000000)

struct speech_client;
struct speech_call;

enum speech_outcome {
    SPEECH_HEARD,
    SPEECH_FAILED,
    SPEECH_DEFERRED, /* the service holds everybody back */
};

struct speech_result {
    enum speech_outcome outcome;
    struct speech_reply reply; /* SPEECH_HEARD: freed after the callback, unless taken */
    const char *type;          /* SPEECH_FAILED, _DEFERRED: stable word */
    struct err err;            /* SPEECH_FAILED: ERR_REJECT if this audio will never be accepted */
    int64_t retry_after_us;    /* SPEECH_FAILED: as asked for, -1: not */
    int64_t until_us;          /* SPEECH_DEFERRED: how long from now */
    int32_t requests;          /* that were made for it */
    uint64_t duration_us;      /* of the requests */
};

/* The call is gone when it returns. */
typedef void (*speech_on_result)(void *context, struct speech_result *result);

struct speech_client_options {
    struct speech_service service; /* borrowed */
    size_t max_requests;
    uint64_t connect_timeout_us;
    uint64_t total_timeout_us;
};

void speech_client_free(struct speech_client *client);
/* on_change(context) follows when a hold has ended or eased. */
struct speech_client *speech_client_new(struct loop *loop, struct http_fetch *fetch,
                                        struct metrics *metrics,
                                        const struct speech_client_options *options,
                                        void (*on_change)(void *context), void *context)
    FREED_BY(speech_client_free);

/* Calls back exactly once, never before it returns, unless cancelled. `audio` and what it points to
 * are borrowed until then. */
struct speech_call *speech_client_call(struct speech_client *client,
                                       const struct speech_audio *audio, speech_on_result on_result,
                                       void *context);
/* No callback follows. */
void speech_call_cancel(struct speech_call *call);

/* Why the service holds us back, a static word; NULL: it does not. */
const char *speech_client_held(const struct speech_client *client);
/* How many of `max` may be begun as far as the service is concerned: 0 while it holds us back, 1
 * while it is being tried again. */
size_t speech_client_allowed(const struct speech_client *client, size_t max);

#endif
