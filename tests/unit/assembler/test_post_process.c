/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "assembler/job_state.h"
#include "assembler/post_process.h"
#include "tests/unit/assembler/recording_fixture.h"

#define CORRECTION                                                                                 \
    "\"correction\":{\"model\":\"m\",\"pieces\":2,\"rejected\":1,\"reason\":\"loops\","            \
    "\"requests\":2,\"time_ms\":5}"

/* All of its text is in order. */
static struct job *whole_job(bool wants)
{
    struct job *job = job_new(RECORDING_JOB_ID);

    job->layout = chunk_layout_of(300, 100, 100);
    job->status = JOB_ASSEMBLING;
    job->uploaded_chunks = 3;
    job->completed_chunks = 3;
    job->frontier = 3;
    job->wants_post_process = wants;
    job->stored_text = mem_copy_string("it was");
    return job;
}

static struct job_open_task open_task(const struct job *job, size_t number)
{
    return (struct job_open_task){.id = 1,
                                  .kind = JOB_TASK_POST_PROCESS,
                                  .attempt = 1,
                                  .payload = job->tasks.items[number].payload};
}

/* As the next transaction finds it. */
static void commit(struct job *job)
{
    job->now_post_processed = false;
    job->now_completed = false;
}

static void test_post_process__a_job_that_wants_none_ends(void **state)
{
    struct job *job = whole_job(false);

    (void)state;
    job_state_advance(job);
    assert_int_equal(job->status, JOB_DONE);
    assert_int_equal(job->tasks.count, 0);
    job_free(job);
}

static void test_post_process__one_task_follows_the_other_and_then_the_end(void **state)
{
    struct job *job = whole_job(true);

    (void)state;
    for (int i = 0; i < 2; i++) { /* asked twice it begins once */
        job_state_advance(job);
        assert_int_equal(job->status, JOB_ASSEMBLING);
        assert_int_equal(job->tasks.count, 1);
    }
    struct job_open_task first = open_task(job, 0);
    assert_non_null(strstr(first.payload, "\"from_chunk\":0,\"from_word\":0,\"head\":\"\""));
    post_process_on_done(
        job, &first,
        "{\"parts\":[{\"chunk_index\":0,\"corrected\":\"It was\"}],\"next\":"
        "{\"from_chunk\":1,\"from_word\":2,\"head\":\" A \\\"day\\\"\"}," CORRECTION "}");
    assert_int_equal(job->corrected.count, 1);
    assert_string_equal(job->corrected.items[0].text, "It was");
    assert_int_equal(job->llm_pieces, 2);
    assert_int_equal(job->llm_rejected, 1);
    assert_string_equal(job->llm_reason, "loops");
    assert_int_equal(job->tasks.count, 2);
    struct job_open_task second = open_task(job, 1);
    assert_non_null(
        strstr(second.payload, "\"from_chunk\":1,\"from_word\":2,\"head\":\" A \\\"day"));
    job_state_advance(job);
    assert_int_equal(job->status, JOB_ASSEMBLING);

    post_process_on_done(job, &second, "{\"parts\":[],\"next\":null," CORRECTION "}");
    job_state_advance(job);
    assert_int_equal(job->status, JOB_ASSEMBLING); /* its text is only written now */
    assert_true(post_process_has_more(job));
    commit(job);
    job_state_advance(job);
    assert_int_equal(job->status, JOB_DONE);
    assert_false(post_process_has_more(job));
    job_free(job);
}

static void test_post_process__without_its_text_loaded_the_job_waits(void **state)
{
    struct job *job = whole_job(true);

    (void)state;
    job->post_process = POST_PROCESS_OVER;
    free(job->stored_text);
    job->stored_text = NULL;
    job_state_advance(job);
    assert_int_equal(job->status, JOB_ASSEMBLING);
    job_free(job);
}

static void test_post_process__whatever_fails_the_text_stands(void **state)
{
    static const struct {
        const char *result; /* NULL: the task failed with `error` */
        const char *error;
        const char *reason;
    } ROWS[] = {
        {NULL, "limited", "limited"},
        {NULL, "Not a word!", "unavailable"},
        {"[]", "", "unreadable"},
        {"{\"parts\":[{\"chunk_index\":3,\"corrected\":\"\"}],\"next\":null," CORRECTION "}", "",
         "unreadable"},
        {"{\"parts\":[5],\"next\":null," CORRECTION "}", "", "unreadable"},
        {"{\"parts\":[],\"next\":{\"from_chunk\":7,\"from_word\":0,\"head\":\"\"}," CORRECTION "}",
         "", "loops"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct job *job = whole_job(true);
        struct event_failed failed = {.permanent = true};

        job_state_advance(job);
        struct job_open_task task = open_task(job, 0);
        (void)strncpy(failed.type, ROWS[i].error, sizeof failed.type - 1);
        if (ROWS[i].result != NULL)
            post_process_on_done(job, &task, ROWS[i].result);
        else
            post_process_on_failed(job, &task, &failed);
        assert_int_equal(job->post_process, POST_PROCESS_OVER);
        assert_string_equal(job->llm_reason, ROWS[i].reason);
        job_free(job);
    }
}

static void test_post_process__answers_to_an_earlier_run_count_for_nothing(void **state)
{
    struct job *job = whole_job(true);

    (void)state;
    job_state_advance(job);
    struct job_open_task old = open_task(job, 0);
    post_process_reset(job); /* a chunk is tried once more */
    job_state_advance(job);
    assert_int_equal(job->tasks.count, 2);
    post_process_on_done(job, &old, "{\"parts\":[],\"next\":null," CORRECTION "}");
    assert_int_equal(job->post_process, POST_PROCESS_RUNNING);
    struct job_open_task current = open_task(job, 1);
    job->status = JOB_CANCELLED;
    post_process_on_done(job, &current, "{\"parts\":[],\"next\":null," CORRECTION "}");
    assert_int_equal(job->llm_pieces, 0);
    job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_post_process__a_job_that_wants_none_ends),
        cmocka_unit_test(test_post_process__one_task_follows_the_other_and_then_the_end),
        cmocka_unit_test(test_post_process__without_its_text_loaded_the_job_waits),
        cmocka_unit_test(test_post_process__whatever_fails_the_text_stands),
        cmocka_unit_test(test_post_process__answers_to_an_earlier_run_count_for_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
