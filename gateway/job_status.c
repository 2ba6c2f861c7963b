/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL writes the JSON, row by row: each job, then its sub-jobs. What follows from the layout
 * alone (ids, keys, byte ranges) is added here, by the same functions that everything else uses.
 * One job and a page of all differ in which rows `job` has; with and without texts are statements
 * of their own, because texts are much the most to read.
 */
#include "gateway/job_status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/chunk_layout.h"
#include "common/ids.h"
#include "gateway/jobs_sql.h"

enum column {
    COLUMN_PLACE, /* of the job in its list, from 1 */
    COLUMN_INDEX, /* of the sub-job; -1 for the job itself */
    COLUMN_MEMBERS,
    COLUMN_TEXTS,
    COLUMN_TRANSCRIPT, /* of a sub-job */
    COLUMN_ID,         /* from here on of the job alone */
    COLUMN_TOTAL_SIZE,
    COLUMN_CHUNK_SIZE,
    COLUMN_FIRST_CHUNK,
    COLUMN_EXTENSION,
    COLUMN_CREATED_US,
    COLUMN_HAS_MORE,
    COLUMN_WEBHOOK /* as JSON */
};

/* Macros, because pieces of it are; the formatter would take SQL in macros apart. $1 and $2 are the
 * first sub-job and how many of them. */
/* clang-format off */
#define SAMPLES_MS(samples, rate) "coalesce((" samples ") * 1000 / nullif(" rate ", 0), 0)"
#define COVERED_MS(covered, rate) \
    SAMPLES_MS(covered "[1] + " covered "[2] + " covered "[3] + " covered "[4]", rate)
/* Whole milliseconds that add up: rounding is the text's. */
#define COVERAGE(covered, rate) \
    "'text_ms', " COVERED_MS(covered, rate) " - " SAMPLES_MS(covered "[2]", rate) " - " \
    SAMPLES_MS(covered "[3]", rate) " - " SAMPLES_MS(covered "[4]", rate) "," \
    " 'silence_ms', " SAMPLES_MS(covered "[2]", rate) "," \
    " 'filtered_ms', " SAMPLES_MS(covered "[3]", rate) "," \
    " 'failed_ms', " SAMPLES_MS(covered "[4]", rate)

/* What lies ahead of the frontier is as long as its bytes are in the newest chunk behind it. */
#define PENDING_MS \
    "CASE WHEN " JOBS_SQL_IS_TERMINAL " THEN 0 WHEN ratio_bytes > 0 THEN" \
    " greatest(0, total_size::numeric * ratio_samples / ratio_bytes - frontier_sample)" \
    "  * 1000 / sample_rate END::bigint"

#define JOB_MEMBERS \
    "json_build_object('job_id', id," \
    " 'type', 'chunked_upload_streaming', 'status', status, 'filename', filename," \
    " 'total_size', total_size, 'chunk_size_bytes', chunk_size_bytes," \
    " 'chunk_size_mb', (chunk_size_bytes / 1048576.0)::float8," \
    " 'first_chunk_bytes', coalesce(first_chunk_bytes, chunk_size_bytes), " JOBS_SQL_COUNTS "," \
    " 'total_segments', total_segments, " JOBS_SQL_PROGRESS "," \
    " 'correction_rejected', CASE WHEN llm_rejected > 0 THEN json_build_object(" \
    "  'reason', llm_reason, 'rejected', llm_rejected, 'pieces', llm_pieces) END," \
    " 'use_llm', use_llm, 'llm_mode', llm_mode," \
    " 'language', language, 'detected_language', detected_language," \
    " 'lock_language', lock_language, 'prompt', prompt," \
    " 'content_type', content_type," \
    " 'coverage', json_build_object(" COVERAGE("covered", "sample_rate") "," \
    "  'pending_ms', " PENDING_MS "," \
    "  'duration_ms', " COVERED_MS("covered", "sample_rate") " + " PENDING_MS ")," \
    " 'created_at', " JOBS_SQL_TIME("created_at") "," \
    " 'upload_started_at', " JOBS_SQL_TIME("upload_started_at") "," \
    " 'first_chunk_completed_at', " JOBS_SQL_TIME("first_chunk_completed_at") "," \
    " 'processing_started_at', " JOBS_SQL_TIME("processing_started_at") "," \
    " 'completed_at', " JOBS_SQL_TIME("completed_at") "," \
    " 'processing_method', 'chunked_upload_streaming')::text"

#define JOB_TEXTS \
    "(SELECT json_build_object(" \
    "  'final_transcript', CASE WHEN " JOBS_SQL_IS_TERMINAL " THEN texts.final ELSE '' END," \
    "  'raw_transcript', texts.raw, 'corrected_transcript', texts.final)::text" \
    "  FROM (SELECT coalesce(string_agg(raw, '' ORDER BY chunk_index), '') AS raw," \
    "   coalesce(string_agg(coalesce(corrected, raw), '' ORDER BY chunk_index), '') AS final" \
    "   FROM transcript_parts WHERE job_id = job.id) AS texts)"

#define JOB_ROWS(texts) \
    "SELECT place, -1 AS chunk_index, " JOB_MEMBERS ", " texts ", NULL, id, " \
    JOBS_SQL_LAYOUT("job") ", extension, (extract(epoch FROM created_at) * 1000000)::bigint, has_more," \
    " to_json(webhook_url)::text FROM job"

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

/* Of a gap there are no parts: it is one. */
#define PARTS \
    "coalesce((SELECT json_agg(json_build_object(" \
    "  'from_ms', (part->'from')::bigint * 1000 / c.sample_rate," \
    "  'to_ms', (part->'to')::bigint * 1000 / c.sample_rate," \
    "  'kind', part->'kind', 'reason', part->'reason', 'text', part->'text') ORDER BY place)" \
    " FROM jsonb_array_elements(r.hearing#>'{coverage,parts}')" \
    "  WITH ORDINALITY AS each(part, place)), '[]'::json)"

#define CHUNK_MEMBERS \
    "json_build_object('status', c.status," \
    " 'filename', job.filename || '.chunk.' || c.chunk_index," \
    " 'original_filename', job.filename, 'size', c.size_bytes, 'language', r.language," \
    " 'correction_rejected', r.correction_rejected," \
    " 'created_at', " JOBS_SQL_TIME("job.created_at") "," \
    " 'uploaded_at', " JOBS_SQL_TIME("c.uploaded_at") "," \
    " 'processing_started_at', " JOBS_SQL_TIME("c.processing_started_at") "," \
    " 'completed_at', " JOBS_SQL_TIME("c.completed_at") "," \
    " 'processing_time', c.processing_time_ms, 'error', c.error," \
    " 'attempt', c.attempt, 'retry_count', c.retry_count, 'max_retries', job.max_retries," \
    " 'waiting_for', CASE WHEN c.waiting_from IS NOT NULL THEN" \
    "  json_build_array(c.waiting_from, c.waiting_to) END," \
    " 'deferred_until', " JOBS_SQL_TIME("c.deferred_until") "," \
    " 'deferred_reason', c.deferred_reason," \
    " 'content', r.hearing->>'content'," \
    " 'models', coalesce(r.hearing->'models', '[]'::jsonb)," \
    " 'coverage', CASE WHEN c.covered <> '{0,0,0,0}' THEN" \
    "  json_build_object(" COVERAGE("c.covered", "coalesce(c.sample_rate, job.sample_rate)") "," \
    "   'duration_ms', " COVERED_MS("c.covered", "coalesce(c.sample_rate, job.sample_rate)") "," \
    "   'asked_again', coalesce((r.hearing->'asked_again')::int, 0)," \
    "   'unlisted', coalesce((r.hearing#>'{coverage,unlisted}')::int, 0)," \
    "   'parts', " PARTS ") END)::text"

#define CHUNK_TEXTS \
    "json_build_object('final_transcript', coalesce(own.corrected, '')," \
    " 'raw_transcript', coalesce(own.text, '')," \
    " 'corrected_transcript', coalesce(own.corrected, '')," \
    " 'segments', coalesce(s.list, '[]'::json))::text," \
    " CASE WHEN c.status = 'done' THEN json_build_object('chunk_index', c.chunk_index," \
    "  'text', coalesce(own.corrected, '')," \
    "  'start_ms', c.start_sample * 1000 / nullif(c.sample_rate, 0)," \
    "  'duration_ms', c.samples * 1000 / nullif(c.sample_rate, 0))::text END"

#define CHUNK_ROWS(texts, joins) \
    "SELECT job.place, c.chunk_index, " CHUNK_MEMBERS ", " texts "," \
    " NULL::uuid, NULL::bigint, NULL::bigint, NULL::bigint, NULL::text, NULL::bigint," \
    " NULL::boolean, NULL::text " \
    "FROM job CROSS JOIN LATERAL (SELECT * FROM chunks WHERE job_id = job.id" \
    "  AND chunk_index >= $1 ORDER BY chunk_index LIMIT $2) AS c" \
    " LEFT JOIN chunk_readings r ON r.job_id = c.job_id AND r.chunk_index = c.chunk_index" joins

#define TEXT_JOINS \
    " LEFT JOIN transcript_parts p ON p.job_id = c.job_id AND p.chunk_index = c.chunk_index" \
    " LEFT JOIN LATERAL (" SEGMENTS ") AS s ON c.sample_rate > 0" \
    " CROSS JOIN LATERAL (SELECT c.chunk_index < job.settled_parts AND NOT p.is_gap" \
    "  AS is_settled) AS part" \
    " CROSS JOIN LATERAL (SELECT CASE WHEN is_settled THEN ltrim(p.raw) ELSE s.text END AS text," \
    "  CASE WHEN is_settled THEN ltrim(coalesce(p.corrected, p.raw)) ELSE s.corrected END" \
    "  AS corrected) AS own"

#define BARE \
    JOB_ROWS("NULL::text") " UNION ALL " CHUNK_ROWS("NULL, NULL", "") " ORDER BY 1, 2"
#define WITH_TEXTS \
    JOB_ROWS(JOB_TEXTS) " UNION ALL " CHUNK_ROWS(CHUNK_TEXTS, TEXT_JOINS) " ORDER BY 1, 2"

#define ONE_JOB \
    "WITH job AS MATERIALIZED (SELECT *, 1::bigint AS place, false AS has_more" \
    " FROM jobs WHERE id = $3) "

/* The newest of each wanted status, of which the newest together are the page: each is a range of
 * an index, however rare the status is. One more than asked for tells whether there are more. */
#define MOMENT(us) "(timestamptz 'epoch' + " us "::bigint * interval '1 microsecond')"
#define MANY_JOBS \
    "WITH page AS MATERIALIZED (SELECT found.* FROM unnest($3::text[]) AS wanted (status)" \
    " CROSS JOIN LATERAL (SELECT * FROM jobs WHERE status = wanted.status" \
    "  AND (created_at, id) < (" MOMENT("$4") ", $5::uuid)" \
    "  AND created_at >= " MOMENT("$6") " AND created_at < " MOMENT("$7") \
    "  ORDER BY created_at DESC, id DESC LIMIT $8 + 1) AS found" \
    " ORDER BY created_at DESC, id DESC LIMIT $8 + 1)," \
    " job AS MATERIALIZED (SELECT *, row_number() OVER newest AS place," \
    "  (SELECT count(*) FROM page) > $8 AS has_more FROM page" \
    "  WINDOW newest AS (ORDER BY created_at DESC, id DESC) ORDER BY place LIMIT $8) "
/* clang-format on */

/* ISO C promises 4,095 bytes of a literal; gcc and clang have no such limit. */
#pragma GCC diagnostic ignored "-Woverlength-strings"
static const char ONE_SQL[] = ONE_JOB BARE;
static const char ONE_WITH_TEXTS_SQL[] = ONE_JOB WITH_TEXTS;
static const char LIST_SQL[] = MANY_JOBS BARE;
static const char LIST_WITH_TEXTS_SQL[] = MANY_JOBS WITH_TEXTS;

#define NUMBER_SIZE 24
#define STATUSES_BYTES 128

/* Sub-jobs are read for themselves and for the list of their transcripts. */
static const char *format_sub_jobs(const struct job_view *view, char from[static NUMBER_SIZE],
                                   char limit[static NUMBER_SIZE])
{
    bool is_wanted = view->has_sub_jobs || view->has_texts;

    (void)snprintf(from, NUMBER_SIZE, "%" PRId32, view->sub_jobs_from);
    (void)snprintf(limit, NUMBER_SIZE, "%" PRId32, is_wanted ? view->sub_jobs_limit : 0);
    return limit;
}

void job_status_read(struct pg *pg, const char *job_id, const struct job_view *view,
                     pg_on_result on_result, void *context)
{
    char from[NUMBER_SIZE], limit[NUMBER_SIZE];
    struct pg_params params = {.count = 3,
                               .values = {from, format_sub_jobs(view, from, limit), job_id}};

    if (view->has_texts)
        pg_query(pg, "job_status_texts", ONE_WITH_TEXTS_SQL, &params, on_result, context);
    else
        pg_query(pg, "job_status", ONE_SQL, &params, on_result, context);
}

static void format_statuses(uint32_t statuses, struct buf *list)
{
    for (size_t i = 0; JOBS_QUERY_STATUSES[i] != NULL; i++)
        if (statuses & UINT32_C(1) << i)
            buf_append_format(list, "%s%s", list->length == 0 ? "{" : ",", JOBS_QUERY_STATUSES[i]);
    buf_append_string(list, "}");
}

void job_status_read_list(struct pg *pg, const struct jobs_query *query, pg_on_result on_result,
                          void *context)
{
    CLEANUP(buf_done) struct buf statuses;
    char from[NUMBER_SIZE], sub_jobs[NUMBER_SIZE], limit[NUMBER_SIZE];
    char cursor[NUMBER_SIZE], after[NUMBER_SIZE], before[NUMBER_SIZE];

    buf_init(&statuses, STATUSES_BYTES);
    format_statuses(query->statuses, &statuses);
    (void)snprintf(cursor, sizeof cursor, "%" PRId64, query->cursor.created_us);
    (void)snprintf(after, sizeof after, "%" PRId64, query->created_after_us);
    (void)snprintf(before, sizeof before, "%" PRId64, query->created_before_us);
    (void)snprintf(limit, sizeof limit, "%" PRId32, query->limit);
    struct pg_params params = {.count = 8,
                               .values = {from, format_sub_jobs(&query->view, from, sub_jobs),
                                          buf_string(&statuses), cursor, query->cursor.job.text,
                                          after, before, limit}};
    if (query->view.has_texts)
        pg_query(pg, "jobs_list_texts", LIST_WITH_TEXTS_SQL, &params, on_result, context);
    else
        pg_query(pg, "jobs_list", LIST_SQL, &params, on_result, context);
}

static int64_t integer(const PGresult *result, int row, int column)
{
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

/* The members of a JSON object without its braces; false: the column is NULL. */
static bool append_members(struct buf *json, const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return false;
    buf_append(json, PQgetvalue(result, row, column) + 1,
               (size_t)PQgetlength(result, row, column) - 2);
    return true;
}

/* A job and its sub-jobs: rows `first` to `end` - 1, the job's being the first. */
struct job_rows {
    const PGresult *result;
    int first;
    int end;
};

static struct job_rows rows_from(const PGresult *result, int first)
{
    int end = first + 1;

    while (end < PQntuples(result) && integer(result, end, COLUMN_INDEX) >= 0)
        end++;
    return (struct job_rows){result, first, end};
}

static void append_transcript(struct buf *json, const PGresult *result, int row)
{
    buf_append(json, PQgetvalue(result, row, COLUMN_TRANSCRIPT),
               (size_t)PQgetlength(result, row, COLUMN_TRANSCRIPT));
}

static void append_texts(struct buf *json, struct job_rows rows)
{
    const char *separator = "";

    buf_append_string(json, ",");
    (void)append_members(json, rows.result, rows.first, COLUMN_TEXTS);
    buf_append_string(json, ",\"transcripts\":[");
    for (int row = rows.first + 1; row < rows.end; row++) {
        if (PQgetisnull(rows.result, row, COLUMN_TRANSCRIPT))
            continue;
        buf_append_string(json, separator);
        append_transcript(json, rows.result, row);
        separator = ",";
    }
    buf_append_string(json, "]");
}

static struct chunk_layout layout_of(struct job_rows rows)
{
    return jobs_sql_layout(rows.result, rows.first, COLUMN_TOTAL_SIZE);
}

static void append_sub_job(struct buf *json, struct job_rows rows, int row,
                           const struct chunk_layout *layout)
{
    const PGresult *result = rows.result;
    const char *job_id = PQgetvalue(result, rows.first, COLUMN_ID);
    int32_t chunk_index = (int32_t)integer(result, row, COLUMN_INDEX);
    struct chunk_range range = chunk_layout_range(layout, chunk_index);
    struct id sub_job = id_of_sub_job(job_id, chunk_index);
    char key[CHUNK_KEY_SIZE];

    chunk_object_key(job_id, chunk_index, PQgetvalue(result, rows.first, COLUMN_EXTENSION), key);
    buf_append_format(json,
                      "%s{\"job_id\":\"%s\",\"parent_job_id\":\"%s\",\"type\":\"chunk_sub_job\","
                      "\"chunk_index\":%" PRId32 ",\"chunk_range\":[%" PRId64 ",%" PRId64
                      "],\"key\":\"%s\",",
                      row == rows.first + 1 ? "" : ",", sub_job.text, job_id, chunk_index,
                      range.start, range.end, key);
    (void)append_members(json, result, row, COLUMN_MEMBERS);
    if (!PQgetisnull(result, row, COLUMN_TEXTS)) {
        buf_append_string(json, ",");
        (void)append_members(json, result, row, COLUMN_TEXTS);
        buf_append_string(json, ",\"transcripts\":[");
        append_transcript(json, result, row);
        buf_append_string(json, "]");
    }
    buf_append_string(json, "}");
}

static void append_sub_jobs(struct buf *json, struct job_rows rows, const struct job_view *view)
{
    struct chunk_layout layout = layout_of(rows);
    int64_t next = view->sub_jobs_from + (int64_t)(rows.end - rows.first) - 1;

    buf_append_string(json, ",\"sub_jobs\":[");
    for (int row = rows.first + 1; row < rows.end; row++)
        append_sub_job(json, rows, row, &layout);
    buf_append_format(json, "],\"sub_jobs_from\":%" PRId32 ",\"sub_jobs_limit\":%" PRId32,
                      view->sub_jobs_from, view->sub_jobs_limit);
    if (next < layout.total_chunks)
        buf_append_format(json, ",\"next_sub_jobs_from\":%" PRId64, next);
    else
        buf_append_string(json, ",\"next_sub_jobs_from\":null");
}

static void append_webhook(struct buf *json, struct job_rows rows, const struct job_view *view)
{
    bool is_shown = !view->is_shared && !PQgetisnull(rows.result, rows.first, COLUMN_WEBHOOK);

    buf_append_format(json, ",\"webhook_url\":%s",
                      is_shown ? PQgetvalue(rows.result, rows.first, COLUMN_WEBHOOK) : "null");
}

static void append_job(struct buf *json, struct job_rows rows, const struct job_view *view)
{
    buf_append_string(json, "{");
    (void)append_members(json, rows.result, rows.first, COLUMN_MEMBERS);
    append_webhook(json, rows, view);
    if (view->has_texts)
        append_texts(json, rows);
    if (view->has_sub_jobs)
        append_sub_jobs(json, rows, view);
    buf_append_string(json, "}");
}

bool job_status_format(const PGresult *result, const struct job_view *view, struct buf *ret_json)
{
    if (PQntuples(result) == 0)
        return false;
    append_job(ret_json, rows_from(result, 0), view);
    return true;
}

static void append_cursor(struct buf *json, struct job_rows last)
{
    struct jobs_cursor cursor = {.created_us = integer(last.result, last.first, COLUMN_CREATED_US)};
    char text[JOBS_CURSOR_SIZE];

    (void)snprintf(cursor.job.text, sizeof cursor.job.text, "%s",
                   PQgetvalue(last.result, last.first, COLUMN_ID));
    jobs_cursor_format(&cursor, text);
    buf_append_format(json, ",\"next_cursor\":\"%s\"}", text);
}

void job_status_format_list(const PGresult *result, const struct jobs_query *query,
                            struct buf *ret_json)
{
    struct job_rows rows = {.result = result};

    buf_append_string(ret_json, "{\"jobs\":[");
    while (rows.end < PQntuples(result)) {
        rows = rows_from(result, rows.end);
        if (rows.first > 0)
            buf_append_string(ret_json, ",");
        append_job(ret_json, rows, &query->view);
    }
    buf_append_format(ret_json, "],\"limit\":%" PRId32, query->limit);
    if (rows.end > 0 && *PQgetvalue(result, rows.first, COLUMN_HAS_MORE) == 't')
        append_cursor(ret_json, rows);
    else
        buf_append_string(ret_json, ",\"next_cursor\":null}");
}
