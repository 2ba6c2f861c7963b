/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_JOBS_READ_H
#define GATEWAY_JOBS_READ_H

/*
 * What the gateway reads of jobs, as pairs: one function asks, the caller's pg_on_result is called
 * with the rows, and a decoder turns those into plain values. SQL of the gateway is here, in
 * jobs_create.c, job_status.c and job_seams.c only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/chunk_layout.h"
#include "common/event.h"
#include "common/pg.h"
#include "gateway/job_plan.h"
#include "gateway/media_formats.h"

/* --- what a completion needs --- */

struct jobs_chunk {
    struct chunk_layout layout;
    char extension[MEDIA_EXTENSION_SIZE];
    const char *language; /* borrowed from the result; NULL: unset */
    const char *prompt;
    const char *content_type;
    bool is_job_terminal;
    bool has_chunk;
    bool is_chunk_pending;
    int32_t attempt; /* that the upload starts */
    bool use_llm;    /* for each chunk by itself */
};

void jobs_read_chunk(struct pg *pg, const char *job_id, int32_t chunk_index, pg_on_result on_result,
                     void *context);
/* False: there is no such job. */
bool jobs_decode_chunk(const PGresult *result, struct jobs_chunk *ret_chunk) MUST_CHECK;

/* --- what commands need --- */

struct jobs_status {
    const char *status; /* borrowed from the result */
    bool is_terminal;
};

void jobs_read_status(struct pg *pg, const char *job_id, pg_on_result on_result, void *context);
/* False: there is no such job. */
bool jobs_decode_status(const PGresult *result, struct jobs_status *ret_status) MUST_CHECK;

struct jobs_failed {
    int32_t chunk_index;
    int32_t attempt;
    bool is_pending; /* a retry waits for its upload */
};

/* The job and its chunks that failed, or wait for the upload of a retry. */
void jobs_read_failed(struct pg *pg, const char *job_id, pg_on_result on_result, void *context);
/* False: there is no such job. Leaves ret_plan->job as it is. */
bool jobs_decode_plan(const PGresult *result, struct jobs_status *ret_status,
                      struct job_plan *ret_plan) MUST_CHECK;
/* False: the row is the job's, which has no such chunk. */
bool jobs_decode_failed(const PGresult *result, int row, struct jobs_failed *ret_failed) MUST_CHECK;

/* The job, as jobs_decode_plan() has it, and its chunks of which no upload was reported. */
void jobs_read_pending(struct pg *pg, const char *job_id, pg_on_result on_result, void *context);
/* False: the row is the job's, which has no such chunk. */
bool jobs_decode_pending(const PGresult *result, int row, int32_t *ret_chunk_index) MUST_CHECK;

/* The recording as a whole, for playing it. */
struct jobs_recording {
    struct job_plan plan;
    const char *filename; /* borrowed from the result */
    bool is_terminal;
    int64_t attempts;      /* of all chunks: a chunk that is uploaded anew has one more */
    int32_t missing_chunk; /* the first of which no upload was reported; -1: none */
};

void jobs_read_recording(struct pg *pg, const char *job_id, pg_on_result on_result, void *context);
/* False: there is no such job. Leaves ret_recording->plan.job as it is. */
bool jobs_decode_recording(const PGresult *result, struct jobs_recording *ret_recording) MUST_CHECK;

struct jobs_retried {
    const char *status; /* borrowed from the result */
    bool is_applied;    /* every one of the chunks has a newer attempt */
};

void jobs_read_retried(struct pg *pg, const char *job_id, const struct event_retry *retry,
                       pg_on_result on_result, void *context);
/* False: there is no such job. */
bool jobs_decode_retried(const PGresult *result, struct jobs_retried *ret_retried) MUST_CHECK;

/* --- webhooks --- */

/* One row with the answer's JSON; none: there is no such job. */
void jobs_read_webhooks(struct pg *pg, const char *job_id, pg_on_result on_result, void *context);
/* One row with the delivery's state; none: the job has no such delivery. */
void jobs_read_delivery(struct pg *pg, const char *job_id, const char *delivery_id,
                        pg_on_result on_result, void *context);

/* --- what streams need --- */

struct jobs_head {
    uint64_t last_seq;
    bool is_terminal;
};

void jobs_read_head(struct pg *pg, const char *job_id, pg_on_result on_result, void *context);
/* False: there is no such job. */
bool jobs_decode_head(const PGresult *result, struct jobs_head *ret_head) MUST_CHECK;

/* Of many jobs at once: `job_ids` is "{id,id,...}". Rows of id and last_seq. */
void jobs_read_heads(struct pg *pg, const char *job_ids, pg_on_result on_result, void *context);

/* A page is cut at this many events or, after its first, at this many bytes of data. */
#define JOBS_PAGE_EVENTS 200
#define JOBS_PAGE_BYTES 65536

struct jobs_event {
    uint64_t seq;
    const char *type; /* borrowed from the result */
    const char *data;
    size_t length;
};

void jobs_read_events(struct pg *pg, const char *job_id, uint64_t first_seq, pg_on_result on_result,
                      void *context);
struct jobs_event jobs_decode_event(const PGresult *result, int row);

/* One row: the data of a progress_update. */
void jobs_read_progress(struct pg *pg, const char *job_id, pg_on_result on_result, void *context);
/* One row: the data of a whole-text partial_transcript, and whether there is any text yet. */
void jobs_read_text(struct pg *pg, const char *job_id, pg_on_result on_result, void *context);

#endif
