/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/jobs_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "gateway/jobs_sql.h"

#define LIST_BYTES_MAX ((size_t)256 * 1024)

/* The formatter would take SQL with macros in it apart. */
/* clang-format off */
static const char CHUNK_SQL[] =
    "SELECT " JOBS_SQL_LAYOUT("j") ", j.extension, " JOBS_SQL_LANGUAGE("j") ", j.prompt,"
    " j." JOBS_SQL_IS_TERMINAL ", c.status, c.attempt,"
    " j.use_llm AND j.llm_mode = 'per_chunk', j.content_type "
    "FROM jobs j LEFT JOIN chunks c ON c.job_id = j.id AND c.chunk_index = $2 WHERE j.id = $1";

static const char STATUS_SQL[] = "SELECT status, " JOBS_SQL_IS_TERMINAL " FROM jobs WHERE id = $1";

/* A chunk that waits for its first upload has no earlier attempt. */
static const char FAILED_SQL[] =
    "SELECT j.status, j." JOBS_SQL_IS_TERMINAL ", " JOBS_SQL_LAYOUT("j") ", j.extension,"
    " c.chunk_index, c.attempt, c.status = 'pending' "
    "FROM jobs j LEFT JOIN chunks c ON c.job_id = j.id AND (c.status = 'failed'"
    "  OR (c.status = 'pending' AND c.attempt > 1)) WHERE j.id = $1 ORDER BY c.chunk_index";

static const char PENDING_SQL[] =
    "SELECT j.status, j." JOBS_SQL_IS_TERMINAL ", " JOBS_SQL_LAYOUT("j") ", j.extension,"
    " c.chunk_index FROM jobs j LEFT JOIN chunks c ON c.job_id = j.id AND c.status = 'pending' "
    "WHERE j.id = $1 ORDER BY c.chunk_index";

static const char RECORDING_SQL[] =
    "SELECT " JOBS_SQL_LAYOUT("j") ", j.extension, j.filename, j." JOBS_SQL_IS_TERMINAL ","
    " c.attempts, coalesce(c.missing, -1) FROM jobs j, LATERAL (SELECT sum(attempt) AS attempts,"
    "  min(chunk_index) FILTER (WHERE uploaded_at IS NULL) AS missing"
    "  FROM chunks WHERE job_id = j.id) AS c WHERE j.id = $1";
/* clang-format on */

static const char RETRIED_SQL[] =
    "SELECT j.status, NOT EXISTS (SELECT FROM unnest($2::int[], $3::int[]) AS u (number, attempt)"
    "  JOIN chunks c ON c.job_id = j.id AND c.chunk_index = u.number"
    "  WHERE c.attempt <= u.attempt) FROM jobs j WHERE j.id = $1";

/* The newest first; a person who replays may make many. The formatter would take SQL with macros
 * apart. */
/* clang-format off */
static const char WEBHOOKS_SQL[] =
    "SELECT json_build_object('parent_job_id', j.id, 'webhook_url', j.webhook_url,"
    " 'is_disabled', j.webhook_gone, 'deliveries', coalesce((SELECT json_agg(json_build_object("
    "  'delivery_id', d.id, 'type', d.type, 'state', d.state, 'attempts', d.attempts,"
    "  'last_error', d.last_error, 'created_at', " JOBS_SQL_TIME("d.created_at") ","
    "  'last_attempt_at', " JOBS_SQL_TIME("d.last_attempt_at") ","
    "  'next_attempt_at', " JOBS_SQL_TIME("d.next_attempt_at") ","
    "  'delivered_at', " JOBS_SQL_TIME("d.delivered_at") ") ORDER BY d.created_at DESC)"
    "  FROM (SELECT * FROM webhook_deliveries WHERE job_id = $1 ORDER BY created_at DESC LIMIT 100)"
    "  AS d), '[]'::json))::text FROM jobs j WHERE j.id = $1";
/* clang-format on */

static const char DELIVERY_SQL[] =
    "SELECT state FROM webhook_deliveries WHERE job_id = $1 AND id = $2";

static const char HEAD_SQL[] = "SELECT last_seq, " JOBS_SQL_IS_TERMINAL " FROM jobs WHERE id = $1";

static const char HEADS_SQL[] = "SELECT id, last_seq FROM jobs WHERE id = ANY($1::uuid[])";

static const char EVENTS_SQL[] =
    "SELECT seq, type, data FROM ("
    " SELECT seq, type, data,"
    "  sum(octet_length(data)) OVER (ORDER BY seq) - octet_length(data) AS bytes_before"
    " FROM (SELECT seq, type, data FROM job_events WHERE job_id = $1 AND seq >= $2"
    "  ORDER BY seq LIMIT " DIGITS_OF(JOBS_PAGE_EVENTS) ") AS rows"
                                                        ") AS page WHERE bytes_before < " DIGITS_OF(
                                                            JOBS_PAGE_BYTES) " ORDER BY seq";

static const char PROGRESS_SQL[] =
    "SELECT json_build_object('parent_job_id', id, 'status', status, " JOBS_SQL_PROGRESS
    ", " JOBS_SQL_COUNTS ")::text FROM jobs WHERE id = $1";

/* As it was streamed: what is corrected at a job's end is told by its last event. */
static const char TEXT_SQL[] =
    "SELECT json_build_object('parent_job_id', j.id, 'partial_transcript', t.text,"
    " 'available_chunks', j.available_chunks, 'last_assembled_index', j.frontier - 1,"
    " 'total_chunks', j.total_chunks)::text, t.text <> '' "
    "FROM jobs j, LATERAL (SELECT coalesce(string_agg(CASE j.llm_mode"
    "  WHEN 'per_chunk' THEN coalesce(corrected, raw) ELSE raw END, '' ORDER BY chunk_index),"
    "  '') AS text FROM transcript_parts WHERE job_id = $1) AS t WHERE j.id = $1";

static void query_job(struct pg *pg, const char *name, const char *sql, const char *job_id,
                      pg_on_result on_result, void *context)
{
    struct pg_params params = {.count = 1, .values = {job_id}};

    pg_query(pg, name, sql, &params, on_result, context);
}

void jobs_read_chunk(struct pg *pg, const char *job_id, int32_t chunk_index, pg_on_result on_result,
                     void *context)
{
    char index[16];

    (void)snprintf(index, sizeof index, "%" PRId32, chunk_index);
    struct pg_params params = {.count = 2, .values = {job_id, index}};
    pg_query(pg, "job_chunk", CHUNK_SQL, &params, on_result, context);
}

void jobs_read_webhooks(struct pg *pg, const char *job_id, pg_on_result on_result, void *context)
{
    query_job(pg, "job_webhooks", WEBHOOKS_SQL, job_id, on_result, context);
}

void jobs_read_delivery(struct pg *pg, const char *job_id, const char *delivery_id,
                        pg_on_result on_result, void *context)
{
    struct pg_params params = {.count = 2, .values = {job_id, delivery_id}};

    pg_query(pg, "job_delivery", DELIVERY_SQL, &params, on_result, context);
}

static int64_t integer(const PGresult *result, int row, int column)
{
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

static const char *text_or_null(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

bool jobs_decode_chunk(const PGresult *result, struct jobs_chunk *ret_chunk)
{
    if (PQntuples(result) == 0)
        return false;
    *ret_chunk = (struct jobs_chunk){
        .layout = jobs_sql_layout(result, 0, 0),
        .language = text_or_null(result, 0, 4),
        .prompt = text_or_null(result, 0, 5),
        .is_job_terminal = *PQgetvalue(result, 0, 6) == 't',
        .has_chunk = !PQgetisnull(result, 0, 7),
        .is_chunk_pending = strcmp(PQgetvalue(result, 0, 7), "pending") == 0,
        .attempt = (int32_t)integer(result, 0, 8),
        .use_llm = *PQgetvalue(result, 0, 9) == 't',
        .content_type = PQgetvalue(result, 0, 10),
    };
    (void)snprintf(ret_chunk->extension, sizeof ret_chunk->extension, "%s",
                   PQgetvalue(result, 0, 3));
    return true;
}

void jobs_read_status(struct pg *pg, const char *job_id, pg_on_result on_result, void *context)
{
    query_job(pg, "job_state", STATUS_SQL, job_id, on_result, context);
}

bool jobs_decode_status(const PGresult *result, struct jobs_status *ret_status)
{
    if (PQntuples(result) == 0)
        return false;
    *ret_status = (struct jobs_status){.status = PQgetvalue(result, 0, 0),
                                       .is_terminal = *PQgetvalue(result, 0, 1) == 't'};
    return true;
}

void jobs_read_failed(struct pg *pg, const char *job_id, pg_on_result on_result, void *context)
{
    query_job(pg, "job_failed", FAILED_SQL, job_id, on_result, context);
}

bool jobs_decode_plan(const PGresult *result, struct jobs_status *ret_status,
                      struct job_plan *ret_plan)
{
    if (!jobs_decode_status(result, ret_status))
        return false;
    ret_plan->layout = jobs_sql_layout(result, 0, 2);
    (void)snprintf(ret_plan->extension, sizeof ret_plan->extension, "%s", PQgetvalue(result, 0, 5));
    return true;
}

bool jobs_decode_failed(const PGresult *result, int row, struct jobs_failed *ret_failed)
{
    if (PQgetisnull(result, row, 6))
        return false;
    *ret_failed = (struct jobs_failed){.chunk_index = (int32_t)integer(result, row, 6),
                                       .attempt = (int32_t)integer(result, row, 7),
                                       .is_pending = *PQgetvalue(result, row, 8) == 't'};
    return true;
}

void jobs_read_pending(struct pg *pg, const char *job_id, pg_on_result on_result, void *context)
{
    query_job(pg, "job_pending", PENDING_SQL, job_id, on_result, context);
}

bool jobs_decode_pending(const PGresult *result, int row, int32_t *ret_chunk_index)
{
    if (PQgetisnull(result, row, 6))
        return false;
    *ret_chunk_index = (int32_t)integer(result, row, 6);
    return true;
}

void jobs_read_recording(struct pg *pg, const char *job_id, pg_on_result on_result, void *context)
{
    query_job(pg, "job_recording", RECORDING_SQL, job_id, on_result, context);
}

bool jobs_decode_recording(const PGresult *result, struct jobs_recording *ret_recording)
{
    if (PQntuples(result) == 0)
        return false;
    ret_recording->plan.layout = jobs_sql_layout(result, 0, 0);
    (void)snprintf(ret_recording->plan.extension, sizeof ret_recording->plan.extension, "%s",
                   PQgetvalue(result, 0, 3));
    ret_recording->filename = PQgetvalue(result, 0, 4);
    ret_recording->is_terminal = *PQgetvalue(result, 0, 5) == 't';
    ret_recording->attempts = integer(result, 0, 6);
    ret_recording->missing_chunk = (int32_t)integer(result, 0, 7);
    return true;
}

static void append_number(struct buf *list, int32_t number)
{
    buf_append_format(list, "%s%" PRId32, list->length == 0 ? "{" : ",", number);
}

void jobs_read_retried(struct pg *pg, const char *job_id, const struct event_retry *retry,
                       pg_on_result on_result, void *context)
{
    CLEANUP(buf_done) struct buf indices;
    CLEANUP(buf_done) struct buf attempts;

    buf_init(&indices, LIST_BYTES_MAX);
    buf_init(&attempts, LIST_BYTES_MAX);
    for (size_t i = 0; i < retry->count; i++) {
        append_number(&indices, retry->chunks[i].chunk_index);
        append_number(&attempts, retry->chunks[i].attempt);
    }
    buf_append_string(&indices, "}");
    buf_append_string(&attempts, "}");
    struct pg_params params = {.count = 3,
                               .values = {job_id, buf_string(&indices), buf_string(&attempts)}};
    pg_query(pg, "job_retried", RETRIED_SQL, &params, on_result, context);
}

bool jobs_decode_retried(const PGresult *result, struct jobs_retried *ret_retried)
{
    if (PQntuples(result) == 0)
        return false;
    *ret_retried = (struct jobs_retried){.status = PQgetvalue(result, 0, 0),
                                         .is_applied = *PQgetvalue(result, 0, 1) == 't'};
    return true;
}

void jobs_read_head(struct pg *pg, const char *job_id, pg_on_result on_result, void *context)
{
    query_job(pg, "job_head", HEAD_SQL, job_id, on_result, context);
}

bool jobs_decode_head(const PGresult *result, struct jobs_head *ret_head)
{
    if (PQntuples(result) == 0)
        return false;
    *ret_head = (struct jobs_head){.last_seq = (uint64_t)integer(result, 0, 0),
                                   .is_terminal = *PQgetvalue(result, 0, 1) == 't'};
    return true;
}

void jobs_read_heads(struct pg *pg, const char *job_ids, pg_on_result on_result, void *context)
{
    query_job(pg, "job_heads", HEADS_SQL, job_ids, on_result, context);
}

void jobs_read_events(struct pg *pg, const char *job_id, uint64_t first_seq, pg_on_result on_result,
                      void *context)
{
    char seq[24];

    (void)snprintf(seq, sizeof seq, "%" PRIu64, first_seq);
    struct pg_params params = {.count = 2, .values = {job_id, seq}};
    pg_query(pg, "job_events", EVENTS_SQL, &params, on_result, context);
}

struct jobs_event jobs_decode_event(const PGresult *result, int row)
{
    return (struct jobs_event){
        .seq = (uint64_t)integer(result, row, 0),
        .type = PQgetvalue(result, row, 1),
        .data = PQgetvalue(result, row, 2),
        .length = (size_t)PQgetlength(result, row, 2),
    };
}

void jobs_read_progress(struct pg *pg, const char *job_id, pg_on_result on_result, void *context)
{
    query_job(pg, "job_progress", PROGRESS_SQL, job_id, on_result, context);
}

void jobs_read_text(struct pg *pg, const char *job_id, pg_on_result on_result, void *context)
{
    query_job(pg, "job_text", TEXT_SQL, job_id, on_result, context);
}
