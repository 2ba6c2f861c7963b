/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_PG_CONNECTION_H
#define COMMON_PG_CONNECTION_H

/*
 * One connection to PostgreSQL on the event loop: connects, runs one statement at a time, and after
 * it broke connects again with backoff. Only common/pg.c uses it.
 */

#include "common/pg.h"

struct pg_statement {
    struct pg_statement *prev;
    struct pg_statement *next;
    const char *name; /* static */
    const char *sql;  /* static */
    int param_count;
    char *values[PG_PARAMS_MAX]; /* owned */
    int lengths[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    pg_on_result on_result;
    void *context;
    uint64_t queued_us;
};

void pg_statement_free(struct pg_statement *statement);
struct pg_statement *pg_statement_new(const char *name, const char *sql,
                                      const struct pg_params *params, pg_on_result on_result,
                                      void *context) FREED_BY(pg_statement_free);
/* Calls back with `err` and frees the statement. */
void pg_statement_fail(struct pg_statement *take_statement, const struct err *err);

struct pg_connection;

/* A statement that runs is not called back. */
void pg_connection_free(struct pg_connection *connection);
/* `on_change`: it became ready, or failed. Starts to connect. */
struct pg_connection *pg_connection_new(struct loop *loop, const char *database_url,
                                        uint64_t timeout_us, void (*on_change)(void *context),
                                        void *context) FREED_BY(pg_connection_free);
/* Connected, and no statement runs. */
bool pg_connection_is_ready(const struct pg_connection *connection);
bool pg_connection_is_up(const struct pg_connection *connection);
/* The last try to connect failed, or the connection was lost and is not back. */
bool pg_connection_is_down(const struct pg_connection *connection);
/* Only when it is ready. */
void pg_connection_run(struct pg_connection *connection, struct pg_statement *take_statement);

#endif
