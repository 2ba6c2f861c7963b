/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_SPEECH_HOLD_H
#define WORKER_SPEECH_HOLD_H

/*
 * How long, and how far, the speech service holds the whole worker back: until Retry-After, or with
 * growing waits while it is down. After a wait one request at a time tries it until one succeeds.
 * Pure: the caller brings the time and the randomness.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/retry_policy.h"

/* That many suspect answers without a good one between them are an outage. */
#define SPEECH_HOLD_SUSPECTS 5

struct speech_hold {
    uint64_t until_us;  /* no request starts before */
    unsigned rounds;    /* waits since the last good answer; more than 0: one request at a time */
    unsigned suspects;  /* in a row */
    bool is_outage;     /* it is down; else it only limits us */
    const char *reason; /* why it waits: the type of the answer that began it; "" */
};

void speech_hold_init(struct speech_hold *hold);
/* An answer to a request, or none. `retry_after_us` is -1 when it named no time. */
void speech_hold_note(struct speech_hold *hold, struct retry_decision decision,
                      int64_t retry_after_us, uint64_t now_us, uint64_t random);
/* Until a request may start; 0: now. */
uint64_t speech_hold_left_us(const struct speech_hold *hold, uint64_t now_us);
bool speech_hold_is_held(const struct speech_hold *hold, uint64_t now_us);
/* How many of `max` requests may be in flight now. */
size_t speech_hold_allowed(const struct speech_hold *hold, uint64_t now_us, size_t max);

#endif
