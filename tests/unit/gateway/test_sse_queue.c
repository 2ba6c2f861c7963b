/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/sse_queue.h"

/* Pushes an event of its own whose text is "data: <text>\n\n". */
static size_t push(struct sse_queue *queue, const char *text, uint64_t view)
{
    struct sse_event *event = sse_event_new(0, NULL, text, strlen(text), view);
    size_t dropped = sse_queue_push(queue, event);
    sse_event_unref(event);
    return dropped;
}

static void expect_texts(const struct sse_queue *queue, const char *wanted)
{
    struct iovec parts[64];
    char text[4096] = "";
    size_t count = sse_queue_parts(queue, parts, 64), used = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(text + used, parts[i].iov_base, parts[i].iov_len);
        used += parts[i].iov_len;
    }
    text[used] = '\0';
    assert_string_equal(text, wanted);
    assert_int_equal(queue->waiting_bytes, used);
}

static void test_sse_queue__keeps_order_over_growth_and_wrapping(void **state)
{
    struct sse_queue queue = {0};
    uint64_t pushed = 0, seen = 0;
    (void)state;
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 7; i++) {
            char text[16];
            snprintf(text, sizeof text, "%llu", (unsigned long long)pushed++);
            push(&queue, text, 0);
        }
        for (int i = 0; i < (round < 40 ? 6 : 13); i++) {
            struct iovec part;
            char wanted[32];
            if (sse_queue_parts(&queue, &part, 1) == 0)
                break;
            int length =
                snprintf(wanted, sizeof wanted, "data: %llu\n\n", (unsigned long long)seen++);
            assert_int_equal(part.iov_len, length);
            assert_memory_equal(part.iov_base, wanted, part.iov_len);
            assert_int_equal(sse_queue_advance(&queue, part.iov_len), 1);
        }
    }
    assert_int_equal(queue.count, pushed - seen);
    sse_queue_done(&queue);
}

static void test_sse_queue__remembers_what_was_partly_sent(void **state)
{
    struct sse_queue queue = {0};
    (void)state;
    push(&queue, "a", 0);
    push(&queue, "b", 0);
    push(&queue, "c", 0);
    assert_int_equal(sse_queue_advance(&queue, 3), 0);
    expect_texts(&queue, "a: a\n\ndata: b\n\ndata: c\n\n");
    assert_int_equal(sse_queue_bytes_beyond_first(&queue), 18);
    assert_int_equal(sse_queue_advance(&queue, 6 + 9 + 1), 2);
    expect_texts(&queue, "ata: c\n\n");
    assert_int_equal(sse_queue_bytes_beyond_first(&queue), 0);
    assert_int_equal(sse_queue_advance(&queue, 8), 1);
    assert_int_equal(queue.count, 0);
    assert_int_equal(sse_queue_bytes_beyond_first(&queue), 0);
    sse_queue_done(&queue);
}

static void test_sse_queue__a_newer_view_takes_the_place_of_its_older_one(void **state)
{
    struct sse_queue queue = {0};
    (void)state;
    assert_int_equal(push(&queue, "view 1", 1), 0);
    assert_int_equal(push(&queue, "durable", 0), 0);
    assert_int_equal(push(&queue, "view 2", 2), 0);
    assert_int_equal(push(&queue, "view 1 again", 1), 1);
    expect_texts(&queue, "data: durable\n\ndata: view 2\n\ndata: view 1 again\n\n");
    sse_queue_done(&queue);
}

static void test_sse_queue__a_view_that_has_begun_is_sent_to_its_end(void **state)
{
    struct sse_queue queue = {0};
    (void)state;
    push(&queue, "old", 1);
    sse_queue_advance(&queue, 2);
    assert_int_equal(push(&queue, "new", 1), 0);
    expect_texts(&queue, "ta: old\n\ndata: new\n\n");
    assert_int_equal(sse_queue_drop_views(&queue), 1);
    expect_texts(&queue, "ta: old\n\n");
    sse_queue_done(&queue);
}

static void test_sse_queue__durable_events_are_never_dropped(void **state)
{
    struct sse_queue queue = {0};
    (void)state;
    push(&queue, "a", 0);
    push(&queue, "view", 3);
    push(&queue, "b", 0);
    push(&queue, "view", 4);
    assert_int_equal(sse_queue_drop_views(&queue), 2);
    assert_int_equal(sse_queue_drop_views(&queue), 0);
    expect_texts(&queue, "data: a\n\ndata: b\n\n");
    sse_queue_done(&queue);
}

static void test_sse_event__is_encoded_once_and_freed_by_its_last_reader(void **state)
{
    struct sse_queue left = {0}, right = {0};
    struct sse_event *event = sse_event_new(5, "done", "x", 1, 0);
    (void)state;
    sse_queue_push(&left, event);
    sse_queue_push(&right, event);
    struct iovec a, b;
    sse_queue_parts(&left, &a, 1);
    sse_queue_parts(&right, &b, 1);
    assert_ptr_equal(a.iov_base, b.iov_base);
    sse_event_unref(event);
    sse_queue_done(&left);
    expect_texts(&right, "id: 5\nevent: done\ndata: x\n\n");
    sse_queue_done(&right);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sse_queue__keeps_order_over_growth_and_wrapping),
        cmocka_unit_test(test_sse_queue__remembers_what_was_partly_sent),
        cmocka_unit_test(test_sse_queue__a_newer_view_takes_the_place_of_its_older_one),
        cmocka_unit_test(test_sse_queue__a_view_that_has_begun_is_sent_to_its_end),
        cmocka_unit_test(test_sse_queue__durable_events_are_never_dropped),
        cmocka_unit_test(test_sse_event__is_encoded_once_and_freed_by_its_last_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
