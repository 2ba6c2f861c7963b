/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "worker/task.h"

static void test_task__goes_its_way(void **state)
{
    (void)state;
    static const struct {
        enum task_event event;
        enum task_action action;
        enum task_state state;
    } WAY[] = {
        {TASK_EVENT_BEGIN, TASK_DO_ANNOUNCE, TASK_STARTING},
        {TASK_EVENT_STARTED_ACKED, TASK_DO_FETCH, TASK_FETCHING},
        {TASK_EVENT_FETCHED, TASK_DO_DECODE, TASK_DECODING},
        {TASK_EVENT_AUDIO_ENDED, TASK_DO_NOTHING, TASK_TRANSCRIBING},
        {TASK_EVENT_ALL_READ, TASK_DO_CORRECT, TASK_CORRECTING},
        {TASK_EVENT_CORRECTED, TASK_DO_CONCLUDE, TASK_PUBLISHING},
        {TASK_EVENT_RESULT_ACKED, TASK_DO_FINISH, TASK_FINISHED},
    };
    struct task task = {.state = TASK_QUEUED};

    for (size_t i = 0; i < ARRAY_LEN(WAY); i++) {
        assert_int_equal(task_step(&task, WAY[i].event), WAY[i].action);
        assert_int_equal(task.state, WAY[i].state);
    }
}

/* Nothing is decoded before chunk.started is acknowledged, so nothing can fail before. */
static void test_task__ends_early_only_after_its_start_is_known(void **state)
{
    (void)state;
    for (enum task_state at = TASK_QUEUED; at < TASK_STATE_COUNT; at++) {
        struct task task = {.state = at};
        bool is_working = at == TASK_FETCHING || at == TASK_DECODING || at == TASK_TRANSCRIBING;
        assert_int_equal(task_can(&task, TASK_EVENT_CUT_SHORT), is_working);
        if (!is_working)
            continue;
        assert_int_equal(task_step(&task, TASK_EVENT_CUT_SHORT), TASK_DO_CUT_SHORT);
        assert_int_equal(task.state, TASK_PUBLISHING);
    }
}

/* The record of the work is finished by an acknowledged result, or when nobody wants one. */
static void test_task__finishes_by_an_acknowledged_result_or_unwanted(void **state)
{
    (void)state;
    for (enum task_state at = TASK_QUEUED; at < TASK_STATE_COUNT; at++) {
        for (enum task_event event = TASK_EVENT_NONE; event < TASK_EVENT_COUNT; event++) {
            struct task task = {.state = at};
            if (!task_can(&task, event))
                continue;
            enum task_action action = task_step(&task, event);
            assert_int_equal(action == TASK_DO_FINISH,
                             at == TASK_PUBLISHING && event == TASK_EVENT_RESULT_ACKED);
            assert_int_equal(task.state == TASK_FINISHED, action == TASK_DO_FINISH ||
                                                              action == TASK_DO_ABANDON ||
                                                              action == TASK_DO_DROP);
            assert_int_equal(action == TASK_DO_DROP, event == TASK_EVENT_FORBIDDEN);
        }
    }
}

static void test_task__can_be_abandoned_until_it_is_finished(void **state)
{
    (void)state;
    for (enum task_state at = TASK_QUEUED; at < TASK_STATE_COUNT; at++)
        assert_int_equal(task_can(&(struct task){.state = at}, TASK_EVENT_ABANDONED),
                         at != TASK_FINISHED);
}

static void test_task__can_be_forbidden_from_its_start_on(void **state)
{
    (void)state;
    for (enum task_state at = TASK_QUEUED; at < TASK_STATE_COUNT; at++)
        assert_int_equal(task_can(&(struct task){.state = at}, TASK_EVENT_FORBIDDEN),
                         at != TASK_QUEUED && at != TASK_FINISHED);
}

static void test_task__has_names(void **state)
{
    (void)state;
    assert_string_equal(task_state_name(TASK_DECODING), "decoding");
    assert_string_equal(task_event_name(TASK_EVENT_ALL_READ), "all_read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task__goes_its_way),
        cmocka_unit_test(test_task__ends_early_only_after_its_start_is_known),
        cmocka_unit_test(test_task__finishes_by_an_acknowledged_result_or_unwanted),
        cmocka_unit_test(test_task__can_be_abandoned_until_it_is_finished),
        cmocka_unit_test(test_task__can_be_forbidden_from_its_start_on),
        cmocka_unit_test(test_task__has_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
