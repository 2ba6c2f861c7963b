/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "assembler/post_process.h"
#include "assembler/store_jobs.h"
#include "common/mem.h"

enum { JOB_COLUMNS = 35, CHUNK_COLUMNS = 41 };

static const struct store_statement WRITE_JOBS = {
    "write_jobs",
    "UPDATE jobs j SET status = u.status, uploaded_chunks = u.uploaded,"
    " completed_chunks = u.completed, failed_chunks = u.failed, total_segments = u.segments,"
    " frontier = u.frontier, settled_parts = u.settled, available_chunks = u.available,"
    " frontier_sample = u.frontier_sample, sample_rate = u.sample_rate,"
    " ratio_samples = u.ratio_samples, ratio_bytes = u.ratio_bytes,"
    " transcript_bytes = u.transcript_bytes, processing_time_ms = u.processing_ms,"
    " speech_time_ms = u.speech_ms, speech_requests = u.requests, llm_pieces = u.llm_pieces,"
    " llm_rejected = u.llm_rejected, llm_reason = u.llm_reason, post_process = u.post_process,"
    " post_process_run = u.post_process_run, webhook_gone = u.webhook_gone, last_seq = u.last_seq,"
    " relayed_seq = greatest(j.relayed_seq, u.relayed_seq), home_partition = u.home,"
    " upload_started_at = CASE WHEN u.upload_started THEN coalesce(j.upload_started_at, now())"
    "  ELSE j.upload_started_at END,"
    " processing_started_at = CASE WHEN u.started THEN coalesce(j.processing_started_at, now())"
    "  ELSE j.processing_started_at END,"
    " first_chunk_completed_at = CASE WHEN u.first_completed"
    "  THEN coalesce(j.first_chunk_completed_at, now()) ELSE j.first_chunk_completed_at END,"
    " completed_at = CASE WHEN u.ended THEN now() WHEN u.is_terminal THEN j.completed_at END,"
    " is_open = NOT u.is_terminal OR (j.is_open"
    "  AND greatest(j.relayed_seq, u.relayed_seq) < u.last_seq), covered = u.covered::bigint[],"
    " detected_language = coalesce(j.detected_language, u.detected_language),"
    " upload_active_at = CASE WHEN u.upload_active THEN now() ELSE j.upload_active_at END,"
    " blobs_deleted_at = CASE WHEN u.blobs_deleted THEN now() ELSE j.blobs_deleted_at END"
    " FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::int[], $6::int[], $7::int[],"
    " $8::int[], $9::int[], $10::bigint[], $11::int[], $12::bigint[], $13::bigint[],"
    " $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[],"
    " $20::int[], $21::bool[], $22::bool[], $23::bool[], $24::bool[], $25::bool[],"
    " $26::int[], $27::int[], $28::text[], $29::text[], $30::text[],"
    " $31::bool[], $32::bool[], $33::text[], $34::int[], $35::bool[])"
    " AS u (id, status, uploaded, completed, failed, segments, frontier, settled, available,"
    " frontier_sample, sample_rate, ratio_samples, ratio_bytes, transcript_bytes, processing_ms,"
    " speech_ms, requests, last_seq, relayed_seq, home, upload_started, started, first_completed,"
    " ended, is_terminal, llm_pieces, llm_rejected, llm_reason,"
    " covered, detected_language, upload_active, blobs_deleted, post_process,"
    " post_process_run, webhook_gone) WHERE j.id = u.id"};

static const struct store_statement WRITE_CHUNKS = {
    "write_chunks",
    "UPDATE chunks c SET status = u.status, attempt = u.attempt, min_attempt = u.min_attempt,"
    " retry_count = u.retries, start_count = u.starts, last_start_us = u.last_start_us,"
    " start_total = u.start_total, start_is_held = u.start_is_held,"
    " resync_from = u.resync_from,"
    " work_partition = u.work_partition, work_offset = u.work_offset,"
    " waiting_from = u.waiting_from, waiting_to = u.waiting_to,"
    " waiting_first_chunk = u.waiting_first_chunk, waiting_chunk = u.waiting_chunk,"
    " deferred_until = to_timestamp(u.deferred_us / 1e6), deferred_reason = u.deferred_reason,"
    " deferred_since_us = u.deferred_since,"
    " error = u.error, processing_time_ms = u.processing_ms,"
    " uploaded_at = CASE WHEN u.is_uploaded THEN coalesce(c.uploaded_at, now())"
    "  ELSE c.uploaded_at END,"
    " processing_started_at = CASE WHEN u.is_started THEN now() ELSE c.processing_started_at END,"
    " last_heard_at = CASE WHEN u.is_heard THEN now() ELSE c.last_heard_at END,"
    " completed_at = CASE WHEN u.is_completed THEN now() WHEN NOT u.is_reopened"
    "  THEN c.completed_at END,"
    " first_byte = u.first_byte, next_byte = u.next_byte, sample_rate = u.sample_rate,"
    " samples = u.samples, absolute_start = u.absolute_start, tail_complete = u.tail_complete,"
    " border_byte = u.border_byte, border_samples = u.border_samples,"
    " start_sample = u.start_sample, start_is_estimated = u.start_is_estimated,"
    " first_word = u.first_word, emitted_word = u.emitted_word, last_word = u.last_word,"
    " covered = u.covered::bigint[]"
    " FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::int[], $6::int[], $7::int[],"
    " $8::bigint[], $9::bigint[], $10::int[], $11::bigint[], $12::bigint[], $13::bigint[],"
    " $14::int[], $15::int[], $16::bigint[], $17::text[], $18::jsonb[], $19::bigint[],"
    " $20::bool[], $21::bool[], $22::bool[], $23::bool[], $24::bigint[], $25::bigint[],"
    " $26::int[], $27::bigint[], $28::bigint[], $29::bool[], $30::bigint[], $31::bigint[],"
    " $32::bigint[], $33::bool[], $34::int[], $35::int[], $36::int[], $37::bool[], $38::text[],"
    " $39::bigint[], $40::int[], $41::bool[])"
    " AS u (job_id, chunk_index, status, attempt, min_attempt, retries, starts, last_start_us,"
    " resync_from, work_partition, work_offset, waiting_from, waiting_to,"
    " waiting_first_chunk, waiting_chunk, deferred_us,"
    " deferred_reason, error, processing_ms, is_uploaded, is_started, is_heard, is_completed, "
    "first_byte, next_byte,"
    " sample_rate, samples, absolute_start, tail_complete, border_byte, border_samples,"
    " start_sample, start_is_estimated,"
    " first_word, emitted_word, last_word, is_reopened, covered, deferred_since,"
    " start_total, start_is_held)"
    " WHERE c.job_id = u.job_id AND c.chunk_index = u.chunk_index"};

/* In an array literal, inside the array of rows. */
static void add_covered(struct sql_rows *rows, const struct coverage_sums *sums)
{
    CLEANUP(mem_free_at)
    char *literal = mem_format("{%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "}",
                               sums->samples[COVERAGE_TEXT], sums->samples[COVERAGE_SILENCE],
                               sums->samples[COVERAGE_FILTERED], sums->samples[COVERAGE_FAILED]);

    sql_rows_text(rows, literal);
}

static void add_job(struct sql_rows *rows, const struct job *job)
{
    sql_rows_text(rows, job->id.text);
    sql_rows_text(rows, job_status_name(job->status));
    sql_rows_int(rows, job->uploaded_chunks);
    sql_rows_int(rows, job->completed_chunks);
    sql_rows_int(rows, job->failed_chunks);
    sql_rows_int(rows, job->total_segments);
    sql_rows_int(rows, job->frontier);
    sql_rows_int(rows, job->settled_parts);
    sql_rows_int(rows, job->available_chunks);
    sql_rows_int(rows, job->frontier_sample);
    sql_rows_natural(rows, job->sample_rate == 0 ? -1 : job->sample_rate);
    sql_rows_int(rows, job->ratio_samples);
    sql_rows_int(rows, job->ratio_bytes);
    sql_rows_int(rows, job->transcript_bytes);
    sql_rows_int(rows, job->processing_time_ms);
    sql_rows_int(rows, job->speech_time_ms);
    sql_rows_int(rows, job->speech_requests);
    sql_rows_int(rows, job->last_seq);
    sql_rows_int(rows, job->relayed_seq);
    sql_rows_natural(rows, job->home_partition);
    sql_rows_bool(rows, job->now_upload_started);
    sql_rows_bool(rows, job->now_processing_started);
    sql_rows_bool(rows, job->now_first_completed);
    sql_rows_bool(rows, job->now_completed);
    sql_rows_bool(rows, job_is_terminal(job));
    sql_rows_int(rows, job->llm_pieces);
    sql_rows_int(rows, job->llm_rejected);
    sql_rows_text(rows, job->llm_reason);
    add_covered(rows, &job->covered);
    sql_rows_text(rows, job->detected_language[0] == '\0' ? NULL : job->detected_language);
    sql_rows_bool(rows, job->now_upload_active);
    sql_rows_bool(rows, job->now_blobs_deleted);
    sql_rows_text(rows, post_process_name(job->post_process));
    sql_rows_int(rows, job->post_process_run);
    sql_rows_bool(rows, job->is_webhook_gone);
}

void store_send_job_rows(struct store *store, const struct job *jobs)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, JOB_COLUMNS);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next)
        if (job->is_changed)
            add_job(&rows, job);
    if (rows.row_count > 0)
        store_send_rows(store, &WRITE_JOBS, &rows, NULL);
}

static void add_state(struct sql_rows *rows, const struct chunk *chunk)
{
    sql_rows_text(rows, chunk_status_name(chunk->status));
    sql_rows_int(rows, chunk->attempt);
    sql_rows_int(rows, chunk->min_attempt);
    sql_rows_int(rows, chunk->retry_count);
    sql_rows_int(rows, chunk->starts.count);
    sql_rows_int(rows, chunk->starts.last_wall_us);
    sql_rows_natural(rows, chunk->resync_from > 0 ? chunk->resync_from : -1);
    const struct kafka_position work = chunk->starts.work;
    sql_rows_natural(rows, work.partition);
    sql_rows_natural(rows, work.partition < 0 ? -1 : work.offset);
    sql_rows_natural(rows, chunk->waiting_from);
    sql_rows_natural(rows, chunk->waiting_to);
    sql_rows_natural(rows, chunk->waiting_first_chunk);
    sql_rows_natural(rows, chunk->waiting_chunk);
    sql_rows_natural(rows, chunk->deferred_until_wall_us > 0 ? chunk->deferred_until_wall_us : -1);
    sql_rows_text(rows, chunk->deferred_since_wall_us > 0 ? chunk->deferred_reason : NULL);
    sql_rows_text(rows, chunk->error);
    sql_rows_natural(rows, chunk->processing_time_ms);
    sql_rows_bool(rows, chunk->now_uploaded);
    sql_rows_bool(rows, chunk->now_started);
    sql_rows_bool(rows, chunk->now_heard);
    sql_rows_bool(rows, chunk->now_completed);
}

static void add_audio(struct sql_rows *rows, const struct chunk *chunk)
{
    const struct event_audio *audio = &chunk->audio;

    if (!chunk->has_audio) {
        for (int i = 0; i < 8; i++)
            sql_rows_null(rows);
        return;
    }
    sql_rows_int(rows, audio->first_byte);
    sql_rows_int(rows, audio->next_byte);
    sql_rows_int(rows, audio->sample_rate);
    sql_rows_int(rows, audio->samples);
    if (audio->has_absolute_start)
        sql_rows_int(rows, audio->absolute_start);
    else
        sql_rows_null(rows);
    sql_rows_bool(rows, audio->tail_complete);
    sql_rows_natural(rows, audio->border_byte);
    sql_rows_int(rows, audio->border_samples);
}

static void add_placement(struct sql_rows *rows, const struct chunk *chunk)
{
    if (chunk->is_placed) {
        sql_rows_int(rows, chunk->start_sample);
        sql_rows_bool(rows, chunk->start_is_estimated);
    } else {
        sql_rows_null(rows);
        sql_rows_null(rows);
    }
    sql_rows_natural(rows, chunk->words.first);
    sql_rows_natural(rows, chunk->words.emitted);
    sql_rows_natural(rows, chunk->words.last);
}

static void add_chunks(struct sql_rows *rows, const struct job *job)
{
    for (const struct chunk *chunk = job->chunks; chunk != NULL; chunk = chunk->hh.next) {
        if (!chunk->is_changed)
            continue;
        sql_rows_text(rows, job->id.text);
        sql_rows_int(rows, chunk->index);
        add_state(rows, chunk);
        add_audio(rows, chunk);
        add_placement(rows, chunk);
        sql_rows_bool(rows, chunk->now_reopened);
        add_covered(rows, &chunk->covered);
        sql_rows_int(rows, chunk->deferred_since_wall_us);
        sql_rows_int(rows, chunk->starts.total);
        sql_rows_bool(rows, chunk->starts.is_held);
    }
}

void store_send_chunk_rows(struct store *store, const struct job *jobs)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, CHUNK_COLUMNS);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next)
        add_chunks(&rows, job);
    if (rows.row_count > 0)
        store_send_rows(store, &WRITE_CHUNKS, &rows, NULL);
}
