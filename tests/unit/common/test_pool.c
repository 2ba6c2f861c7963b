/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/pool.h"

#define JOBS 300

struct job {
    struct loop *loop;
    pthread_t worked_by;
    pthread_t done_by;
    atomic_int worked;
    int done;
    int *done_total;
    int stop_at;
};

static void work(void *context)
{
    struct job *job = context;

    job->worked_by = pthread_self();
    atomic_fetch_add(&job->worked, 1);
}

static void done(void *context)
{
    struct job *job = context;

    job->done_by = pthread_self();
    job->done++;
    if (++*job->done_total == job->stop_at)
        loop_stop(job->loop);
}

static void assert_ran_once(const struct job *job)
{
    assert_int_equal(job->worked, 1);
    assert_int_equal(job->done, 1);
    assert_false(pthread_equal(job->worked_by, pthread_self()));
    assert_true(pthread_equal(job->done_by, pthread_self()));
}

static void test_pool__works_off_and_finishes_on_the_loop(void **state UNUSED)
{
    struct loop *loop = loop_new();
    struct pool *pool = pool_new(loop, 3);
    static struct job jobs[JOBS];
    int done_total = 0;

    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){.loop = loop, .done_total = &done_total, .stop_at = JOBS};
        pool_submit(pool, work, done, &jobs[i]);
    }
    loop_run(loop);
    pool_free(pool);
    for (int i = 0; i < JOBS; i++)
        assert_ran_once(&jobs[i]);
    loop_free(loop);
}

static void test_pool__free_finishes_everything_without_the_loop(void **state UNUSED)
{
    struct loop *loop = loop_new();
    struct pool *pool = pool_new(loop, 2);
    static struct job jobs[JOBS];
    int done_total = 0;

    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){.loop = loop, .done_total = &done_total, .stop_at = -1};
        pool_submit(pool, work, done, &jobs[i]);
    }
    pool_free(pool);
    for (int i = 0; i < JOBS; i++)
        assert_ran_once(&jobs[i]);
    loop_free(loop);
}

struct order {
    int next;
    int seen[JOBS];
};

struct ordered_job {
    struct order *order;
    int number;
};

static void note_order(void *context)
{
    struct ordered_job *job = context;

    job->order->seen[job->order->next++] = job->number;
}

static void nothing(void *context UNUSED)
{
}

static void test_pool__takes_work_in_order(void **state UNUSED)
{
    struct loop *loop = loop_new();
    struct pool *pool = pool_new(loop, 1);
    static struct order order;
    static struct ordered_job jobs[JOBS];

    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct ordered_job){&order, i};
        pool_submit(pool, note_order, nothing, &jobs[i]);
    }
    pool_free(pool);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(order.seen[i], i);
    loop_free(loop);
}

struct relay {
    struct loop *loop;
    struct pool *pool;
    int rounds;
};

static void submit_again(void *context)
{
    struct relay *relay = context;

    if (++relay->rounds == 5)
        loop_stop(relay->loop);
    else
        pool_submit(relay->pool, nothing, submit_again, relay);
}

static void test_pool__done_may_submit(void **state UNUSED)
{
    struct relay relay = {.loop = loop_new()};

    relay.pool = pool_new(relay.loop, 2);
    pool_submit(relay.pool, nothing, submit_again, &relay);
    loop_run(relay.loop);
    assert_int_equal(relay.rounds, 5);
    pool_free(relay.pool);
    loop_free(relay.loop);
}

static void test_pool__unused_pools_end(void **state UNUSED)
{
    for (int i = 0; i < 100; i++) {
        struct loop *loop = loop_new();
        pool_free(pool_new(loop, 2));
        loop_free(loop);
    }
    pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool__works_off_and_finishes_on_the_loop),
        cmocka_unit_test(test_pool__free_finishes_everything_without_the_loop),
        cmocka_unit_test(test_pool__takes_work_in_order),
        cmocka_unit_test(test_pool__done_may_submit),
        cmocka_unit_test(test_pool__unused_pools_end),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
