/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_STORE_RELAY_H
#define ASSEMBLER_STORE_RELAY_H

/* What the relay reads and writes: stored events, and how far they have come. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "assembler/store.h"
#include "common/attrs.h"
#include "common/err.h"
#include "common/ids.h"

/* An open job of a partition that has changed hands. */
struct store_open_job {
    struct id id;
    int64_t relayed_seq;
    int64_t last_seq;
    bool can_move; /* its frontier stands at a terminal chunk */
};

/* An array owned by the caller. */
bool store_open_jobs(struct store *store, int32_t home_partition, struct store_open_job **ret_jobs,
                     size_t *ret_count, struct err *err) MUST_CHECK;
/* Rows of job and seq: a few of the events behind each, as rows of job, seq, type and data in
 * order. */
bool store_events_after(struct store *store, struct sql_rows *rows, PGresult **ret_events,
                        struct err *err) MUST_CHECK;
/* Rows of job and seq: all events up to there were acknowledged. */
bool store_write_relayed(struct store *store, struct sql_rows *rows, struct err *err) MUST_CHECK;

#endif
