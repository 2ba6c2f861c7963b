/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assembler/apply.h"
#include "assembler/assembler_metrics.h"
#include "assembler/job_event.h"
#include "tests/unit/assembler/recording_fixture.h"

static struct apply_settings settings;

static int set_up(void **state)
{
    (void)state;
    settings = (struct apply_settings){
        .policy = {.max_starts = 3, .backoff = {1000000, 1000000}},
        .limits = LIMITS,
        .expire_after_ms = 5000,
        .blob_retention_us = 7000,
        .job_retention_us = 9000,
        .metrics = assembler_metrics_new(),
    };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    metrics_free(settings.metrics);
    return 0;
}

static char message[] = "it broke";
static struct batch_partition home = {.topic = "chunks.results", .number = 5};

static struct record record_of(enum event_type type, int32_t chunk_index, int32_t attempt)
{
    struct record record = {.partition = &home, .offset = 1};

    record.event.type = type;
    record.event.chunk_index = chunk_index;
    record.event.attempt = attempt;
    if (type == EVENT_CHUNK_FAILED)
        record.event.failed =
            (struct event_failed){.type = "broken", .message = message, .retry_after_ms = -1};
    return record;
}

static const char *type_of(const struct job *job, size_t event)
{
    assert_true(event < job->events.count);
    return job->events.items[event].type;
}

static void test_apply__a_retry_is_an_event_and_a_task(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);
    struct record record = record_of(EVENT_CHUNK_FAILED, 1, 1);

    (void)state;
    recording.job->max_retries = 1;
    assert_int_equal(apply_record(&settings, recording.job, &record, 0), APPLY_DONE);
    assert_string_equal(type_of(recording.job, 0), "chunk_retrying");
    assert_int_equal(recording.job->tasks.count, 1);
    assert_int_equal(recording.job->tasks.items[0].kind, JOB_TASK_WORK);
    assert_int_equal(recording.job->tasks.items[0].attempt, 2);
    assert_int_equal(recording.job->home_partition, 5);

    record = record_of(EVENT_CHUNK_FAILED, 1, 2);
    assert_int_equal(apply_record(&settings, recording.job, &record, 0), APPLY_DONE);
    assert_string_equal(type_of(recording.job, 1), "chunk_failed");
    assert_int_equal(recording.job->tasks.count, 1);
}

static void test_apply__a_crashing_chunk_is_failed_and_skipped(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct record record = record_of(EVENT_CHUNK_STARTED, 0, 1);

        record.event.started.at_wall_us = i + 1;
        assert_int_equal(apply_record(&settings, recording.job, &record, 0), APPLY_DONE);
    }
    assert_string_equal(type_of(recording.job, 0), "chunk_failed");
    assert_non_null(strstr(recording.job->events.items[0].data, "\"type\":\"crashed\""));
    assert_int_equal(recording.job->tasks.count, 2);
    assert_int_equal(recording.job->tasks.items[0].kind, JOB_TASK_DEAD_LETTER);
    assert_int_equal(recording.job->tasks.items[1].kind, JOB_TASK_SKIP);
}

static void test_apply__a_chunk_that_kills_its_decoder_is_a_dead_letter(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);
    struct record record = record_of(EVENT_CHUNK_FAILED, 0, 1);

    (void)state;
    (void)snprintf(record.event.failed.type, sizeof record.event.failed.type, "decoder_crashed");
    record.event.failed.permanent = true;
    assert_int_equal(apply_record(&settings, recording.job, &record, 0), APPLY_DONE);
    assert_string_equal(type_of(recording.job, 0), "chunk_failed");
    assert_int_equal(recording.job->tasks.count, 1);
    assert_int_equal(recording.job->tasks.items[0].kind, JOB_TASK_DEAD_LETTER);
    assert_int_equal(recording.job->tasks.items[0].chunk_index, 0);
}

static void test_apply__what_is_not_there_is_said(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);
    const struct record record = record_of(EVENT_CHUNK_ALIVE, 2, 1);

    (void)state;
    assert_int_equal(apply_record(&settings, NULL, &record, 0), APPLY_NO_JOB);
    assert_int_equal(apply_record(&settings, recording.job, &record, 0), APPLY_NO_CHUNK);
}

static void test_apply__an_ended_job_takes_late_records_in_silence(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);
    const struct record record = record_of(EVENT_CHUNK_FAILED, 1, 1);

    (void)state;
    recording.job->status = JOB_DONE;
    recording.job->home_partition = 5;
    assert_int_equal(apply_record(&settings, recording.job, &record, 0), APPLY_DONE);
    apply_advance(&settings, recording.job);
    assert_false(recording.job->now_completed);
    assert_int_equal(recording.job->events.count, 0);
    assert_false(recording.job->is_changed);
}

/* The last two tasks delete its blobs after so long, and what is left of it later. */
static void assert_retained(const struct job *job, int64_t blob_retention_us)
{
    const struct job_task *tasks = &job->tasks.items[job->tasks.count - 2];

    assert_true(job->tasks.count >= 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tasks[i].kind, JOB_TASK_BLOB_DELETE);
        assert_int_equal(strstr(tasks[i].payload, "\"then_purges\":true") != NULL, i);
    }
    assert_int_equal(tasks[0].due_in_us, blob_retention_us);
    assert_int_equal(tasks[1].due_in_us, settings.job_retention_us);
}

static void test_apply__a_cancelled_job_ends_once_and_workers_are_told(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);
    struct job *job = recording.job;
    const struct record record = record_of(EVENT_JOB_CANCEL, -1, 0);

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(apply_record(&settings, job, &record, 0), APPLY_DONE);
    assert_int_equal(job->status, JOB_CANCELLED);
    assert_int_equal(job->home_partition, 5);
    assert_int_equal(job->tasks.count, 1);
    assert_int_equal(job->tasks.items[0].kind, JOB_TASK_CANCEL);
    apply_advance(&settings, job);
    assert_true(job->now_completed);
    assert_retained(job, 0);
    assert_int_equal(job->events.count, 1);
    assert_string_equal(type_of(job, 0), "cancelled");
}

/* All its chunks have ended; the text behind the frontier has not been written yet. */
static void test_apply__a_job_that_is_being_assembled_can_be_cancelled(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);
    struct job *job = recording.job;
    const struct record record = record_of(EVENT_JOB_CANCEL, -1, 0);

    (void)state;
    recording_finish(&recording, 0);
    recording_finish(&recording, 1);
    job->uploaded_chunks = 2;
    job->status = JOB_ASSEMBLING;
    assert_int_equal(apply_record(&settings, job, &record, 0), APPLY_DONE);
    apply_advance(&settings, job);
    assert_int_equal(job->status, JOB_CANCELLED);
    assert_int_equal(job->events.count, 1);
    assert_string_equal(type_of(job, 0), "cancelled");
}

static void test_apply__a_job_that_is_done_stays_so(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);
    const struct record record = record_of(EVENT_JOB_CANCEL, -1, 0);

    (void)state;
    recording.job->status = JOB_DONE;
    assert_int_equal(apply_record(&settings, recording.job, &record, 0), APPLY_DONE);
    assert_int_equal(recording.job->status, JOB_DONE);
    assert_int_equal(recording.job->tasks.count, 0);
}

static void test_apply__a_retry_of_several_is_one_event(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(4);
    struct job *job = recording.job;
    struct event_retry_chunk asked[] = {{1, 1, false}, {2, 1, true}, {3, 1, false}};
    struct record record = record_of(EVENT_JOB_RETRY, -1, 0);

    (void)state;
    record.event.retry = (struct event_retry){asked, ARRAY_LEN(asked)};
    recording_fail(&recording, 1);
    recording_fail(&recording, 2);
    job->status = JOB_DONE;
    job->uploaded_chunks = 4;
    job->is_deleting_blobs = true; /* not now */
    assert_int_equal(apply_record(&settings, job, &record, 0), APPLY_DONE);
    assert_int_equal(job->status, JOB_DONE);
    job->is_deleting_blobs = false;
    for (int i = 0; i < 2; i++) /* a command that comes again does nothing */
        assert_int_equal(apply_record(&settings, job, &record, 0), APPLY_DONE);
    assert_int_equal(job->events.count, 1);
    assert_string_equal(type_of(job, 0), "retry_started");
    assert_non_null(strstr(job->events.items[0].data, "\"chunk_indices\":[1,2]"));
    assert_int_equal(job->tasks.count, 1); /* the other one waits for its upload */
    assert_int_equal(job->tasks.items[0].chunk_index, 1);
    assert_int_equal(job->tasks.items[0].attempt, 2);
    assert_true(job->keeps_blobs);
    assert_true(job->now_upload_active);
    assert_int_equal(job->idle_ms, 0);
}

static void test_apply__an_idle_job_expires(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);
    struct job *job = recording.job;

    (void)state;
    job->idle_ms = settings.expire_after_ms - 1;
    apply_expiry(&settings, job);
    assert_int_equal(job->status, JOB_UPLOADING);
    job->idle_ms = settings.expire_after_ms;
    apply_expiry(&settings, job);
    assert_int_equal(job->status, JOB_EXPIRED);
    assert_int_equal(job->tasks.count, 1);
    assert_int_equal(job->tasks.items[0].kind, JOB_TASK_CANCEL); /* workers leave it alone */
    apply_advance(&settings, job);
    assert_int_equal(job->events.count, 1);
    assert_string_equal(type_of(job, 0), "expired");
    assert_non_null(strstr(job->events.items[0].data, "\"status\":\"expired\""));
    assert_retained(job, 0);
}

static void test_apply__an_upload_keeps_a_job_from_expiring(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);
    const struct record record = record_of(EVENT_CHUNK_UPLOADED, 0, 1);
    struct job *job = recording.job;

    (void)state;
    job->idle_ms = settings.expire_after_ms;
    assert_int_equal(apply_record(&settings, job, &record, 0), APPLY_DONE);
    apply_expiry(&settings, job);
    assert_int_equal(job->status, JOB_UPLOADING);
    assert_true(job->now_upload_active);

    job->status = JOB_PROCESSING; /* nothing is waited for any more */
    job->idle_ms = settings.expire_after_ms;
    apply_expiry(&settings, job);
    assert_int_equal(job->status, JOB_PROCESSING);
}

static void test_apply__a_cancelled_job_takes_no_retry(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);
    struct event_retry_chunk asked[] = {{1, 1, false}};
    struct record record = record_of(EVENT_JOB_RETRY, -1, 0);

    (void)state;
    record.event.retry = (struct event_retry){asked, ARRAY_LEN(asked)};
    recording_fail(&recording, 1);
    recording.job->status = JOB_CANCELLED;
    assert_int_equal(apply_record(&settings, recording.job, &record, 0), APPLY_DONE);
    assert_int_equal(recording.job->events.count, 0);
    assert_int_equal(recording.job->status, JOB_CANCELLED);
}

/* As the next transaction finds it. */
static void store_parts(struct job *job)
{
    struct buf text;

    buf_init(&text, (size_t)1 << 20);
    for (size_t i = 0; i < job->parts.count; i++) {
        buf_append_string(&text, job->parts.items[i].text);
        free(job->parts.items[i].text);
    }
    job->parts.count = 0;
    job->stored_text = buf_take(&text);
    job->stored_corrected = mem_copy_string(job->stored_text);
}

static void test_apply__the_last_chunk_ends_the_job_with_all_its_text(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);
    CLEANUP(mem_free_at) char *truth = recording_truth(0, 2 * CHUNK_SECONDS);
    CLEANUP(mem_free_at) char *expected = mem_format("\"raw_transcript\":\"%s\"", truth);
    struct job *job = recording.job;

    (void)state;
    job->uploaded_chunks = 2;
    recording_finish(&recording, 0);
    apply_advance(&settings, job);
    assert_false(job->now_completed);
    store_parts(job);
    recording_finish(&recording, 1);
    apply_advance(&settings, job);
    assert_true(job->now_completed);
    assert_int_equal(job->status, JOB_DONE);
    assert_string_equal(type_of(job, job->events.count - 1), "final_result");
    assert_non_null(strstr(job->events.items[job->events.count - 1].data, expected));
    assert_retained(job, settings.blob_retention_us);
}

/* Somebody's pipeline writes where only workers should. */
static void test_apply__an_order_to_workers_is_none_to_us(void **state)
{
    static const enum event_type ORDERS[] = {EVENT_TASK_WORK, EVENT_CONTROL_SKIP_TASK};
    CLEANUP(recording_free) struct recording recording = recording_new(1);
    struct job_open_task open = {
        .id = 7, .kind = JOB_TASK_BLOB_DELETE, .attempt = 1, .payload = mem_copy_string("{}")};
    (void)state;

    job_add_open_task(recording.job, &open);
    for (size_t i = 0; i < ARRAY_LEN(ORDERS); i++) {
        struct record record = record_of(ORDERS[i], -1, 1);
        record.event.task = (struct event_task){.id = 7};
        assert_int_equal(apply_record(&settings, recording.job, &record, 0), APPLY_DONE);
    }
    const struct job_open_task *task = &recording.job->open_tasks.items[0];
    assert_int_equal(task->fate, TASK_FATE_OPEN);
    assert_int_equal(task->starts.count, 0);
    assert_false(task->is_tally_changed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_apply__a_retry_is_an_event_and_a_task, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_apply__a_chunk_that_kills_its_decoder_is_a_dead_letter,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_apply__a_crashing_chunk_is_failed_and_skipped, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_apply__what_is_not_there_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_apply__an_ended_job_takes_late_records_in_silence,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_apply__a_cancelled_job_ends_once_and_workers_are_told,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_apply__a_job_that_is_being_assembled_can_be_cancelled,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_apply__a_job_that_is_done_stays_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_apply__a_retry_of_several_is_one_event, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_apply__an_idle_job_expires, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_apply__an_upload_keeps_a_job_from_expiring, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_apply__a_cancelled_job_takes_no_retry, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_apply__an_order_to_workers_is_none_to_us, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_apply__the_last_chunk_ends_the_job_with_all_its_text,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
