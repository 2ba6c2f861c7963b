/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/jobs_create.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fault_point.h"
#include "common/mem.h"
#include "gateway/idempotency_key.h"
#include "gateway/jobs_sql.h"

#define CANONICAL_BYTES_MAX ((size_t)16 * 1024)
#define SIZES_BYTES_MAX ((size_t)CHUNK_COUNT_MAX * 20)
#define TRIES_MAX 3

/* The event's bytes are made here once and sent as they stand, whoever reads them; the assembler
 * relays it before the job's next one. The estimate is the time per byte of the newest finished
 * jobs of the same format. (The formatter would take SQL with macros in it apart.) */
/* clang-format off */
static const char CREATE_SQL[] =
    "WITH claim AS ("
    " INSERT INTO idempotency_keys AS known (operation, key, request_digest, job_id)"
    " SELECT '/chunked-upload-stream', $2::text, $3::bytea, $1::uuid"
    " WHERE $2 IS NOT NULL AND $19::boolean"
    " ON CONFLICT (operation, key) DO UPDATE SET request_digest = excluded.request_digest,"
    "  job_id = excluded.job_id, created_at = now()"
    "  WHERE known.created_at <= now() - $13::bigint * interval '1 microsecond'"
    " RETURNING job_id"
    "), job AS ("
    " INSERT INTO jobs (id, filename, extension, total_size, chunk_size_bytes, total_chunks,"
    "  use_llm, llm_mode, language, prompt, max_retries, last_seq,"
    "  content_type, lock_language, webhook_url, public_url, first_chunk_bytes)"
    " SELECT $1, $4::text, $5::text, $6::bigint, $7::bigint, $8::integer, $14::boolean, $9::text,"
    "  $10::text, $11::text, $12::integer, 1, $15::text, $16::boolean,"
    "  $17::text, $18::text, nullif($20::bigint, $7::bigint)"
    " WHERE $2 IS NULL OR EXISTS (SELECT FROM claim) RETURNING *"
    "), chunk AS ("
    " INSERT INTO chunks (job_id, chunk_index, size_bytes)"
    " SELECT id, k - 1, size FROM job, unnest($21::bigint[]) WITH ORDINALITY AS each (size, k)"
    "), event AS ("
    " INSERT INTO job_events (job_id, seq, type, data)"
    " SELECT id, 1, 'initialized', json_build_object('parent_job_id', id,"
    "  'total_chunks', total_chunks, 'filename', filename, 'total_size', total_size,"
    "  'chunk_size_bytes', chunk_size_bytes,"
    "  'first_chunk_bytes', coalesce(first_chunk_bytes, chunk_size_bytes),"
    " 'processing_options', json_build_object("
    "   'use_llm', use_llm, 'llm_mode', llm_mode, 'language', language, 'prompt', prompt,"
    "   'content_type', content_type, 'lock_language', lock_language),"
    "  'created_at', " JOBS_SQL_TIME("created_at") " )::text FROM job"
    "), known AS ("
    " SELECT id, extension, " JOBS_SQL_LAYOUT("job") " AS first_chunk_bytes, true AS same FROM job"
    " UNION ALL"
    " SELECT j.id, j.extension, " JOBS_SQL_LAYOUT("j") ","
    "  k.request_digest = $3"
    " FROM idempotency_keys k JOIN jobs j ON j.id = k.job_id"
    " WHERE k.operation = '/chunked-upload-stream' AND k.key = $2"
    "  AND k.created_at > now() - $13::bigint * interval '1 microsecond'"
    "  AND NOT EXISTS (SELECT FROM claim)"
    "), recent AS ("
    " SELECT status, extension, total_size,"
    "  extract(epoch FROM completed_at - processing_started_at) AS seconds"
    " FROM jobs ORDER BY created_at DESC, id DESC LIMIT 200"
    "), rate AS ("
    " SELECT sum(seconds) / sum(total_size) AS seconds_per_byte FROM ("
    "  SELECT seconds, total_size FROM recent"
    "  WHERE status = 'done' AND extension = $5 AND seconds IS NOT NULL LIMIT 20) AS measured"
    ") "
    "SELECT id, extension, total_size, chunk_size_bytes, first_chunk_bytes, same,"
    " (seconds_per_byte * total_size)::float8 FROM known, rate LIMIT 1";
/* clang-format on */

struct creation {
    struct pg *pg; /* borrowed */
    struct init_request request;
    char *idempotency_key; /* owned; NULL: none */
    int64_t idempotency_lifetime_us;
    int64_t max_retries;
    const char *public_url; /* borrowed */
    bool is_known_only;
    unsigned tries;
    jobs_create_on_done on_done;
    void *context;
};

static void creation_free(struct creation *creation)
{
    free(creation->idempotency_key);
    free(creation);
}

static void format_digest(const struct init_request *request,
                          char text[static IDEMPOTENCY_DIGEST_SIZE])
{
    struct buf json;

    buf_init(&json, CANONICAL_BYTES_MAX);
    init_request_canonical(request, &json);
    idempotency_key_digest(buf_string(&json), json.length, text);
    buf_done(&json);
}

/* Of all chunks, as an array literal. */
static void format_sizes(const struct chunk_layout *layout, struct buf *ret_sizes)
{
    buf_init(ret_sizes, SIZES_BYTES_MAX);
    for (int32_t k = 0; k < layout->total_chunks; k++)
        buf_append_format(ret_sizes, "%s%" PRId64, k == 0 ? "{" : ",",
                          chunk_layout_size(layout, k));
    buf_append_string(ret_sizes, "}");
}

static void fail(struct creation *creation, const char *why)
{
    struct err err;

    (void)err_set(&err, ERR_RETRY, "postgres", 0, "%s", why);
    creation->on_done(creation->context, NULL, &err);
    creation_free(creation);
}

static const char *or_null(const char *text)
{
    return *text == '\0' ? NULL : text;
}

static void on_created(void *context, PGresult *result, const struct err *err);

static void run(struct creation *creation)
{
    const struct init_request *request = &creation->request;
    struct id job = id_random();
    char digest[IDEMPOTENCY_DIGEST_SIZE];
    CLEANUP(buf_done) struct buf sizes;
    char numbers[6][24];

    format_digest(request, digest);
    (void)snprintf(numbers[0], sizeof numbers[0], "%" PRId64, request->layout.total_size);
    (void)snprintf(numbers[1], sizeof numbers[1], "%" PRId64, request->layout.chunk_size_bytes);
    (void)snprintf(numbers[2], sizeof numbers[2], "%" PRId32, request->layout.total_chunks);
    (void)snprintf(numbers[3], sizeof numbers[3], "%" PRId64, creation->max_retries);
    (void)snprintf(numbers[4], sizeof numbers[4], "%" PRId64, creation->idempotency_lifetime_us);
    (void)snprintf(numbers[5], sizeof numbers[5], "%" PRId64, request->layout.first_chunk_bytes);
    format_sizes(&request->layout, &sizes);
    struct pg_params params = {
        .count = 21,
        .values = {job.text,
                   creation->idempotency_key,
                   digest,
                   request->filename,
                   request->extension,
                   numbers[0],
                   numbers[1],
                   numbers[2],
                   request->llm_mode,
                   or_null(request->language),
                   or_null(request->prompt),
                   numbers[3],
                   numbers[4],
                   request->use_llm ? "true" : "false",
                   request->content_type,
                   request->lock_language ? "true" : "false",
                   or_null(request->webhook_url),
                   or_null(creation->public_url),
                   creation->is_known_only ? "false" : "true",
                   numbers[5],
                   buf_string(&sizes)},
    };
    creation->tries++;
    if (fault_point(FAULT_JOB_CREATE, NULL)) {
        fail(creation, "job_create: not sent");
        return;
    }
    pg_query(creation->pg, "job_create", CREATE_SQL, &params, on_created, creation);
}

void jobs_create(struct pg *pg, const struct init_request *request,
                 const struct jobs_create_terms *terms, jobs_create_on_done on_done, void *context)
{
    struct creation *creation = mem_new(sizeof *creation);

    creation->pg = pg;
    creation->request = *request;
    creation->idempotency_key = mem_copy_string(terms->idempotency_key);
    creation->idempotency_lifetime_us = terms->idempotency_lifetime_us;
    creation->max_retries = terms->max_retries;
    creation->public_url = terms->public_url;
    creation->is_known_only = terms->is_known_only;
    creation->on_done = on_done;
    creation->context = context;
    run(creation);
}

static struct jobs_created decode(PGresult *result)
{
    struct jobs_created created = {.is_other_request = *PQgetvalue(result, 0, 5) != 't'};
    struct job_plan *plan = &created.plan;

    (void)snprintf(plan->job.text, sizeof plan->job.text, "%s", PQgetvalue(result, 0, 0));
    (void)snprintf(plan->extension, sizeof plan->extension, "%s", PQgetvalue(result, 0, 1));
    plan->layout = jobs_sql_layout(result, 0, 2);
    plan->estimated_seconds =
        PQgetisnull(result, 0, 6) ? -1 : strtod(PQgetvalue(result, 0, 6), NULL);
    return created;
}

/* No row: another request with the same key committed after this statement's snapshot was taken,
 * so that it was neither inserted nor seen; the next try sees it. */
static void on_created(void *context, PGresult *result, const struct err *err)
{
    struct creation *creation = context;

    if (result == NULL) {
        creation->on_done(creation->context, NULL, err);
    } else if (fault_point(FAULT_JOB_CREATED, NULL)) {
        fail(creation, "job_create: the answer was lost");
        return;
    } else if (PQntuples(result) > 0) {
        struct jobs_created created = decode(result);
        creation->on_done(creation->context, &created, NULL);
    } else if (creation->is_known_only) {
        creation->on_done(creation->context, &(struct jobs_created){.is_unknown = true}, NULL);
    } else if (creation->tries < TRIES_MAX) {
        run(creation);
        return;
    } else {
        fail(creation, "the job with this key comes and goes");
        return;
    }
    creation_free(creation);
}
