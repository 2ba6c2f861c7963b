/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_PG_H
#define COMMON_PG_H

/*
 * PostgreSQL on the event loop: a few connections, each with one statement at a time, and a bounded
 * queue. Connections that break are made anew with backoff; a statement is never sent twice.
 */

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/loop.h"
#include "common/pg_error.h"

#define PG_PARAMS_MAX 24

struct pg;

/* Parameters as text, NULL for SQL's NULL; borrowed until pg_query() returns. `binary` lengths are
 * used where the format is 1. */
struct pg_params {
    int count;
    const char *values[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
};

/* `result` is freed after the call; NULL when it failed, then `err` says why: ERR_RETRY (not
 * connected, connection lost: outcome unknown, serialization, queue full, time-out) or ERR_REJECT
 * (the statement's own fault; err->message has the SQLSTATE's text). */
typedef void (*pg_on_result)(void *context, PGresult *result, const struct err *err);

void pg_free(struct pg *pg);
/* `timeout_us` bounds a statement's wait and its run, each. Connects in the background. */
struct pg *pg_new(struct loop *loop, const char *database_url, unsigned connection_count,
                  size_t queue_limit, uint64_t timeout_us) FREED_BY(pg_free);
/* One statement, prepared on first use on each connection under `name` (a static string). Calls
 * back exactly once, never before it returns; after pg_free() not at all. The callback must not
 * free `pg`. */
void pg_query(struct pg *pg, const char *name, const char *sql, const struct pg_params *params,
              pg_on_result on_result, void *context);
/* At least one connection is up. */
bool pg_is_up(const struct pg *pg);

#endif
