/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "assembler/job_event.h"
#include "assembler/post_process.h"
#include "assembler/store_jobs.h"
#include "common/mem.h"

enum job_column {
    J_ID,
    J_TOTAL_SIZE,
    J_CHUNK_SIZE,
    J_FIRST_CHUNK,
    J_EXTENSION,
    J_LANGUAGE,
    J_PROMPT,
    J_MAX_RETRIES,
    J_STATUS,
    J_UPLOADED,
    J_COMPLETED,
    J_FAILED,
    J_SEGMENTS,
    J_FRONTIER,
    J_SETTLED,
    J_AVAILABLE,
    J_FRONTIER_SAMPLE,
    J_SAMPLE_RATE,
    J_RATIO_SAMPLES,
    J_RATIO_BYTES,
    J_TRANSCRIPT_BYTES,
    J_PROCESSING_MS,
    J_SPEECH_MS,
    J_REQUESTS,
    J_LLM_PIECES,
    J_LLM_REJECTED,
    J_LLM_REASON,
    J_WANTS_POST_PROCESS,
    J_POST_PROCESS,
    J_POST_PROCESS_RUN,
    J_WEBHOOK_URL,
    J_PUBLIC_URL,
    J_WEBHOOK_GONE,
    J_LAST_SEQ,
    J_RELAYED_SEQ,
    J_HOME,
    J_AGE_MS,
    J_COVERED,
    J_IDLE_MS,
    J_BLOBS_DELETED,
    J_DELETING_BLOBS,
    J_FIRST_EVENT,
    J_COLUMN_COUNT
};

/* FOR NO KEY UPDATE: the foreign keys of chunks and events need not wait for it. The gateway's
 * first event is read along when the job has never been touched, because nobody has relayed it. */
static const struct store_statement LOCK_JOBS = {
    "lock_jobs",
    "SELECT j.id, " STORE_LAYOUT_COLUMNS ", j.extension, j.language, j.prompt,"
    " j.max_retries, j.status,"
    " j.uploaded_chunks, j.completed_chunks, j.failed_chunks, j.total_segments, j.frontier,"
    " j.settled_parts, j.available_chunks, j.frontier_sample, j.sample_rate, j.ratio_samples,"
    " j.ratio_bytes, j.transcript_bytes, j.processing_time_ms, j.speech_time_ms,"
    " j.speech_requests, j.llm_pieces, j.llm_rejected, j.llm_reason,"
    " j.use_llm AND j.llm_mode = 'post_process', j.post_process, j.post_process_run,"
    " j.webhook_url, j.public_url, j.webhook_gone, j.last_seq, j.relayed_seq, "
    "j.home_partition,"
    " (extract(epoch FROM clock_timestamp() - j.created_at) * 1000)::bigint, j.covered,"
    " (extract(epoch FROM clock_timestamp() - coalesce(j.upload_active_at, j.created_at)) * 1000)"
    "  ::bigint, j.blobs_deleted_at IS NOT NULL,"
    " CASE WHEN j.status IN ('done', 'failed') THEN EXISTS (SELECT FROM tasks t"
    "  WHERE t.job_id = j.id AND t.kind = 'blob.delete' AND NOT t.is_dead"
    "  AND (t.state = 'published' OR t.due_at <= now())) ELSE false END,"
    " CASE WHEN j.home_partition IS NULL THEN (SELECT e.data FROM job_events e"
    "  WHERE e.job_id = j.id AND e.seq = 1) END"
    " FROM jobs j WHERE j.id = ANY ($1::uuid[]) ORDER BY j.id FOR NO KEY UPDATE OF j"};

enum chunk_column {
    C_JOB,
    C_INDEX,
    C_STATUS,
    C_ATTEMPT,
    C_MIN_ATTEMPT,
    C_RETRIES,
    C_STARTS,
    C_START_TOTAL,
    C_LAST_START,
    C_START_IS_HELD,
    C_RESYNC_FROM,
    C_WORK_PARTITION,
    C_WORK_OFFSET,
    C_WAITING_FROM,
    C_WAITING_TO,
    C_WAITING_FIRST_CHUNK,
    C_WAITING_CHUNK,
    C_DEFERRED_UNTIL,
    C_DEFERRED_REASON,
    C_DEFERRED_SINCE,
    C_ERROR,
    C_PROCESSING_MS,
    C_FIRST_BYTE,
    C_NEXT_BYTE,
    C_SAMPLE_RATE,
    C_SAMPLES,
    C_ABSOLUTE_START,
    C_TAIL_COMPLETE,
    C_BORDER_BYTE,
    C_BORDER_SAMPLES,
    C_START_SAMPLE,
    C_START_ESTIMATED,
    C_FIRST_WORD,
    C_EMITTED_WORD,
    C_LAST_WORD,
    C_COVERED,
    C_READING_BYTES,
    C_READING,
    C_COLUMN_COUNT
};

/* In the order of enum chunk_column; the last but one and the last are added by each statement. */
#define CHUNK_COLUMNS                                                                              \
    "c.job_id, c.chunk_index, c.status, c.attempt, c.min_attempt, c.retry_count, c.start_count,"   \
    " c.start_total, c.last_start_us, c.start_is_held, c.resync_from, c.work_partition, "          \
    "c.work_offset, c.waiting_from,"                                                               \
    " c.waiting_to, c.waiting_first_chunk, c.waiting_chunk, (extract(epoch FROM "                  \
    "c.deferred_until) * 1000000)::bigint, c.deferred_reason, "                                    \
    "c.deferred_since_us, c.error::text,"                                                          \
    " c.processing_time_ms, c.first_byte, c.next_byte, c.sample_rate, c.samples,"                  \
    " c.absolute_start, c.tail_complete, c.border_byte, c.border_samples, c.start_sample,"         \
    " c.start_is_estimated, c.first_word, c.emitted_word, c.last_word, c.covered"

/* Chunks that are open still have no reading, and those that are not need it no more. */
static const struct store_statement LOAD_CHUNKS = {
    "load_chunks", "SELECT " CHUNK_COLUMNS ", 0, NULL"
                   " FROM unnest($1::uuid[], $2::int[]) AS w (job_id, chunk_index)"
                   " JOIN chunks c ON c.job_id = w.job_id AND c.chunk_index = w.chunk_index"};

/* The parameters are results that may move a frontier: where it stands there, or where it is held
 * behind leading failures (no rate known yet), the terminal chunks around it are loaded too. A NULL
 * index means that the frontier has stopped at a limit. The reading before the frontier is needed
 * whenever it moves, and is brought along. */
static const struct store_statement LOAD_AHEAD = {
    "load_ahead",
    "WITH moving AS MATERIALIZED (SELECT DISTINCT j.id, j.frontier"
    "  FROM unnest($1::uuid[], $2::int[]) AS r (job_id, chunk_index) JOIN jobs j ON j.id = r.job_id"
    "  AND (r.chunk_index IS NULL OR j.frontier = r.chunk_index OR"
    "   j.sample_rate IS NULL AND EXISTS (SELECT FROM chunks f WHERE f.job_id = j.id"
    "    AND f.chunk_index = j.frontier AND f.status = 'failed')))"
    " SELECT " CHUNK_COLUMNS ", r.reading_bytes,"
    " CASE WHEN c.chunk_index = moving.frontier - 1 THEN r.reading::text END"
    " FROM moving JOIN chunks c ON c.job_id = moving.id"
    "  AND c.chunk_index BETWEEN moving.frontier - 1 AND moving.frontier + 64"
    "  AND c.status IN ('done', 'failed')"
    " LEFT JOIN chunk_readings r ON r.job_id = c.job_id AND r.chunk_index = c.chunk_index"};

/* The parameters are jobs, and of how many chunks of each the wishes may be the end: where these
 * are all that is open, the terminal event may be due, and it holds the text. As much of it is read
 * as an event can hold. After the lock, or a stale owner's last parts might be missing. */
static const struct store_statement LOAD_TEXTS = {
    "load_texts",
    "SELECT j.id, t.raw, t.corrected"
    " FROM unnest($1::uuid[], $2::int[]) AS w (job_id, may_end) JOIN jobs j ON j.id = w.job_id"
    " CROSS JOIN LATERAL (SELECT left(string_agg(p.raw, '' ORDER BY p.chunk_index), $3::int) AS "
    "raw,"
    "   left(string_agg(p.corrected, '' ORDER BY p.chunk_index), $3::int) AS corrected FROM"
    "  (SELECT chunk_index, raw, coalesce(corrected, raw) AS corrected,"
    "    sum(length(raw)) OVER (ORDER BY chunk_index) - length(raw) AS raw_before,"
    "    sum(length(coalesce(corrected, raw))) OVER (ORDER BY chunk_index)"
    "     - length(coalesce(corrected, raw)) AS corrected_before"
    "   FROM transcript_parts WHERE job_id = j.id) AS p"
    "  WHERE p.raw_before < $3::int OR p.corrected_before < $3::int) AS t"
    " WHERE j.completed_chunks + j.failed_chunks + w.may_end >= j.total_chunks"};

static void add_unique(struct sql_rows *rows, const struct store_wish *wishes, size_t i)
{
    if (i == 0 || strcmp(wishes[i].job_id, wishes[i - 1].job_id) != 0)
        sql_rows_text(rows, wishes[i].job_id);
}

static void send_chunks(struct store *store, const struct store_wish *wishes, size_t count,
                        PGresult **ret_chunks)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, 2);
    for (size_t i = 0; i < count; i++) {
        if (wishes[i].chunk_index < 0)
            continue;
        sql_rows_text(&rows, wishes[i].job_id);
        sql_rows_int(&rows, wishes[i].chunk_index);
    }
    if (rows.row_count > 0)
        store_send_rows(store, &LOAD_CHUNKS, &rows, ret_chunks);
}

static void send_ahead(struct store *store, const struct store_wish *wishes, size_t count,
                       PGresult **ret_ahead)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, 2);
    for (size_t i = 0; i < count; i++) {
        if (!wishes[i].may_move_frontier)
            continue;
        sql_rows_text(&rows, wishes[i].job_id);
        sql_rows_natural(&rows, wishes[i].chunk_index);
    }
    if (rows.row_count > 0)
        store_send_rows(store, &LOAD_AHEAD, &rows, ret_ahead);
}

/* Of the job whose wishes begin at `*i`; moves on to the next one's. */
static int32_t count_ends(const struct store_wish *wishes, size_t count, size_t *i)
{
    const char *job_id = wishes[*i].job_id;
    int32_t ends = 0;

    for (; *i < count && strcmp(wishes[*i].job_id, job_id) == 0; ++*i)
        ends += wishes[*i].may_move_frontier && wishes[*i].chunk_index >= 0;
    return ends;
}

static void send_texts(struct store *store, const struct store_wish *wishes, size_t count,
                       PGresult **ret_texts)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;
    bool may_end = false;
    char limit[24];

    sql_rows_init(&rows, 2);
    for (size_t i = 0; i < count;) {
        sql_rows_text(&rows, wishes[i].job_id);
        sql_rows_int(&rows, count_ends(wishes, count, &i));
    }
    for (size_t i = 0; i < count; i++)
        may_end |= wishes[i].may_move_frontier;
    if (!may_end)
        return;
    (void)snprintf(limit, sizeof limit, "%zu", JOB_EVENT_TEXT_MAX + 1);
    const char *const *columns = sql_rows_finish(&rows);
    const char *const values[] = {columns[0], columns[1], limit};
    store_send(store, &LOAD_TEXTS, ARRAY_LEN(values), values, ret_texts);
}

void store_send_load(struct store *store, const struct store_wish *wishes, size_t count,
                     struct store_loaded *ret_loaded)
{
    CLEANUP(sql_rows_done) struct sql_rows ids;

    sql_rows_init(&ids, 1);
    for (size_t i = 0; i < count; i++)
        add_unique(&ids, wishes, i);
    store_send_rows(store, &LOCK_JOBS, &ids, &ret_loaded->jobs);
    send_chunks(store, wishes, count, &ret_loaded->chunks);
    send_ahead(store, wishes, count, &ret_loaded->ahead);
    send_texts(store, wishes, count, &ret_loaded->texts);
}

/* Rows to values */

static int32_t get_int32(const PGresult *result, int row, int column)
{
    return (int32_t)store_int(result, row, column);
}

static void take_counters(const PGresult *result, int row, struct job *job)
{
    job->uploaded_chunks = get_int32(result, row, J_UPLOADED);
    job->completed_chunks = get_int32(result, row, J_COMPLETED);
    job->failed_chunks = get_int32(result, row, J_FAILED);
    job->total_segments = get_int32(result, row, J_SEGMENTS);
    job->processing_time_ms = store_int(result, row, J_PROCESSING_MS);
    job->speech_time_ms = store_int(result, row, J_SPEECH_MS);
    job->speech_requests = store_int(result, row, J_REQUESTS);
    job->llm_pieces = get_int32(result, row, J_LLM_PIECES);
    job->llm_rejected = get_int32(result, row, J_LLM_REJECTED);
    job->llm_reason = mem_copy_string(store_text(result, row, J_LLM_REASON));
    job->last_seq = store_int(result, row, J_LAST_SEQ);
    job->relayed_seq = store_int(result, row, J_RELAYED_SEQ);
    job->home_partition = (int32_t)store_int_or(result, row, J_HOME, -1);
    job->age_ms = store_int(result, row, J_AGE_MS);
    job->idle_ms = store_int(result, row, J_IDLE_MS);
    job->are_blobs_deleted = store_bool(result, row, J_BLOBS_DELETED);
    job->is_deleting_blobs = store_bool(result, row, J_DELETING_BLOBS);
}

static void take_wishes(const PGresult *result, int row, struct job *job)
{
    bool is_known = post_process_parse(store_text(result, row, J_POST_PROCESS), &job->post_process);

    assert(is_known);
    (void)is_known; /* the column's CHECK says so */
    job->wants_post_process = store_bool(result, row, J_WANTS_POST_PROCESS);
    job->post_process_run = get_int32(result, row, J_POST_PROCESS_RUN);
    job->webhook_url = mem_copy_string(store_text(result, row, J_WEBHOOK_URL));
    job->public_url = mem_copy_string(store_text(result, row, J_PUBLIC_URL));
    job->is_webhook_gone = store_bool(result, row, J_WEBHOOK_GONE);
}

static void take_frontier(const PGresult *result, int row, struct job *job)
{
    job->frontier = get_int32(result, row, J_FRONTIER);
    job->settled_parts = get_int32(result, row, J_SETTLED);
    job->available_chunks = get_int32(result, row, J_AVAILABLE);
    job->frontier_sample = store_int(result, row, J_FRONTIER_SAMPLE);
    job->sample_rate = (int32_t)store_int_or(result, row, J_SAMPLE_RATE, 0);
    job->ratio_samples = store_int(result, row, J_RATIO_SAMPLES);
    job->ratio_bytes = store_int(result, row, J_RATIO_BYTES);
    job->transcript_bytes = store_int(result, row, J_TRANSCRIPT_BYTES);
    job->covered = store_covered(result, row, J_COVERED);
}

static void take_first_event(const PGresult *result, int row, struct job *job)
{
    const char *data = store_text(result, row, J_FIRST_EVENT);

    if (data != NULL)
        job_add_stored_event(job, 1, "initialized", mem_copy_string(data));
}

static struct job *take_job(const PGresult *result, int row)
{
    struct job *job = job_new(store_text(result, row, J_ID));
    bool is_known = job_status_parse(store_text(result, row, J_STATUS), &job->status);

    assert(is_known);
    (void)is_known; /* the column's CHECK says so */
    job->layout = store_layout(result, row, J_TOTAL_SIZE);
    (void)snprintf(job->extension, sizeof job->extension, "%s",
                   store_text(result, row, J_EXTENSION));
    job->language = mem_copy_string(store_text(result, row, J_LANGUAGE));
    job->prompt = mem_copy_string(store_text(result, row, J_PROMPT));
    job->max_retries = get_int32(result, row, J_MAX_RETRIES);
    take_counters(result, row, job);
    take_frontier(result, row, job);
    take_wishes(result, row, job);
    take_first_event(result, row, job);
    return job;
}

static void take_jobs(const PGresult *result, struct job **jobs)
{
    assert(PQnfields(result) == J_COLUMN_COUNT);
    for (int row = 0; row < PQntuples(result); row++) {
        struct job *job = take_job(result, row);

        HASH_ADD_KEYPTR(hh, *jobs, job->id.text, strlen(job->id.text), job);
    }
}

static void take_audio(const PGresult *result, int row, struct chunk *chunk)
{
    chunk->covered = store_covered(result, row, C_COVERED);
    chunk->has_audio = store_text(result, row, C_SAMPLES) != NULL;
    if (!chunk->has_audio)
        return;
    chunk->audio.first_byte = store_int(result, row, C_FIRST_BYTE);
    chunk->audio.next_byte = store_int(result, row, C_NEXT_BYTE);
    chunk->audio.sample_rate = get_int32(result, row, C_SAMPLE_RATE);
    chunk->audio.samples = store_int(result, row, C_SAMPLES);
    chunk->audio.has_absolute_start = store_text(result, row, C_ABSOLUTE_START) != NULL;
    chunk->audio.absolute_start = store_int_or(result, row, C_ABSOLUTE_START, 0);
    chunk->audio.tail_complete = store_bool(result, row, C_TAIL_COMPLETE);
    chunk->audio.border_byte = store_int_or(result, row, C_BORDER_BYTE, -1);
    chunk->audio.border_samples = store_int_or(result, row, C_BORDER_SAMPLES, 0);
}

static void take_placement(const PGresult *result, int row, struct chunk *chunk)
{
    chunk->is_placed = store_text(result, row, C_START_SAMPLE) != NULL;
    chunk->start_sample = store_int_or(result, row, C_START_SAMPLE, 0);
    chunk->start_is_estimated = store_bool(result, row, C_START_ESTIMATED);
    chunk->words.first = (int32_t)store_int_or(result, row, C_FIRST_WORD, -1);
    chunk->words.emitted = (int32_t)store_int_or(result, row, C_EMITTED_WORD, -1);
    chunk->words.last = (int32_t)store_int_or(result, row, C_LAST_WORD, -1);
    chunk->reading_bytes = store_int_or(result, row, C_READING_BYTES, 0);
}

static void take_state(const PGresult *result, int row, struct chunk *chunk)
{
    bool is_known = chunk_status_parse(store_text(result, row, C_STATUS), &chunk->status);

    assert(is_known);
    (void)is_known;
    chunk->attempt = get_int32(result, row, C_ATTEMPT);
    chunk->min_attempt = get_int32(result, row, C_MIN_ATTEMPT);
    chunk->retry_count = get_int32(result, row, C_RETRIES);
    chunk->starts.count = get_int32(result, row, C_STARTS);
    chunk->starts.total = get_int32(result, row, C_START_TOTAL);
    chunk->starts.last_wall_us = store_int(result, row, C_LAST_START);
    chunk->starts.is_held = store_bool(result, row, C_START_IS_HELD);
    chunk->resync_from = store_int_or(result, row, C_RESYNC_FROM, 0);
    chunk->starts.work.partition = (int32_t)store_int_or(result, row, C_WORK_PARTITION, -1);
    chunk->starts.work.offset = store_int_or(result, row, C_WORK_OFFSET, -1);
    chunk->waiting_from = store_int_or(result, row, C_WAITING_FROM, -1);
    chunk->waiting_to = store_int_or(result, row, C_WAITING_TO, -1);
    chunk->waiting_first_chunk = (int32_t)store_int_or(result, row, C_WAITING_FIRST_CHUNK, -1);
    chunk->waiting_chunk = (int32_t)store_int_or(result, row, C_WAITING_CHUNK, -1);
    chunk->deferred_until_wall_us = store_int_or(result, row, C_DEFERRED_UNTIL, 0);
    chunk->deferred_since_wall_us = store_int(result, row, C_DEFERRED_SINCE);
    chunk->deferred_reason = mem_copy_string(store_text(result, row, C_DEFERRED_REASON));
    chunk->error = mem_copy_string(store_text(result, row, C_ERROR));
    chunk->processing_time_ms = store_int_or(result, row, C_PROCESSING_MS, -1);
}

static bool take_chunk(const PGresult *result, int row, struct job *job, struct err *err)
{
    struct chunk *chunk = job_add_chunk(job, get_int32(result, row, C_INDEX));
    const char *reading = store_text(result, row, C_READING);

    take_state(result, row, chunk);
    take_audio(result, row, chunk);
    take_placement(result, row, chunk);
    return reading == NULL || store_take_reading(reading, job, chunk, err);
}

/* A chunk that is named by a record and lies ahead of a frontier comes twice. */
static bool take_chunks(const PGresult *result, struct job *jobs, struct err *err)
{
    assert(PQnfields(result) == C_COLUMN_COUNT);
    for (int row = 0; row < PQntuples(result); row++) {
        struct job *job = job_find(jobs, store_text(result, row, C_JOB));

        if (job != NULL && job_chunk(job, get_int32(result, row, C_INDEX)) == NULL &&
            !take_chunk(result, row, job, err))
            return false;
    }
    return true;
}

static void take_texts(const PGresult *result, struct job *jobs)
{
    for (int row = 0; row < PQntuples(result); row++) {
        struct job *job = job_find(jobs, store_text(result, row, 0));
        const char *raw = store_text(result, row, 1);
        const char *corrected = store_text(result, row, 2);

        if (job == NULL)
            continue;
        job->stored_text = mem_copy_string(raw == NULL ? "" : raw);
        job->stored_corrected = mem_copy_string(corrected == NULL ? "" : corrected);
    }
}

void store_loaded_done(struct store_loaded *loaded)
{
    store_clear_at(&loaded->jobs);
    store_clear_at(&loaded->chunks);
    store_clear_at(&loaded->ahead);
    store_clear_at(&loaded->texts);
}

bool store_take_loaded(const struct store_loaded *loaded, struct job **ret_jobs, struct err *err)
{
    take_jobs(loaded->jobs, ret_jobs);
    if (loaded->texts != NULL)
        take_texts(loaded->texts, *ret_jobs);
    return (loaded->ahead == NULL || take_chunks(loaded->ahead, *ret_jobs, err)) &&
           (loaded->chunks == NULL || take_chunks(loaded->chunks, *ret_jobs, err));
}
