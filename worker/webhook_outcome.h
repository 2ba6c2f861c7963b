/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_WEBHOOK_OUTCOME_H
#define WORKER_WEBHOOK_OUTCOME_H

/* What an answer to a webhook, or none, means for the delivery. Pure. */

#include <stdbool.h>
#include <stdint.h>

struct webhook_outcome {
    bool is_delivered;
    const char *type;       /* stable word for the list of deliveries; "" if delivered */
    bool is_permanent;      /* the target wants no more of them */
    int64_t retry_after_ms; /* at least so long; -1: as the schedule says */
};

/* `status` of HTTP, 0: no answer; retry_after_us: as asked for, -1: not. */
struct webhook_outcome webhook_outcome_of(long status, int64_t retry_after_us);

#endif
