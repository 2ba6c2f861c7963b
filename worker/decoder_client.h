/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_DECODER_CLIENT_H
#define WORKER_DECODER_CLIENT_H

/*
 * Decodes chunks in sandboxed processes, on the worker's event loop and without blocking it. The
 * worker execs itself once as the decoder parent (decoder_parent.h); the parent forks one child per
 * chunk, which streams PCM back over a pipe. Whatever a hostile file does to its child, other jobs
 * go on.
 *
 * Thread: the loop's. The parent should be started before other threads are; if it dies, its
 * running jobs fail with ERR_RETRY and the next decode starts a new one.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "worker/media_report.h"
#include "worker/media_source.h"

struct decoder_client;
struct event_base;
struct decoder_job;

struct decoder_limits {
    int64_t max_seconds;  /* of audio in one reading */
    int64_t memory_bytes; /* address space of the child, its libraries (100 MB) included */
    int32_t cpu_seconds;
    /* The child may take that long; the time that the job is paused is not counted. */
    int64_t wall_ms;
};

#define DECODER_LIMITS_DEFAULT                                                                     \
    ((struct decoder_limits){.max_seconds = INT64_C(4) * 3600,                                     \
                             .memory_bytes = INT64_C(512) << 20,                                   \
                             .cpu_seconds = 300,                                                   \
                             .wall_ms = 600000})

struct decoder_request {
    int64_t total_size;       /* of the recording */
    struct media_range range; /* the chunk's bytes */
    /* What there is: the header's stretches, the chunk, and what was fetched of its neighbours. By
     * file only (bytes = NULL); the fds may be closed as soon as the call has returned. */
    const struct media_extent *extents;
    size_t extent_count;
    struct decoder_limits limits;
};

enum decoder_result {
    DECODER_DONE,
    DECODER_NEED,  /* the header is not complete: fetch `need` and ask again */
    DECODER_FAILED /* err: ERR_REJECT will never work, ERR_RETRY may */
};

struct decoder_outcome {
    enum decoder_result result;
    struct media_report report; /* DECODER_DONE */
    int64_t pcm_samples;        /* how many were delivered */
    int64_t undecodable_units;  /* of them silence was made */
    struct media_need need;     /* DECODER_NEED */
    struct err err;             /* DECODER_FAILED; domain "media" or "decoder" */
};

struct decoder_callbacks {
    /* Once, before the first PCM. `report` is complete. */
    void (*on_start)(void *context, const struct media_report *report);
    /* Mono, 16 kHz, in order, some thousand samples at a time. */
    void (*on_pcm)(void *context, const int16_t *samples, size_t count);
    /* Exactly once unless cancelled, never from within decoder_client_decode(); the job is gone
     * when it returns. */
    void (*on_done)(void *context, const struct decoder_outcome *outcome);
};

/* Ends the parent and with it all children; running jobs vanish without a callback. */
void decoder_client_free(struct decoder_client *client);
/* `executable` is run as `executable --decoder-parent`; NULL: this very program. Copied. */
struct decoder_client *decoder_client_new(struct event_base *base, const char *executable)
    FREED_BY(decoder_client_free);

/* Starts the parent, if it isn't running. */
bool decoder_client_start(struct decoder_client *client, struct err *err) MUST_CHECK;

/* NULL and err (ERR_RETRY mostly) if it could not begin. The request is copied. */
struct decoder_job *decoder_client_decode(struct decoder_client *client,
                                          const struct decoder_request *request,
                                          const struct decoder_callbacks *callbacks, void *context,
                                          struct err *err) MUST_CHECK;

/* Back-pressure: stops reading, so that the child blocks once the pipe (64 KiB) is full. Both may
 * be called in callbacks; after a pause in on_pcm no callback comes until resume, but on_done if
 * the parent dies. */
void decoder_job_pause(struct decoder_job *job);
void decoder_job_resume(struct decoder_job *job);
/* Kills the child; no callback comes any more, and the job is gone. May be called in its callbacks,
 * except on_done. */
void decoder_job_cancel(struct decoder_job *job);

size_t decoder_client_running(const struct decoder_client *client);

#endif
