/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_IDEMPOTENCY_SWEEP_H
#define GATEWAY_IDEMPOTENCY_SWEEP_H

/* Removes idempotency keys that are past their time, a bounded batch after the other. They have no
 * effect by then; this only keeps the table small. Every gateway does it, none waits for another.
 */

#include <stdint.h>

#include "common/attrs.h"

struct idempotency_sweep;
struct loop;
struct pg;

void idempotency_sweep_free(struct idempotency_sweep *sweep);
/* `pg` outlives it. */
struct idempotency_sweep *idempotency_sweep_start(struct loop *loop, struct pg *pg,
                                                  int64_t lifetime_us)
    FREED_BY(idempotency_sweep_free);

#endif
