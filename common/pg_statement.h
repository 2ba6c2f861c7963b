/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_PG_STATEMENT_H
#define COMMON_PG_STATEMENT_H

/* A statement from pg_query() to its callback: waiting in the queue, then on a connection. */

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

#endif
