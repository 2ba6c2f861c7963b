/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_PG_CONNECTION_H
#define COMMON_PG_CONNECTION_H

/*
 * One connection to PostgreSQL on the event loop: connects, runs one statement at a time, and after
 * it broke connects again with backoff. Only common/pg.c uses it.
 */

#include "common/pg.h"
#include "common/pg_statement.h"

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
