/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/assembler/recording_fixture.h"

#define CHUNKS 9
#define SHUFFLES 200

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void shuffle(int32_t *items, size_t count, uint32_t *state)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = next_random(state) % i;
        int32_t item = items[i - 1];

        items[i - 1] = items[other];
        items[other] = item;
    }
}

static void advance(struct recording *recording)
{
    struct assembly_step step = recording_advance(recording);

    assembly_step_done(&step);
}

static void test_assembly__any_order_with_repeats_gives_the_same_text(void **state)
{
    CLEANUP(mem_free_at) char *truth = recording_truth(0, CHUNKS * CHUNK_SECONDS);
    uint32_t seed = 1;

    (void)state;
    for (int round = 0; round < SHUFFLES; round++) {
        CLEANUP(recording_free) struct recording recording = recording_new(CHUNKS);
        int32_t order[2 * CHUNKS];

        for (int32_t i = 0; i < 2 * CHUNKS; i++)
            order[i] = i % CHUNKS;
        shuffle(order, ARRAY_LEN(order), &seed);
        for (size_t i = 0; i < ARRAY_LEN(order); i++) {
            recording_finish(&recording, order[i]);
            advance(&recording);
            /* It only ever grows, and is always right as far as it goes. */
            assert_memory_equal(buf_string(&recording.text), truth, recording.text.length);
        }
        assert_string_equal(buf_string(&recording.text), truth);
        assert_int_equal(recording.job->frontier, CHUNKS);
        assert_int_equal(recording.job->settled_parts, CHUNKS);
        assert_int_equal(recording.job->transcript_bytes, recording.text.length);
    }
}

/* The text of a job in which chunks 0, 1, 4 and 8 fail, arriving in the order of `order`. */
static char *text_with_gaps(const int32_t *order)
{
    CLEANUP(recording_free) struct recording recording = recording_new(CHUNKS);

    for (int i = 0; i < CHUNKS; i++) {
        if (order[i] == 0 || order[i] == 1 || order[i] == 4 || order[i] == 8)
            recording_fail(&recording, order[i]);
        else
            recording_finish(&recording, order[i]);
        advance(&recording);
    }
    assert_int_equal(recording.job->frontier, CHUNKS);
    assert_int_equal(recording.job->available_chunks, CHUNKS - 4);
    return buf_take(&recording.text);
}

static void test_assembly__gaps_have_the_same_times_in_any_order(void **state)
{
    int32_t order[CHUNKS] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    CLEANUP(mem_free_at) char *in_order = text_with_gaps(order);
    CLEANUP(mem_free_at) char *before = recording_truth(40, 80);
    CLEANUP(mem_free_at) char *after = recording_truth(100, 160);
    CLEANUP(mem_free_at)
    char *expected =
        mem_format("[gap 00:00:00–00:00:20] [gap 00:00:20–00:00:40] %s [gap 00:01:20–00:01:40] %s"
                   " [gap 00:02:40–00:03:00]",
                   before, after);
    uint32_t seed = 7;

    (void)state;
    assert_string_equal(in_order, expected);
    for (int round = 0; round < SHUFFLES; round++) {
        shuffle(order, CHUNKS, &seed);
        CLEANUP(mem_free_at) char *text = text_with_gaps(order);

        assert_string_equal(text, expected);
    }
}

/* A chunk arrives, read or failed as `is_failed` says. */
static void arrive(struct recording *recording, int32_t index, const bool *is_failed)
{
    if (is_failed[index])
        recording_fail(recording, index);
    else
        recording_finish(recording, index);
    advance(recording);
}

static char *text_in_order(const bool *is_failed)
{
    CLEANUP(recording_free) struct recording recording = recording_new(CHUNKS);

    for (int32_t i = 0; i < CHUNKS; i++)
        arrive(&recording, i, is_failed);
    return buf_take(&recording.text);
}

static void test_assembly__any_gaps_order_and_repeats_give_the_same_growing_text(void **state)
{
    uint32_t seed = 7;

    (void)state;
    for (int round = 0; round < SHUFFLES; round++) {
        CLEANUP(recording_free) struct recording recording = recording_new(CHUNKS);
        int32_t order[2 * CHUNKS];
        bool is_failed[CHUNKS];

        for (int32_t i = 0; i < 2 * CHUNKS; i++)
            order[i] = i % CHUNKS;
        for (int32_t i = 0; i < CHUNKS; i++)
            is_failed[i] = next_random(&seed) % 3 == 0;
        CLEANUP(mem_free_at) char *expected = text_in_order(is_failed);
        shuffle(order, ARRAY_LEN(order), &seed);
        for (size_t i = 0; i < ARRAY_LEN(order); i++) {
            arrive(&recording, order[i], is_failed);
            assert_memory_equal(buf_string(&recording.text), expected, recording.text.length);
        }
        assert_string_equal(buf_string(&recording.text), expected);
        assert_int_equal(recording.job->frontier, CHUNKS);
    }
}

static void test_assembly__words_near_an_open_seam_wait(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(3);
    CLEANUP(mem_free_at) char *stable = recording_truth(0, CHUNK_SECONDS - OVERLAP_SECONDS);

    (void)state;
    recording_finish(&recording, 0);
    advance(&recording);
    assert_string_equal(buf_string(&recording.text), stable);
    assert_int_equal(job_chunk(recording.job, 0)->words.last, -1);
    assert_int_equal(recording.job->frontier, 1);
    assert_int_equal(recording.job->settled_parts, 0);
}

static void test_assembly__nothing_passes_a_chunk_that_is_open(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(3);

    (void)state;
    recording_finish(&recording, 1);
    recording_finish(&recording, 2);
    advance(&recording);
    assert_int_equal(recording.text.length, 0);
    assert_int_equal(recording.job->frontier, 0);
}

static void test_assembly__parts_together_are_the_text(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(CHUNKS);
    struct buf parts;

    (void)state;
    for (int32_t i = CHUNKS - 1; i >= 0; i--)
        recording_finish(&recording, i);
    advance(&recording);
    buf_init(&parts, (size_t)1 << 20);
    for (int32_t index = 0; index < CHUNKS; index++)
        for (size_t i = 0; i < recording.job->parts.count; i++)
            if (recording.job->parts.items[i].chunk_index == index)
                buf_append_string(&parts, recording.job->parts.items[i].text);
    assert_string_equal(buf_string(&parts), buf_string(&recording.text));
    assert_int_equal(recording.job->seams.count, CHUNKS - 1);
    buf_done(&parts);
}

static void test_assembly__a_step_ends_at_its_limit_and_says_so(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(CHUNKS);
    CLEANUP(mem_free_at) char *truth = recording_truth(0, CHUNKS * CHUNK_SECONDS);
    const struct assembly_limits few = {
        .chunks = 2, .text_bytes = 65536, .hold_back_ms = (int64_t)OVERLAP_SECONDS * 1000};
    int steps = 0;

    (void)state;
    for (int32_t i = 0; i < CHUNKS; i++)
        recording_finish(&recording, i);
    do {
        CLEANUP(assembly_step_done) struct assembly_step step;

        assembly_advance(recording.job, &few, &step);
        buf_append(&recording.text, step.delta.data, step.delta.length);
        steps++;
    } while (recording.job->has_more);
    assert_int_equal(steps, (CHUNKS + 1) / 2);
    assert_string_equal(buf_string(&recording.text), truth);
}

static void test_assembly__a_reading_that_is_not_loaded_ends_the_step(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(3);

    (void)state;
    for (int32_t i = 0; i < 3; i++)
        recording_finish(&recording, i);
    job_chunk(recording.job, 1)->reading = NULL;
    advance(&recording);
    assert_int_equal(recording.job->frontier, 1);
    assert_true(recording.job->has_more);
    job_chunk(recording.job, 1)->reading = &recording.readings[1];
    advance(&recording);
    assert_int_equal(recording.job->frontier, 3);
    assert_false(recording.job->has_more);
}

static void test_assembly__chunks_are_placed_by_the_samples_before_them(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(3);

    (void)state;
    for (int32_t i = 0; i < 3; i++)
        recording_finish(&recording, i);
    CLEANUP(assembly_step_done) struct assembly_step step = recording_advance(&recording);
    assert_int_equal(step.placed_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(step.placed[i].chunk_index, i);
        assert_int_equal(step.placed[i].start_ms, i * CHUNK_SECONDS * 1000);
    }
    assert_int_equal(step.from_chunk, 0);
    assert_int_equal(step.to_chunk, 2);
}

static void test_assembly__absolute_time_wins_over_an_estimate(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(4);

    (void)state;
    recording_finish(&recording, 0);
    recording_fail(&recording, 1);
    recording_finish(&recording, 2);
    recording_finish(&recording, 3);
    job_chunk(recording.job, 3)->audio.has_absolute_start = true;
    job_chunk(recording.job, 3)->audio.absolute_start = 61234;
    advance(&recording);
    assert_true(job_chunk(recording.job, 2)->start_is_estimated);
    assert_int_equal(job_chunk(recording.job, 2)->start_sample, 40000);
    assert_false(job_chunk(recording.job, 3)->start_is_estimated);
    assert_int_equal(job_chunk(recording.job, 3)->start_sample, 61234);
}

static void test_assembly__a_chunk_that_begins_elsewhere_is_read_again_once(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(3);
    CLEANUP(mem_free_at) char *truth = recording_truth(0, 3 * CHUNK_SECONDS);
    struct chunk *chunk = job_chunk(recording.job, 1);

    (void)state;
    for (int32_t i = 0; i < 3; i++)
        recording_finish(&recording, i);
    chunk->audio.first_byte += 5;
    advance(&recording);
    assert_int_equal(recording.job->frontier, 1);
    assert_int_equal(chunk->status, CHUNK_UPLOADED);
    assert_int_equal(chunk->resync_from, CHUNK_BYTES);
    assert_int_equal(chunk->attempt, 2);
    assert_int_equal(chunk->min_attempt, 2);
    assert_int_equal(recording.job->tasks.count, 1);
    assert_int_equal(recording.job->tasks.items[0].attempt, 2);

    chunk->status = CHUNK_DONE; /* and it begins elsewhere still */
    CLEANUP(assembly_step_done) struct assembly_step step = recording_advance(&recording);
    assert_int_equal(step.mismatches, 1);
    assert_string_equal(buf_string(&recording.text), truth);
}

/* A unit whose size chunk 0 could not tell, seen whole by chunk 1: no second reading is needed. */
static void test_assembly__a_unit_on_the_border_is_completed_by_the_next_chunk(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(3);
    CLEANUP(mem_free_at) char *truth = recording_truth(0, 3 * CHUNK_SECONDS);
    struct chunk *first = job_chunk(recording.job, 0);
    struct chunk *second = job_chunk(recording.job, 1);

    (void)state;
    for (int32_t i = 0; i < 3; i++)
        recording_finish(&recording, i);
    int64_t whole = first->audio.samples;
    first->audio.samples -= 26;
    first->audio.next_byte -= 10;
    first->audio.tail_complete = false;
    second->audio.border_byte = first->audio.next_byte;
    second->audio.border_samples = 26;
    advance(&recording);
    assert_string_equal(buf_string(&recording.text), truth);
    assert_int_equal(recording.job->tasks.count, 0);
    assert_int_equal(first->audio.samples, whole);
    assert_int_equal(second->start_sample, whole);
}

/* The last chunk holds the rest of a unit and nothing else: the first one ended before that unit.
 */
static void test_assembly__a_chunk_that_owns_nothing_tells_of_the_unit_on_its_border(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);
    CLEANUP(mem_free_at) char *truth = recording_truth(0, CHUNK_SECONDS);
    struct chunk *first = job_chunk(recording.job, 0);
    struct chunk *rest = job_chunk(recording.job, 1);

    (void)state;
    for (int32_t i = 0; i < 2; i++) {
        recording_finish(&recording, i);
        reading_done(&recording.readings[i]);
    }
    recording_read(&recording.readings[0], 0, CHUNK_SECONDS - 1, 0);
    first->audio.samples -= RECORDING_RATE;
    first->audio.next_byte -= 100;
    first->audio.tail_complete = false;
    recording_read(&recording.readings[1], CHUNK_SECONDS - OVERLAP_SECONDS, CHUNK_SECONDS,
                   CHUNK_SECONDS);
    rest->audio.samples = 0;
    rest->audio.first_byte = rest->audio.next_byte;
    rest->audio.border_byte = first->audio.next_byte;
    rest->audio.border_samples = RECORDING_RATE;
    advance(&recording);
    assert_string_equal(buf_string(&recording.text), truth);
    assert_int_equal(recording.job->tasks.count, 0);
    assert_int_equal(recording.job->frontier_sample, CHUNK_SECONDS * RECORDING_RATE);
    assert_int_equal(rest->start_sample, CHUNK_SECONDS * RECORDING_RATE);
}

static void test_assembly__a_chunk_without_sound_takes_nothing_from_its_neighbours(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(3);
    struct chunk *cover = job_chunk(recording.job, 0);
    CLEANUP(mem_free_at) char *truth = recording_truth(CHUNK_SECONDS, 3 * CHUNK_SECONDS);

    (void)state;
    for (int32_t i = 0; i < 3; i++)
        recording_finish(&recording, i);
    reading_done(&recording.readings[0]);
    cover->audio = (struct event_audio){.tail_complete = true};
    reading_done(&recording.readings[1]);
    recording_read(&recording.readings[1], CHUNK_SECONDS, 2 * CHUNK_SECONDS + OVERLAP_SECONDS,
                   CHUNK_SECONDS);
    advance(&recording);
    assert_string_equal(buf_string(&recording.text), truth);
    assert_int_equal(job_chunk(recording.job, 1)->start_sample, 0);
}

static void test_assembly__all_failed_has_gaps_without_times(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(2);

    (void)state;
    recording_fail(&recording, 0);
    advance(&recording);
    assert_int_equal(recording.job->frontier, 0);
    recording_fail(&recording, 1);
    advance(&recording);
    assert_int_equal(recording.job->frontier, 2);
    assert_string_equal(buf_string(&recording.text), "[gap] [gap]");
}

static void test_assembly__own_words_have_their_middle_in_the_chunk(void **state)
{
    CLEANUP(recording_free) struct recording recording = recording_new(3);

    (void)state;
    for (int32_t i = 0; i < 3; i++) {
        recording_finish(&recording, i);
        struct chunk *chunk = job_chunk(recording.job, i);
        struct chunk_words words = assembly_own_words(recording.job, chunk);

        assert_int_equal(words.first, i == 0 ? 0 : OVERLAP_SECONDS);
        assert_int_equal(words.last - words.first, CHUNK_SECONDS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assembly__any_order_with_repeats_gives_the_same_text),
        cmocka_unit_test(test_assembly__gaps_have_the_same_times_in_any_order),
        cmocka_unit_test(test_assembly__any_gaps_order_and_repeats_give_the_same_growing_text),
        cmocka_unit_test(test_assembly__words_near_an_open_seam_wait),
        cmocka_unit_test(test_assembly__nothing_passes_a_chunk_that_is_open),
        cmocka_unit_test(test_assembly__parts_together_are_the_text),
        cmocka_unit_test(test_assembly__a_step_ends_at_its_limit_and_says_so),
        cmocka_unit_test(test_assembly__a_reading_that_is_not_loaded_ends_the_step),
        cmocka_unit_test(test_assembly__chunks_are_placed_by_the_samples_before_them),
        cmocka_unit_test(test_assembly__absolute_time_wins_over_an_estimate),
        cmocka_unit_test(test_assembly__a_chunk_that_begins_elsewhere_is_read_again_once),
        cmocka_unit_test(test_assembly__a_unit_on_the_border_is_completed_by_the_next_chunk),
        cmocka_unit_test(test_assembly__a_chunk_that_owns_nothing_tells_of_the_unit_on_its_border),
        cmocka_unit_test(test_assembly__a_chunk_without_sound_takes_nothing_from_its_neighbours),
        cmocka_unit_test(test_assembly__all_failed_has_gaps_without_times),
        cmocka_unit_test(test_assembly__own_words_have_their_middle_in_the_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
