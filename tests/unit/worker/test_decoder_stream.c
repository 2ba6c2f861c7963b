/* SPDX-License-Identifier: Apache-2.0 */

/* What a worker believes of a child's frames. */

#include "tests/unit/worker/media_fixture.h"
#include "worker/decoder_stream.h"

#define TOTAL_SIZE 1000000
#define MAX_SECONDS 100

static struct media_report good_report(void)
{
    return (struct media_report){.format = "wav",
                                 .codec = "pcm_s16le",
                                 .sample_rate = 8000,
                                 .channels = 1,
                                 .bytes_per_second = 16000,
                                 .next_byte = TOTAL_SIZE,
                                 .samples = 10,
                                 .border_byte = -1,
                                 .reading_end = 10};
}

static void put(struct decoder_stream *stream, uint32_t type, const void *bytes, size_t length)
{
    const struct decoder_frame frame = {.type = type, .length = (uint32_t)length};
    size_t space = 0;
    uint8_t *to = decoder_stream_space(stream, &space);
    assert_true(space >= sizeof(frame) + length);
    memcpy(to, &frame, sizeof(frame));
    if (length > 0) {
        memcpy(to + sizeof(frame), bytes, length);
    }
    decoder_stream_filled(stream, sizeof(frame) + length);
}

static enum decoder_stream_result put_and_take(struct decoder_stream *stream, uint32_t type,
                                               const void *bytes, size_t length)
{
    struct decoder_stream_event event;
    put(stream, type, bytes, length);
    return decoder_stream_next(stream, &event);
}

static void test_decoder_stream__takes_what_comes_in_pieces(void **state)
{
    (void)state;
    struct decoder_stream *whole = decoder_stream_new(TOTAL_SIZE, MAX_SECONDS);
    struct decoder_stream *stream = decoder_stream_new(TOTAL_SIZE, MAX_SECONDS);
    const struct media_report report = good_report();
    const int16_t samples[20] = {1, 2, 3};
    const struct decoder_done done = {.pcm_samples = 20};
    put(whole, DECODER_FRAME_REPORT, &report, sizeof(report));
    put(whole, DECODER_FRAME_PCM, samples, sizeof(samples));
    put(whole, DECODER_FRAME_DONE, &done, sizeof(done));
    size_t space = 0;
    const uint8_t *end = decoder_stream_space(whole, &space);
    size_t length =
        3 * sizeof(struct decoder_frame) + sizeof(report) + sizeof(samples) + sizeof(done);

    enum decoder_stream_result seen[4];
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        *decoder_stream_space(stream, &space) = end[(ptrdiff_t)i - (ptrdiff_t)length];
        decoder_stream_filled(stream, 1);
        struct decoder_stream_event event;
        enum decoder_stream_result result = decoder_stream_next(stream, &event);
        if (result == DECODER_STREAM_PCM) {
            assert_int_equal(event.count, ARRAY_LEN(samples));
            assert_memory_equal(event.samples, samples, sizeof(samples));
        }
        if (result != DECODER_STREAM_INCOMPLETE) {
            seen[count++] = result;
        }
    }
    assert_int_equal(count, 3);
    assert_int_equal(seen[0], DECODER_STREAM_REPORT);
    assert_int_equal(seen[1], DECODER_STREAM_PCM);
    assert_int_equal(seen[2], DECODER_STREAM_DONE);
    decoder_stream_free(whole);
    decoder_stream_free(stream);
}

static void spoil_rate(struct media_report *report)
{
    report->sample_rate = 0;
}

static void spoil_end(struct media_report *report)
{
    report->reading_end = 9;
}

static void spoil_start(struct media_report *report)
{
    report->reading_start = 1;
}

static void spoil_length(struct media_report *report)
{
    report->samples = report->reading_end = INT64_MAX;
}

static void spoil_bytes(struct media_report *report)
{
    report->next_byte = TOTAL_SIZE + 1;
}

static void spoil_name(struct media_report *report)
{
    memset(report->codec, 'x', sizeof(report->codec));
}

static void spoil_bool(struct media_report *report)
{
    memset(&report->spans_next, 2, 1);
}

static void test_decoder_stream__refuses_reports_that_make_no_sense(void **state)
{
    (void)state;
    void (*const spoilers[])(struct media_report *) = {
        spoil_rate, spoil_end, spoil_start, spoil_length, spoil_bytes, spoil_name, spoil_bool};
    for (size_t i = 0; i < ARRAY_LEN(spoilers); i++) {
        struct decoder_stream *stream = decoder_stream_new(TOTAL_SIZE, MAX_SECONDS);
        struct media_report report = good_report();
        spoilers[i](&report);
        assert_int_equal(put_and_take(stream, DECODER_FRAME_REPORT, &report, sizeof(report)),
                         DECODER_STREAM_INVALID);
        decoder_stream_free(stream);
    }
}

static void test_decoder_stream__refuses_other_amounts_than_promised(void **state)
{
    (void)state;
    const struct media_report report = good_report();
    const int16_t samples[40] = {0};
    const struct decoder_done done = {.pcm_samples = 20};

    struct decoder_stream *stream = decoder_stream_new(TOTAL_SIZE, MAX_SECONDS);
    assert_int_equal(put_and_take(stream, DECODER_FRAME_PCM, samples, 2), DECODER_STREAM_INVALID);
    decoder_stream_free(stream);

    stream = decoder_stream_new(TOTAL_SIZE, MAX_SECONDS);
    assert_int_equal(put_and_take(stream, DECODER_FRAME_REPORT, &report, sizeof(report)),
                     DECODER_STREAM_REPORT);
    assert_int_equal(put_and_take(stream, DECODER_FRAME_PCM, samples, 38), DECODER_STREAM_PCM);
    assert_int_equal(put_and_take(stream, DECODER_FRAME_DONE, &done, sizeof(done)),
                     DECODER_STREAM_INVALID);
    assert_int_equal(put_and_take(stream, DECODER_FRAME_PCM, samples, 4), DECODER_STREAM_INVALID);
    assert_int_equal(put_and_take(stream, DECODER_FRAME_REPORT, &report, sizeof(report)),
                     DECODER_STREAM_INVALID);
    decoder_stream_free(stream);
}

static void test_decoder_stream__refuses_unknown_frames_and_lengths(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        uint32_t length;
    } CASES[] = {
        {DECODER_FRAME_TYPE_COUNT, 0}, {UINT32_MAX, 2},
        {DECODER_FRAME_PCM, 3},        {DECODER_FRAME_PCM, DECODER_FRAME_BYTES_MAX + 2},
        {DECODER_FRAME_PCM, 0},        {DECODER_FRAME_DONE, 2},
        {DECODER_FRAME_NEED, 0},       {DECODER_FRAME_ERROR, 8},
        {DECODER_FRAME_REPORT, 16},
    };
    static const uint8_t ZEROS[DECODER_FRAME_BYTES_MAX + 2];
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct decoder_stream *stream = decoder_stream_new(TOTAL_SIZE, MAX_SECONDS);
        assert_int_equal(put_and_take(stream, CASES[i].type, ZEROS, CASES[i].length),
                         DECODER_STREAM_INVALID);
        decoder_stream_free(stream);
    }
}

static void test_decoder_stream__makes_a_child_s_words_harmless(void **state)
{
    (void)state;
    struct decoder_stream *stream = decoder_stream_new(TOTAL_SIZE, MAX_SECONDS);
    struct decoder_error error = {.kind = ERR_FATAL, .message = "a\nb\x1b[2J\xff"};
    struct decoder_stream_event event;
    put(stream, DECODER_FRAME_ERROR, &error, sizeof(error));
    assert_int_equal(decoder_stream_next(stream, &event), DECODER_STREAM_ERROR);
    assert_string_equal(event.err.message, "a?b?[2J?");
    assert_int_equal(event.err.kind, ERR_REJECT);
    const struct media_need need = {.start = 10, .end = TOTAL_SIZE + 1};
    assert_int_equal(put_and_take(stream, DECODER_FRAME_NEED, &need, sizeof(need)),
                     DECODER_STREAM_INVALID);
    decoder_stream_free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoder_stream__takes_what_comes_in_pieces),
        cmocka_unit_test(test_decoder_stream__refuses_reports_that_make_no_sense),
        cmocka_unit_test(test_decoder_stream__refuses_other_amounts_than_promised),
        cmocka_unit_test(test_decoder_stream__refuses_unknown_frames_and_lengths),
        cmocka_unit_test(test_decoder_stream__makes_a_child_s_words_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
