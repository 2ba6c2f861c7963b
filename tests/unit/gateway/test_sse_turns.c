/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/sse_turns.h"

#define READERS 5

static int order[READERS];
static size_t order_length;

static void note(void *context)
{
    order[order_length++] = *(const int *)context;
}

static void make(struct sse_turn turns[READERS], int names[READERS])
{
    order_length = 0;
    for (int i = 0; i < READERS; i++) {
        names[i] = i;
        turns[i] = (struct sse_turn){.on_turn = note, .context = &names[i]};
    }
}

static void expect_order(const int *wanted, size_t count)
{
    assert_int_equal(order_length, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(order[i], wanted[i]);
}

static void test_sse_turns__only_so_many_at_a_time(void **state)
{
    struct sse_turns turns;
    struct sse_turn readers[READERS];
    int names[READERS];

    (void)state;
    make(readers, names);
    sse_turns_init(&turns, 2);
    for (int i = 0; i < READERS; i++)
        sse_turns_ask(&turns, &readers[i]);
    expect_order((const int[]){0, 1}, 2);
    sse_turns_give_back(&turns);
    expect_order((const int[]){0, 1, 2}, 3);
    sse_turns_give_back(&turns);
    sse_turns_give_back(&turns);
    expect_order((const int[]){0, 1, 2, 3, 4}, 5);
}

static void test_sse_turns__who_withdraws_is_passed_over(void **state)
{
    struct sse_turns turns;
    struct sse_turn readers[READERS];
    int names[READERS];

    (void)state;
    make(readers, names);
    sse_turns_init(&turns, 1);
    for (int i = 0; i < 3; i++)
        sse_turns_ask(&turns, &readers[i]);
    sse_turns_withdraw(&turns, &readers[1]);
    sse_turns_withdraw(&turns, &readers[1]); /* twice changes nothing */
    sse_turns_withdraw(&turns, &readers[0]); /* nor once it has its turn */
    sse_turns_give_back(&turns);
    expect_order((const int[]){0, 2}, 2);
    sse_turns_ask(&turns, &readers[1]);
    sse_turns_give_back(&turns);
    expect_order((const int[]){0, 2, 1}, 3);
}

/* One that has done with its turn at once lets the next one in. */
static struct sse_turns shared;

static void note_and_give_back(void *context)
{
    note(context);
    sse_turns_give_back(&shared);
}

static void test_sse_turns__a_turn_may_end_inside_itself(void **state)
{
    struct sse_turn readers[READERS];
    int names[READERS];

    (void)state;
    make(readers, names);
    sse_turns_init(&shared, 1);
    for (int i = 0; i < READERS; i++) {
        readers[i].on_turn = note_and_give_back;
        sse_turns_ask(&shared, &readers[i]);
    }
    expect_order((const int[]){0, 1, 2, 3, 4}, 5);
    assert_int_equal(shared.free, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sse_turns__only_so_many_at_a_time),
        cmocka_unit_test(test_sse_turns__who_withdraws_is_passed_over),
        cmocka_unit_test(test_sse_turns__a_turn_may_end_inside_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
