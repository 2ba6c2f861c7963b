/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/speech_hold.h"

#include "common/backoff.h"

#define SECOND_US UINT64_C(1000000)
/* What a Retry-After can ask for at most: a service that says "next month" is asked again then. */
#define RETRY_AFTER_MAX_US (3600 * SECOND_US)

static const struct backoff WAITS = {.base_us = SECOND_US, .ceiling_us = 60 * SECOND_US};

void speech_hold_init(struct speech_hold *hold)
{
    *hold = (struct speech_hold){.reason = ""};
}

/* Requests that were in flight together fail together: one wait, not one for each. */
static bool is_same_failure(const struct speech_hold *hold, uint64_t now_us)
{
    return hold->rounds > 0 && now_us < hold->until_us;
}

static void wait_longer(struct speech_hold *hold, int64_t retry_after_us, uint64_t now_us,
                        uint64_t random)
{
    uint64_t wait_us = WAITS.base_us / 2 + backoff_delay_us(WAITS, hold->rounds, random);

    if (retry_after_us >= 0)
        wait_us = (uint64_t)retry_after_us < RETRY_AFTER_MAX_US ? (uint64_t)retry_after_us
                                                                : RETRY_AFTER_MAX_US;
    else if (is_same_failure(hold, now_us))
        return;
    if (!is_same_failure(hold, now_us))
        hold->rounds++;
    if (now_us + wait_us > hold->until_us)
        hold->until_us = now_us + wait_us;
}

void speech_hold_note(struct speech_hold *hold, struct retry_decision decision,
                      int64_t retry_after_us, uint64_t now_us, uint64_t random)
{
    switch (decision.health) {
    case RETRY_HEALTHY:
        /* A good answer to what was sent before the service asked us to wait ends no wait. */
        if (now_us >= hold->until_us)
            speech_hold_init(hold);
        return;
    case RETRY_SUSPECT:
        if (++hold->suspects < SPEECH_HOLD_SUSPECTS)
            return;
        break;
    case RETRY_LIMITED:
    case RETRY_UNHEALTHY:
        break;
    case RETRY_UNKNOWN:
    case RETRY_HEALTH_COUNT:
        return;
    }
    hold->is_outage = hold->is_outage || decision.health != RETRY_LIMITED;
    hold->reason = decision.type;
    wait_longer(hold, retry_after_us, now_us, random);
}

uint64_t speech_hold_left_us(const struct speech_hold *hold, uint64_t now_us)
{
    return hold->until_us > now_us ? hold->until_us - now_us : 0;
}

bool speech_hold_is_held(const struct speech_hold *hold, uint64_t now_us)
{
    return now_us < hold->until_us;
}

size_t speech_hold_allowed(const struct speech_hold *hold, uint64_t now_us, size_t max)
{
    if (speech_hold_is_held(hold, now_us))
        return 0;
    return hold->rounds > 0 ? 1 : max;
}
