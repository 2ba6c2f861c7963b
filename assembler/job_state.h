/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_JOB_STATE_H
#define ASSEMBLER_JOB_STATE_H

/*
 * What a record does to a chunk and its job: one table of record x chunk status, guarded by the
 * attempt that the record speaks of. Attempts are numbered here and nowhere else. Pure.
 *
 *   pending -> uploaded -> processing -> done | failed
 *
 * `done` and `failed` absorb every record but a person's retry. Records of one topic may overtake
 * those of another, so whatever comes first makes a chunk uploaded.
 */

#include <stdint.h>

#include "assembler/job.h"
#include "common/attrs.h"
#include "common/backoff.h"
#include "common/event.h"

/* What happened, as a set. Empty: the record counted for nothing ("superseded"). */
enum job_effect {
    EFFECT_UPLOADED = 1 << 0,
    EFFECT_STARTED = 1 << 1,
    EFFECT_HEARD = 1 << 2,
    EFFECT_SHOWN = 1 << 3,    /* a window's text, for viewers */
    EFFECT_PARKED = 1 << 4,   /* until bytes of the header have arrived */
    EFFECT_DEFERRED = 1 << 5, /* the same attempt again, later */
    EFFECT_RETRIED = 1 << 6,  /* the next attempt, later */
    EFFECT_DONE = 1 << 7,
    EFFECT_FAILED = 1 << 8,
    EFFECT_CRASHED = 1 << 9,     /* with FAILED: it kills its workers, they must skip it */
    EFFECT_KEPT = 1 << 10,       /* a resync failed: the reading from before stands */
    EFFECT_UNREACHED = 1 << 11,  /* with FAILED: deferred for too long */
    EFFECT_HEADERLESS = 1 << 12, /* with FAILED: the file's header is not stored any more */
};

struct job_state_policy {
    int32_t max_starts; /* of one attempt; the last one is held to have killed its workers */
    struct backoff backoff;
    int64_t max_deferral_us; /* from the first deferral to the one that is the last */
};

struct job_change {
    unsigned effects;
    int64_t due_in_us; /* of the task that DEFERRED or RETRIED needs */
};

/* Changes chunk and job; a result's reading is borrowed by the chunk from then on. `now_wall_us`
 * turns a deferral's end into a wait, `random` is uniform. */
struct job_change job_state_apply(struct job *job, struct chunk *chunk, const struct event *event,
                                  const struct job_state_policy *policy, int64_t now_wall_us,
                                  uint64_t random);
/* Ends the job before its chunks do: cancelled or expired. False: it has ended already. */
bool job_state_end(struct job *job, enum job_status status);
/* A person wants a chunk that failed tried once more: the next attempt is the first of a new
 * series. False: it has not failed, or not in this attempt. */
bool job_state_retry(struct job *job, struct chunk *chunk, const struct event_retry_chunk *asked);
/* Moves the job's status forward as far as its counters and its frontier say. */
void job_state_advance(struct job *job);
/* Every chunk is done or failed (one that is read again for a resync counts as done). */
bool job_state_is_complete(const struct job *job);

#endif
