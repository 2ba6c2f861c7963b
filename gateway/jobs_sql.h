/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_JOBS_SQL_H
#define GATEWAY_JOBS_SQL_H

/* Pieces of SQL over a row of `jobs`, used by more than one statement. Percentages have one decimal
 * and are rounded down, as the assembler's events have them, so that none shows 100 before its
 * time. */

#include <libpq-fe.h>

#include "common/chunk_layout.h"

#define JOBS_SQL_IS_TERMINAL "status IN ('done', 'failed', 'cancelled', 'expired')"

#define JOBS_SQL_PROGRESS                                                                          \
    "'progress', CASE WHEN " JOBS_SQL_IS_TERMINAL " THEN 100 ELSE least(99, trunc(50.0 *"          \
    " (uploaded_chunks + completed_chunks + failed_chunks) / total_chunks, 1))::float8 END,"       \
    " 'upload_progress', trunc(100.0 * uploaded_chunks / total_chunks, 1)::float8,"                \
    " 'processing_progress',"                                                                      \
    "  trunc(100.0 * (completed_chunks + failed_chunks) / total_chunks, 1)::float8,"               \
    " 'success_rate', CASE WHEN completed_chunks + failed_chunks = 0 THEN 0 ELSE"                  \
    "  trunc(100.0 * completed_chunks / (completed_chunks + failed_chunks), 1)::float8 END"

#define JOBS_SQL_COUNTS                                                                            \
    "'total_chunks', total_chunks, 'uploaded_chunks', uploaded_chunks,"                            \
    " 'completed_chunks', completed_chunks, 'failed_chunks', failed_chunks"

/* For jobs_sql_layout(), which is told the first column. */
#define JOBS_SQL_LAYOUT(job)                                                                       \
    job ".total_size, " job ".chunk_size_bytes,"                                                   \
        " coalesce(" job ".first_chunk_bytes, " job ".chunk_size_bytes)"
struct chunk_layout jobs_sql_layout(const PGresult *result, int row, int column);

/* The language to transcribe in: as asked for, else as the first speech was heard in. */
#define JOBS_SQL_LANGUAGE(job)                                                                     \
    "coalesce(" job ".language, CASE WHEN " job ".lock_language THEN " job ".detected_language "   \
    "END)"

/* RFC 3339 in UTC with milliseconds; NULL stays NULL. */
#define JOBS_SQL_TIME(column)                                                                      \
    "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

#endif
