/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/webhook_outcome.h"

#include <stddef.h>

#include "common/attrs.h"

/* A target that says it is overloaded is left alone for so long, whatever the schedule says. */
#define THROTTLE_MS INT64_C(60000)

/* The first row that holds the status counts; Standard Webhooks 1.0, "Delivery". */
static const struct {
    long first; /* statuses [first, last] */
    long last;
    struct webhook_outcome outcome;
} ROWS[] = {
    {0, 0, {.type = "webhook_unreachable", .retry_after_ms = -1}},
    {200, 299, {.is_delivered = true, .type = "", .retry_after_ms = -1}},
    {300, 399, {.type = "webhook_redirected", .retry_after_ms = -1}},
    {410, 410, {.type = "webhook_gone", .is_permanent = true, .retry_after_ms = -1}},
    {429, 429, {.type = "webhook_throttled", .retry_after_ms = THROTTLE_MS}},
    {502, 502, {.type = "webhook_throttled", .retry_after_ms = THROTTLE_MS}},
    {504, 504, {.type = "webhook_throttled", .retry_after_ms = THROTTLE_MS}},
    {1, 999, {.type = "webhook_refused", .retry_after_ms = -1}},
};

struct webhook_outcome webhook_outcome_of(long status, int64_t retry_after_us)
{
    static const struct webhook_outcome STRANGE = {.type = "webhook_refused", .retry_after_ms = -1};

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        if (status < ROWS[i].first || status > ROWS[i].last)
            continue;
        struct webhook_outcome outcome = ROWS[i].outcome;
        if (!outcome.is_delivered && retry_after_us >= 0 &&
            retry_after_us / 1000 > outcome.retry_after_ms)
            outcome.retry_after_ms = retry_after_us / 1000;
        return outcome;
    }
    return STRANGE;
}
