/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_STORE_JOBS_H
#define ASSEMBLER_STORE_JOBS_H

/*
 * Jobs and chunks, in and out of a transaction. Loading is queued by store_send_load() and taken
 * from the results by store_take_loaded(), so that it can share a round trip with the offsets.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "assembler/job.h"
#include "assembler/rewind.h"
#include "assembler/store.h"
#include "common/attrs.h"
#include "common/err.h"

/* A chunk that a record speaks of. */
struct store_wish {
    const char *job_id;
    int32_t chunk_index;    /* -1: only the job and what its frontier needs */
    bool may_move_frontier; /* if the frontier stands here, what lies ahead of it is wanted too */
};

struct store_loaded {
    PGresult *jobs;
    PGresult *chunks;
    PGresult *ahead;
    PGresult *texts;
};

void store_loaded_done(struct store_loaded *loaded);
/* Locks the jobs in the order of their ids, and loads them, the chunks wished for, what lies around
 * the frontiers that may move, and the text of jobs that may end. Wishes of one job stand
 * together. */
void store_send_load(struct store *store, const struct store_wish *wishes, size_t count,
                     struct store_loaded *ret_loaded);
/* Adds to the map of jobs by id. Wishes for jobs or chunks that do not exist stay unfulfilled. */
bool store_take_loaded(const struct store_loaded *loaded, struct job **ret_jobs,
                       struct err *err) MUST_CHECK;

/* A reading as it is stored. */
bool store_take_reading(const char *json, const struct job *job, struct chunk *chunk,
                        struct err *err) MUST_CHECK;
/* Loads the readings of done chunks around the frontiers, as far as chunks are there and terminal,
 * up to `limit_bytes` of JSON in total (at least a pair). */
bool store_load_readings(struct store *store, struct job *jobs, int64_t limit_bytes,
                         struct err *err) MUST_CHECK;

/* Forgets the ordered text from a chunk on, which a person's retry writes anew, and gives what
 * stands before it; the text is owned by the caller. */
bool store_drop_parts(struct store *store, const char *job_id, int32_t from_chunk,
                      struct rewind_prefix *ret_prefix, char **ret_text,
                      struct err *err) MUST_CHECK;

/* Queue what the transaction has changed. */
void store_send_job_rows(struct store *store, const struct job *jobs);
void store_send_chunk_rows(struct store *store, const struct job *jobs);
void store_send_readings(struct store *store, const struct job *jobs);
void store_send_parts(struct store *store, const struct job *jobs);
void store_send_corrected(struct store *store, const struct job *jobs);
void store_send_deliveries(struct store *store, const struct job *jobs);
void store_send_seams(struct store *store, const struct job *jobs);
void store_send_events(struct store *store, const struct job *jobs);

#endif
