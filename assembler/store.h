/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_STORE_H
#define ASSEMBLER_STORE_H

/*
 * The assembler's connection to PostgreSQL: one, blocking with a deadline, always in pipeline mode.
 * Statements are queued by store_send() and go out together; store_run() waits for all of them, so
 * a step of a transaction costs one round trip whatever the number of its statements. SQL is in the
 * files store_*.c only.
 *
 * A failed connection is dropped; the caller decides when to connect again.
 */

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "assembler/sql_rows.h"
#include "common/attrs.h"
#include "common/chunk_layout.h"
#include "common/coverage.h"
#include "common/err.h"

struct store;

/* Prepared at its first use on each connection. Both strings are static. */
struct store_statement {
    const char *name;
    const char *sql;
};

void store_free(struct store *store);
/* Borrows the URL for life; connects to nothing yet. */
struct store *store_new(const char *database_url) FREED_BY(store_free);
/* One attempt. */
bool store_connect(struct store *store, struct err *err) MUST_CHECK;
bool store_is_connected(const struct store *store);
/* With the process id it identifies our backend for a successor. "" while not connected. */
const char *store_backend_start(const struct store *store);

/* Queues a statement. `ret_result`, if not NULL, is set by store_run() and owned by the caller. */
void store_send(struct store *store, const struct store_statement *statement, int count,
                const char *const *values, PGresult **ret_result);
void store_send_rows(struct store *store, const struct store_statement *statement,
                     struct sql_rows *rows, PGresult **ret_result);
void store_send_begin(struct store *store);
/* Sends what is queued and waits. On failure no result is set, an open transaction is rolled back,
 * and a connection that is of no use any more is dropped. ERR_REJECT: see pg_error.h. */
bool store_run(struct store *store, struct err *err) MUST_CHECK;
/* COMMIT after what is queued, as store_run(). On failure the outcome is unknown. */
bool store_commit(struct store *store, struct err *err) MUST_CHECK;
/* The connection breaks, as far as anybody can tell. Returns false. */
bool store_lose(struct store *store, struct err *err);
/* Ends an open transaction without its effects. */
void store_rollback(struct store *store);

/* For CLEANUP(store_clear_at) PGresult *result = NULL; */
void store_clear_at(PGresult **result);
int64_t store_int(const PGresult *result, int row, int column);
/* `fallback` where the value is NULL. */
int64_t store_int_or(const PGresult *result, int row, int column, int64_t fallback);
bool store_bool(const PGresult *result, int row, int column);
/* NULL where the value is NULL; borrowed from the result. */
const char *store_text(const PGresult *result, int row, int column);
/* Of jobs j, for store_layout(), which is told the first one. */
#define STORE_LAYOUT_COLUMNS                                                                       \
    "j.total_size, j.chunk_size_bytes, coalesce(j.first_chunk_bytes, j.chunk_size_bytes)"
struct chunk_layout store_layout(const PGresult *result, int row, int column);
/* Of a column `covered`; NULL is nothing. */
struct coverage_sums store_covered(const PGresult *result, int row, int column);

#endif
