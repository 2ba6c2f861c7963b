/* SPDX-License-Identifier: Apache-2.0 */

/*
 * States: WAITING -> CONNECTING -> SETTING_UP -> READY <-> (PREPARING ->) RUNNING; from each of
 * them back to WAITING when the connection breaks or a step takes too long. A statement that was
 * under way then fails with ERR_RETRY: whether it took effect is unknown.
 *
 * The time-out of a statement is the server's (statement_timeout), which ends the statement and
 * keeps the connection. Ours is a second longer, for a server that does not answer at all: libpq's
 * PQcancel() would block on such a server, so the connection is simply dropped.
 */

#include "common/pg_connection.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/backoff.h"
#include "common/log.h"
#include "common/mem.h"

#define CONNECT_TIMEOUT_US 5000000
#define GRACE_US 1000000
#define PREPARED_MAX 128

static const struct backoff RECONNECT = {.base_us = 50000, .ceiling_us = 1000000};

enum state { WAITING, CONNECTING, SETTING_UP, READY, PREPARING, RUNNING };

struct pg_connection {
    struct loop *loop;
    char *database_url;
    uint64_t timeout_us;
    void (*on_change)(void *context);
    void *context;

    enum state state;
    PGconn *conn;                       /* NULL while WAITING */
    struct event *io;                   /* of conn's socket; NULL while WAITING */
    short io_events;                    /* what `io` waits for */
    struct event *timer;                /* of the present state: the wait, or the limit of a step */
    unsigned failures;                  /* since it was last READY */
    struct pg_statement *statement;     /* owned; under way */
    PGresult *result;                   /* owned; the first of the present step */
    const char *prepared[PREPARED_MAX]; /* names known to this session */
    size_t prepared_count;
};

/* Waiting for the socket and for time */

static void close_session(struct pg_connection *connection)
{
    if (connection->io != NULL)
        event_free(connection->io);
    connection->io = NULL;
    PQclear(connection->result);
    connection->result = NULL;
    PQfinish(connection->conn);
    connection->conn = NULL;
    connection->prepared_count = 0;
}

/* The first failure is told, and then each time that the number of them doubled. */
static bool is_worth_a_line(unsigned failures)
{
    return (failures & (failures - 1)) == 0;
}

/* Ends the session, fails the statement under way, and tries again after a while. */
static void break_off(struct pg_connection *connection, const struct err *err)
{
    struct pg_statement *statement = connection->statement;

    connection->statement = NULL;
    connection->failures++;
    uint64_t delay_us = backoff_delay_us(RECONNECT, connection->failures - 1, backoff_random());
    if (is_worth_a_line(connection->failures))
        log_warn("postgres_lost", "no connection to PostgreSQL, trying again",
                 LOG_INT("failures", connection->failures), LOG_INT("wait_ms", delay_us / 1000),
                 LOG_ERR(err));
    close_session(connection);
    connection->state = WAITING;
    loop_start_timer(connection->timer, delay_us);
    if (statement != NULL)
        pg_statement_fail(statement, err);
    connection->on_change(connection->context);
}

static void break_off_from_connection(struct pg_connection *connection, const char *what)
{
    struct err err;

    (void)pg_err_from_connection(&err, connection->conn, what);
    break_off(connection, &err);
}

static void on_io(evutil_socket_t fd, short events, void *context);

/* The socket of a connection being made may change with each step. */
static void watch(struct pg_connection *connection, short events)
{
    evutil_socket_t fd = PQsocket(connection->conn);

    if (connection->io != NULL && connection->io_events == events &&
        event_get_fd(connection->io) == fd)
        return;
    if (connection->io != NULL)
        event_free(connection->io);
    connection->io =
        event_new(loop_base(connection->loop), fd, (short)(events | EV_PERSIST), on_io, connection);
    connection->io_events = events;
    (void)event_add(connection->io, NULL);
}

/* The steps of a session. Each sends something and takes its result when it has come. */

static void flush(struct pg_connection *connection)
{
    int unsent = PQflush(connection->conn);

    if (unsent < 0)
        break_off_from_connection(connection, "send");
    else
        watch(connection, unsent > 0 ? EV_READ | EV_WRITE : EV_READ);
}

static void begin_step(struct pg_connection *connection, enum state state, int was_sent,
                       uint64_t limit_us)
{
    connection->state = state;
    loop_start_timer(connection->timer, limit_us);
    if (was_sent != 0)
        flush(connection);
    else
        break_off_from_connection(connection, "send");
}

static void become_ready(struct pg_connection *connection)
{
    if (connection->failures > 0)
        log_info("postgres_back", "connected to PostgreSQL again",
                 LOG_INT("failures", connection->failures));
    connection->failures = 0;
    connection->state = READY;
    (void)event_del(connection->timer);
}

static void set_up(struct pg_connection *connection)
{
    char sql[64];

    (void)PQsetnonblocking(connection->conn, 1);
    (void)snprintf(sql, sizeof sql, "SET statement_timeout = %llu",
                   (unsigned long long)(connection->timeout_us / 1000));
    begin_step(connection, SETTING_UP, PQsendQuery(connection->conn, sql), CONNECT_TIMEOUT_US);
}

static void go_on_connecting(struct pg_connection *connection)
{
    switch (PQconnectPoll(connection->conn)) {
    case PGRES_POLLING_READING:
        watch(connection, EV_READ);
        break;
    case PGRES_POLLING_WRITING:
        watch(connection, EV_WRITE);
        break;
    case PGRES_POLLING_OK:
        set_up(connection);
        break;
    case PGRES_POLLING_ACTIVE:
    case PGRES_POLLING_FAILED:
        break_off_from_connection(connection, "connect");
        break;
    }
}

static void on_notice(void *context, const char *text)
{
    (void)context;
    log_debug("postgres_notice", text);
}

static void start_connecting(struct pg_connection *connection)
{
    /* What comes after `dbname`, the URL, would override it. */
    const char *const names[] = {"fallback_application_name", "tcp_user_timeout", "dbname", NULL};
    const char *const values[] = {"chunkscribe", "10000", connection->database_url, NULL};

    connection->conn = PQconnectStartParams(names, values, 1);
    connection->state = CONNECTING;
    loop_start_timer(connection->timer, CONNECT_TIMEOUT_US);
    if (connection->conn == NULL || PQstatus(connection->conn) == CONNECTION_BAD) {
        break_off_from_connection(connection, "connect");
        return;
    }
    (void)PQsetNoticeProcessor(connection->conn, on_notice, NULL);
    watch(connection, EV_WRITE);
}

static bool is_prepared(const struct pg_connection *connection, const char *name)
{
    for (size_t i = 0; i < connection->prepared_count; i++)
        if (connection->prepared[i] == name)
            return true;
    return false;
}

static void execute(struct pg_connection *connection)
{
    const struct pg_statement *statement = connection->statement;
    int sent = PQsendQueryPrepared(connection->conn, statement->name, statement->param_count,
                                   (const char *const *)statement->values, statement->lengths,
                                   statement->formats, 0);

    begin_step(connection, RUNNING, sent, connection->timeout_us + GRACE_US);
}

void pg_connection_run(struct pg_connection *connection, struct pg_statement *take_statement)
{
    assert(connection->state == READY);
    connection->statement = take_statement;
    if (is_prepared(connection, take_statement->name)) {
        execute(connection);
        return;
    }
    int sent = PQsendPrepare(connection->conn, take_statement->name, take_statement->sql, 0, NULL);
    begin_step(connection, PREPARING, sent, connection->timeout_us + GRACE_US);
}

/* The statement is over; `result` may be a failure. */
static void complete(struct pg_connection *connection, PGresult *take_result)
{
    struct pg_statement *statement = connection->statement;
    ExecStatusType status = PQresultStatus(take_result);
    struct err err;

    connection->statement = NULL;
    become_ready(connection);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        statement->on_result(statement->context, take_result, NULL);
        pg_statement_free(statement);
    } else {
        (void)pg_err_from_result(&err, take_result, statement->name);
        pg_statement_fail(statement, &err);
    }
    PQclear(take_result);
    connection->on_change(connection->context);
}

static void after_set_up(struct pg_connection *connection, PGresult *take_result)
{
    bool is_set = PQresultStatus(take_result) == PGRES_COMMAND_OK;

    PQclear(take_result);
    if (!is_set) {
        break_off_from_connection(connection, "set up");
        return;
    }
    become_ready(connection);
    connection->on_change(connection->context);
}

static void after_prepare(struct pg_connection *connection, PGresult *take_result)
{
    if (PQresultStatus(take_result) != PGRES_COMMAND_OK) {
        complete(connection, take_result);
        return;
    }
    PQclear(take_result);
    assert(connection->prepared_count < PREPARED_MAX);
    connection->prepared[connection->prepared_count++] = connection->statement->name;
    execute(connection);
}

/* All results of the present step have come: `connection->result` is the first. */
static void end_step(struct pg_connection *connection)
{
    PGresult *result = TAKE(connection->result);

    switch (connection->state) {
    case SETTING_UP:
        after_set_up(connection, result);
        break;
    case PREPARING:
        after_prepare(connection, result);
        break;
    case RUNNING:
        complete(connection, result);
        break;
    case READY: /* nothing was asked: the server says goodbye, or sent a notice */
    case WAITING:
    case CONNECTING:
        PQclear(result);
        break;
    }
}

/* Takes the results that have come whole. */
static void take_results(struct pg_connection *connection)
{
    while (!PQisBusy(connection->conn)) {
        PGresult *result = PQgetResult(connection->conn);

        if (result == NULL) {
            end_step(connection);
            return;
        }
        if (connection->result == NULL)
            connection->result = result;
        else
            PQclear(result);
    }
}

static void go_on(struct pg_connection *connection, short events)
{
    if ((events & EV_READ) != 0 && PQconsumeInput(connection->conn) == 0) {
        break_off_from_connection(connection, "receive");
        return;
    }
    if (connection->io_events & EV_WRITE)
        flush(connection);
    if (connection->conn != NULL && connection->state != CONNECTING)
        take_results(connection);
}

static void on_io(evutil_socket_t fd, short events, void *context)
{
    struct pg_connection *connection = context;

    (void)fd;
    if (connection->state == CONNECTING)
        go_on_connecting(connection);
    else
        go_on(connection, events);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct pg_connection *connection = context;
    struct err err;

    (void)fd;
    (void)events;
    if (connection->state == WAITING) {
        start_connecting(connection);
        return;
    }
    (void)err_set(&err, ERR_RETRY, "postgres", 0, "no answer from PostgreSQL in time");
    break_off(connection, &err);
}

/* Life */

void pg_connection_free(struct pg_connection *connection)
{
    if (connection == NULL)
        return;
    close_session(connection);
    pg_statement_free(connection->statement);
    event_free(connection->timer);
    free(connection->database_url);
    free(connection);
}

struct pg_connection *pg_connection_new(struct loop *loop, const char *database_url,
                                        uint64_t timeout_us, void (*on_change)(void *context),
                                        void *context)
{
    struct pg_connection *connection = mem_new(sizeof *connection);

    connection->loop = loop;
    connection->database_url = mem_copy_string(database_url);
    connection->timeout_us = timeout_us;
    connection->on_change = on_change;
    connection->context = context;
    connection->timer = evtimer_new(loop_base(loop), on_timer, connection);
    loop_start_timer(connection->timer, 0);
    return connection;
}

bool pg_connection_is_ready(const struct pg_connection *connection)
{
    return connection->state == READY;
}

bool pg_connection_is_up(const struct pg_connection *connection)
{
    return connection->state >= READY;
}

bool pg_connection_is_down(const struct pg_connection *connection)
{
    return !pg_connection_is_up(connection) && connection->failures > 0;
}
