/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/transcript_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/event.h"
#include "common/mem.h"
#include "gateway/jobs_sql.h"
#include "gateway/transcript_writer.h"

#define MS_PER_SECOND 1000

static const char JOB_SQL[] =
    "SELECT j.status, j." JOBS_SQL_IS_TERMINAL ", j.filename, j.last_seq, j.frontier,"
    " j.available_chunks, j.total_chunks,"
    " coalesce(j.frontier_sample * 1000 / nullif(j.sample_rate, 0), 0),"
    " coalesce(j.language, (SELECT r.language FROM chunk_readings r WHERE r.job_id = j.id"
    "  AND r.language IS NOT NULL ORDER BY r.chunk_index LIMIT 1)) "
    "FROM jobs j WHERE j.id = $1";

/* At most 200 chunks and, after its first, 256 KiB of readings. */
static const char PAGE_SQL[] =
    "WITH page AS MATERIALIZED (SELECT chunk_index FROM ("
    "  SELECT c.chunk_index, sum(coalesce(r.reading_bytes, 0)) OVER (ORDER BY c.chunk_index)"
    "   - coalesce(r.reading_bytes, 0) AS bytes_before"
    "  FROM (SELECT job_id, chunk_index FROM chunks WHERE job_id = $1 AND chunk_index >= $2"
    "   AND chunk_index < $3 ORDER BY chunk_index LIMIT 200) AS c"
    "  LEFT JOIN chunk_readings r ON r.job_id = c.job_id AND r.chunk_index = c.chunk_index)"
    " AS rows WHERE bytes_before < 262144) "
    "SELECT c.chunk_index, j.last_seq, j.frontier >= $3::int AND p.job_id IS NOT NULL, p.is_gap,"
    " coalesce(c.start_sample * 1000 / nullif(j.sample_rate, 0), 0),"
    " coalesce(p.end_sample * 1000 / nullif(j.sample_rate, 0), 0),"
    " coalesce(c.sample_rate, 0), coalesce(c.first_word, 0),"
    " coalesce(c.last_word, c.emitted_word, 0), CASE WHEN p.is_gap THEN p.raw END,"
    " c.error->>'type', CASE WHEN NOT p.is_gap THEN r.reading::text END "
    "FROM page JOIN chunks c ON c.job_id = $1 AND c.chunk_index = page.chunk_index"
    " JOIN jobs j ON j.id = c.job_id"
    " LEFT JOIN transcript_parts p ON p.job_id = c.job_id AND p.chunk_index = c.chunk_index"
    " LEFT JOIN chunk_readings r ON r.job_id = c.job_id AND r.chunk_index = c.chunk_index "
    "ORDER BY c.chunk_index";

enum page_column {
    PAGE_CHUNK_INDEX,
    PAGE_LAST_SEQ,
    PAGE_IS_CURRENT,
    PAGE_IS_GAP,
    PAGE_START_MS,
    PAGE_END_MS,
    PAGE_SAMPLE_RATE,
    PAGE_FIRST_WORD,
    PAGE_LAST_WORD,
    PAGE_GAP_TEXT,
    PAGE_ERROR,
    PAGE_READING
};

struct transcript_page_row {
    struct transcript_chunk chunk; /* without its reading */
    char *gap_text;                /* owned, as the next two; NULL unless it is a gap */
    char *gap_reason;
    char *reading; /* JSON; NULL for a gap */
};

static int64_t integer(const PGresult *result, int row, int column)
{
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

static const char *text_or_null(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

void transcript_read_job(struct pg *pg, const char *job_id, pg_on_result on_result, void *context)
{
    struct pg_params params = {.count = 1, .values = {job_id}};

    pg_query(pg, "transcript_job", JOB_SQL, &params, on_result, context);
}

bool transcript_decode_job(const PGresult *result, struct transcript_job *ret_job)
{
    if (PQntuples(result) == 0)
        return false;
    *ret_job = (struct transcript_job){
        .status = PQgetvalue(result, 0, 0),
        .is_terminal = *PQgetvalue(result, 0, 1) == 't',
        .filename = PQgetvalue(result, 0, 2),
        .last_seq = integer(result, 0, 3),
        .frontier = (int32_t)integer(result, 0, 4),
        .available_chunks = (int32_t)integer(result, 0, 5),
        .total_chunks = (int32_t)integer(result, 0, 6),
        .duration_ms = integer(result, 0, 7),
        .language = text_or_null(result, 0, 8),
    };
    return true;
}

void transcript_read_page(struct pg *pg, const char *job_id, int32_t from, int32_t to,
                          pg_on_result on_result, void *context)
{
    char first[16], end[16];

    (void)snprintf(first, sizeof first, "%" PRId32, from);
    (void)snprintf(end, sizeof end, "%" PRId32, to);
    struct pg_params params = {.count = 3, .values = {job_id, first, end}};
    pg_query(pg, "transcript_page", PAGE_SQL, &params, on_result, context);
}

static void take_row(const PGresult *result, int row, struct transcript_page_row *ret_row)
{
    *ret_row = (struct transcript_page_row){
        .chunk = {.chunk_index = (int32_t)integer(result, row, PAGE_CHUNK_INDEX),
                  .start_ms = integer(result, row, PAGE_START_MS),
                  .end_ms = integer(result, row, PAGE_END_MS),
                  .sample_rate = (int32_t)integer(result, row, PAGE_SAMPLE_RATE),
                  .first_word = (size_t)integer(result, row, PAGE_FIRST_WORD),
                  .last_word = (size_t)integer(result, row, PAGE_LAST_WORD)},
        .gap_text = mem_copy_string(text_or_null(result, row, PAGE_GAP_TEXT)),
        .gap_reason = mem_copy_string(text_or_null(result, row, PAGE_ERROR)),
        .reading = mem_copy_string(text_or_null(result, row, PAGE_READING)),
    };
}

bool transcript_page_take(const PGresult *result, struct transcript_page *ret_page)
{
    int count = PQntuples(result);
    struct transcript_page page = {0};

    for (int row = 0; row < count; row++)
        if (*PQgetvalue(result, row, PAGE_IS_CURRENT) != 't')
            return false;
    if (count == 0)
        return false;
    page.rows = mem_array((size_t)count, sizeof *page.rows);
    page.last_seq = integer(result, 0, PAGE_LAST_SEQ);
    for (int row = 0; row < count; row++)
        take_row(result, row, &page.rows[page.count++]);
    *ret_page = page;
    return true;
}

/* A chunk without sound has a reading without words, and no sample rate. */
static bool write_words(const struct transcript_page_row *row, struct transcript_writer *writer,
                        struct buf *out, struct err *err)
{
    struct transcript_chunk chunk = row->chunk;
    struct reading reading;

    if (!event_decode_reading(row->reading, strlen(row->reading), &reading, err))
        return err_wrap(err, "stored reading of chunk %" PRId32, chunk.chunk_index);
    chunk.reading = &reading;
    if (chunk.last_word > reading.word_count || chunk.sample_rate <= 0)
        chunk.last_word = chunk.sample_rate <= 0 ? 0 : reading.word_count;
    transcript_writer_add(writer, &chunk, out);
    reading_done(&reading);
    return true;
}

bool transcript_page_write(const struct transcript_page *page, struct transcript_writer *writer,
                           struct buf *out, struct err *err)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct transcript_page_row *row = &page->rows[i];
        struct transcript_chunk gap = row->chunk;

        gap.gap_text = row->gap_text;
        gap.gap_reason = row->gap_reason;
        if (row->reading == NULL && row->gap_text != NULL)
            transcript_writer_add(writer, &gap, out);
        else if (row->reading != NULL && !write_words(row, writer, out, err))
            return false;
    }
    return true;
}

void transcript_page_done(struct transcript_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        free(page->rows[i].gap_text);
        free(page->rows[i].gap_reason);
        free(page->rows[i].reading);
    }
    free(page->rows);
    *page = (struct transcript_page){0};
}
