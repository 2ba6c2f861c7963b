/* SPDX-License-Identifier: Apache-2.0 */

/* What needs no server: the class of errors, and a server that is not there. tests/clients has the
 * rest. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/pg.h"

static void test_err__class_of_each_sqlstate(void **state)
{
    static const struct {
        const char *sqlstate; /* NULL: none */
        enum err_kind kind;
    } ROWS[] = {
        {NULL, ERR_RETRY},     /* the connection broke */
        {"08006", ERR_RETRY},  /* connection_failure */
        {"25006", ERR_RETRY},  /* read_only_sql_transaction: a standby */
        {"25P03", ERR_RETRY},  /* idle_in_transaction_session_timeout */
        {"40001", ERR_RETRY},  /* serialization_failure */
        {"40P01", ERR_RETRY},  /* deadlock_detected */
        {"53100", ERR_RETRY},  /* disk_full */
        {"53300", ERR_RETRY},  /* too_many_connections */
        {"55P03", ERR_RETRY},  /* lock_not_available */
        {"57014", ERR_RETRY},  /* query_canceled */
        {"57P01", ERR_RETRY},  /* admin_shutdown */
        {"57P03", ERR_RETRY},  /* cannot_connect_now */
        {"58030", ERR_RETRY},  /* io_error */
        {"22021", ERR_REJECT}, /* character_not_in_repertoire */
        {"22P02", ERR_REJECT}, /* invalid_text_representation */
        {"23505", ERR_REJECT}, /* unique_violation */
        {"42601", ERR_REJECT}, /* syntax_error */
        {"42P01", ERR_REJECT}, /* undefined_table */
        {"0A000", ERR_REJECT}, /* feature_not_supported */
        {"XX000", ERR_REJECT}, /* internal_error */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++)
        if (pg_err_kind(ROWS[i].sqlstate) != ROWS[i].kind)
            fail_msg("%s is %s", ROWS[i].sqlstate, err_kind_name(pg_err_kind(ROWS[i].sqlstate)));
}

static void test_err__result_without_sqlstate(void **state)
{
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_FATAL_ERROR);
    struct err err;

    (void)state;
    assert_false(pg_err_from_result(&err, result, "read_job"));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_int_equal(err.code, 0);
    assert_string_equal(err.message, "read_job: PGRES_FATAL_ERROR");
    PQclear(result);
}

static void test_err__connection_that_failed(void **state)
{
    PGconn *connection = PQconnectdb("postgresql://127.0.0.1:1/none");
    struct err err;

    (void)state;
    assert_false(pg_err_from_connection(&err, connection, "connect"));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_memory_equal(err.message, "connect: ", strlen("connect: "));
    assert_null(strchr(err.message, '\n'));
    PQfinish(connection);
}

struct outcome {
    struct loop *loop;
    unsigned count;
    struct err err;
};

static void on_result(void *context, PGresult *result, const struct err *err)
{
    struct outcome *outcome = context;

    assert_null(result);
    outcome->count++;
    outcome->err = *err;
    loop_stop(outcome->loop);
}

static void test_pg__server_that_is_away_is_a_retry(void **state)
{
    struct outcome outcome = {.loop = loop_new()};
    struct pg *pg = pg_new(outcome.loop, "postgresql://127.0.0.1:1/none", 2, 10, 10000000);

    (void)state;
    pg_query(pg, "one", "SELECT 1", NULL, on_result, &outcome);
    assert_int_equal(outcome.count, 0); /* never before pg_query() returns */
    loop_run(outcome.loop);
    assert_int_equal(outcome.count, 1);
    assert_int_equal(outcome.err.kind, ERR_RETRY);
    assert_false(pg_is_up(pg));

    /* Now that it is known, at once. */
    pg_query(pg, "one", "SELECT 1", NULL, on_result, &outcome);
    assert_int_equal(outcome.count, 1);
    loop_run(outcome.loop);
    assert_int_equal(outcome.count, 2);
    assert_int_equal(outcome.err.kind, ERR_RETRY);
    pg_free(pg);
    loop_free(outcome.loop);
}

static void test_pg__free_calls_nobody_back(void **state)
{
    struct outcome outcome = {.loop = loop_new()};
    struct pg *pg = pg_new(outcome.loop, "postgresql://127.0.0.1:1/none", 2, 10, 10000000);

    (void)state;
    pg_query(pg, "one", "SELECT 1", NULL, on_result, &outcome);
    pg_free(pg);
    assert_int_equal(outcome.count, 0);
    loop_free(outcome.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err__class_of_each_sqlstate),
        cmocka_unit_test(test_err__result_without_sqlstate),
        cmocka_unit_test(test_err__connection_that_failed),
        cmocka_unit_test(test_pg__server_that_is_away_is_a_retry),
        cmocka_unit_test(test_pg__free_calls_nobody_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
