/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_JOB_H
#define ASSEMBLER_JOB_H

/*
 * A job and those of its chunks that the present transaction has loaded, as plain values, together
 * with what the transaction will write: events, parts of the text, seams, tasks. The pure modules
 * (job_state, assembly) change it; the store loads and writes it. It lives as long as its
 * transaction.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "assembler/start_tally.h"
#include "common/attrs.h"
#include "common/chunk_layout.h"
#include "common/coverage.h"
#include "common/event.h"
#include "common/ids.h"
#include "common/reading.h"

enum job_status {
    JOB_UPLOADING,
    JOB_PROCESSING, /* every chunk is uploaded */
    JOB_ASSEMBLING, /* every chunk is done or finally failed */
    JOB_DONE,
    JOB_FAILED, /* no chunk succeeded */
    JOB_CANCELLED,
    JOB_EXPIRED,
    JOB_STATUS_COUNT
};

enum post_process_state {
    POST_PROCESS_NONE,    /* not begun, or not wanted */
    POST_PROCESS_RUNNING, /* a language model has the whole text */
    POST_PROCESS_OVER,
    POST_PROCESS_STATE_COUNT
};

enum chunk_status {
    CHUNK_PENDING,
    CHUNK_UPLOADED,
    CHUNK_PROCESSING,
    CHUNK_DONE,
    CHUNK_FAILED,
    CHUNK_STATUS_COUNT
};

/* The words of a chunk's reading that are its part of the ordered text: [first, last), of which
 * those below `emitted` have been sent. -1: not decided yet. */
struct chunk_words {
    int32_t first;
    int32_t emitted;
    int32_t last;
};

struct chunk {
    int32_t index;
    enum chunk_status status;
    int32_t attempt;
    int32_t min_attempt;
    int32_t retry_count;
    struct start_tally starts;
    int64_t resync_from;  /* this attempt decodes from here, see assembly.h; 0: no resync */
    int64_t waiting_from; /* bytes that have not arrived yet; -1: none */
    int64_t waiting_to;
    int32_t waiting_first_chunk; /* which they begin in; -1: none */
    int32_t waiting_chunk; /* the last of theirs that is missing: until it has arrived there is
                              no need to look at this one */
    int64_t deferred_until_wall_us; /* 0: not deferred */
    int64_t deferred_since_wall_us; /* the first time since an answer about it; 0: never */
    char *deferred_reason;          /* owned */
    char *error;                    /* owned, the JSON object shown to people; NULL: none */
    int64_t processing_time_ms;     /* -1: not done */

    bool has_audio; /* the following is known */
    struct event_audio audio;
    struct coverage_sums covered; /* of its samples, at its own rate; of a gap, at the job's */
    int64_t start_sample;         /* of the recording; valid when is_placed */
    bool is_placed;
    bool start_is_estimated;
    struct chunk_words words;

    const struct reading *reading; /* borrowed from the record or from the next; NULL: not loaded */
    struct reading *loaded_reading;            /* owned */
    int64_t reading_bytes;                     /* of its JSON, so that loading can be bounded */
    const struct event_correction *correction; /* of a new reading; borrowed from the record */
    const struct event_hearing *hearing;       /* borrowed from the record; NULL: not in this one */
    char language[8];

    /* What the transaction does to the row. */
    bool is_changed;
    bool is_reading_new;
    bool now_uploaded;
    bool now_parked;
    bool now_started;
    bool now_heard;
    bool now_completed;
    bool now_reopened; /* it was completed, and is not any more */

    UT_hash_handle hh;
};

/* One durable event, or a view when `seq` is 0. */
struct job_event {
    int64_t seq;
    const char *type; /* static */
    char *data;       /* owned: the bytes of the SSE data field */
    bool is_stored;   /* already in job_events, only to be relayed */
};

/* Text to be appended to a part of the ordered transcript. */
struct job_part {
    int32_t chunk_index;
    char *text;      /* owned; as heard */
    char *corrected; /* owned; NULL: the same */
    bool is_gap;
    int64_t start_sample;
    int64_t end_sample;
};

/* What becomes of a part's text, as a whole. */
struct job_corrected {
    int32_t chunk_index;
    char *text; /* owned */
};

enum delivery_change {
    DELIVERY_NEW,
    DELIVERY_REPLAYED,
    DELIVERY_RETRIED,
    DELIVERY_DELIVERED,
    DELIVERY_FAILED,
    DELIVERY_CHANGE_COUNT
};

/* A delivery of a webhook, and what happened to it. */
struct job_delivery {
    enum delivery_change change;
    struct id id;
    char *type;  /* owned, as the following; of a new one */
    char *body;  /* of a new one */
    char *error; /* a JSON object; of an attempt that failed */
    int64_t due_in_us;
};

struct job_seam {
    int32_t chunk_index; /* the later of the two */
    char *record;        /* owned, see seam_record.h */
};

enum job_task_kind {
    JOB_TASK_WORK,        /* publishes the chunk's attempt to chunks.uploaded */
    JOB_TASK_SKIP,        /* tells workers on jobs.control to leave the chunk alone */
    JOB_TASK_SKIP_TASK,   /* or one of its tasks: the payload says which */
    JOB_TASK_CANCEL,      /* and this one the whole job */
    JOB_TASK_DEAD_LETTER, /* the record of work that kills its workers or its decoders */
    JOB_TASK_BLOB_DELETE,
    JOB_TASK_POST_PROCESS,
    JOB_TASK_WEBHOOK_DELIVER,
    JOB_TASK_KIND_COUNT
};

/* What must happen after the commit, now or later; task_kind.h has the table of kinds. */
struct job_task {
    enum job_task_kind kind;
    int32_t chunk_index; /* -1: of the whole job */
    int32_t attempt;
    int64_t due_in_us;
    char *payload; /* owned; a JSON object, or NULL */
};

enum task_fate {
    TASK_FATE_OPEN,
    TASK_FATE_CLOSED,
    TASK_FATE_RETRIED, /* the next attempt, in `due_in_us` */
    TASK_FATE_DEAD,    /* it kills its workers: its record becomes a dead letter */
};

/* A task from before that a record of this transaction answers. */
struct job_open_task {
    int64_t id;
    enum job_task_kind kind;
    int32_t attempt;
    char *payload; /* owned */
    struct start_tally starts;
    bool is_tally_changed;
    enum task_fate fate;
    int64_t due_in_us;
};

#define JOB_LIST(type)                                                                             \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count;                                                                              \
    }

struct job {
    struct id id;
    struct chunk_layout layout;
    char extension[8];
    char *language; /* owned, NULL: detected */
    char *prompt;   /* owned */
    int32_t max_retries;
    char detected_language[8]; /* in this transaction, "": not; stays what it first was */

    enum job_status status;
    int32_t uploaded_chunks;
    int32_t completed_chunks;
    int32_t failed_chunks;
    int32_t total_segments;
    int32_t frontier;         /* every chunk below is terminal and passed */
    int32_t settled_parts;    /* every part below has its final text */
    int32_t available_chunks; /* passed with text, not as a gap */
    int64_t frontier_sample;  /* where the frontier stands in the recording */
    int32_t sample_rate;      /* 0: not known yet */
    int64_t ratio_samples; /* of the newest passed chunk with audio: what a gap is estimated by */
    int64_t ratio_bytes;
    struct coverage_sums covered; /* samples up to the frontier: they add up to frontier_sample */
    int64_t transcript_bytes;
    int64_t processing_time_ms;
    int64_t speech_time_ms;
    int64_t speech_requests;
    int32_t llm_pieces;   /* of the text, sent to a language model */
    int32_t llm_rejected; /* of them, whose words stand as they were heard */
    char *llm_reason;     /* owned; why the first of those was rejected */
    bool wants_post_process;
    enum post_process_state post_process;
    int32_t post_process_run; /* answers to tasks of an earlier one count for nothing */
    char *webhook_url;        /* owned, NULL: none */
    char *public_url;         /* owned; what links begin with, NULL: they are relative */
    bool is_webhook_gone;     /* the target wants no more */
    int64_t last_seq;
    int64_t relayed_seq;
    int32_t home_partition; /* of its records; -1: never touched */
    int64_t age_ms;         /* since it was created, by the database's clock */
    int64_t idle_ms;        /* since a chunk was last uploaded, or else it was created */

    struct chunk *chunks; /* loaded ones, by index; owned */
    /* Owned; the ordered text before `parts`, of a job that may end; else NULL. */
    char *stored_text;
    char *stored_corrected;

    bool are_blobs_deleted; /* once: what was uploaded since is there */
    bool is_deleting_blobs; /* it has ended, and a worker may delete some at any moment */

    bool is_changed; /* the row is to be written */
    bool now_upload_started;
    bool now_upload_active; /* a chunk has arrived, or is waited for anew */
    bool now_processing_started;
    bool now_first_completed;
    bool now_completed;
    bool now_blobs_deleted;
    bool now_purged;  /* its row goes, and what belongs to it soon after */
    bool keeps_blobs; /* it was reopened: its blobs are not to be deleted yet */
    bool now_post_processed;
    bool has_more;     /* the frontier stopped at a limit, not at an open chunk */
    bool is_shown;     /* a progress_update is due */
    int32_t rewind_to; /* the text is to be written anew from this chunk on; -1: none */

    JOB_LIST(struct job_event) events;
    JOB_LIST(struct job_part) parts;
    JOB_LIST(struct job_corrected) corrected;
    JOB_LIST(struct job_delivery) deliveries;
    JOB_LIST(struct job_seam) seams;
    JOB_LIST(struct job_task) tasks;
    JOB_LIST(struct job_open_task) open_tasks;

    UT_hash_handle hh;
};

void job_free(struct job *job);
struct job *job_new(const char *job_id) FREED_BY(job_free);
/* In the map of a transaction's jobs; NULL when it is not there. */
struct job *job_find(struct job *jobs, const char *job_id);
/* NULL when it is not loaded. */
struct chunk *job_chunk(const struct job *job, int32_t index);
/* Asserts that it is not loaded yet. */
struct chunk *job_add_chunk(struct job *job, int32_t index);
bool job_is_terminal(const struct job *job);
bool chunk_is_terminal(const struct chunk *chunk);
/* It is done and has heard something: samples that it owns, or a unit that ends in it. A cover
 * picture or an index has neither. */
bool chunk_has_sound(const struct chunk *chunk);

/* Appends with the next seq; `take_data` is consumed. */
void job_add_event(struct job *job, const char *type, char *take_data);
/* One that somebody else has stored and nobody relayed. */
void job_add_stored_event(struct job *job, int64_t seq, const char *type, char *take_data);
/* A view: no seq, not stored. */
void job_add_view(struct job *job, const char *type, char *take_data);
/* Text to be appended to a part; consumed. */
void job_add_part(struct job *job, struct job_part take_part);
/* What a language model did to pieces of the text. */
void job_add_correction(struct job *job, const struct event_correction *correction);
/* The text is consumed. */
void job_add_corrected(struct job *job, struct job_corrected take_corrected);
/* Its strings are consumed. */
void job_add_delivery(struct job *job, struct job_delivery take_delivery);
void job_add_seam(struct job *job, struct job_seam take_seam);
/* The payload is consumed. */
void job_add_task(struct job *job, const struct job_task *task);
void job_add_open_task(struct job *job, const struct job_open_task *task);
/* NULL when it is not loaded: it is closed, or there never was one. */
struct job_open_task *job_open_task(struct job *job, int64_t task_id);

/* Positions of a chunk, or of the recording when `sample_rate` is the job's, in milliseconds; 0
 * where there is no rate yet. */
int64_t job_ms(int64_t samples, int32_t sample_rate);

const char *job_status_name(enum job_status status);
bool job_status_parse(const char *name, enum job_status *ret_status) MUST_CHECK;
const char *chunk_status_name(enum chunk_status status);
bool chunk_status_parse(const char *name, enum chunk_status *ret_status) MUST_CHECK;

#endif
