/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_RETRY_POLICY_H
#define WORKER_RETRY_POLICY_H

/*
 * What an answer of the speech service, or none, means for the attempt. Retries of whole attempts
 * are the assembler's; the worker only waits while the service holds everybody back, and sends
 * again what never left. Pure.
 */

#include <stdbool.h>

#include "common/attrs.h"

enum retry_verdict {
    RETRY_USE,       /* an answer */
    RETRY_RESEND,    /* it was never sent: once more, now */
    RETRY_HOLD,      /* nothing is wrong with this audio: wait, then send again */
    RETRY_FAIL,      /* this attempt failed; another may not */
    RETRY_PERMANENT, /* this audio will never be accepted */
    RETRY_VERDICT_COUNT
};

/* What it says of the service as a whole. */
enum retry_health {
    RETRY_HEALTHY,   /* it answers */
    RETRY_UNKNOWN,   /* nothing */
    RETRY_SUSPECT,   /* several in a row are an outage */
    RETRY_LIMITED,   /* it asks us to wait */
    RETRY_UNHEALTHY, /* an outage, or our set-up is wrong */
    RETRY_HEALTH_COUNT
};

struct retry_facts {
    long status;        /* of HTTP; 0: no answer */
    bool was_sent;      /* false: the connection failed before the request went out */
    bool was_resent;    /* it was the second try */
    bool is_in_outage;  /* the service was down before this request was made */
    bool is_unreadable; /* status 2xx, but the body is no transcription */
};

struct retry_decision {
    enum retry_verdict verdict;
    enum retry_health health;
    const char *type; /* stable word for chunk.failed and chunk.deferred */
};

struct retry_decision retry_policy_decide(const struct retry_facts *facts);

#endif
