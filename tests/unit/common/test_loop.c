/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/loop.h"
#include "common/mem.h"

#define POSTERS 4
#define POSTS_EACH 500

struct script {
    struct loop *loop;
    int step;
    int freed_at;
};

static void stop(void *context)
{
    loop_stop(context);
}

static void test_loop__stop_before_run(void **state UNUSED)
{
    struct loop *loop = loop_new();

    loop_stop(loop);
    loop_run(loop); /* returns at once */
    loop_post(loop, stop, loop);
    loop_run(loop); /* and may run again */
    loop_free(loop);
}

static void free_script(void *object)
{
    struct script *script = object;

    script->freed_at = script->step;
    loop_stop(script->loop);
}

static void defer_then_go_on(void *context)
{
    struct script *script = context;

    script->step = 1;
    loop_defer_free(script->loop, free_script, script);
    script->step = 2;
}

static void test_loop__deferred_free_waits_for_the_callback(void **state UNUSED)
{
    struct script script = {.loop = loop_new()};

    loop_post(script.loop, defer_then_go_on, &script);
    loop_run(script.loop);
    assert_int_equal(script.freed_at, 2);
    loop_free(script.loop);
}

static void count_free(void *object)
{
    ++*(int *)object;
}

struct chain {
    struct loop *loop;
    int *count;
};

static void free_then_defer_more(void *object)
{
    struct chain *chain = object;

    loop_defer_free(chain->loop, count_free, chain->count);
    free(chain);
}

static void test_loop__free_runs_what_is_deferred(void **state UNUSED)
{
    struct loop *loop = loop_new();
    struct chain *chain = mem_new(sizeof *chain);
    int count = 0;

    *chain = (struct chain){loop, &count};
    loop_defer_free(loop, count_free, &count);
    loop_defer_free(loop, free_then_defer_more, chain);
    loop_free(loop);
    assert_int_equal(count, 2);
}

static void test_loop__free_drops_what_is_posted(void **state UNUSED)
{
    struct loop *loop = loop_new();
    int count = 0;

    loop_post(loop, count_free, &count);
    loop_free(loop);
    assert_int_equal(count, 0);
}

struct poster {
    struct loop *loop;
    pthread_t thread;
    int next;   /* what must arrive next, on the loop's thread */
    int *total; /* of all posters, on the loop's thread */
};

struct note {
    struct poster *poster;
    int number;
};

static void take_note(void *context)
{
    struct note *note = context;

    assert_int_equal(note->number, note->poster->next);
    note->poster->next++;
    if (++*note->poster->total == POSTERS * POSTS_EACH)
        loop_stop(note->poster->loop);
    free(note);
}

static void *post_many(void *context)
{
    struct poster *poster = context;

    for (int i = 0; i < POSTS_EACH; i++) {
        struct note *note = mem_new(sizeof *note);
        *note = (struct note){poster, i};
        loop_post(poster->loop, take_note, note);
    }
    return NULL;
}

static void test_loop__posts_of_threads_arrive_in_order(void **state UNUSED)
{
    struct loop *loop = loop_new();
    struct poster posters[POSTERS];
    int total = 0;

    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.loop = loop, .total = &total};
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_many, &posters[i]), 0);
    }
    loop_run(loop);
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_join(posters[i].thread, NULL), 0);
    assert_int_equal(total, POSTERS * POSTS_EACH);
    loop_free(loop);
}

static void post_again(void *context)
{
    struct script *script = context;

    if (++script->step == 3)
        loop_stop(script->loop);
    else
        loop_post(script->loop, post_again, script);
}

static void test_loop__a_posted_call_may_post(void **state UNUSED)
{
    struct script script = {.loop = loop_new()};

    loop_post(script.loop, post_again, &script);
    loop_run(script.loop);
    assert_int_equal(script.step, 3);
    loop_free(script.loop);
}

/* Longer than the probe's period: at least the difference must show. */
static void hog(void *context UNUSED)
{
    uint64_t end_us = clock_now_us() + 250000;

    while (clock_now_us() < end_us)
        continue;
}

static void on_stop_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    loop_stop(context);
}

static void test_loop__lag_shows_what_a_callback_held_up(void **state UNUSED)
{
    struct loop *loop = loop_new();
    struct event *end = evtimer_new(loop_base(loop), on_stop_timer, loop);

    assert_true(loop_lag_us(loop) == 0);
    loop_post(loop, hog, NULL);
    event_add(end, &(struct timeval){.tv_usec = 300000});
    loop_run(loop);
    assert_true(loop_lag_us(loop) >= 100000);
    event_free(end);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop__stop_before_run),
        cmocka_unit_test(test_loop__deferred_free_waits_for_the_callback),
        cmocka_unit_test(test_loop__free_runs_what_is_deferred),
        cmocka_unit_test(test_loop__free_drops_what_is_posted),
        cmocka_unit_test(test_loop__posts_of_threads_arrive_in_order),
        cmocka_unit_test(test_loop__a_posted_call_may_post),
        cmocka_unit_test(test_loop__lag_shows_what_a_callback_held_up),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
