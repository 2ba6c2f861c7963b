/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_START_TALLY_H
#define ASSEMBLER_START_TALLY_H

/*
 * How often a record of work was begun by a process that died of it. A worker tells each start
 * before it does anything, and gives the start back when its work goes to another worker while it
 * lives, or when it ends in order; so a start that is followed by another one, and was not given
 * back, is held to have been a death. Who gives back may die all the same, unseen, as in a
 * rebalance for each try: for that all starts together have a limit, too. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/event.h"

/* Since the newest record of the work, whatever becomes of those starts. */
#define START_TALLY_TOTAL_MAX 1000

struct start_tally {
    struct kafka_position work; /* the newest record of the work; partition -1: unknown */
    int32_t count;              /* starts since it that were not given back, without a result */
    int32_t total;              /* and those that were */
    int64_t last_wall_us;       /* the last start, of whichever record; 0: none */
    bool is_held;               /* that one was not given back */
};

/* True if this is a newer record than the one known, of which nothing is counted yet. */
bool start_tally_note_work(struct start_tally *tally, struct kafka_position work);
/* False: not a start, but a copy of one. */
bool start_tally_add(struct start_tally *tally, const struct event_started *started) MUST_CHECK;
/* The start is none any more. One that another has followed counts as a death for good. */
void start_tally_give_back(struct start_tally *tally, const struct event_started *started);
/* The attempt has come to an end: what was counted counts no more. */
void start_tally_forget(struct start_tally *tally);
/* The last start is held to be a death like those before it. */
bool start_tally_is_deadly(const struct start_tally *tally, int32_t max_starts);

#endif
