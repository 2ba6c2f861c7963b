/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libFuzzer: any bytes as what a decoder writes, in pieces of any length (the first byte chooses
 * them). Whatever is taken must keep to what was promised.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "worker/decoder_stream.h"

#define TOTAL_SIZE 1000000
#define MAX_SECONDS 60

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* What was taken so far. */
struct taken {
    int reports;
    int64_t samples;
    int64_t samples_max;
};

static void take_report(struct taken *taken, const struct media_report *report)
{
    int64_t length = report->reading_end - report->reading_start;
    require(++taken->reports == 1);
    require(report->sample_rate > 0 && report->samples >= 0 && length >= report->samples);
    require(length <= (MAX_SECONDS + 1) * (int64_t)report->sample_rate);
    require(strnlen(report->codec, sizeof(report->codec)) < sizeof(report->codec));
    taken->samples_max = (length * MEDIA_PCM_RATE + report->sample_rate - 1) / report->sample_rate;
}

/* False: the stream has ended. */
static bool take_event(struct taken *taken, enum decoder_stream_result result,
                       const struct decoder_stream_event *event)
{
    volatile int16_t last;
    switch (result) {
    case DECODER_STREAM_INCOMPLETE:
        return true;
    case DECODER_STREAM_REPORT:
        take_report(taken, &event->report);
        return true;
    case DECODER_STREAM_PCM:
        taken->samples += (int64_t)event->count;
        last = event->samples[event->count - 1];
        (void)last;
        require(taken->reports == 1 && taken->samples <= taken->samples_max);
        return true;
    case DECODER_STREAM_DONE:
        require(taken->reports == 1);
        return false;
    case DECODER_STREAM_NEED:
        require(event->need.start >= 0 && event->need.start < event->need.end);
        require(event->need.end <= TOTAL_SIZE);
        return false;
    case DECODER_STREAM_ERROR:
    case DECODER_STREAM_INVALID:
        require(event->err.message[0] != '\0' || result == DECODER_STREAM_ERROR);
        return false;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    size_t piece = (size_t)data[0] * 16 + 1;
    size_t at = 1;
    struct decoder_stream *stream = decoder_stream_new(TOTAL_SIZE, MAX_SECONDS);
    struct taken taken = {.reports = 0};
    bool goes_on = true;
    while (goes_on && at < size) {
        size_t space = 0;
        uint8_t *to = decoder_stream_space(stream, &space);
        size_t length = size - at < piece ? size - at : piece;
        length = length < space ? length : space;
        memcpy(to, data + at, length);
        decoder_stream_filled(stream, length);
        at += length;
        enum decoder_stream_result result = DECODER_STREAM_REPORT;
        while (goes_on && result != DECODER_STREAM_INCOMPLETE) {
            struct decoder_stream_event event;
            result = decoder_stream_next(stream, &event);
            goes_on = take_event(&taken, result, &event);
        }
    }
    decoder_stream_free(stream);
    return 0;
}
