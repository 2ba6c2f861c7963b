/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/retry_policy.h"

#include <stddef.h>

struct rule {
    long first; /* statuses [first, last] */
    long last;
    struct retry_decision decision;
};

/* clang-format off */
/* The first row that holds the status counts. */
static const struct rule RULES[] = {
    {200, 299, {RETRY_USE,       RETRY_HEALTHY,   ""}},
    {400, 400, {RETRY_PERMANENT, RETRY_UNKNOWN,   "speech_rejected"}},
    /* Ours to mend: the key, the address, the model's name. No attempt is spent on it. */
    {401, 401, {RETRY_HOLD,      RETRY_UNHEALTHY, "speech_unauthorized"}},
    {402, 402, {RETRY_HOLD,      RETRY_UNHEALTHY, "speech_unauthorized"}},
    {403, 403, {RETRY_HOLD,      RETRY_UNHEALTHY, "speech_unauthorized"}},
    {404, 405, {RETRY_HOLD,      RETRY_UNHEALTHY, "speech_misconfigured"}},
    {408, 409, {RETRY_FAIL,      RETRY_UNKNOWN,   "speech_unavailable"}},
    {413, 413, {RETRY_PERMANENT, RETRY_UNKNOWN,   "speech_rejected"}},
    {415, 415, {RETRY_PERMANENT, RETRY_UNKNOWN,   "speech_rejected"}},
    {422, 422, {RETRY_PERMANENT, RETRY_UNKNOWN,   "speech_rejected"}},
    {425, 425, {RETRY_FAIL,      RETRY_UNKNOWN,   "speech_unavailable"}},
    {429, 429, {RETRY_HOLD,      RETRY_LIMITED,   "speech_limited"}},
    {400, 499, {RETRY_PERMANENT, RETRY_UNKNOWN,   "speech_rejected"}},
    /* One chunk may be what breaks the service, so a first failure is its own; only several in a
     * row are an outage. */
    {500, 599, {RETRY_FAIL,      RETRY_SUSPECT,   "speech_unavailable"}},
    /* Redirects are not followed, and nothing else is HTTP. */
    {1,   999, {RETRY_HOLD,      RETRY_UNHEALTHY, "speech_misconfigured"}},
};
/* clang-format on */

static struct retry_decision decide_unanswered(const struct retry_facts *facts)
{
    static const struct retry_decision RESEND = {RETRY_RESEND, RETRY_UNKNOWN, "speech_unreachable"};
    static const struct retry_decision UNREACHABLE = {RETRY_HOLD, RETRY_UNHEALTHY,
                                                      "speech_unreachable"};
    static const struct retry_decision CUT = {RETRY_FAIL, RETRY_SUSPECT, "speech_unavailable"};

    if (facts->was_sent)
        return CUT;
    return facts->was_resent || facts->is_in_outage ? UNREACHABLE : RESEND;
}

static struct retry_decision decide(const struct retry_facts *facts)
{
    static const struct retry_decision UNREADABLE = {RETRY_FAIL, RETRY_SUSPECT, "speech_bad_reply"};

    if (facts->is_unreadable)
        return UNREADABLE;
    for (size_t i = 0; i < ARRAY_LEN(RULES); i++) {
        if (facts->status >= RULES[i].first && facts->status <= RULES[i].last)
            return RULES[i].decision;
    }
    return decide_unanswered(facts);
}

struct retry_decision retry_policy_decide(const struct retry_facts *facts)
{
    struct retry_decision decision = decide(facts);

    /* While the service is down for everybody, its failures say nothing about this audio. */
    if (facts->is_in_outage && decision.health == RETRY_SUSPECT) {
        decision.verdict = RETRY_HOLD;
        decision.health = RETRY_UNHEALTHY;
    }
    return decision;
}
