/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_EVENT_H
#define COMMON_EVENT_H

/*
 * The records on Kafka's topics, typed, to JSON and back (schemas/events). A value has the member
 * `schema`, e.g. "chunk.started/1"; a reader refuses versions that it does not know (ERR_REJECT)
 * and ignores members that it does not know, so that members can be added. Texts from outside are
 * made safe for PostgreSQL by the encoder: invalid UTF-8, U+0000 and lone surrogates become U+FFFD.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/chunk_layout.h"
#include "common/coverage.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/kafka_record.h"
#include "common/reading.h"

#define EVENT_BYTES_MAX (8 * 1024 * 1024)
#define EVENT_CONTENT_TYPE_SIZE 12
/* Of a chunk's coverage, so that a record has room for its words. */
#define EVENT_COVERAGE_PARTS_MAX 1000

enum event_type {
    EVENT_CHUNK_WORK,        /* chunks.uploaded: one attempt at one chunk */
    EVENT_CHUNK_UPLOADED,    /* jobs.commands: the client reported the upload */
    EVENT_CHUNK_STARTED,     /* chunks.results: acknowledged before decoding begins */
    EVENT_CHUNK_RELEASED,    /* its work goes to another worker, or back, and not for a death */
    EVENT_CHUNK_ALIVE,       /* every 30 s of a long attempt */
    EVENT_CHUNK_PARTIAL,     /* one window's text */
    EVENT_CHUNK_WAITING,     /* bytes of the file's header are missing */
    EVENT_CHUNK_DEFERRED,    /* the speech service holds us back */
    EVENT_CHUNK_TRANSCRIBED, /* the result */
    EVENT_CHUNK_FAILED,
    EVENT_JOB_CANCEL,        /* jobs.commands: nobody wants the job any more */
    EVENT_JOB_RETRY,         /* jobs.commands: failed chunks are to be tried once more */
    EVENT_WEBHOOK_REPLAY,    /* jobs.commands: a delivery is to be sent once more */
    EVENT_CONTROL_CANCEL,    /* jobs.control: workers leave the job alone */
    EVENT_CONTROL_SKIP,      /* jobs.control: workers leave this attempt alone, it kills them */
    EVENT_CONTROL_SKIP_TASK, /* and this attempt at a task */
    EVENT_TASK_WORK,         /* jobs.tasks: one attempt at a task that is no chunk */
    EVENT_TASK_STARTED,      /* chunks.results: acknowledged before it is begun */
    EVENT_TASK_RELEASED,     /* as CHUNK_RELEASED */
    EVENT_TASK_DONE,
    EVENT_TASK_FAILED,
    EVENT_TYPE_COUNT
};

/* Options of the job that the worker needs, carried by the work record. Owned strings, NULL: unset.
 */
struct event_work_options {
    char *language; /* ISO 639-1 */
    char *prompt;
    bool use_llm; /* the chunk's text is to be corrected before it is published */
    char content_type[EVENT_CONTENT_TYPE_SIZE]; /* what the recording holds; "auto": look */
};

struct event_work {
    struct chunk_layout layout;
    char extension[8]; /* of the object keys; names the container format */
    /* Not 0: the first byte of a unit that the previous chunk says this chunk begins with. */
    int64_t resync_from;
    /* Bytes [stored_from, stored_to) of the file are what the attempt has waited for, and were
     * uploaded before this record was written: missing now, they are lost. None: it has not. */
    int64_t stored_from;
    int64_t stored_to;
    struct event_work_options options;
};

struct event_uploaded {
    int64_t size_bytes;
    struct kafka_position work; /* of the work record of attempt 1 */
};

/* Or the one that is given back. */
struct event_started {
    char *worker_id;    /* owned */
    int64_t size_bytes; /* of a chunk's start */
    struct kafka_position work;
    int64_t at_wall_us; /* tells two starts of one work record from one that was written twice */
};

struct event_partial {
    int32_t window_index;
    int32_t window_count; /* 0 while it is not known */
    char *text;           /* owned */
    int64_t start_ms;     /* relative to the chunk's first owned sample */
    int64_t end_ms;
};

/* Bytes [from, to) of the file that must arrive before the chunk can be decoded. */
struct event_waiting {
    int64_t from;
    int64_t to;
};

struct event_deferred {
    int64_t until_wall_us;
    char *reason; /* owned */
};

/* What the chunk owns of the recording (media-findings: ownership by first byte of a unit). */
struct event_audio {
    char codec[24];
    int32_t sample_rate; /* native; 0: the chunk owns no audio */
    int32_t channels;
    int64_t samples;    /* owned, per channel */
    int64_t first_byte; /* of the first owned unit, in the file */
    int64_t next_byte;  /* where the next chunk's first unit must begin */
    bool has_absolute_start;
    int64_t absolute_start; /* the container's own position of the first owned sample */
    /* false: the last unit of the bytes at hand could not be measured; `samples` and next_byte stop
     * before it, and the next chunk's border unit completes them. */
    bool tail_complete;
    int64_t border_byte;    /* of a unit that begins in the chunk before and ends in this one; -1 */
    int64_t border_samples; /* of that unit */
};

/* What a language model did to a chunk's text, which it was sent in pieces. */
struct event_correction {
    bool is_there; /* it was asked to */
    char *model;   /* owned */
    int32_t pieces;
    int32_t rejected; /* pieces whose words stay as they were heard */
    char reason[24];  /* why the first of them was: "truncated", "timed_out", ...; "" */
    int32_t requests;
    int64_t time_ms; /* from the first request to the last answer */
};

#define EVENT_MODELS_MAX 2

/* How the chunk was heard, and what became of each of its samples (common/coverage.h). */
struct event_hearing {
    bool is_told;                          /* false: by a worker that did not tell yet */
    char content[EVENT_CONTENT_TYPE_SIZE]; /* "speech", "music", "mixed", "silence" */
    int32_t windows;
    int32_t asked_again; /* windows that were asked for twice */
    /* Owned; the speech service's that were asked, none for silence. */
    char *models[EVENT_MODELS_MAX];
    size_t model_count;
    struct coverage_sums sums;
    struct coverage coverage; /* owned; without text, at most EVENT_COVERAGE_PARTS_MAX parts */
    int32_t unlisted;         /* parts beyond these */
};

struct event_transcribed {
    struct event_audio audio;
    struct event_hearing hearing;
    struct reading reading; /* owned */
    char language[8];       /* as detected or given; "" when there was no speech */
    char *model;            /* owned */
    int32_t requests;       /* calls to the speech service */
    int64_t processing_time_ms;
    int64_t speech_time_ms; /* sum of the calls' durations */
    struct event_correction correction;
};

struct event_failed {
    char type[32]; /* stable word: "not_audio", "decoder_crashed", "speech_rejected", ... */
    char *message; /* owned, one sentence for people */
    bool permanent;
    int64_t retry_after_ms; /* -1: none asked for */
};

struct event_retry_chunk {
    int32_t chunk_index;
    int32_t attempt;   /* the last one, which failed: a repeated command does not fit any more */
    bool needs_upload; /* its bytes are not stored any more */
};

struct event_retry {
    struct event_retry_chunk *chunks; /* owned */
    size_t count;
};

struct event_replay {
    struct id delivery;
};

#define EVENT_TASK_KIND_SIZE 32

/* A task of the job, or how an attempt at it ended. */
struct event_task {
    int64_t id;
    char kind[EVENT_TASK_KIND_SIZE]; /* "blob.delete", ...: says what payload and result hold */
    char *payload;                   /* owned; of TASK_WORK: a JSON object */
    char *result;                    /* owned; of TASK_DONE: a JSON object, or NULL */
    struct event_failed failed;      /* of TASK_FAILED */
    struct event_started started;    /* of TASK_STARTED and TASK_RELEASED */
};

struct event {
    enum event_type type;
    struct id job;
    int32_t chunk_index; /* -1: it is about the whole job */
    int32_t attempt;     /* at the chunk or the task; 0: at neither */
    union {
        struct event_work work;
        struct event_uploaded uploaded;
        struct event_started started;
        struct event_partial partial;
        struct event_waiting waiting;
        struct event_deferred deferred;
        struct event_transcribed transcribed;
        struct event_failed failed;
        struct event_retry retry;
        struct event_replay replay;
        struct event_task task;
    };
};

/* Frees what the event owns, not the struct. */
void event_done(struct event *event);
/* `wall_us` becomes occurred_at. event_id is made from type, job, chunk, attempt (and the window of
 * a partial, the time of an alive, the chunks of a retry, the task), so that a resend is identical
 * in it. */
void event_encode(const struct event *event, int64_t wall_us, struct buf *ret_json);
/* ERR_REJECT: not JSON, not one of the types, or a member missing, of another type or out of
 * range; the message names it. */
bool event_decode(const char *json, size_t length, struct event *ret_event,
                  struct err *err) MUST_CHECK;
const char *event_type_name(enum event_type type);
/* It speaks of one of the job's tasks. */
bool event_is_of_task(enum event_type type);
/* It has no chunk. */
bool event_is_of_job(enum event_type type);
/* The key of its record: "job:chunk" for what is addressed to workers and about a chunk, else the
 * job. Owned by the caller. */
char *event_key(const struct event *event);
/* A reading by itself, as the assembler stores it: the bytes of the record's member `reading`. The
 * caller owns what is in `ret_reading` on success. */
void event_encode_reading(const struct reading *reading, struct buf *ret_json);
bool event_decode_reading(const char *json, size_t length, struct reading *ret_reading,
                          struct err *err) MUST_CHECK;
/* How a chunk was heard, likewise: the member `hearing`. */
void event_encode_hearing(const struct event_hearing *hearing, struct buf *ret_json);
/* The topic it belongs on, without prefix. */
const char *event_topic(enum event_type type);

#endif
