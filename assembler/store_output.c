/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "assembler/store_jobs.h"
#include "common/mem.h"

#define READING_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* A resync replaces what its chunk said before. */
static const struct store_statement WRITE_READINGS = {
    "write_readings",
    "INSERT INTO chunk_readings (job_id, chunk_index, language, reading, reading_bytes,"
    "  correction_rejected, hearing)"
    " SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::jsonb[], $5::int[], $6::jsonb[],"
    " $7::jsonb[])"
    " ON CONFLICT (job_id, chunk_index) DO UPDATE SET language = excluded.language,"
    " reading = excluded.reading, reading_bytes = excluded.reading_bytes,"
    " correction_rejected = excluded.correction_rejected, hearing = excluded.hearing"};

/* In one statement a row can be inserted or updated once only: what belongs to one part is put
 * together first. */
static const struct store_statement WRITE_PARTS = {
    "write_parts",
    "INSERT INTO transcript_parts AS p (job_id, chunk_index, raw, corrected, is_gap,"
    "  start_sample, end_sample)"
    " SELECT job_id, chunk_index, string_agg(raw, '' ORDER BY place),"
    "  CASE WHEN bool_or(corrected IS NOT NULL)"
    "   THEN string_agg(coalesce(corrected, raw), '' ORDER BY place) END, bool_or(is_gap),"
    "  min(start_sample), max(end_sample) FROM unnest($1::uuid[], $2::int[], $3::text[],"
    "  $4::text[], $5::bool[], $6::bigint[], $7::bigint[]) WITH ORDINALITY"
    "  AS u (job_id, chunk_index, raw, corrected, is_gap, start_sample, end_sample, place)"
    "  GROUP BY job_id, chunk_index"
    " ON CONFLICT (job_id, chunk_index) DO UPDATE SET raw = p.raw || excluded.raw,"
    "  corrected = CASE WHEN p.corrected IS NOT NULL OR excluded.corrected IS NOT NULL"
    "   THEN coalesce(p.corrected, p.raw) || coalesce(excluded.corrected, excluded.raw) END"};

static const struct store_statement WRITE_CORRECTED = {
    "write_corrected", "UPDATE transcript_parts p SET corrected = u.corrected"
                       " FROM unnest($1::uuid[], $2::int[], $3::text[])"
                       " AS u (job_id, chunk_index, corrected) WHERE p.job_id = u.job_id"
                       " AND p.chunk_index = u.chunk_index AND NOT p.is_gap"};

static const struct store_statement WRITE_SEAMS = {
    "write_seams", "INSERT INTO seams (job_id, chunk_index, choice)"
                   " SELECT * FROM unnest($1::uuid[], $2::int[], $3::jsonb[])"
                   " ON CONFLICT (job_id, chunk_index) DO UPDATE SET choice = excluded.choice"};

static const struct store_statement WRITE_EVENTS = {
    "write_events", "INSERT INTO job_events (job_id, seq, type, data)"
                    " SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[])"};

static void add_rejected(struct sql_rows *rows, const struct event_correction *correction)
{
    if (correction == NULL || correction->rejected == 0) {
        sql_rows_null(rows);
        return;
    }
    CLEANUP(mem_free_at)
    char *json = mem_format("{\"reason\":\"%s\",\"rejected\":%" PRId32 ",\"pieces\":%" PRId32 "}",
                            correction->reason, correction->rejected, correction->pieces);
    sql_rows_text(rows, json);
}

static void add_hearing(struct sql_rows *rows, const struct chunk *chunk)
{
    CLEANUP(buf_done) struct buf json;

    buf_init(&json, READING_BYTES_MAX);
    if (chunk->hearing->is_told)
        event_encode_hearing(chunk->hearing, &json);
    sql_rows_text(rows, chunk->hearing->is_told ? buf_string(&json) : NULL);
}

static void add_readings(struct sql_rows *rows, const struct job *job)
{
    for (const struct chunk *chunk = job->chunks; chunk != NULL; chunk = chunk->hh.next) {
        CLEANUP(buf_done) struct buf json;

        buf_init(&json, READING_BYTES_MAX);
        if (!chunk->is_reading_new)
            continue;
        event_encode_reading(chunk->reading, &json);
        sql_rows_text(rows, job->id.text);
        sql_rows_int(rows, chunk->index);
        sql_rows_text(rows, chunk->language);
        sql_rows_text(rows, buf_string(&json));
        sql_rows_int(rows, (int64_t)json.length);
        add_rejected(rows, chunk->correction);
        add_hearing(rows, chunk);
    }
}

void store_send_readings(struct store *store, const struct job *jobs)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, 7);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next)
        add_readings(&rows, job);
    if (rows.row_count > 0)
        store_send_rows(store, &WRITE_READINGS, &rows, NULL);
}

static void add_parts(struct sql_rows *rows, const struct job *job)
{
    for (size_t i = 0; i < job->parts.count; i++) {
        const struct job_part *part = &job->parts.items[i];

        sql_rows_text(rows, job->id.text);
        sql_rows_int(rows, part->chunk_index);
        sql_rows_text(rows, part->text);
        sql_rows_text(rows, part->corrected);
        sql_rows_bool(rows, part->is_gap);
        sql_rows_int(rows, part->start_sample);
        sql_rows_int(rows, part->end_sample);
    }
}

void store_send_parts(struct store *store, const struct job *jobs)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, 7);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next)
        add_parts(&rows, job);
    if (rows.row_count > 0)
        store_send_rows(store, &WRITE_PARTS, &rows, NULL);
}

void store_send_corrected(struct store *store, const struct job *jobs)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, 3);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next) {
        for (size_t i = 0; i < job->corrected.count; i++) {
            sql_rows_text(&rows, job->id.text);
            sql_rows_int(&rows, job->corrected.items[i].chunk_index);
            sql_rows_text(&rows, job->corrected.items[i].text);
        }
    }
    if (rows.row_count > 0)
        store_send_rows(store, &WRITE_CORRECTED, &rows, NULL);
}

static void add_seams(struct sql_rows *rows, const struct job *job)
{
    for (size_t i = 0; i < job->seams.count; i++) {
        sql_rows_text(rows, job->id.text);
        sql_rows_int(rows, job->seams.items[i].chunk_index);
        sql_rows_text(rows, job->seams.items[i].record);
    }
}

void store_send_seams(struct store *store, const struct job *jobs)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, 3);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next)
        add_seams(&rows, job);
    if (rows.row_count > 0)
        store_send_rows(store, &WRITE_SEAMS, &rows, NULL);
}

static void add_events(struct sql_rows *rows, const struct job *job)
{
    for (size_t i = 0; i < job->events.count; i++) {
        const struct job_event *event = &job->events.items[i];

        if (event->seq == 0 || event->is_stored)
            continue;
        sql_rows_text(rows, job->id.text);
        sql_rows_int(rows, event->seq);
        sql_rows_text(rows, event->type);
        sql_rows_text(rows, event->data);
    }
}

void store_send_events(struct store *store, const struct job *jobs)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, 4);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next)
        add_events(&rows, job);
    if (rows.row_count > 0)
        store_send_rows(store, &WRITE_EVENTS, &rows, NULL);
}
