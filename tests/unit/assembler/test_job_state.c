/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "assembler/job_state.h"
#include "common/mem.h"

#define JOB_ID "00000000-0000-4000-8000-000000000001"
#define NOW_US INT64_C(1700000000000000)
#define RANDOM UINT64_MAX /* the longest wait of the jitter */

static const struct job_state_policy POLICY = {
    .max_starts = 3,
    .backoff = {.base_us = 1000000, .ceiling_us = 60000000},
    .max_deferral_us = 3600000000,
};

static char worker[] = "worker-1";
static char text[] = "text";

struct fixture {
    struct job *job;
    struct chunk *chunk;
};

/* A job of four chunks, of which the second is looked at, in its third attempt. */
static struct fixture new_fixture(enum chunk_status status)
{
    struct fixture fixture = {.job = job_new(JOB_ID)};

    fixture.job->layout = chunk_layout_of(4000, 1000, 1000);
    fixture.job->max_retries = 2;
    fixture.chunk = job_add_chunk(fixture.job, 1);
    fixture.chunk->status = status;
    fixture.chunk->attempt = 3;
    fixture.chunk->min_attempt = 2;
    fixture.chunk->starts.work = (struct kafka_position){0, 10};
    return fixture;
}

static void free_fixture(struct fixture *fixture)
{
    job_free(fixture->job);
}

static struct event event_of(enum event_type type, int32_t attempt)
{
    struct event event = {.type = type, .chunk_index = 1, .attempt = attempt};

    switch (type) {
    case EVENT_CHUNK_UPLOADED:
        event.uploaded.work = (struct kafka_position){0, 10};
        break;
    case EVENT_CHUNK_STARTED:
    case EVENT_CHUNK_RELEASED:
        event.started.work = (struct kafka_position){0, 10};
        event.started.worker_id = worker;
        event.started.at_wall_us = NOW_US;
        break;
    case EVENT_CHUNK_PARTIAL:
        event.partial.text = text;
        break;
    case EVENT_CHUNK_WAITING:
        event.waiting = (struct event_waiting){0, 500};
        break;
    case EVENT_CHUNK_DEFERRED:
        event.deferred.until_wall_us = NOW_US + 7000000;
        break;
    case EVENT_CHUNK_TRANSCRIBED:
        event.transcribed.requests = 2;
        event.transcribed.processing_time_ms = 30;
        break;
    case EVENT_CHUNK_FAILED:
        event.failed.message = text;
        event.failed.retry_after_ms = -1;
        break;
    case EVENT_CHUNK_WORK:
    case EVENT_CHUNK_ALIVE:
    case EVENT_WEBHOOK_REPLAY:
    case EVENT_JOB_CANCEL:
    case EVENT_JOB_RETRY:
    case EVENT_CONTROL_CANCEL:
    case EVENT_CONTROL_SKIP:
    case EVENT_CONTROL_SKIP_TASK:
    case EVENT_TASK_WORK:
    case EVENT_TASK_STARTED:
    case EVENT_TASK_RELEASED:
    case EVENT_TASK_DONE:
    case EVENT_TASK_FAILED:
    case EVENT_TYPE_COUNT:
        break;
    }
    return event;
}

static struct job_change apply(struct fixture *fixture, const struct event *event)
{
    return job_state_apply(fixture->job, fixture->chunk, event, &POLICY, NOW_US, RANDOM);
}

static struct job_change apply_type(struct fixture *fixture, enum event_type type)
{
    const struct event event = event_of(type, fixture->chunk->attempt);

    return apply(fixture, &event);
}

static bool is_open(enum chunk_status status)
{
    return status != CHUNK_DONE && status != CHUNK_FAILED;
}

/* What the newest attempt's records do to an open chunk. */
static const struct {
    enum event_type type;
    unsigned effects;
    enum chunk_status after;
} OPEN_RULES[] = {
    {EVENT_CHUNK_STARTED, EFFECT_STARTED | EFFECT_HEARD, CHUNK_PROCESSING},
    {EVENT_CHUNK_WAITING, EFFECT_PARKED, CHUNK_UPLOADED},
    {EVENT_CHUNK_DEFERRED, EFFECT_DEFERRED, CHUNK_UPLOADED},
    {EVENT_CHUNK_TRANSCRIBED, EFFECT_DONE, CHUNK_DONE},
    {EVENT_CHUNK_FAILED, EFFECT_RETRIED, CHUNK_UPLOADED},
};

static void test_job_state__every_record_of_the_newest_attempt_acts_on_an_open_chunk(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(OPEN_RULES); i++) {
        for (int status = CHUNK_PENDING; status <= CHUNK_PROCESSING; status++) {
            CLEANUP(free_fixture)
            struct fixture fixture = new_fixture((enum chunk_status)status);
            unsigned upload = status == CHUNK_PENDING ? EFFECT_UPLOADED : 0;

            assert_int_equal(apply_type(&fixture, OPEN_RULES[i].type).effects,
                             OPEN_RULES[i].effects | upload);
            assert_int_equal(fixture.chunk->status, OPEN_RULES[i].after);
            assert_int_equal(fixture.job->uploaded_chunks, status == CHUNK_PENDING ? 1 : 0);
        }
    }
}

static void test_job_state__signs_of_life_change_no_status(void **state)
{
    (void)state;
    for (int status = CHUNK_PENDING; status <= CHUNK_PROCESSING; status++) {
        CLEANUP(free_fixture) struct fixture fixture = new_fixture((enum chunk_status)status);

        assert_int_equal(apply_type(&fixture, EVENT_CHUNK_ALIVE).effects, EFFECT_HEARD);
        assert_int_equal(apply_type(&fixture, EVENT_CHUNK_RELEASED).effects, EFFECT_HEARD);
        assert_int_equal(apply_type(&fixture, EVENT_CHUNK_PARTIAL).effects,
                         EFFECT_HEARD | EFFECT_SHOWN);
        assert_int_equal(fixture.chunk->status, status);
        assert_true(fixture.chunk->now_heard);
    }
}

static void test_job_state__terminal_chunks_absorb_every_record(void **state)
{
    (void)state;
    for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
        for (int status = CHUNK_DONE; status <= CHUNK_FAILED; status++) {
            CLEANUP(free_fixture) struct fixture fixture = new_fixture((enum chunk_status)status);

            assert_int_equal(apply_type(&fixture, (enum event_type)type).effects, 0);
            assert_int_equal(fixture.chunk->status, status);
            assert_false(fixture.chunk->is_changed);
        }
    }
}

static void test_job_state__only_a_success_may_be_of_an_older_attempt(void **state)
{
    (void)state;
    for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
        for (int32_t attempt = 1; attempt <= 4; attempt++) {
            for (int status = 0; status < CHUNK_STATUS_COUNT; status++) {
                CLEANUP(free_fixture)
                struct fixture fixture = new_fixture((enum chunk_status)status);
                const struct event event = event_of((enum event_type)type, attempt);
                bool counts = is_open((enum chunk_status)status) && attempt == 2 &&
                              type == EVENT_CHUNK_TRANSCRIBED;

                if (attempt == 3) /* the newest: the tests above */
                    continue;
                assert_int_equal((apply(&fixture, &event).effects & EFFECT_DONE) != 0, counts);
                assert_int_equal(fixture.chunk->is_changed, counts);
            }
        }
    }
}

static void test_job_state__ended_jobs_absorb_every_record(void **state)
{
    (void)state;
    for (int status = JOB_DONE; status < JOB_STATUS_COUNT; status++) {
        for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
            CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_PROCESSING);

            fixture.job->status = (enum job_status)status;
            assert_int_equal(apply_type(&fixture, (enum event_type)type).effects, 0);
        }
    }
}

static void test_job_state__an_upload_is_counted_once_whatever_tells_it(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_PENDING);

    (void)state;
    assert_true(apply_type(&fixture, EVENT_CHUNK_STARTED).effects & EFFECT_UPLOADED);
    assert_int_equal(apply_type(&fixture, EVENT_CHUNK_UPLOADED).effects, 0);
    assert_int_equal(fixture.job->uploaded_chunks, 1);
    assert_int_equal(fixture.chunk->status, CHUNK_PROCESSING);
}

static void test_job_state__a_failure_is_retried_with_a_new_number(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_PROCESSING);
    const struct job_change change = apply_type(&fixture, EVENT_CHUNK_FAILED);

    (void)state;
    assert_int_equal(fixture.chunk->attempt, 4);
    assert_int_equal(fixture.chunk->retry_count, 1);
    assert_int_equal(fixture.chunk->min_attempt, 2);
    assert_in_range(change.due_in_us, 900000, 1000000);
}

static void test_job_state__retries_end(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_PROCESSING);

    (void)state;
    for (int i = 0; i < fixture.job->max_retries; i++)
        assert_int_equal(apply_type(&fixture, EVENT_CHUNK_FAILED).effects, EFFECT_RETRIED);
    assert_int_equal(apply_type(&fixture, EVENT_CHUNK_FAILED).effects, EFFECT_FAILED);
    assert_int_equal(fixture.chunk->status, CHUNK_FAILED);
    assert_int_equal(fixture.job->failed_chunks, 1);
}

static void test_job_state__a_permanent_failure_is_final(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_PROCESSING);
    struct event event = event_of(EVENT_CHUNK_FAILED, 3);

    (void)state;
    event.failed.permanent = true;
    assert_int_equal(apply(&fixture, &event).effects, EFFECT_FAILED);
}

static void test_job_state__the_service_may_ask_for_a_longer_wait(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_PROCESSING);
    struct event event = event_of(EVENT_CHUNK_FAILED, 3);

    (void)state;
    event.failed.retry_after_ms = 90000;
    assert_int_equal(apply(&fixture, &event).due_in_us, 90000000);
}

static void test_job_state__waiting_and_deferring_cost_no_retry(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_PROCESSING);

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(apply_type(&fixture, EVENT_CHUNK_WAITING).effects, EFFECT_PARKED);
        assert_int_equal(fixture.chunk->waiting_to, 500);
        assert_int_equal(apply_type(&fixture, EVENT_CHUNK_DEFERRED).due_in_us, 7000000);
        assert_int_equal(fixture.chunk->waiting_from, -1);
    }
    assert_int_equal(fixture.chunk->attempt, 3);
    assert_int_equal(fixture.chunk->retry_count, 0);
}

static unsigned start_at(struct fixture *fixture, int64_t wall_us)
{
    struct event event = event_of(EVENT_CHUNK_STARTED, fixture->chunk->attempt);

    event.started.at_wall_us = wall_us;
    return apply(fixture, &event).effects;
}

/* 4,000 bytes in chunks of 1,000. What a worker asks for beyond them is nobody's end. */
static void test_job_state__a_parked_chunk_waits_for_the_chunks_of_its_bytes(void **state)
{
    static const struct {
        int64_t from, to;
        int32_t first, last;
    } ROWS[] = {
        {0, 1, 0, 0},       {0, 1000, 0, 0},         {0, 1001, 0, 1},    {999, 3001, 0, 3},
        {3000, 4000, 3, 3}, {2500, INT64_MAX, 2, 3}, {5000, 6000, 3, 3}, {4000, INT64_MAX, 3, 3},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_PROCESSING);
        struct event event = event_of(EVENT_CHUNK_WAITING, 3);

        event.waiting = (struct event_waiting){ROWS[i].from, ROWS[i].to};
        assert_int_equal(apply(&fixture, &event).effects, EFFECT_PARKED);
        assert_true(fixture.chunk->now_parked);
        assert_int_equal(fixture.chunk->waiting_first_chunk, ROWS[i].first);
        assert_int_equal(fixture.chunk->waiting_chunk, ROWS[i].last);
        assert_true(start_at(&fixture, NOW_US) & EFFECT_STARTED);
        assert_false(fixture.chunk->now_parked);
        assert_int_equal(fixture.chunk->waiting_chunk, -1);
    }
}

static void test_job_state__the_third_start_of_one_work_record_is_a_crash(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_UPLOADED);

    (void)state;
    assert_true(start_at(&fixture, NOW_US) & EFFECT_STARTED);
    assert_true(start_at(&fixture, NOW_US + 1) & EFFECT_STARTED);
    assert_int_equal(start_at(&fixture, NOW_US + 2), EFFECT_HEARD | EFFECT_FAILED | EFFECT_CRASHED);
    assert_int_equal(fixture.chunk->status, CHUNK_FAILED);
}

static void test_job_state__work_that_is_handed_around_is_no_crash(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_UPLOADED);
    struct event released = event_of(EVENT_CHUNK_RELEASED, fixture.chunk->attempt);

    (void)state;
    for (int64_t at_us = NOW_US; at_us < NOW_US + 10; at_us++) {
        assert_true(start_at(&fixture, at_us) & EFFECT_STARTED);
        released.started.at_wall_us = at_us;
        assert_int_equal(apply(&fixture, &released).effects, EFFECT_HEARD);
    }
    assert_int_equal(fixture.chunk->status, CHUNK_PROCESSING);
}

static void test_job_state__a_start_that_is_written_again_is_one_start(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_UPLOADED);

    (void)state;
    assert_true(start_at(&fixture, NOW_US) & EFFECT_STARTED);
    assert_int_equal(start_at(&fixture, NOW_US), 0);
    assert_true(start_at(&fixture, NOW_US + 1) & EFFECT_STARTED);
    assert_int_equal(start_at(&fixture, NOW_US), 0);
    assert_int_equal(start_at(&fixture, NOW_US + 1), 0);
    assert_int_equal(fixture.chunk->starts.count, 2);
}

/* It would be forgotten that the chunk waits, and nobody would give it to a worker again. */
static void test_job_state__a_late_copy_of_a_start_wakes_nothing_that_waits(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_UPLOADED);

    (void)state;
    assert_true(start_at(&fixture, NOW_US) & EFFECT_STARTED);
    assert_true(apply_type(&fixture, EVENT_CHUNK_WAITING).effects & EFFECT_PARKED);
    assert_int_equal(start_at(&fixture, NOW_US), 0);
    assert_int_equal(fixture.chunk->waiting_to, 500);
    assert_int_equal(fixture.chunk->status, CHUNK_UPLOADED);
}

static void test_job_state__a_repeated_upload_report_is_no_crash(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_UPLOADED);

    (void)state;
    for (int64_t offset = 10; offset < 20; offset++) {
        struct event event = event_of(EVENT_CHUNK_STARTED, 3);

        event.started.work.offset = offset;
        assert_true(apply(&fixture, &event).effects & EFFECT_STARTED);
    }
    assert_int_equal(fixture.chunk->starts.work.offset, 19);
}

static void test_job_state__an_older_work_record_starts_the_chunk_too(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_UPLOADED);
    struct event event = event_of(EVENT_CHUNK_STARTED, 3);

    (void)state;
    event.started.work.offset = 9;
    assert_true(apply(&fixture, &event).effects & EFFECT_STARTED);
    assert_int_equal(fixture.chunk->status, CHUNK_PROCESSING);
    assert_int_equal(fixture.chunk->starts.work.offset, 10);
}

static void test_job_state__a_resync_is_not_counted_twice(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_PROCESSING);

    (void)state;
    fixture.chunk->resync_from = 77;
    fixture.job->completed_chunks = 1;
    assert_int_equal(apply_type(&fixture, EVENT_CHUNK_TRANSCRIBED).effects, EFFECT_DONE);
    assert_int_equal(fixture.job->completed_chunks, 1);
}

static void test_job_state__a_failed_resync_leaves_what_was_there(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_PROCESSING);

    (void)state;
    fixture.chunk->resync_from = 77;
    fixture.job->completed_chunks = 1;
    assert_int_equal(apply_type(&fixture, EVENT_CHUNK_FAILED).effects, EFFECT_KEPT);
    assert_int_equal(fixture.chunk->status, CHUNK_DONE);
    assert_int_equal(fixture.job->completed_chunks, 1);
    assert_int_equal(fixture.job->failed_chunks, 0);
}

static void test_job_state__only_a_job_under_way_can_be_ended(void **state)
{
    (void)state;
    for (int status = 0; status < JOB_STATUS_COUNT; status++) {
        CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_PROCESSING);
        bool is_under_way = status < JOB_DONE;

        fixture.job->status = (enum job_status)status;
        assert_int_equal(job_state_end(fixture.job, JOB_CANCELLED), is_under_way);
        assert_int_equal(fixture.job->now_completed, is_under_way);
        assert_int_equal(fixture.job->status, is_under_way ? JOB_CANCELLED : status);
    }
}

static void test_job_state__a_person_may_retry_what_failed(void **state)
{
    (void)state;
    for (int status = 0; status < CHUNK_STATUS_COUNT; status++) {
        for (int32_t attempt = 2; attempt <= 3; attempt++) {
            CLEANUP(free_fixture) struct fixture fixture = new_fixture((enum chunk_status)status);
            const struct event_retry_chunk asked = {1, attempt, .needs_upload = false};
            bool fits = status == CHUNK_FAILED && attempt == 3;

            fixture.job->uploaded_chunks = 4;
            fixture.job->failed_chunks = 1;
            fixture.chunk->retry_count = 2;
            assert_int_equal(job_state_retry(fixture.job, fixture.chunk, &asked), fits);
            assert_int_equal(fixture.chunk->attempt, fits ? 4 : 3);
            assert_int_equal(fixture.job->failed_chunks, fits ? 0 : 1);
            if (fits) {
                assert_int_equal(fixture.chunk->status, CHUNK_UPLOADED);
                assert_int_equal(fixture.chunk->retry_count, 0);
                assert_int_equal(fixture.job->status, JOB_PROCESSING);
            }
        }
    }
}

static void test_job_state__a_retry_without_bytes_waits_for_them(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_FAILED);
    const struct event_retry_chunk asked = {1, 3, .needs_upload = true};

    (void)state;
    fixture.job->status = JOB_DONE;
    fixture.job->uploaded_chunks = 4;
    assert_true(job_state_retry(fixture.job, fixture.chunk, &asked));
    assert_int_equal(fixture.chunk->status, CHUNK_PENDING);
    assert_int_equal(fixture.job->status, JOB_UPLOADING);
    assert_int_equal(fixture.job->uploaded_chunks, 3);
    assert_true(apply_type(&fixture, EVENT_CHUNK_UPLOADED).effects & EFFECT_UPLOADED);
    assert_int_equal(fixture.job->uploaded_chunks, 4);
}

static void test_job_state__the_job_moves_forward_with_its_chunks(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_PENDING);
    struct job *job = fixture.job;

    (void)state;
    job_state_advance(job);
    assert_int_equal(job->status, JOB_UPLOADING);
    job->uploaded_chunks = 4;
    job_state_advance(job);
    assert_int_equal(job->status, JOB_PROCESSING);
    job->completed_chunks = 3;
    job->failed_chunks = 1;
    job_state_advance(job);
    assert_int_equal(job->status, JOB_ASSEMBLING);
    assert_false(job->now_completed);
    job->frontier = 4;
    job_state_advance(job);
    assert_int_equal(job->status, JOB_DONE);
    assert_true(job->now_completed);
}

static void test_job_state__a_job_without_any_success_has_failed(void **state)
{
    CLEANUP(free_fixture) struct fixture fixture = new_fixture(CHUNK_FAILED);
    struct job *job = fixture.job;

    (void)state;
    job->uploaded_chunks = job->failed_chunks = job->frontier = 4;
    job_state_advance(job);
    assert_int_equal(job->status, JOB_FAILED);
}

/* The event's own time is later, so that the wait is never over. */
static struct job_change defer_at(struct fixture *fixture, int64_t now_us)
{
    struct event event = event_of(EVENT_CHUNK_DEFERRED, fixture->chunk->attempt);

    event.deferred.reason = text;
    event.deferred.until_wall_us = now_us + 5000000;
    return job_state_apply(fixture->job, fixture->chunk, &event, &POLICY, now_us, RANDOM);
}

static void test_job_state__a_deferral_is_bounded(void **state)
{
    (void)state;
    struct fixture fixture = new_fixture(CHUNK_UPLOADED);
    const struct event started = event_of(EVENT_CHUNK_STARTED, 3);

    for (int64_t at_us = 0; at_us < POLICY.max_deferral_us; at_us += 600000000) {
        assert_int_equal(defer_at(&fixture, NOW_US + at_us).effects & EFFECT_FAILED, 0);
        assert_int_equal(fixture.chunk->status, CHUNK_UPLOADED);
        (void)apply(&fixture, &started); /* a new attempt to reach the service changes nothing */
        assert_int_equal(fixture.chunk->deferred_since_wall_us, NOW_US);
    }
    const struct job_change change = defer_at(&fixture, NOW_US + POLICY.max_deferral_us);
    assert_true(change.effects & EFFECT_FAILED && change.effects & EFFECT_UNREACHED);
    assert_int_equal(fixture.chunk->status, CHUNK_FAILED);
    assert_int_equal(fixture.chunk->retry_count, 0);
    assert_int_equal(fixture.job->failed_chunks, 1);
    free_fixture(&fixture);
}

static void test_job_state__a_header_that_was_deleted_is_not_waited_for(void **state)
{
    (void)state;
    struct fixture fixture = new_fixture(CHUNK_PROCESSING);

    fixture.job->are_blobs_deleted = true;
    const struct job_change change = apply_type(&fixture, EVENT_CHUNK_WAITING);
    assert_true(change.effects & EFFECT_FAILED && change.effects & EFFECT_HEADERLESS);
    assert_int_equal(fixture.chunk->status, CHUNK_FAILED);
    assert_int_equal(fixture.chunk->waiting_from, -1);
    free_fixture(&fixture);
}

static void test_job_state__an_answer_about_the_chunk_ends_its_deferral(void **state)
{
    (void)state;
    struct fixture fixture = new_fixture(CHUNK_PROCESSING);

    (void)defer_at(&fixture, NOW_US);
    (void)apply_type(&fixture, EVENT_CHUNK_FAILED);
    assert_int_equal(fixture.chunk->deferred_since_wall_us, 0);
    (void)defer_at(&fixture, NOW_US + POLICY.max_deferral_us);
    assert_int_equal(fixture.chunk->status, CHUNK_UPLOADED);
    (void)apply_type(&fixture, EVENT_CHUNK_TRANSCRIBED);
    assert_int_equal(fixture.chunk->deferred_since_wall_us, 0);
    free_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_job_state__a_deferral_is_bounded),
        cmocka_unit_test(test_job_state__a_header_that_was_deleted_is_not_waited_for),
        cmocka_unit_test(test_job_state__an_answer_about_the_chunk_ends_its_deferral),
        cmocka_unit_test(test_job_state__every_record_of_the_newest_attempt_acts_on_an_open_chunk),
        cmocka_unit_test(test_job_state__signs_of_life_change_no_status),
        cmocka_unit_test(test_job_state__terminal_chunks_absorb_every_record),
        cmocka_unit_test(test_job_state__only_a_success_may_be_of_an_older_attempt),
        cmocka_unit_test(test_job_state__ended_jobs_absorb_every_record),
        cmocka_unit_test(test_job_state__an_upload_is_counted_once_whatever_tells_it),
        cmocka_unit_test(test_job_state__a_failure_is_retried_with_a_new_number),
        cmocka_unit_test(test_job_state__retries_end),
        cmocka_unit_test(test_job_state__a_permanent_failure_is_final),
        cmocka_unit_test(test_job_state__the_service_may_ask_for_a_longer_wait),
        cmocka_unit_test(test_job_state__waiting_and_deferring_cost_no_retry),
        cmocka_unit_test(test_job_state__a_parked_chunk_waits_for_the_chunks_of_its_bytes),
        cmocka_unit_test(test_job_state__the_third_start_of_one_work_record_is_a_crash),
        cmocka_unit_test(test_job_state__work_that_is_handed_around_is_no_crash),
        cmocka_unit_test(test_job_state__a_start_that_is_written_again_is_one_start),
        cmocka_unit_test(test_job_state__a_late_copy_of_a_start_wakes_nothing_that_waits),
        cmocka_unit_test(test_job_state__a_repeated_upload_report_is_no_crash),
        cmocka_unit_test(test_job_state__an_older_work_record_starts_the_chunk_too),
        cmocka_unit_test(test_job_state__a_resync_is_not_counted_twice),
        cmocka_unit_test(test_job_state__a_failed_resync_leaves_what_was_there),
        cmocka_unit_test(test_job_state__only_a_job_under_way_can_be_ended),
        cmocka_unit_test(test_job_state__a_person_may_retry_what_failed),
        cmocka_unit_test(test_job_state__a_retry_without_bytes_waits_for_them),
        cmocka_unit_test(test_job_state__the_job_moves_forward_with_its_chunks),
        cmocka_unit_test(test_job_state__a_job_without_any_success_has_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
