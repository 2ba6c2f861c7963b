/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "worker/fair_queue.h"

#define JOB_A "00000000-0000-4000-8000-00000000000a"
#define JOB_B "00000000-0000-4000-8000-00000000000b"
#define JOB_C "00000000-0000-4000-8000-00000000000c"

static void push(struct fair_queue *queue, const char *job, int32_t partition, int64_t offset)
{
    struct work_item *item = mem_new(sizeof *item);

    item->event.type = EVENT_CHUNK_WORK;
    memcpy(item->event.job.text, job, ID_SIZE);
    item->place = (struct kafka_position){.partition = partition, .offset = offset};
    fair_queue_push(queue, item);
}

static bool any(void *context, const struct work_item *item)
{
    (void)context;
    (void)item;
    return true;
}

static bool not_partition(void *context, const struct work_item *item)
{
    return item->place.partition != *(const int32_t *)context;
}

/* The offset of the next record; -1 when there is none. */
static int64_t take(struct fair_queue *queue,
                    bool (*may_start)(void *context, const struct work_item *item), void *context)
{
    struct work_item *item = fair_queue_take(queue, may_start, context);
    int64_t offset = item == NULL ? -1 : item->place.offset;

    work_item_free(item);
    return offset;
}

static void test_fair_queue__takes_turns_between_jobs(void **state)
{
    (void)state;
    struct fair_queue *queue = fair_queue_new();

    for (int64_t i = 0; i < 4; i++)
        push(queue, JOB_A, 0, i);
    push(queue, JOB_B, 0, 10);
    push(queue, JOB_C, 0, 20);
    push(queue, JOB_B, 0, 11);
    const int64_t expected[] = {0, 10, 20, 1, 11, 2, 3, -1};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_int_equal(take(queue, any, NULL), expected[i]);
    assert_int_equal(fair_queue_count(queue), 0);
    fair_queue_free(queue);
}

static void test_fair_queue__a_job_that_returns_goes_to_the_end(void **state)
{
    (void)state;
    struct fair_queue *queue = fair_queue_new();

    push(queue, JOB_A, 0, 1);
    push(queue, JOB_B, 0, 2);
    assert_int_equal(take(queue, any, NULL), 1);
    push(queue, JOB_A, 0, 3);
    assert_int_equal(take(queue, any, NULL), 2);
    assert_int_equal(take(queue, any, NULL), 3);
    fair_queue_free(queue);
}

static void test_fair_queue__passes_over_what_may_not_start(void **state)
{
    (void)state;
    struct fair_queue *queue = fair_queue_new();
    int32_t blocked = 7;

    push(queue, JOB_A, 7, 1);
    push(queue, JOB_A, 8, 2);
    push(queue, JOB_B, 7, 3);
    assert_int_equal(take(queue, not_partition, &blocked), 2);
    assert_int_equal(take(queue, not_partition, &blocked), -1);
    assert_int_equal(fair_queue_count(queue), 2);
    assert_int_equal(take(queue, any, NULL), 3);
    assert_int_equal(take(queue, any, NULL), 1);
    fair_queue_free(queue);
}

static void test_fair_queue__gives_up_a_partition(void **state)
{
    (void)state;
    struct fair_queue *queue = fair_queue_new();
    int64_t sum = 0;

    for (int64_t i = 0; i < 6; i++)
        push(queue, i % 2 == 0 ? JOB_A : JOB_B, (int32_t)(i % 3), i);
    for (;;) {
        struct work_item *item = fair_queue_remove_of_partition(queue, 1);
        if (item == NULL)
            break;
        sum += item->place.offset;
        work_item_free(item);
    }
    assert_int_equal(sum, 1 + 4);
    assert_int_equal(fair_queue_count(queue), 4);
    fair_queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fair_queue__takes_turns_between_jobs),
        cmocka_unit_test(test_fair_queue__a_job_that_returns_goes_to_the_end),
        cmocka_unit_test(test_fair_queue__passes_over_what_may_not_start),
        cmocka_unit_test(test_fair_queue__gives_up_a_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
