/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assembler/job_event.h"
#include "tests/unit/assembler/recording_fixture.h"

static void put_at(struct json_object **object)
{
    json_object_put(*object);
}

static struct json_object *parsed(const struct job *job, size_t index)
{
    struct json_object *object = json_tokener_parse(job->events.items[index].data);

    assert_non_null(object);
    assert_in_range(strlen(job->events.items[index].data), 2, JOB_EVENT_BYTES_MAX);
    return object;
}

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(object, name, &value))
        fail_msg("%s is missing", name);
    return value;
}

static int64_t number(struct json_object *object, const char *name)
{
    assert_true(json_object_is_type(member(object, name), json_type_int));
    return json_object_get_int64(member(object, name));
}

static double fraction(struct json_object *object, const char *name)
{
    return json_object_get_double(member(object, name));
}

static const char *string(struct json_object *object, const char *name)
{
    assert_true(json_object_is_type(member(object, name), json_type_string));
    return json_object_get_string(member(object, name));
}

static bool has(struct json_object *object, const char *name)
{
    return json_object_object_get_ex(object, name, NULL);
}

static void test_job_event__seqs_are_dense_and_views_have_none(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);
    struct job *job = recording.job;

    (void)state;
    job->last_seq = 1;
    job_event_add_progress_update(job);
    job_event_add_job_failed(job);
    job_event_add_progress_update(job);
    job_event_add_job_failed(job);
    assert_int_equal(job->events.items[0].seq, 0);
    assert_int_equal(job->events.items[1].seq, 2);
    assert_int_equal(job->events.items[2].seq, 0);
    assert_int_equal(job->events.items[3].seq, 3);
    assert_int_equal(job->last_seq, 3);
}

static void test_job_event__chunk_complete_has_the_own_words_and_what_is_provisional(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(3);
    CLEANUP(mem_free_at) char *own = recording_truth(CHUNK_SECONDS, 2 * CHUNK_SECONDS);
    struct chunk *chunk = job_chunk(recording.job, 1);

    (void)state;
    recording_finish(&recording, 1);
    chunk->processing_time_ms = 123;
    strcpy(chunk->language, "en");
    job_event_add_chunk_complete(recording.job, chunk, 6000);
    CLEANUP(put_at) struct json_object *data = parsed(recording.job, 0);
    assert_string_equal(string(data, "parent_job_id"), RECORDING_JOB_ID);
    assert_string_equal(string(data, "job_id"), id_of_sub_job(RECORDING_JOB_ID, 1).text);
    assert_int_equal(number(data, "chunk_index"), 1);
    assert_string_equal(string(data, "text"), own);
    assert_string_equal(string(data, "raw_text"), own);
    assert_string_equal(string(data, "corrected_text"), own);
    assert_string_equal(string(data, "language"), "en");
    assert_int_equal(number(data, "processing_time"), 123);
    assert_int_equal(number(data, "duration_ms"), CHUNK_SECONDS * 1000);
    assert_null(member(data, "start_ms"));
    assert_int_equal(number(data, "provisional_to"), 6000);
    assert_int_equal(number(data, "provisional_from"), CHUNK_SECONDS * 1000 - 6000);
    assert_false(has(data, "truncated"));
}

static void test_job_event__silence_is_complete_and_empty(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(1);
    struct chunk *chunk = job_chunk(recording.job, 0);

    (void)state;
    recording_finish(&recording, 0);
    reading_done(&recording.readings[0]);
    job_event_add_chunk_complete(recording.job, chunk, 6000);
    CLEANUP(put_at) struct json_object *data = parsed(recording.job, 0);
    assert_string_equal(string(data, "text"), "");
    assert_int_equal(number(data, "start_ms"), 0);
    assert_false(has(data, "provisional_from"));
}

static void test_job_event__long_texts_are_cut_and_say_so(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(1);
    CLEANUP(mem_free_at) char *transcript = mem_new(100001);

    (void)state;
    memset(transcript, '"', 100000); /* each becomes two bytes */
    job_event_add_final_result(recording.job, transcript, "short");
    CLEANUP(put_at) struct json_object *data = parsed(recording.job, 0);
    assert_true(json_object_get_boolean(member(data, "truncated")));
    assert_true(strlen(string(data, "raw_transcript")) > 5000);
    assert_string_equal(string(data, "final_transcript"), "short");
    assert_string_equal(string(data, "corrected_transcript"), "short");
}

static void test_job_event__long_deltas_become_several(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(1);
    struct assembly_step step = {.from_chunk = 0, .to_chunk = 0};
    struct buf together;

    (void)state;
    buf_init(&step.delta, 1000000);
    buf_init(&together, 1000000);
    for (int i = 0; i < 100000; i++)
        buf_append_string(&step.delta, i % 3 == 0 ? "文" : "\x02");
    job_event_add_partial_transcript(recording.job, &step);
    assert_in_range(recording.job->events.count, 3, 10);
    for (size_t i = 0; i < recording.job->events.count; i++) {
        CLEANUP(put_at) struct json_object *data = parsed(recording.job, i);

        buf_append_string(&together, string(data, "delta"));
    }
    assert_string_equal(buf_string(&together), buf_string(&step.delta));
    buf_done(&together);
    assembly_step_done(&step);
}

static void test_job_event__partial_transcript_tells_what_it_covers(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(3);

    (void)state;
    recording_finish(&recording, 0);
    recording_fail(&recording, 1);
    CLEANUP(assembly_step_done) struct assembly_step step = recording_advance(&recording);
    job_event_add_partial_transcript(recording.job, &step);
    CLEANUP(put_at) struct json_object *data = parsed(recording.job, 0);
    assert_string_equal(string(data, "delta"), buf_string(&recording.text));
    assert_int_equal(number(data, "from_chunk"), 0);
    assert_int_equal(number(data, "to_chunk"), 1);
    assert_int_equal(number(data, "available_chunks"), 1);
    assert_int_equal(number(data, "last_assembled_index"), 1);
    assert_int_equal(number(data, "total_chunks"), 3);
    struct json_object *placed = member(data, "placed");
    assert_int_equal(json_object_array_length(placed), 2);
    assert_int_equal(number(json_object_array_get_idx(placed, 1), "start_ms"),
                     CHUNK_SECONDS * 1000);
}

static void test_job_event__nothing_moved_is_no_event(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(3);
    CLEANUP(assembly_step_done) struct assembly_step step = recording_advance(&recording);

    (void)state;
    job_event_add_partial_transcript(recording.job, &step);
    assert_int_equal(recording.job->events.count, 0);
}

static void test_job_event__percentages(void **state)
{
    static const struct {
        enum job_status status;
        int32_t uploaded, completed, failed;
        double progress, upload, processing, success;
    } CASES[] = {
        {JOB_UPLOADING, 0, 0, 0, 0.0, 0.0, 0.0, 0.0},
        {JOB_UPLOADING, 1, 0, 0, 16.6, 33.3, 0.0, 0.0},
        {JOB_PROCESSING, 3, 1, 1, 83.3, 100.0, 66.6, 50.0},
        {JOB_ASSEMBLING, 3, 3, 0, 99.0, 100.0, 100.0, 100.0},
        {JOB_DONE, 3, 3, 0, 100.0, 100.0, 100.0, 100.0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        CLEANUP(recording_free) struct recording recording = recording_new(3);
        struct job *job = recording.job;

        job->status = CASES[i].status;
        job->uploaded_chunks = CASES[i].uploaded;
        job->completed_chunks = CASES[i].completed;
        job->failed_chunks = CASES[i].failed;
        job_event_add_progress_update(job);
        CLEANUP(put_at) struct json_object *data = parsed(job, 0);
        assert_true(fraction(data, "progress") == CASES[i].progress);
        assert_true(fraction(data, "upload_progress") == CASES[i].upload);
        assert_true(fraction(data, "processing_progress") == CASES[i].processing);
        assert_true(fraction(data, "success_rate") == CASES[i].success);
    }
}

static void test_job_event__failures_carry_their_error(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(1);
    struct chunk *chunk = job_chunk(recording.job, 0);
    char message[] = "no \"audio\"\nin here";
    const struct event_failed failed = {.type = "not_audio", .message = message, .permanent = true};

    (void)state;
    chunk->error = job_event_error(&failed);
    chunk->attempt = 2;
    recording.job->max_retries = 3;
    job_event_add_chunk_failed(recording.job, chunk);
    job_event_add_chunk_retrying(recording.job, chunk, 1500000);
    CLEANUP(put_at) struct json_object *final = parsed(recording.job, 0);
    CLEANUP(put_at) struct json_object *retrying = parsed(recording.job, 1);
    assert_string_equal(string(member(final, "error"), "type"), "not_audio");
    assert_string_equal(string(member(final, "error"), "message"), message);
    assert_int_equal(number(final, "max_retries"), 3);
    assert_int_equal(number(retrying, "retry_in_ms"), 1500);
    assert_int_equal(number(retrying, "attempt"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_job_event__seqs_are_dense_and_views_have_none),
        cmocka_unit_test(test_job_event__chunk_complete_has_the_own_words_and_what_is_provisional),
        cmocka_unit_test(test_job_event__silence_is_complete_and_empty),
        cmocka_unit_test(test_job_event__long_texts_are_cut_and_say_so),
        cmocka_unit_test(test_job_event__long_deltas_become_several),
        cmocka_unit_test(test_job_event__partial_transcript_tells_what_it_covers),
        cmocka_unit_test(test_job_event__nothing_moved_is_no_event),
        cmocka_unit_test(test_job_event__percentages),
        cmocka_unit_test(test_job_event__failures_carry_their_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
