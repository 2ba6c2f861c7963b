/* SPDX-License-Identifier: Apache-2.0 */

/* Whether a sample keeps its place in time. */

#include <math.h>

#include "tests/unit/worker/media_fixture.h"
#include "worker/media_resample.h"

#define OUT_RATE 16000
#define TONE_HZ 1000.0
#define PIECE 1152

struct output {
    int16_t samples[OUT_RATE * 4];
    size_t count;
};

static void collect(struct output *output, const int16_t *samples, size_t count)
{
    assert_true(output->count + count <= ARRAY_LEN(output->samples));
    if (count > 0) {
        memcpy(output->samples + output->count, samples, count * sizeof(*samples));
    }
    output->count += count;
}

static double tone_at(double seconds)
{
    return 10000.0 * sin(2 * M_PI * TONE_HZ * seconds);
}

/* `stock` may be NULL. */
static void resample_tone(struct media_resample_stock *stock, int32_t rate, int64_t length,
                          struct output *output)
{
    struct err err;
    struct media_resample *resample = media_resample_new(stock, rate, OUT_RATE, &err);
    assert_non_null(resample);
    output->count = 0;
    const int16_t *out = NULL;
    for (int64_t at = 0; at < length; at += PIECE) {
        int16_t piece[PIECE];
        int64_t count = length - at < PIECE ? length - at : PIECE;
        for (int64_t i = 0; i < count; i++) {
            piece[i] = (int16_t)lrint(tone_at((double)(at + i) / rate));
        }
        collect(output, out, media_resample_push(resample, piece, (size_t)count, &out));
    }
    collect(output, out, media_resample_finish(resample, &out));
    media_resample_free(resample);
}

static void test_media_resample__adds_no_delay_and_no_sample(void **state)
{
    (void)state;
    const int32_t rates[] = {4000, 8000, 11025, 16000, 22050, 44100, 48000, 96000, 384000};
    static struct output output;
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        int64_t length = rates[i] * INT64_C(2) + 77;
        resample_tone(NULL, rates[i], length, &output);
        assert_int_equal(output.count, (length * OUT_RATE + rates[i] - 1) / rates[i]);
        for (size_t p = 200; p + 200 < output.count; p++) {
            double difference = fabs(output.samples[p] - tone_at((double)p / OUT_RATE));
            if (difference > 60) { /* a shift of a tenth of a sample would be 390 */
                fail_msg("%d Hz: sample %zu is off by %g", rates[i], p, difference);
            }
        }
    }
}

static void test_media_resample__short_and_empty_input(void **state)
{
    (void)state;
    static struct output output;
    const int64_t lengths[] = {0, 1, 2, 3, 30, 100};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        resample_tone(NULL, 44100, lengths[i], &output);
        assert_int_equal(output.count, (lengths[i] * OUT_RATE + 44099) / 44100);
    }
}

/* The second of a rate is made anew. */
static void test_media_resample__one_in_stock_is_like_a_new_one(void **state)
{
    (void)state;
    const int32_t rates[] = {44100, 48000, 44100, 48000, 22050};
    struct media_resample_stock *stock = media_resample_stock_new(OUT_RATE);
    static struct output stocked;
    static struct output made;
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        resample_tone(stock, rates[i], rates[i] + 77, &stocked);
        resample_tone(NULL, rates[i], rates[i] + 77, &made);
        assert_int_equal(stocked.count, made.count);
        assert_memory_equal(stocked.samples, made.samples, made.count * sizeof(int16_t));
    }
    media_resample_stock_free(stock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_resample__adds_no_delay_and_no_sample),
        cmocka_unit_test(test_media_resample__short_and_empty_input),
        cmocka_unit_test(test_media_resample__one_in_stock_is_like_a_new_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
