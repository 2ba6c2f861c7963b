/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_STORE_OFFSETS_H
#define ASSEMBLER_STORE_OFFSETS_H

/*
 * The table consumer_offsets: which record of each partition is applied next. It is moved in the
 * transaction that applies the records, on the condition that it stands where this process believes
 * it to; that condition alone keeps a process that lost its partition from writing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "assembler/store.h"
#include "common/attrs.h"
#include "common/err.h"

/* ERR_REJECT when other topics than these (full names) are known to the database: it belongs to a
 * deployment with another prefix, whose jobs we would take for ours. */
bool store_check_topics(struct store *store, const char *const *topics, size_t count,
                        struct err *err) MUST_CHECK;

struct store_move {
    const char *topic;
    int32_t partition;
    int64_t expected;
    int64_t next;
};

/* Queues the moves; the result has one row for each that was made. */
void store_send_moves(struct store *store, const struct store_move *moves, size_t count,
                      PGresult **ret_result);

struct store_claim {
    int64_t next_offset;
    bool after_crash; /* the last owner did not release it */
    int32_t tries;    /* owners that died while they applied this record */
};

/* Makes this connection the partition's owner. A former owner's backend that is still inside a
 * transaction is ended: its process may be stopped. */
bool store_claim(struct store *store, const char *topic, int32_t partition,
                 struct store_claim *ret_claim, struct err *err) MUST_CHECK;
bool store_release(struct store *store, const char *topic, int32_t partition,
                   struct err *err) MUST_CHECK;
bool store_next_offset(struct store *store, const char *topic, int32_t partition,
                       int64_t *ret_next_offset, struct err *err) MUST_CHECK;
/* Counts a try of the next record before it is applied; gives the tries with this one. */
bool store_count_try(struct store *store, const char *topic, int32_t partition, int32_t *ret_tries,
                     struct err *err) MUST_CHECK;

#endif
