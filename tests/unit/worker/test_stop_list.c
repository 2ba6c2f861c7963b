/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "worker/stop_list.h"

static struct event event_of(enum event_type type, int job, int32_t chunk_index, int32_t attempt)
{
    struct event event = {.type = type, .chunk_index = chunk_index, .attempt = attempt};

    (void)snprintf(event.job.text, sizeof event.job.text, "00000000-0000-4000-8000-%012d", job);
    return event;
}

static bool stops(const struct stop_list *list, int job, int32_t chunk_index, int32_t attempt)
{
    const struct event work = event_of(EVENT_CHUNK_WORK, job, chunk_index, attempt);

    return stop_list_has(list, &work);
}

static void add(struct stop_list *list, enum event_type type, int job, int32_t chunk_index,
                int32_t attempt)
{
    const struct event control = event_of(type, job, chunk_index, attempt);

    stop_list_add(list, &control);
}

static void test_stop_list__a_cancelled_job_stops_all_its_chunks(void **state)
{
    struct stop_list *list = stop_list_new(10);

    (void)state;
    assert_false(stops(list, 1, 0, 1));
    add(list, EVENT_CONTROL_CANCEL, 1, -1, 0);
    assert_true(stops(list, 1, 0, 1));
    assert_true(stops(list, 1, 9, 7));
    assert_false(stops(list, 2, 0, 1));
    stop_list_free(list);
}

static void test_stop_list__a_skip_stops_attempts_up_to_its_own(void **state)
{
    struct stop_list *list = stop_list_new(10);

    (void)state;
    add(list, EVENT_CONTROL_SKIP, 1, 3, 2);
    add(list, EVENT_CONTROL_SKIP, 1, 3, 1); /* an older one, delivered again */
    assert_true(stops(list, 1, 3, 1));
    assert_true(stops(list, 1, 3, 2));
    assert_false(stops(list, 1, 3, 3));
    assert_false(stops(list, 1, 4, 1));
    stop_list_free(list);
}

static void test_stop_list__the_oldest_make_room(void **state)
{
    struct stop_list *list = stop_list_new(2);

    (void)state;
    for (int job = 1; job <= 3; job++) {
        add(list, EVENT_CONTROL_CANCEL, job, -1, 0);
        add(list, EVENT_CONTROL_CANCEL, job, -1, 0);
    }
    assert_false(stops(list, 1, 0, 1));
    assert_true(stops(list, 2, 0, 1));
    assert_true(stops(list, 3, 0, 1));
    stop_list_free(list);
}

static void test_stop_list__other_records_mean_nothing(void **state)
{
    struct stop_list *list = stop_list_new(2);

    (void)state;
    add(list, EVENT_JOB_CANCEL, 1, -1, 0);
    add(list, EVENT_CHUNK_FAILED, 1, 0, 1);
    assert_false(stops(list, 1, 0, 1));
    stop_list_free(list);
}

/* A job's tasks are done after its end: its webhook, and its blobs' deletion. */
static void test_stop_list__a_task_is_stopped_by_its_own_order_only(void **state)
{
    struct stop_list *list = stop_list_new(10);
    struct event task = event_of(EVENT_TASK_WORK, 1, -1, 2);
    struct event order = event_of(EVENT_CONTROL_SKIP_TASK, 1, -1, 2);

    (void)state;
    task.task.id = 5;
    order.task.id = 6;
    add(list, EVENT_CONTROL_CANCEL, 1, -1, 0);
    stop_list_add(list, &order);
    assert_false(stop_list_has(list, &task));
    order.task.id = 5;
    stop_list_add(list, &order);
    assert_true(stop_list_has(list, &task));
    task.attempt = 3;
    assert_false(stop_list_has(list, &task));
    stop_list_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop_list__a_task_is_stopped_by_its_own_order_only),
        cmocka_unit_test(test_stop_list__a_cancelled_job_stops_all_its_chunks),
        cmocka_unit_test(test_stop_list__a_skip_stops_attempts_up_to_its_own),
        cmocka_unit_test(test_stop_list__the_oldest_make_room),
        cmocka_unit_test(test_stop_list__other_records_mean_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
