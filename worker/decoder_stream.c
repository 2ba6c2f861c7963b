/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/decoder_stream.h"

#include <inttypes.h>
#include <string.h>

#include "common/mem.h"

#define CAPACITY (2 * (sizeof(struct decoder_frame) + DECODER_FRAME_BYTES_MAX))

struct decoder_stream {
    int64_t total_size;
    int64_t max_seconds;
    bool has_report;
    int64_t pcm_due; /* samples that the report promises */
    int64_t pcm_seen;
    size_t start; /* of the bytes not yet taken */
    size_t end;
    uint8_t *bytes; /* owned, CAPACITY */
};

void decoder_stream_free(struct decoder_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    free(stream->bytes);
    free(stream);
}

struct decoder_stream *decoder_stream_new(int64_t total_size, int64_t max_seconds)
{
    struct decoder_stream *stream = mem_new(sizeof(*stream));
    stream->total_size = total_size;
    stream->max_seconds = max_seconds;
    stream->bytes = mem_array(1, CAPACITY);
    return stream;
}

uint8_t *decoder_stream_space(struct decoder_stream *stream, size_t *ret_space)
{
    if (stream->start > 0) {
        memmove(stream->bytes, stream->bytes + stream->start, stream->end - stream->start);
        stream->end -= stream->start;
        stream->start = 0;
    }
    *ret_space = CAPACITY - stream->end;
    return stream->bytes + stream->end;
}

void decoder_stream_filled(struct decoder_stream *stream, size_t bytes)
{
    stream->end += bytes;
}

static enum decoder_stream_result invalid(struct decoder_stream_event *event, const char *what)
{
    (void)err_set(&event->err, ERR_REJECT, "decoder", 0, "the decoder was subverted: %s", what);
    return DECODER_STREAM_INVALID;
}

static bool is_within(int64_t value, int64_t least, int64_t most)
{
    return value >= least && value <= most;
}

static bool report_is_sane(const struct media_report *report, int64_t total_size,
                           int64_t max_seconds)
{
    if (!is_within(report->sample_rate, 1, INT32_C(1) << 20) ||
        !is_within(report->channels, 1, 64) || !is_within(report->bytes_per_second, 1, INT32_MAX) ||
        memchr(report->format, '\0', sizeof(report->format)) == NULL ||
        memchr(report->codec, '\0', sizeof(report->codec)) == NULL) {
        return false;
    }
    int64_t most = (max_seconds + 1) * report->sample_rate;
    return is_within(report->first_byte, 0, total_size) &&
           is_within(report->next_byte, 0, total_size) &&
           is_within(report->border_byte, -1, total_size) &&
           is_within(report->border_samples, 0, most) && is_within(report->samples, 0, most) &&
           is_within(report->reading_start, -most, 0) &&
           is_within(report->reading_end, report->samples, most) &&
           is_within(report->absolute_start, -(INT64_C(1) << 48), INT64_C(1) << 48) &&
           report->reading_end - report->reading_start <= most;
}

/* A bool from elsewhere may hold any byte: only 0 and 1 may be read as one. */
static bool bools_are_sane(const uint8_t *bytes)
{
    static const size_t OFFSETS[] = {
        offsetof(struct media_report, tail_complete),
        offsetof(struct media_report, has_absolute_start),
        offsetof(struct media_report, spans_previous),
        offsetof(struct media_report, spans_next),
    };
    for (size_t i = 0; i < ARRAY_LEN(OFFSETS); i++) {
        if (bytes[OFFSETS[i]] > 1) {
            return false;
        }
    }
    return true;
}

static enum decoder_stream_result read_report(struct decoder_stream *stream, const uint8_t *bytes,
                                              struct decoder_stream_event *event)
{
    if (stream->has_report || !bools_are_sane(bytes)) {
        return invalid(event, "its report makes no sense");
    }
    memcpy(&event->report, bytes, sizeof(event->report));
    const struct media_report *report = &event->report;
    if (!report_is_sane(report, stream->total_size, stream->max_seconds)) {
        return invalid(event, "its report makes no sense");
    }
    int64_t native = report->reading_end - report->reading_start;
    stream->pcm_due = (native * MEDIA_PCM_RATE + report->sample_rate - 1) / report->sample_rate;
    stream->has_report = true;
    return DECODER_STREAM_REPORT;
}

static enum decoder_stream_result read_pcm(struct decoder_stream *stream, const uint8_t *bytes,
                                           size_t length, struct decoder_stream_event *event)
{
    size_t count = length / sizeof(int16_t);
    stream->pcm_seen += (int64_t)count;
    if (!stream->has_report || count == 0 || stream->pcm_seen > stream->pcm_due) {
        return invalid(event, "more samples than it promised");
    }
    event->samples = (const int16_t *)(const void *)bytes;
    event->count = count;
    return DECODER_STREAM_PCM;
}

static enum decoder_stream_result read_done(const struct decoder_stream *stream,
                                            const uint8_t *bytes,
                                            struct decoder_stream_event *event)
{
    memcpy(&event->done, bytes, sizeof(event->done));
    if (!stream->has_report || stream->pcm_seen != stream->pcm_due ||
        event->done.pcm_samples != stream->pcm_seen ||
        !is_within(event->done.undecodable_units, 0, stream->total_size)) {
        return invalid(event, "fewer samples than it promised");
    }
    return DECODER_STREAM_DONE;
}

static enum decoder_stream_result read_need(const struct decoder_stream *stream,
                                            const uint8_t *bytes,
                                            struct decoder_stream_event *event)
{
    memcpy(&event->need, bytes, sizeof(event->need));
    if (stream->has_report || event->need.start < 0 || event->need.start >= event->need.end ||
        event->need.end > stream->total_size) {
        return invalid(event, "it needs bytes that do not exist");
    }
    return DECODER_STREAM_NEED;
}

/* Its text ends up in logs and on people's screens: printable ASCII only. */
static enum decoder_stream_result read_error(const uint8_t *bytes,
                                             struct decoder_stream_event *event)
{
    struct decoder_error error;
    memcpy(&error, bytes, sizeof(error));
    error.message[sizeof(error.message) - 1] = '\0';
    for (char *at = error.message; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~') {
            *at = '?';
        }
    }
    enum err_kind kind = error.kind == ERR_RETRY ? ERR_RETRY : ERR_REJECT;
    (void)err_set(&event->err, kind, "media", error.code, "%s", error.message);
    return DECODER_STREAM_ERROR;
}

static enum decoder_stream_result read_frame(struct decoder_stream *stream,
                                             const struct decoder_frame *frame,
                                             const uint8_t *bytes,
                                             struct decoder_stream_event *event)
{
    static const uint32_t LENGTHS[DECODER_FRAME_TYPE_COUNT] = {
        [DECODER_FRAME_REPORT] = sizeof(struct media_report),
        [DECODER_FRAME_DONE] = sizeof(struct decoder_done),
        [DECODER_FRAME_NEED] = sizeof(struct media_need),
        [DECODER_FRAME_ERROR] = sizeof(struct decoder_error),
    };
    if (frame->type != DECODER_FRAME_PCM && frame->length != LENGTHS[frame->type]) {
        return invalid(event, "a message of the wrong length");
    }
    switch ((enum decoder_frame_type)frame->type) {
    case DECODER_FRAME_REPORT:
        return read_report(stream, bytes, event);
    case DECODER_FRAME_PCM:
        return read_pcm(stream, bytes, frame->length, event);
    case DECODER_FRAME_DONE:
        return read_done(stream, bytes, event);
    case DECODER_FRAME_NEED:
        return read_need(stream, bytes, event);
    case DECODER_FRAME_ERROR:
        return read_error(bytes, event);
    case DECODER_FRAME_TYPE_COUNT:
        break;
    }
    return invalid(event, "an unknown message");
}

enum decoder_stream_result decoder_stream_next(struct decoder_stream *stream,
                                               struct decoder_stream_event *ret_event)
{
    struct decoder_frame frame;
    if (stream->end - stream->start < sizeof(frame)) {
        return DECODER_STREAM_INCOMPLETE;
    }
    memcpy(&frame, stream->bytes + stream->start, sizeof(frame));
    /* All lengths are even, which keeps samples aligned in the buffer. */
    if (frame.type >= DECODER_FRAME_TYPE_COUNT || frame.length > DECODER_FRAME_BYTES_MAX ||
        frame.length % 2 != 0) {
        return invalid(ret_event, "an unknown message");
    }
    if (stream->end - stream->start - sizeof(frame) < frame.length) {
        return DECODER_STREAM_INCOMPLETE;
    }
    const uint8_t *bytes = stream->bytes + stream->start + sizeof(frame);
    stream->start += sizeof(frame) + frame.length;
    return read_frame(stream, &frame, bytes, ret_event);
}
