/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/log.h"
#include "common/service.h"

#define LONG_US UINT64_C(60000000)

struct daemon {
    struct loop *loop;
    struct service *service;
    int drains;
    bool drains_at_once;
    bool seen_draining;
};

static void on_drain(void *context)
{
    struct daemon *daemon = context;

    daemon->drains++;
    daemon->seen_draining = service_is_draining(daemon->service);
    if (daemon->drains_at_once)
        service_drained(daemon->service);
}

static void start(struct daemon *daemon, uint64_t grace_us)
{
    log_init("test", LOG_LEVEL_ERROR, false);
    daemon->loop = loop_new();
    daemon->service = service_new(daemon->loop, grace_us, on_drain, daemon);
    assert_false(service_is_draining(daemon->service));
}

static void finish(struct daemon *daemon)
{
    service_free(daemon->service);
    loop_free(daemon->loop);
}

static void test_service__drains_at_once(void **state UNUSED)
{
    static const int SIGNALS[] = {SIGTERM, SIGINT};

    for (size_t i = 0; i < ARRAY_LEN(SIGNALS); i++) {
        struct daemon daemon = {.drains_at_once = true};
        start(&daemon, LONG_US);
        assert_int_equal(raise(SIGNALS[i]), 0);
        assert_int_equal(service_run(daemon.service), EXIT_ASKED);
        assert_int_equal(daemon.drains, 1);
        assert_true(daemon.seen_draining);
        finish(&daemon);
    }
}

static void end_drain(void *context)
{
    service_drained(context);
}

/* The work in flight ends only after the signal. */
static void finish_work(void *context)
{
    struct daemon *daemon = context;

    if (daemon->drains == 0)
        loop_post(daemon->loop, finish_work, daemon);
    else
        loop_post(daemon->loop, end_drain, daemon->service);
}

static void test_service__waits_for_work_in_flight(void **state UNUSED)
{
    struct daemon daemon = {.drains_at_once = false};

    start(&daemon, LONG_US);
    assert_int_equal(raise(SIGTERM), 0);
    loop_post(daemon.loop, finish_work, &daemon);
    assert_int_equal(service_run(daemon.service), EXIT_ASKED);
    assert_int_equal(daemon.drains, 1);
    finish(&daemon);
}

static void test_service__grace_time_ends_the_drain(void **state UNUSED)
{
    struct daemon daemon = {.drains_at_once = false};

    start(&daemon, 1000);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(service_run(daemon.service), EXIT_DRAIN_LATE);
    finish(&daemon);
}

static void signal_again(void *context)
{
    struct daemon *daemon = context;

    if (daemon->drains == 0)
        loop_post(daemon->loop, signal_again, daemon);
    else
        assert_int_equal(raise(SIGINT), 0);
}

static void test_service__second_signal_ends_the_drain(void **state UNUSED)
{
    struct daemon daemon = {.drains_at_once = false};

    start(&daemon, LONG_US);
    assert_int_equal(raise(SIGTERM), 0);
    loop_post(daemon.loop, signal_again, &daemon);
    assert_int_equal(service_run(daemon.service), EXIT_DRAIN_LATE);
    assert_int_equal(daemon.drains, 1);
    finish(&daemon);
}

static void test_service__fail_before_the_run(void **state UNUSED)
{
    struct daemon daemon = {.drains_at_once = false};

    start(&daemon, LONG_US);
    service_fail(daemon.service);
    assert_int_equal(service_run(daemon.service), EXIT_FATAL);
    assert_int_equal(daemon.drains, 0);
    finish(&daemon);
}

static void fail_then_drain(void *context)
{
    struct daemon *daemon = context;

    service_fail(daemon->service);
    service_drained(daemon->service); /* the first reason stands */
}

static void test_service__first_reason_stands(void **state UNUSED)
{
    struct daemon daemon = {.drains_at_once = false};

    start(&daemon, LONG_US);
    loop_post(daemon.loop, fail_then_drain, &daemon);
    assert_int_equal(service_run(daemon.service), EXIT_FATAL);
    finish(&daemon);
}

static void test_service__broken_pipes_do_not_kill(void **state UNUSED)
{
    struct daemon daemon = {.drains_at_once = true};

    start(&daemon, LONG_US);
    assert_int_equal(raise(SIGPIPE), 0);
    finish(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service__drains_at_once),
        cmocka_unit_test(test_service__waits_for_work_in_flight),
        cmocka_unit_test(test_service__grace_time_ends_the_drain),
        cmocka_unit_test(test_service__second_signal_ends_the_drain),
        cmocka_unit_test(test_service__fail_before_the_run),
        cmocka_unit_test(test_service__first_reason_stands),
        cmocka_unit_test(test_service__broken_pipes_do_not_kill),
    };
    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
