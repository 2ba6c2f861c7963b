/* SPDX-License-Identifier: Apache-2.0 */

/* PostgreSQL on the event loop against a real server. It creates nothing that outlives a session.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/pg.h"

#define RESULTS_MAX 64

struct fixture {
    struct loop *loop;
    struct pg *pg;
    unsigned waiting; /* the loop stops when none is left */
    unsigned count;
    char *values[RESULTS_MAX];      /* first column of the first row; NULL: SQL's NULL or no row */
    struct err errors[RESULTS_MAX]; /* kind ERR_KIND_COUNT: it succeeded */
};

static const char *database_url(void)
{
    const char *url = getenv("CHUNKSCRIBE_TEST_DATABASE_URL");

    assert_non_null(url);
    return url;
}

static void on_result(void *context, PGresult *result, const struct err *err)
{
    struct fixture *fixture = context;
    unsigned i = fixture->count++;

    assert_true(i < RESULTS_MAX);
    assert_true((result != NULL) != (err != NULL));
    fixture->errors[i].kind = ERR_KIND_COUNT;
    if (err != NULL)
        fixture->errors[i] = *err;
    else if (PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
        fixture->values[i] = mem_copy_string(PQgetvalue(result, 0, 0));
    if (--fixture->waiting == 0)
        loop_stop(fixture->loop);
}

static void query(struct fixture *fixture, const char *name, const char *sql,
                  const struct pg_params *params)
{
    fixture->waiting++;
    pg_query(fixture->pg, name, sql, params, on_result, fixture);
}

static struct fixture *fixture_new(unsigned connections, size_t queue_limit, uint64_t timeout_us)
{
    struct fixture *fixture = mem_new(sizeof *fixture);

    fixture->loop = loop_new();
    fixture->pg = pg_new(fixture->loop, database_url(), connections, queue_limit, timeout_us);
    return fixture;
}

static void fixture_free(struct fixture *fixture)
{
    pg_free(fixture->pg);
    loop_free(fixture->loop);
    for (unsigned i = 0; i < fixture->count; i++)
        free(fixture->values[i]);
    free(fixture);
}

static void assert_ok(const struct fixture *fixture, unsigned i, const char *expected)
{
    if (fixture->errors[i].kind != ERR_KIND_COUNT)
        fail_msg("statement %u: %s", i, fixture->errors[i].message);
    if (expected == NULL)
        assert_null(fixture->values[i]);
    else
        assert_string_equal(fixture->values[i], expected);
}

static void test_pg__params_as_text_null_and_binary(void **state)
{
    struct fixture *fixture = fixture_new(1, 10, 5000000);
    const struct pg_params text = {.count = 2, .values = {"40", "2"}};
    const struct pg_params null = {.count = 2, .values = {"40", NULL}};
    const struct pg_params binary = {
        .count = 1, .values = {"\x00\x01\xff"}, .lengths = {3}, .formats = {1}};

    (void)state;
    query(fixture, "add", "SELECT $1::int + $2::int", &text);
    query(fixture, "add", "SELECT $1::int + $2::int", &null);
    query(fixture, "hex", "SELECT encode($1::bytea, 'hex')", &binary);
    loop_run(fixture->loop);
    assert_ok(fixture, 0, "42");
    assert_ok(fixture, 1, NULL);
    assert_ok(fixture, 2, "0001ff");
    assert_true(pg_is_up(fixture->pg));
    fixture_free(fixture);
}

/* On one connection statements run in the order they came. */
static void test_pg__one_after_the_other(void **state)
{
    struct fixture *fixture = fixture_new(1, 64, 5000000);
    char number[16];

    (void)state;
    for (int i = 0; i < 50; i++) {
        const struct pg_params params = {.count = 1, .values = {number}};

        (void)snprintf(number, sizeof number, "%d", i);
        query(fixture, "echo", "SELECT $1::text", &params);
    }
    loop_run(fixture->loop);
    for (unsigned i = 0; i < 50; i++) {
        (void)snprintf(number, sizeof number, "%u", i);
        assert_ok(fixture, i, number);
    }
    fixture_free(fixture);
}

static void test_pg__connections_work_side_by_side(void **state)
{
    struct fixture *fixture = fixture_new(4, 64, 5000000);
    uint64_t start_us = clock_now_us();

    (void)state;
    for (int i = 0; i < 4; i++)
        query(fixture, "sleep", "SELECT pg_sleep(0.5)", NULL);
    loop_run(fixture->loop);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(fixture->errors[i].kind, ERR_KIND_COUNT);
    assert_true(clock_now_us() - start_us < 1500000);
    fixture_free(fixture);
}

static void test_pg__the_statements_own_fault_is_a_reject(void **state)
{
    struct fixture *fixture = fixture_new(1, 10, 5000000);
    const struct pg_params not_a_number = {.count = 1, .values = {"x"}};

    (void)state;
    query(fixture, "syntax", "SELEC 1", NULL);
    query(fixture, "number", "SELECT $1::int", &not_a_number);
    query(fixture, "one", "SELECT 1", NULL);
    loop_run(fixture->loop);
    assert_int_equal(fixture->errors[0].kind, ERR_REJECT);
    assert_memory_equal(fixture->errors[0].message, "syntax: 42601: ", 15);
    assert_int_equal(fixture->errors[1].kind, ERR_REJECT);
    assert_memory_equal(fixture->errors[1].message, "number: 22P02: ", 15);
    assert_ok(fixture, 2, "1"); /* and the connection goes on */
    fixture_free(fixture);
}

static void test_pg__the_server_ends_what_takes_too_long(void **state)
{
    struct fixture *fixture = fixture_new(1, 10, 300000);

    (void)state;
    query(fixture, "long", "SELECT pg_sleep(20)", NULL);
    loop_run(fixture->loop);
    assert_int_equal(fixture->errors[0].kind, ERR_RETRY);
    assert_memory_equal(fixture->errors[0].message, "long: 57014: ", 13);
    query(fixture, "one", "SELECT 1", NULL);
    loop_run(fixture->loop);
    assert_ok(fixture, 1, "1");
    fixture_free(fixture);
}

static void test_pg__waiting_is_limited(void **state)
{
    struct fixture *fixture = fixture_new(1, 10, 300000);

    (void)state;
    query(fixture, "long", "SELECT pg_sleep(20)", NULL);
    query(fixture, "one", "SELECT 1", NULL);
    loop_run(fixture->loop);
    /* Which of the two ends first is open; the second never ran. */
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(fixture->errors[i].kind, ERR_RETRY);
    fixture_free(fixture);
}

static void test_pg__too_many_waiting_are_refused(void **state)
{
    struct fixture *fixture = fixture_new(1, 3, 5000000);
    unsigned refused = 0;

    (void)state;
    query(fixture, "one", "SELECT 1", NULL);
    loop_run(fixture->loop); /* connected */
    for (int i = 0; i < 10; i++)
        query(fixture, "one", "SELECT 1", NULL);
    loop_run(fixture->loop);
    for (unsigned i = 1; i <= 10; i++)
        refused += fixture->errors[i].kind == ERR_RETRY;
    assert_int_equal(refused, 6); /* one runs, three wait */
    fixture_free(fixture);
}

static void test_pg__a_lost_connection_is_made_again(void **state)
{
    struct fixture *fixture = fixture_new(1, 10, 5000000);

    (void)state;
    query(fixture, "end", "SELECT pg_terminate_backend(pg_backend_pid())", NULL);
    loop_run(fixture->loop);
    assert_int_equal(fixture->errors[0].kind, ERR_RETRY);
    assert_false(pg_is_up(fixture->pg));
    /* Refused while the server is taken to be away; then the statement is prepared anew. */
    for (unsigned i = 1; fixture->errors[fixture->count - 1].kind != ERR_KIND_COUNT; i++) {
        assert_true(i < RESULTS_MAX);
        (void)event_base_loop(loop_base(fixture->loop), EVLOOP_ONCE);
        query(fixture, "one", "SELECT 1", NULL);
        loop_run(fixture->loop);
    }
    assert_ok(fixture, fixture->count - 1, "1");
    assert_true(pg_is_up(fixture->pg));
    fixture_free(fixture);
}

static void test_pg__free_while_a_statement_runs(void **state)
{
    struct fixture *fixture = fixture_new(1, 10, 5000000);

    (void)state;
    query(fixture, "one", "SELECT 1", NULL);
    loop_run(fixture->loop);
    query(fixture, "long", "SELECT pg_sleep(1)", NULL);
    (void)event_base_loop(loop_base(fixture->loop), EVLOOP_ONCE);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pg__params_as_text_null_and_binary),
        cmocka_unit_test(test_pg__one_after_the_other),
        cmocka_unit_test(test_pg__connections_work_side_by_side),
        cmocka_unit_test(test_pg__the_statements_own_fault_is_a_reject),
        cmocka_unit_test(test_pg__the_server_ends_what_takes_too_long),
        cmocka_unit_test(test_pg__waiting_is_limited),
        cmocka_unit_test(test_pg__too_many_waiting_are_refused),
        cmocka_unit_test(test_pg__a_lost_connection_is_made_again),
        cmocka_unit_test(test_pg__free_while_a_statement_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
