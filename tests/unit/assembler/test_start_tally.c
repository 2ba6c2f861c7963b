/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "assembler/start_tally.h"

#define MAX_STARTS 3

static const struct kafka_position WORK = {4, 10};

static struct event_started start_at(int64_t wall_us)
{
    return (struct event_started){.work = WORK, .at_wall_us = wall_us};
}

static bool add(struct start_tally *tally, int64_t wall_us)
{
    const struct event_started started = start_at(wall_us);

    return start_tally_add(tally, &started);
}

static void give_back(struct start_tally *tally, int64_t wall_us)
{
    const struct event_started started = start_at(wall_us);

    start_tally_give_back(tally, &started);
}

static void test_start_tally__only_deaths_are_counted(void **state)
{
    struct start_tally tally = {.work = WORK};

    (void)state;
    assert_true(add(&tally, 1));
    give_back(&tally, 1); /* to the second */
    assert_true(add(&tally, 2));
    assert_true(add(&tally, 3)); /* the second has died */
    assert_int_equal(tally.count, 2);
    assert_false(start_tally_is_deadly(&tally, MAX_STARTS));
    assert_true(add(&tally, 4));
    assert_true(start_tally_is_deadly(&tally, MAX_STARTS));
}

static void test_start_tally__a_copy_changes_nothing(void **state)
{
    struct start_tally tally = {.work = WORK};

    (void)state;
    assert_true(add(&tally, 1));
    assert_true(add(&tally, 2));
    give_back(&tally, 2);
    give_back(&tally, 2);
    assert_false(add(&tally, 2));
    assert_false(add(&tally, 1));
    assert_int_equal(tally.count, 1);
}

/* It stood still for longer than its session: nobody can tell that from death in time. */
static void test_start_tally__what_another_start_has_followed_is_not_given_back(void **state)
{
    struct start_tally tally = {.work = WORK};

    (void)state;
    assert_true(add(&tally, 1));
    assert_true(add(&tally, 2));
    give_back(&tally, 1);
    assert_int_equal(tally.count, 2);
}

static void test_start_tally__another_record_of_the_work_begins_anew(void **state)
{
    struct start_tally tally = {.work = WORK};
    const struct event_started newer = {.work = {4, 11}, .at_wall_us = 3};

    (void)state;
    assert_true(add(&tally, 5));
    assert_true(start_tally_add(&tally, &newer));
    assert_int_equal(tally.count, 1);
    give_back(&tally, 5);
    assert_int_equal(tally.count, 1);
}

/* It waited for the file's header and was published anew; its first record was not committed when
 * the worker died, and is delivered before the newer one to each that comes after. */
static void test_start_tally__starts_of_an_older_record_are_deaths_too(void **state)
{
    struct start_tally tally = {.work = WORK};

    (void)state;
    assert_true(add(&tally, 1));
    start_tally_forget(&tally);
    assert_true(start_tally_note_work(&tally, (struct kafka_position){4, 11}));
    assert_false(add(&tally, 1)); /* a copy of the one that waited */
    assert_true(add(&tally, 2));
    give_back(&tally, 2);
    assert_true(add(&tally, 3));
    assert_true(add(&tally, 4));
    assert_false(start_tally_is_deadly(&tally, MAX_STARTS));
    assert_true(add(&tally, 5));
    assert_true(start_tally_is_deadly(&tally, MAX_STARTS));
}

static void test_start_tally__what_is_forgotten_is_not_given_back(void **state)
{
    struct start_tally tally = {.work = WORK};

    (void)state;
    assert_true(add(&tally, 1));
    start_tally_forget(&tally);
    give_back(&tally, 1);
    assert_false(add(&tally, 1));
    assert_int_equal(tally.count, 0);
}

/* Each worker that takes the work dies of it, at once or after it was given away by a rebalance:
 * whatever the order, tries come to an end, and none is counted that was given back in time. */
static void test_start_tally__tries_come_to_an_end_in_any_storm(void **state)
{
    (void)state;
    srandom(7);
    for (int round = 0; round < 500; round++) {
        struct start_tally tally = {.work = WORK};
        int64_t now_us = 0;
        int deaths = 0;
        int tries = 0;
        long storm = random() % 101; /* how many of a hundred starts are given back */

        while (!start_tally_is_deadly(&tally, MAX_STARTS)) {
            if (add(&tally, ++now_us))
                tries++;
            if (random() % 4 == 0)
                assert_false(add(&tally, now_us - random() % now_us));
            if (random() % 100 < storm)
                give_back(&tally, now_us);
            else
                deaths++;
            assert_int_equal(tally.count, deaths);
            assert_true(tries <= START_TALLY_TOTAL_MAX);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_tally__only_deaths_are_counted),
        cmocka_unit_test(test_start_tally__a_copy_changes_nothing),
        cmocka_unit_test(test_start_tally__what_another_start_has_followed_is_not_given_back),
        cmocka_unit_test(test_start_tally__another_record_of_the_work_begins_anew),
        cmocka_unit_test(test_start_tally__starts_of_an_older_record_are_deaths_too),
        cmocka_unit_test(test_start_tally__what_is_forgotten_is_not_given_back),
        cmocka_unit_test(test_start_tally__tries_come_to_an_end_in_any_storm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
