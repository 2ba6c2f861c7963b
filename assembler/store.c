/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/store.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fault_point.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pg_error.h"

#define CONNECT_TIMEOUT_S "5"
/* Longer than any timeout of the server's: past it the server is taken for dead. */
#define ANSWER_TIMEOUT_US 30000000
#define PENDING_MAX 64
#define PREPARED_MAX 128

struct pending {
    const struct store_statement *statement;
    PGresult **ret_result;
    bool is_preparation;
};

struct store {
    const char *database_url;
    PGconn *connection; /* owned; NULL while not connected */
    char backend_start[40];
    struct pending pending[PENDING_MAX];
    size_t pending_count;
    const struct store_statement *prepared[PREPARED_MAX];
    size_t prepared_count;
    bool is_send_broken; /* libpq refused to queue: nothing after it counts */
};

/* Every statement is a look-up by key on tables that grow while a generic plan made on empty ones
 * lives on: the settings keep the planner from ever choosing to read a whole table. */
static const struct store_statement SET_UP = {
    "set_up", "SELECT set_config('lock_timeout', '5s', false),"
              " set_config('idle_in_transaction_session_timeout', '5s', false),"
              " set_config('statement_timeout', '20s', false),"
              " set_config('plan_cache_mode', 'force_generic_plan', false),"
              " set_config('enable_seqscan', 'off', false),"
              " set_config('enable_hashjoin', 'off', false),"
              " set_config('enable_mergejoin', 'off', false), set_config('jit', 'off', false),"
              " (SELECT backend_start::text FROM pg_stat_activity"
              " WHERE pid = pg_backend_pid())"};
enum { SET_UP_START = 8 };

static const struct store_statement BEGIN = {"begin", "BEGIN"};
static const struct store_statement COMMIT = {"commit", "COMMIT"};
static const struct store_statement ROLLBACK = {"rollback", "ROLLBACK"};

static void disconnect(struct store *store)
{
    PQfinish(store->connection);
    store->connection = NULL;
    store->backend_start[0] = '\0';
    store->prepared_count = 0;
    store->pending_count = 0;
    store->is_send_broken = false;
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    disconnect(store);
    free(store);
}

struct store *store_new(const char *database_url)
{
    struct store *store = mem_new(sizeof *store);

    store->database_url = database_url;
    return store;
}

static bool set_up(struct store *store, struct err *err)
{
    CLEANUP(store_clear_at) PGresult *result = NULL;

    store_send(store, &SET_UP, 0, NULL, &result);
    if (!store_run(store, err))
        return false;
    const char *start = store_text(result, 0, SET_UP_START);
    strncpy(store->backend_start, start == NULL ? "" : start, sizeof store->backend_start - 1);
    return true;
}

bool store_connect(struct store *store, struct err *err)
{
    static const char *const NAMES[] = {"dbname", "connect_timeout", "fallback_application_name",
                                        NULL};
    const char *const values[] = {store->database_url, CONNECT_TIMEOUT_S, "chunkscribe-assembler",
                                  NULL};

    disconnect(store);
    store->connection = PQconnectdbParams(NAMES, values, 1);
    if (PQstatus(store->connection) != CONNECTION_OK ||
        PQsetnonblocking(store->connection, 1) != 0 ||
        PQenterPipelineMode(store->connection) != 1) {
        pg_err_from_connection(err, store->connection, "connect");
        disconnect(store);
        return false;
    }
    if (set_up(store, err))
        return true;
    disconnect(store);
    return false;
}

bool store_is_connected(const struct store *store)
{
    return store->connection != NULL;
}

const char *store_backend_start(const struct store *store)
{
    return store->backend_start;
}

/* Queueing */

static void push(struct store *store, const struct store_statement *statement,
                 PGresult **ret_result, bool is_preparation)
{
    assert(store->pending_count < PENDING_MAX);
    store->pending[store->pending_count++] =
        (struct pending){statement, ret_result, is_preparation};
}

static bool is_prepared(const struct store *store, const struct store_statement *statement)
{
    for (size_t i = 0; i < store->prepared_count; i++)
        if (store->prepared[i] == statement)
            return true;
    return false;
}

static void prepare(struct store *store, const struct store_statement *statement)
{
    if (is_prepared(store, statement))
        return;
    assert(store->prepared_count < PREPARED_MAX);
    if (PQsendPrepare(store->connection, statement->name, statement->sql, 0, NULL) != 1)
        store->is_send_broken = true;
    store->prepared[store->prepared_count++] = statement;
    push(store, statement, NULL, true);
}

void store_send(struct store *store, const struct store_statement *statement, int count,
                const char *const *values, PGresult **ret_result)
{
    if (store->connection == NULL)
        return;
    prepare(store, statement);
    if (PQsendQueryPrepared(store->connection, statement->name, count, values, NULL, NULL, 0) != 1)
        store->is_send_broken = true;
    push(store, statement, ret_result, false);
}

void store_send_rows(struct store *store, const struct store_statement *statement,
                     struct sql_rows *rows, PGresult **ret_result)
{
    store_send(store, statement, rows->column_count, sql_rows_finish(rows), ret_result);
}

void store_send_begin(struct store *store)
{
    store_send(store, &BEGIN, 0, NULL, NULL);
}

/* Waiting */

/* False: the connection is lost, or the server is silent. */
static bool wait_once(struct store *store, uint64_t deadline_us, struct err *err)
{
    int unsent = PQflush(store->connection);
    uint64_t now_us = clock_now_us();
    struct pollfd poll_fd = {.fd = PQsocket(store->connection),
                             .events = (short)(POLLIN | (unsent == 1 ? POLLOUT : 0))};

    if (unsent < 0)
        return pg_err_from_connection(err, store->connection, "send");
    if (now_us >= deadline_us)
        return err_set(err, ERR_RETRY, "postgres", ETIMEDOUT, "no answer within %d s",
                       ANSWER_TIMEOUT_US / 1000000);
    int ready = poll(&poll_fd, 1, (int)((deadline_us - now_us) / 1000) + 1);
    if (ready < 0 && errno != EINTR)
        return err_set_errno(err, errno, "poll");
    if (ready > 0 && PQconsumeInput(store->connection) != 1)
        return pg_err_from_connection(err, store->connection, "receive");
    return true;
}

/* One result; NULL: the end of a statement's results. False: the connection is lost. */
static bool next_result(struct store *store, uint64_t deadline_us, PGresult **ret_result,
                        struct err *err)
{
    while (PQisBusy(store->connection))
        if (!wait_once(store, deadline_us, err))
            return false;
    *ret_result = PQgetResult(store->connection);
    if (*ret_result == NULL && PQstatus(store->connection) != CONNECTION_OK)
        return pg_err_from_connection(err, store->connection, "receive");
    return true;
}

enum answer { ANSWER_GOOD, ANSWER_BAD, ANSWER_LOST };

static enum answer judge(PGresult *take_result, const struct pending *pending, struct err *err)
{
    ExecStatusType status = PQresultStatus(take_result);
    bool is_good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

    if (is_good && pending->ret_result != NULL)
        *pending->ret_result = TAKE(take_result);
    else if (!is_good && status != PGRES_PIPELINE_ABORTED)
        pg_err_from_result(err, take_result, pending->statement->name);
    PQclear(take_result);
    return is_good ? ANSWER_GOOD : ANSWER_BAD;
}

/* The result of one statement and the NULL that ends it. */
static enum answer receive(struct store *store, const struct pending *pending, uint64_t deadline_us,
                           struct err *err)
{
    PGresult *result;
    PGresult *end = NULL;

    if (!next_result(store, deadline_us, &result, err))
        return ANSWER_LOST;
    if (result == NULL) {
        (void)err_set(err, ERR_RETRY, "postgres", 0, "%s: no result", pending->statement->name);
        return ANSWER_LOST;
    }
    enum answer answer = judge(result, pending, err);
    if (!next_result(store, deadline_us, &end, err))
        return ANSWER_LOST;
    PQclear(end);
    return answer;
}

/* Up to and with the point where the server begins anew after an error. */
static bool receive_sync(struct store *store, uint64_t deadline_us, struct err *err)
{
    PGresult *result;

    if (!next_result(store, deadline_us, &result, err))
        return false;
    bool is_sync = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    PQclear(result);
    return is_sync || err_set(err, ERR_RETRY, "postgres", 0, "out of step");
}

/* A preparation that failed, or was skipped after an error, is to be made again. */
static void forget_prepared(struct store *store, const struct pending *pending)
{
    for (size_t i = 0; pending->is_preparation && i < store->prepared_count; i++) {
        if (store->prepared[i] == pending->statement) {
            store->prepared[i] = store->prepared[--store->prepared_count];
            return;
        }
    }
}

static enum answer receive_all(struct store *store, struct err *err)
{
    uint64_t deadline_us = clock_now_us() + ANSWER_TIMEOUT_US;
    enum answer answer = ANSWER_GOOD;

    if (store->is_send_broken || PQpipelineSync(store->connection) != 1) {
        pg_err_from_connection(err, store->connection, "queue");
        return ANSWER_LOST;
    }
    for (size_t i = 0; i < store->pending_count; i++) {
        struct err later;
        enum answer one =
            receive(store, &store->pending[i], deadline_us, answer == ANSWER_GOOD ? err : &later);

        if (one == ANSWER_LOST) {
            if (answer == ANSWER_BAD)
                *err = later;
            return ANSWER_LOST;
        }
        if (one == ANSWER_BAD) {
            answer = ANSWER_BAD;
            forget_prepared(store, &store->pending[i]);
        }
    }
    return receive_sync(store, deadline_us, err) ? answer : ANSWER_LOST;
}

static void clear_results(struct store *store)
{
    for (size_t i = 0; i < store->pending_count; i++)
        if (store->pending[i].ret_result != NULL)
            store_clear_at(store->pending[i].ret_result);
}

static enum answer exchange(struct store *store, struct err *err)
{
    enum answer answer = receive_all(store, err);

    if (answer != ANSWER_GOOD)
        clear_results(store);
    store->pending_count = 0;
    if (answer == ANSWER_LOST)
        disconnect(store);
    return answer;
}

bool store_run(struct store *store, struct err *err)
{
    if (store->connection == NULL)
        return err_set(err, ERR_RETRY, "postgres", ENOTCONN, "not connected");
    enum answer answer = exchange(store, err);

    if (answer == ANSWER_BAD)
        store_rollback(store);
    return answer == ANSWER_GOOD;
}

bool store_lose(struct store *store, struct err *err)
{
    disconnect(store);
    return err_set(err, ERR_RETRY, "postgres", ECONNRESET, "the connection was cut");
}

bool store_commit(struct store *store, struct err *err)
{
    if (fault_point(FAULT_COMMIT, NULL))
        return store_lose(store, err);
    store_send(store, &COMMIT, 0, NULL, NULL);
    if (!store_run(store, err))
        return false;
    return !fault_point(FAULT_COMMITTED, NULL) || store_lose(store, err);
}

void store_rollback(struct store *store)
{
    struct err err;

    if (store->connection == NULL || PQtransactionStatus(store->connection) == PQTRANS_IDLE)
        return;
    store_send(store, &ROLLBACK, 0, NULL, NULL);
    if (exchange(store, &err) != ANSWER_GOOD)
        log_warn("rollback_failed", "the connection is dropped", LOG_ERR(&err));
}
