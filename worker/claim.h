/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_CLAIM_H
#define WORKER_CLAIM_H

/*
 * What the assembler is told of who has a record of work, so that it can tell deaths from
 * rebalances: a start before anything is done, that start given back when the work goes to another
 * worker or this process ends in order, and a new one when it comes back. Thread: the loop's.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "worker/emit.h"
#include "worker/work_item.h"

enum claim_state {
    CLAIM_NONE, /* the work has not begun */
    CLAIM_HELD,
    CLAIM_RELEASED, /* the work goes on, but its record is somebody else's */
    CLAIM_OVER,
};

struct claim {
    struct emit *emit;            /* borrowed, as the following */
    const struct work_item *item; /* the record that was the first to ask for the work */
    const char *worker_id;
    enum claim_state state;
    int64_t at_wall_us; /* of the last start */
};

/* Tells the start. `on_settled` is called when it is acknowledged; the emission is the caller's to
 * cancel until then. */
void claim_begin(struct claim *claim, emit_on_settled on_settled, void *context,
                 struct emission **ret_emission);
/* The record's partition went away, or came back, while the work goes on. Whoever asks: nothing is
 * told twice, or of what has not begun or is over. */
void claim_set_ours(struct claim *claim, bool is_ours);
/* The process ends before the work does. Told at once: the loop has come to its end. */
void claim_abandon(struct claim *claim);
/* The result has arrived, or nobody wants it. */
void claim_end(struct claim *claim);

#endif
