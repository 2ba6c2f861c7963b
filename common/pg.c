/* SPDX-License-Identifier: Apache-2.0 */
#include "common/pg.h"

#include <stdlib.h>
#include <utlist.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/pg_connection.h"

struct pg {
    struct pg_connection **connections;
    unsigned connection_count;
    struct pg_statement *queue; /* list, oldest first; owned */
    size_t queue_length;
    size_t queue_limit;
    uint64_t timeout_us;
    struct event *soon;     /* to serve the queue from the loop, after pg_query() has returned */
    struct event *deadline; /* of the oldest in the queue */
};

static struct pg_connection *find_ready(const struct pg *pg)
{
    for (unsigned i = 0; i < pg->connection_count; i++)
        if (pg_connection_is_ready(pg->connections[i]))
            return pg->connections[i];
    return NULL;
}

/* Waiting for a first connection is worth while; waiting for a server that is away is not. */
static bool are_all_down(const struct pg *pg)
{
    for (unsigned i = 0; i < pg->connection_count; i++)
        if (!pg_connection_is_down(pg->connections[i]))
            return false;
    return true;
}

static struct pg_statement *take(struct pg *pg, struct pg_statement *statement)
{
    DL_DELETE(pg->queue, statement);
    pg->queue_length--;
    return statement;
}

static void fail(struct pg *pg, struct pg_statement *statement, const char *why)
{
    struct err err;

    (void)take(pg, statement);
    (void)err_set(&err, ERR_RETRY, "postgres", 0, "%s: %s", statement->name, why);
    pg_statement_fail(statement, &err);
}

static void set_deadline(struct pg *pg)
{
    if (pg->queue == NULL) {
        (void)event_del(pg->deadline);
        return;
    }
    uint64_t due_us = pg->queue->queued_us + pg->timeout_us;
    uint64_t now_us = clock_now_us();
    loop_start_timer(pg->deadline, due_us > now_us ? due_us - now_us : 0);
}

/* What may run is run, what can't be is refused. Callbacks may add to the queue meanwhile. */
static void serve_queue(void *context)
{
    struct pg *pg = context;
    struct pg_connection *ready;

    while (pg->queue != NULL && (ready = find_ready(pg)) != NULL)
        pg_connection_run(ready, take(pg, pg->queue));
    while (pg->queue != NULL && are_all_down(pg))
        fail(pg, pg->queue, "PostgreSQL is away");
    while (pg->queue != NULL && pg->queue_length > pg->queue_limit)
        fail(pg, pg->queue->prev, "too many statements wait");
    set_deadline(pg);
}

static void on_soon(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    serve_queue(context);
}

static void on_deadline(evutil_socket_t fd, short events, void *context)
{
    struct pg *pg = context;

    (void)fd;
    (void)events;
    while (pg->queue != NULL && pg->queue->queued_us + pg->timeout_us <= clock_now_us())
        fail(pg, pg->queue, "no connection was free in time");
    set_deadline(pg);
}

void pg_free(struct pg *pg)
{
    if (pg == NULL)
        return;
    for (unsigned i = 0; i < pg->connection_count; i++)
        pg_connection_free(pg->connections[i]);
    while (pg->queue != NULL)
        pg_statement_free(take(pg, pg->queue));
    event_free(pg->deadline);
    event_free(pg->soon);
    free(pg->connections);
    free(pg);
}

struct pg *pg_new(struct loop *loop, const char *database_url, unsigned connection_count,
                  size_t queue_limit, uint64_t timeout_us)
{
    struct pg *pg = mem_new(sizeof *pg);

    pg->queue_limit = queue_limit;
    pg->timeout_us = timeout_us;
    pg->soon = evtimer_new(loop_base(loop), on_soon, pg);
    pg->deadline = evtimer_new(loop_base(loop), on_deadline, pg);
    pg->connections = mem_array(connection_count, sizeof(struct pg_connection *));
    for (unsigned i = 0; i < connection_count; i++)
        pg->connections[i] = pg_connection_new(loop, database_url, timeout_us, serve_queue, pg);
    pg->connection_count = connection_count;
    return pg;
}

void pg_query(struct pg *pg, const char *name, const char *sql, const struct pg_params *params,
              pg_on_result on_result, void *context)
{
    struct pg_statement *statement = pg_statement_new(name, sql, params, on_result, context);

    DL_APPEND(pg->queue, statement);
    pg->queue_length++;
    event_active(pg->soon, 0, 0);
}

bool pg_is_up(const struct pg *pg)
{
    for (unsigned i = 0; i < pg->connection_count; i++)
        if (pg_connection_is_up(pg->connections[i]))
            return true;
    return false;
}
