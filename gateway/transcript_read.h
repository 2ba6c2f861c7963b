/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_TRANSCRIPT_READ_H
#define GATEWAY_TRANSCRIPT_READ_H

/*
 * The ordered words of a job, read from PostgreSQL in pages: pairs as in jobs_read.h. A page is a
 * statement of its own, so that a slow reader holds no transaction open; what it tells of the job
 * says whether it still belongs to the pages before it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/pg.h"

struct transcript_writer;

struct transcript_job {
    const char *status; /* borrowed from the result, as the next two */
    const char *filename;
    const char *language; /* NULL: not known (yet) */
    bool is_terminal;
    int64_t last_seq;
    int32_t frontier; /* chunks [0, frontier) have their text, or are gaps */
    int32_t available_chunks;
    int32_t total_chunks;
    int64_t duration_ms; /* of what these chunks hold */
};

void transcript_read_job(struct pg *pg, const char *job_id, pg_on_result on_result, void *context);
/* False: there is no such job. */
bool transcript_decode_job(const PGresult *result, struct transcript_job *ret_job) MUST_CHECK;

/* Chunks from `from` on, below `to` > from: at least one, more while their readings are small. */
void transcript_read_page(struct pg *pg, const char *job_id, int32_t from, int32_t to,
                          pg_on_result on_result, void *context);

struct transcript_page {
    struct transcript_page_row *rows; /* owned */
    size_t count;
    int64_t last_seq; /* the job's, when the page was read */
};

/* A copy of the rows, without looking into the readings. False: the chunks have no text any more,
 * because a retry takes the job back to them. */
bool transcript_page_take(const PGresult *result, struct transcript_page *ret_page) MUST_CHECK;
/* Decodes the readings and writes them: may take long, for a thread of the pool. */
bool transcript_page_write(const struct transcript_page *page, struct transcript_writer *writer,
                           struct buf *out, struct err *err) MUST_CHECK;
void transcript_page_done(struct transcript_page *page);

#endif
