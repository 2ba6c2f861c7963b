/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assembler/job_state.h"
#include "assembler/rewind.h"
#include "tests/unit/assembler/recording_fixture.h"

#define CHUNKS 6

static void advance(struct recording *recording)
{
    struct assembly_step step = recording_advance(recording);

    assembly_step_done(&step);
}

/* What the table of parts holds below the chunk; the text becomes that. */
static struct rewind_prefix drop_parts(struct recording *recording, int32_t from_chunk)
{
    struct job *job = recording->job;
    struct rewind_prefix prefix = {0};
    size_t kept = 0;

    recording->text.length = 0;
    for (size_t i = 0; i < job->parts.count; i++) {
        struct job_part *part = &job->parts.items[i];

        if (part->chunk_index >= from_chunk) {
            free(part->text);
            continue;
        }
        buf_append_string(&recording->text, part->text);
        if (kept == 0 || job->parts.items[kept - 1].chunk_index != part->chunk_index)
            prefix.available_chunks += !part->is_gap;
        job->parts.items[kept++] = *part;
    }
    job->parts.count = kept;
    prefix.transcript_bytes = (int64_t)recording->text.length;
    return prefix;
}

static void retry(struct recording *recording, int32_t index)
{
    const struct event_retry_chunk asked = {.chunk_index = index,
                                            .attempt = job_chunk(recording->job, index)->attempt};

    assert_true(job_state_retry(recording->job, job_chunk(recording->job, index), &asked));
}

static void rewind_and_finish(struct recording *recording)
{
    struct job *job = recording->job;
    const struct rewind_prefix prefix = drop_parts(recording, job->rewind_to);

    rewind_text(job, &prefix);
    for (int32_t i = 0; i < CHUNKS; i++) {
        struct chunk *chunk = job_chunk(job, i);

        if (chunk->status == CHUNK_UPLOADED)
            recording_finish(recording, i);
    }
    advance(recording);
}

/* Every set of failed chunks, all of them retried: the text is the one of a run without failures.
 */
static void test_rewind__a_retry_fills_the_gaps(void **state)
{
    CLEANUP(mem_free_at) char *truth = recording_truth(0, CHUNKS * CHUNK_SECONDS);

    (void)state;
    for (unsigned failed = 1; failed < 1U << CHUNKS; failed++) {
        CLEANUP(recording_free) struct recording recording = recording_new(CHUNKS);
        struct job *job = recording.job;

        job->uploaded_chunks = CHUNKS;
        for (int32_t i = 0; i < CHUNKS; i++) {
            if (failed & 1U << i)
                recording_fail(&recording, i);
            else
                recording_finish(&recording, i);
        }
        advance(&recording);
        assert_int_equal(job->frontier, CHUNKS);
        job->status = JOB_DONE;
        for (int32_t i = CHUNKS - 1; i >= 0; i--)
            if (failed & 1U << i)
                retry(&recording, i);
        assert_int_equal(job->status, JOB_PROCESSING);
        assert_int_equal(job->failed_chunks, 0);
        rewind_and_finish(&recording);
        assert_string_equal(buf_string(&recording.text), truth);
        assert_int_equal(job->available_chunks, CHUNKS);
        assert_int_equal(job->frontier_sample, (int64_t)CHUNKS * CHUNK_SECONDS * RECORDING_RATE);
    }
}

/* What stands before the retried chunk is the same to the byte. */
static void test_rewind__text_before_the_chunk_stays(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(CHUNKS);

    (void)state;
    for (int32_t i = 0; i < CHUNKS; i++) {
        if (i == 1 || i == 4)
            recording_fail(&recording, i);
        else
            recording_finish(&recording, i);
    }
    advance(&recording);
    CLEANUP(mem_free_at) char *before = mem_copy_string(buf_string(&recording.text));
    retry(&recording, 4);
    const struct rewind_prefix prefix = drop_parts(&recording, recording.job->rewind_to);
    assert_int_equal(recording.job->rewind_to, 4);
    assert_memory_equal(before, buf_string(&recording.text), recording.text.length);
    assert_int_equal(prefix.available_chunks, 3);
}

static void test_rewind__a_chunk_not_passed_yet_needs_none(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(CHUNKS);

    (void)state;
    recording_fail(&recording, 3);
    retry(&recording, 3);
    assert_int_equal(recording.job->rewind_to, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rewind__a_retry_fills_the_gaps),
        cmocka_unit_test(test_rewind__text_before_the_chunk_stays),
        cmocka_unit_test(test_rewind__a_chunk_not_passed_yet_needs_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
