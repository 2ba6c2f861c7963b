/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_JOB_EVENT_H
#define ASSEMBLER_JOB_EVENT_H

/*
 * The job's events for its viewers: the bytes of the SSE data field, made once and stored, relayed
 * and sent as they are (docs/events.md). Times are integer milliseconds, percentages 0 to 100. No
 * event is larger than 128 KiB: longer text is cut into several deltas, or cut and marked
 * `truncated`, and its reader asks the status endpoint. Pure.
 */

#include <stddef.h>
#include <stdint.h>

#include "assembler/assembly.h"
#include "assembler/job.h"
#include "common/attrs.h"
#include "common/event.h"

#define JOB_EVENT_BYTES_MAX ((size_t)128 * 1024)
/* Of each of the up to three texts that an event repeats, once escaped. */
#define JOB_EVENT_TEXT_MAX ((size_t)40 * 1024)

/* The chunk's own words; those nearer than `hold_back_ms` to an open seam are told to be
 * provisional. */
void job_event_add_chunk_complete(struct job *job, const struct chunk *chunk, int64_t hold_back_ms);
void job_event_add_chunk_failed(struct job *job, const struct chunk *chunk);
void job_event_add_chunk_retrying(struct job *job, const struct chunk *chunk, int64_t due_in_us);
/* As many as the text needs; none when nothing moved. */
void job_event_add_partial_transcript(struct job *job, const struct assembly_step *step);
/* The whole ordered text as it was heard and with its corrections, or as much of it as
 * JOB_EVENT_TEXT_MAX needs. */
void job_event_add_final_result(struct job *job, const char *raw, const char *corrected);
void job_event_add_job_failed(struct job *job);
/* cancelled or expired */
void job_event_add_ended_early(struct job *job);
/* The chunks of the job that are tried once more. */
void job_event_add_retry_started(struct job *job, const int32_t *chunks, size_t count);
/* The text before the frontier, in place of all that was sent before. */
void job_event_add_replacement(struct job *job, const char *text);

/* Views: shown, not stored. */
void job_event_add_progress_update(struct job *job);
void job_event_add_chunk_partial(struct job *job, int32_t chunk_index, int32_t attempt,
                                 const struct event_partial *partial);

/* What chunks.error holds: {"type", "message", "permanent"}; owned by the caller. */
char *job_event_error(const struct event_failed *failed);

#endif
