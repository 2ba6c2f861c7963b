/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL writes the JSON, row by row: first the job, then its sub-jobs. What follows from the
 * layout alone (ids, keys, byte ranges) is added here, by the same functions that everything else
 * uses.
 */
#include "gateway/job_status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/chunk_layout.h"
#include "common/ids.h"
#include "gateway/jobs_sql.h"

/* Columns: index (-1 for the job), members, transcript (sub-jobs), and of the job its layout. */
enum column {
    COLUMN_INDEX,
    COLUMN_MEMBERS,
    COLUMN_TRANSCRIPT,
    COLUMN_TOTAL_SIZE,
    COLUMN_CHUNK_SIZE,
    COLUMN_EXTENSION
};

/* Macros, because pieces of it are; the formatter would take SQL in macros apart. */
/* clang-format off */
#define JOB_ROW \
    "SELECT -1 AS chunk_index, json_build_object('job_id', id," \
    " 'type', 'chunked_upload_streaming', 'status', status, 'filename', filename," \
    " 'total_size', total_size, 'chunk_size_bytes', chunk_size_bytes," \
    " 'chunk_size_mb', (chunk_size_bytes / 1048576.0)::float8, " JOBS_SQL_COUNTS "," \
    " 'final_transcript', CASE WHEN " JOBS_SQL_IS_TERMINAL " THEN texts.final ELSE '' END," \
    " 'raw_transcript', texts.raw, 'corrected_transcript', texts.final," \
    " 'total_segments', total_segments, " JOBS_SQL_PROGRESS "," \
    " 'correction_rejected', CASE WHEN llm_rejected > 0 THEN json_build_object(" \
    "  'reason', llm_reason, 'rejected', llm_rejected, 'pieces', llm_pieces) END," \
    " 'use_llm', use_llm, 'llm_mode', llm_mode, 'webhook_url', webhook_url," \
    " 'language', language, 'prompt', prompt," \
    " 'created_at', " JOBS_SQL_TIME("created_at") "," \
    " 'upload_started_at', " JOBS_SQL_TIME("upload_started_at") "," \
    " 'first_chunk_completed_at', " JOBS_SQL_TIME("first_chunk_completed_at") "," \
    " 'processing_started_at', " JOBS_SQL_TIME("processing_started_at") "," \
    " 'completed_at', " JOBS_SQL_TIME("completed_at") "," \
    " 'processing_method', 'chunked_upload_streaming')::text AS members," \
    " NULL AS transcript, total_size, chunk_size_bytes, extension " \
    "FROM job, (SELECT coalesce(string_agg(raw, '' ORDER BY chunk_index), '') AS raw," \
    "  coalesce(string_agg(coalesce(corrected, raw), '' ORDER BY chunk_index), '') AS final" \
    "  FROM transcript_parts WHERE job_id = $1) AS texts"

/* A chunk's own words are those of its reading whose middle it owns. */
#define SEGMENTS \
    "SELECT json_agg(json_build_object('id', segment," \
    "  'start_ms', first_sample * 1000 / c.sample_rate," \
    "  'end_ms', last_sample * 1000 / c.sample_rate," \
    "  'text', ltrim(words), 'avg_logprob', measures->'avg_logprob'," \
    "  'no_speech_prob', measures->'no_speech_prob'," \
    "  'compression_ratio', measures->'compression_ratio') ORDER BY place) AS list," \
    " ltrim(string_agg(words, '' ORDER BY place)) AS text," \
    " ltrim(string_agg(corrected, '' ORDER BY place)) AS corrected " \
    "FROM (SELECT (word->>'segment')::int AS segment, min(place) AS place," \
    "  min((word->>'start')::bigint) AS first_sample," \
    "  max((word->>'end')::bigint) AS last_sample," \
    "  string_agg(word->>'text', '' ORDER BY place) AS words," \
    "  string_agg(coalesce(word->>'corrected', word->>'text'), '' ORDER BY place) AS corrected," \
    "  r.reading::json->'segments'->nullif((word->>'segment')::int, -1) AS measures" \
    "  FROM json_array_elements(r.reading::json->'words') WITH ORDINALITY AS each(word, place)" \
    "  WHERE (word->>'start')::bigint + (word->>'end')::bigint BETWEEN 0 AND 2 * c.samples - 1" \
    "  GROUP BY (word->>'segment')::int) AS segments"

#define CHUNK_ROWS \
    "SELECT c.chunk_index, json_build_object('status', c.status," \
    " 'filename', job.filename || '.chunk.' || c.chunk_index," \
    " 'original_filename', job.filename, 'size', c.size_bytes," \
    " 'final_transcript', coalesce(own.corrected, '')," \
    " 'raw_transcript', coalesce(own.text, '')," \
    " 'corrected_transcript', coalesce(own.corrected, '')," \
    " 'correction_rejected', r.correction_rejected," \
    " 'segments', coalesce(s.list, '[]'::json), 'language', r.language," \
    " 'created_at', " JOBS_SQL_TIME("job.created_at") "," \
    " 'uploaded_at', " JOBS_SQL_TIME("c.uploaded_at") "," \
    " 'processing_started_at', " JOBS_SQL_TIME("c.processing_started_at") "," \
    " 'completed_at', " JOBS_SQL_TIME("c.completed_at") "," \
    " 'processing_time', c.processing_time_ms, 'error', c.error," \
    " 'attempt', c.attempt, 'retry_count', c.retry_count, 'max_retries', job.max_retries," \
    " 'waiting_for', CASE WHEN c.waiting_from IS NOT NULL THEN" \
    "  json_build_array(c.waiting_from, c.waiting_to) END," \
    " 'deferred_until', " JOBS_SQL_TIME("c.deferred_until") ")::text," \
    " CASE WHEN c.status = 'done' THEN json_build_object('chunk_index', c.chunk_index," \
    "  'text', coalesce(own.corrected, '')," \
    "  'start_ms', c.start_sample * 1000 / nullif(c.sample_rate, 0)," \
    "  'duration_ms', c.samples * 1000 / nullif(c.sample_rate, 0))::text END," \
    " NULL::bigint, NULL::bigint, NULL::text " \
    "FROM job JOIN chunks c ON c.job_id = job.id" \
    " LEFT JOIN transcript_parts p ON p.job_id = c.job_id AND p.chunk_index = c.chunk_index" \
    " LEFT JOIN chunk_readings r ON r.job_id = c.job_id AND r.chunk_index = c.chunk_index" \
    " LEFT JOIN LATERAL (" SEGMENTS ") AS s ON c.sample_rate > 0" \
    " CROSS JOIN LATERAL (SELECT c.chunk_index < job.settled_parts AND NOT p.is_gap" \
    "  AS is_settled) AS part" \
    " CROSS JOIN LATERAL (SELECT CASE WHEN is_settled THEN ltrim(p.raw) ELSE s.text END AS text," \
    "  CASE WHEN is_settled THEN ltrim(coalesce(p.corrected, p.raw)) ELSE s.corrected END" \
    "  AS corrected) AS own " \
    "WHERE c.chunk_index >= $2 ORDER BY c.chunk_index LIMIT $3"
/* clang-format on */

/* ISO C promises 4,095 bytes of a literal; gcc and clang have no such limit. */
#pragma GCC diagnostic ignored "-Woverlength-strings"
static const char STATUS_SQL[] =
    "WITH job AS MATERIALIZED (SELECT * FROM jobs WHERE id = $1) " JOB_ROW " UNION ALL (" CHUNK_ROWS
    ") ORDER BY 1";

void job_status_read(struct pg *pg, const char *job_id, struct job_status_page page,
                     pg_on_result on_result, void *context)
{
    char from[16], limit[16];

    (void)snprintf(from, sizeof from, "%" PRId32, page.from);
    (void)snprintf(limit, sizeof limit, "%" PRId32, page.limit);
    struct pg_params params = {.count = 3, .values = {job_id, from, limit}};
    pg_query(pg, "job_status", STATUS_SQL, &params, on_result, context);
}

/* The members of a JSON object without its braces. */
static void append_members(struct buf *json, const PGresult *result, int row)
{
    const char *object = PQgetvalue(result, row, COLUMN_MEMBERS);
    int length = PQgetlength(result, row, COLUMN_MEMBERS);

    buf_append(json, object + 1, (size_t)length - 2);
}

static void append_transcript(struct buf *json, const PGresult *result, int row)
{
    buf_append(json, PQgetvalue(result, row, COLUMN_TRANSCRIPT),
               (size_t)PQgetlength(result, row, COLUMN_TRANSCRIPT));
}

static void append_transcripts(struct buf *json, const PGresult *result)
{
    const char *separator = "";

    for (int row = 1; row < PQntuples(result); row++) {
        if (PQgetisnull(result, row, COLUMN_TRANSCRIPT))
            continue;
        buf_append_string(json, separator);
        append_transcript(json, result, row);
        separator = ",";
    }
}

static void append_sub_job(struct buf *json, const PGresult *result, int row, const char *job_id)
{
    struct chunk_layout layout =
        chunk_layout_of(strtoll(PQgetvalue(result, 0, COLUMN_TOTAL_SIZE), NULL, 10),
                        strtoll(PQgetvalue(result, 0, COLUMN_CHUNK_SIZE), NULL, 10));
    int32_t chunk_index = (int32_t)strtol(PQgetvalue(result, row, COLUMN_INDEX), NULL, 10);
    struct chunk_range range = chunk_layout_range(&layout, chunk_index);
    struct id sub_job = id_of_sub_job(job_id, chunk_index);
    char key[CHUNK_KEY_SIZE];

    chunk_object_key(job_id, chunk_index, PQgetvalue(result, 0, COLUMN_EXTENSION), key);
    buf_append_format(
        json,
        "%s{\"job_id\":\"%s\",\"parent_job_id\":\"%s\",\"type\":\"chunk_sub_job\","
        "\"chunk_index\":%" PRId32 ",\"chunk_range\":[%" PRId64 ",%" PRId64 "],\"key\":\"%s\",",
        row == 1 ? "" : ",", sub_job.text, job_id, chunk_index, range.start, range.end, key);
    append_members(json, result, row);
    buf_append_string(json, ",\"transcripts\":[");
    append_transcript(json, result, row);
    buf_append_string(json, "]}");
}

static void append_page(struct buf *json, const PGresult *result, struct job_status_page page)
{
    int64_t next = page.from + (int64_t)PQntuples(result) - 1;
    int64_t total_size = strtoll(PQgetvalue(result, 0, COLUMN_TOTAL_SIZE), NULL, 10);
    int64_t chunk_size = strtoll(PQgetvalue(result, 0, COLUMN_CHUNK_SIZE), NULL, 10);

    buf_append_format(json, ",\"sub_jobs_from\":%" PRId32 ",\"sub_jobs_limit\":%" PRId32, page.from,
                      page.limit);
    if (next < chunk_layout_of(total_size, chunk_size).total_chunks)
        buf_append_format(json, ",\"next_sub_jobs_from\":%" PRId64 "}", next);
    else
        buf_append_string(json, ",\"next_sub_jobs_from\":null}");
}

bool job_status_format(const PGresult *result, const char *job_id, struct job_status_page page,
                       struct buf *ret_json)
{
    if (PQntuples(result) == 0)
        return false;
    buf_append_string(ret_json, "{");
    append_members(ret_json, result, 0);
    buf_append_string(ret_json, ",\"transcripts\":[");
    append_transcripts(ret_json, result);
    buf_append_string(ret_json, "],\"sub_jobs\":[");
    for (int row = 1; row < PQntuples(result); row++)
        append_sub_job(ret_json, result, row, job_id);
    buf_append_string(ret_json, "]");
    append_page(ret_json, result, page);
    return true;
}
