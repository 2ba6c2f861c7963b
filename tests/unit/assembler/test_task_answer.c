/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "assembler/blob_deletion.h"
#include "assembler/task_answer.h"
#include "assembler/task_kind.h"
#include "common/mem.h"

#define JOB_ID "00000000-0000-4000-8000-000000000001"
#define RANDOM (UINT64_MAX / 2)
#define TASK_ID 17

static void job_free_at(struct job **job)
{
    job_free(*job);
}

/* A job whose first blobs are being deleted by TASK_ID. */
static struct job *deleting(int32_t chunk_count, bool then_purges)
{
    struct job *job = job_new(JOB_ID);

    job->layout = chunk_layout_of((int64_t)chunk_count * 10, 10, 10);
    memcpy(job->extension, "mp3", sizeof "mp3");
    job->status = JOB_DONE;
    blob_deletion_begin(job, 5, then_purges);
    assert_int_equal(job->tasks.count, 1);
    assert_int_equal(job->tasks.items[0].kind, JOB_TASK_BLOB_DELETE);
    assert_int_equal(job->tasks.items[0].chunk_index, -1);
    assert_int_equal(job->tasks.items[0].due_in_us, 5);
    job_add_open_task(
        job, &(struct job_open_task){.id = TASK_ID,
                                     .kind = JOB_TASK_BLOB_DELETE,
                                     .attempt = 2,
                                     .payload = mem_copy_string(job->tasks.items[0].payload)});
    return job;
}

static struct event answer_of(enum event_type type, int64_t task_id, int32_t attempt)
{
    static char message[] = "no";

    return (struct event){
        .type = type,
        .chunk_index = -1,
        .attempt = attempt,
        .task = {.id = task_id, .failed = {.message = message, .retry_after_ms = -1}}};
}

static void test_task_answer__done_closes_once(void **state UNUSED)
{
    CLEANUP(job_free_at) struct job *job = deleting(3, false);
    const struct event done = answer_of(EVENT_TASK_DONE, TASK_ID, 2);

    assert_int_equal(task_answer_apply(job, &done, RANDOM), TASK_ANSWER_DONE);
    assert_int_equal(job->open_tasks.items[0].fate, TASK_FATE_CLOSED);
    assert_int_equal(task_answer_apply(job, &done, RANDOM), TASK_ANSWER_SUPERSEDED);
    assert_int_equal(job->tasks.count, 1); /* three chunks are one piece */
    assert_true(job->now_blobs_deleted && job->is_changed && !job->now_purged);
}

static void test_task_answer__other_attempts_and_tasks_count_for_nothing(void **state UNUSED)
{
    CLEANUP(job_free_at) struct job *job = deleting(3, false);
    const struct event older = answer_of(EVENT_TASK_DONE, TASK_ID, 1);
    const struct event newer = answer_of(EVENT_TASK_FAILED, TASK_ID, 3);
    const struct event another = answer_of(EVENT_TASK_DONE, TASK_ID + 1, 2);

    assert_int_equal(task_answer_apply(job, &older, RANDOM), TASK_ANSWER_SUPERSEDED);
    assert_int_equal(task_answer_apply(job, &newer, RANDOM), TASK_ANSWER_SUPERSEDED);
    assert_int_equal(task_answer_apply(job, &another, RANDOM), TASK_ANSWER_SUPERSEDED);
    assert_int_equal(job->open_tasks.items[0].fate, TASK_FATE_OPEN);
}

static void test_task_answer__a_failure_is_tried_again_later(void **state UNUSED)
{
    CLEANUP(job_free_at) struct job *job = deleting(3, false);
    struct event failed = answer_of(EVENT_TASK_FAILED, TASK_ID, 2);
    struct job_open_task *task = &job->open_tasks.items[0];

    assert_int_equal(task_answer_apply(job, &failed, RANDOM), TASK_ANSWER_RETRIED);
    assert_int_equal(task->fate, TASK_FATE_RETRIED);
    assert_in_range(task->due_in_us, 1, 2 * task_kind(task->kind)->backoff.base_us);

    task->fate = TASK_FATE_OPEN;
    failed.task.failed.retry_after_ms = 90000;
    assert_int_equal(task_answer_apply(job, &failed, RANDOM), TASK_ANSWER_RETRIED);
    assert_int_equal(task->due_in_us, 90000000);

    task->fate = TASK_FATE_OPEN;
    failed.task.failed.retry_after_ms = INT64_MAX;
    assert_int_equal(task_answer_apply(job, &failed, RANDOM), TASK_ANSWER_RETRIED);
    assert_int_equal(task->due_in_us, INT64_C(86400000000));
}

static void test_task_answer__a_permanent_failure_and_the_last_one_are_final(void **state UNUSED)
{
    CLEANUP(job_free_at) struct job *job = deleting(3, false);
    struct event failed = answer_of(EVENT_TASK_FAILED, TASK_ID, 2);
    struct job_open_task *task = &job->open_tasks.items[0];

    failed.task.failed.permanent = true;
    assert_int_equal(task_answer_apply(job, &failed, RANDOM), TASK_ANSWER_FAILED);
    assert_int_equal(task->fate, TASK_FATE_CLOSED);

    failed.task.failed.permanent = false;
    task->fate = TASK_FATE_OPEN;
    task->attempt = failed.attempt = task_kind(task->kind)->max_attempts;
    assert_int_equal(task_answer_apply(job, &failed, RANDOM), TASK_ANSWER_FAILED);
    assert_int_equal(task->fate, TASK_FATE_CLOSED);
}

static void test_task_answer__deletion_goes_on_with_the_next_piece(void **state UNUSED)
{
    CLEANUP(job_free_at) struct job *job = deleting(1001, true);
    static const char *const PIECES[] = {
        "{\"extension\":\"mp3\",\"from_chunk\":0,\"to_chunk\":500,\"then_purges\":true}",
        "{\"extension\":\"mp3\",\"from_chunk\":500,\"to_chunk\":1000,\"then_purges\":true}",
        "{\"extension\":\"mp3\",\"from_chunk\":1000,\"to_chunk\":1001,\"then_purges\":true}",
    };

    for (size_t i = 0; i < ARRAY_LEN(PIECES); i++) {
        struct job_open_task *task = &job->open_tasks.items[i];
        /* A piece that can't be deleted is passed. */
        struct event answer =
            answer_of(i == 1 ? EVENT_TASK_FAILED : EVENT_TASK_DONE, task->id, task->attempt);

        answer.task.failed.permanent = true;
        assert_string_equal(task->payload, PIECES[i]);
        assert_int_equal(task_answer_apply(job, &answer, RANDOM),
                         i == 1 ? TASK_ANSWER_FAILED : TASK_ANSWER_DONE);
        if (i + 1 == ARRAY_LEN(PIECES))
            break;
        assert_int_equal(job->tasks.count, i + 2);
        job_add_open_task(job, &(struct job_open_task){
                                   .id = TASK_ID + 1 + (int64_t)i,
                                   .kind = JOB_TASK_BLOB_DELETE,
                                   .attempt = 1,
                                   .payload = mem_copy_string(job->tasks.items[i + 1].payload)});
    }
    assert_int_equal(job->tasks.count, ARRAY_LEN(PIECES));
    assert_true(job->now_purged);
}

static void test_task_answer__deletion_of_a_reopened_job_goes_no_further(void **state UNUSED)
{
    for (int then_purges = 0; then_purges < 2; then_purges++) {
        CLEANUP(job_free_at) struct job *job = deleting(1001, then_purges == 1);
        const struct event done = answer_of(EVENT_TASK_DONE, TASK_ID, 2);

        job->status = JOB_PROCESSING;
        assert_int_equal(task_answer_apply(job, &done, RANDOM), TASK_ANSWER_DONE);
        assert_int_equal(job->tasks.count, 1);
        assert_false(job->now_purged);
        assert_true(job->now_blobs_deleted); /* nothing is to wait for them */
    }
}

static void test_task_answer__a_deletion_that_has_begun_is_not_forgotten(void **state UNUSED)
{
    CLEANUP(job_free_at) struct job *job = deleting(1001, false);
    const struct event done = answer_of(EVENT_TASK_DONE, TASK_ID, 2);
    size_t before;

    assert_int_equal(task_answer_apply(job, &done, RANDOM), TASK_ANSWER_DONE);
    before = job->tasks.count;
    blob_deletion_take_back(job);
    assert_true(before > 0 && job->tasks.count == 0);
    assert_true(job->keeps_blobs && job->now_blobs_deleted);
}

static void test_task_answer__kinds_are_known_by_name(void **state UNUSED)
{
    enum job_task_kind found;

    for (enum job_task_kind kind = 0; kind < JOB_TASK_KIND_COUNT; kind++) {
        const struct task_kind *row = task_kind(kind);

        assert_true(task_kind_parse(row->name, &found));
        assert_int_equal(found, kind);
        assert_true(strlen(row->name) < EVENT_TASK_KIND_SIZE);
        assert_int_equal(row->max_attempts > 0, task_kind_is_answered(kind));
    }
    assert_false(task_kind_parse("blob", &found));
}

static struct event start_of(enum event_type type, int64_t at_wall_us)
{
    struct event event = answer_of(type, TASK_ID, 2);

    event.task.started = (struct event_started){.work = {1, 5}, .at_wall_us = at_wall_us};
    return event;
}

static enum task_answer_effect tell(struct job *job, enum event_type type, int64_t at_wall_us)
{
    const struct event event = start_of(type, at_wall_us);

    return task_answer_start(job, &event, 3);
}

static void test_task_answer__a_task_that_kills_its_workers_is_dead(void **state UNUSED)
{
    CLEANUP(job_free_at) struct job *job = deleting(3, false);
    const struct event done = answer_of(EVENT_TASK_DONE, TASK_ID, 2);

    assert_int_equal(tell(job, EVENT_TASK_STARTED, 1), TASK_ANSWER_NOTED);
    assert_int_equal(tell(job, EVENT_TASK_RELEASED, 1), TASK_ANSWER_NOTED);
    assert_int_equal(tell(job, EVENT_TASK_STARTED, 2), TASK_ANSWER_NOTED);
    assert_int_equal(tell(job, EVENT_TASK_STARTED, 2), TASK_ANSWER_SUPERSEDED);
    assert_int_equal(tell(job, EVENT_TASK_STARTED, 3), TASK_ANSWER_NOTED);
    assert_int_equal(job->open_tasks.items[0].fate, TASK_FATE_OPEN);
    assert_int_equal(tell(job, EVENT_TASK_STARTED, 4), TASK_ANSWER_CRASHED);
    assert_int_equal(job->open_tasks.items[0].fate, TASK_FATE_DEAD);
    const struct job_task *skip = &job->tasks.items[1];
    assert_int_equal(skip->kind, JOB_TASK_SKIP_TASK);
    assert_int_equal(skip->attempt, 2);
    assert_string_equal(skip->payload, "{\"task_id\":17,\"kind\":\"blob.delete\"}");
    assert_true(job->now_blobs_deleted); /* the job goes on */
    assert_int_equal(task_answer_apply(job, &done, RANDOM), TASK_ANSWER_SUPERSEDED);
}

/* With the job's row would go what workers must still be told. */
static void test_task_answer__a_job_outlives_its_last_piece_if_that_is_dead(void **state UNUSED)
{
    CLEANUP(job_free_at) struct job *job = deleting(3, true);

    for (int64_t at_us = 1; at_us <= 3; at_us++)
        (void)tell(job, EVENT_TASK_STARTED, at_us);
    assert_false(job->now_purged);
    assert_int_equal(job->tasks.count, 3);
    const struct job_task *epilogue = &job->tasks.items[2];
    assert_int_equal(epilogue->kind, JOB_TASK_BLOB_DELETE);
    assert_non_null(strstr(epilogue->payload, "\"from_chunk\":3,\"to_chunk\":3"));
    job_add_open_task(job, &(struct job_open_task){.id = TASK_ID + 1,
                                                   .kind = JOB_TASK_BLOB_DELETE,
                                                   .attempt = 1,
                                                   .payload = mem_copy_string(epilogue->payload)});
    const struct event done = answer_of(EVENT_TASK_DONE, TASK_ID + 1, 1);
    assert_int_equal(task_answer_apply(job, &done, RANDOM), TASK_ANSWER_DONE);
    assert_true(job->now_purged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task_answer__a_task_that_kills_its_workers_is_dead),
        cmocka_unit_test(test_task_answer__a_job_outlives_its_last_piece_if_that_is_dead),
        cmocka_unit_test(test_task_answer__done_closes_once),
        cmocka_unit_test(test_task_answer__other_attempts_and_tasks_count_for_nothing),
        cmocka_unit_test(test_task_answer__a_failure_is_tried_again_later),
        cmocka_unit_test(test_task_answer__a_permanent_failure_and_the_last_one_are_final),
        cmocka_unit_test(test_task_answer__deletion_goes_on_with_the_next_piece),
        cmocka_unit_test(test_task_answer__deletion_of_a_reopened_job_goes_no_further),
        cmocka_unit_test(test_task_answer__a_deletion_that_has_begun_is_not_forgotten),
        cmocka_unit_test(test_task_answer__kinds_are_known_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
