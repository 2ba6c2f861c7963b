/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_DECODER_STREAM_H
#define WORKER_DECODER_STREAM_H

/*
 * Reads what a child writes. A hostile file may have taken the child over, so nothing is believed:
 * lengths, order, ranges and the amount of PCM are checked, and the first frame that does not fit
 * ends the stream. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "worker/decoder_protocol.h"

struct decoder_stream;

enum decoder_stream_result {
    DECODER_STREAM_INCOMPLETE, /* more bytes are needed */
    DECODER_STREAM_REPORT,
    DECODER_STREAM_PCM,
    DECODER_STREAM_DONE,
    DECODER_STREAM_NEED,
    DECODER_STREAM_ERROR,  /* as the child tells it */
    DECODER_STREAM_INVALID /* no decoder of ours writes this; err says what is wrong */
};

struct decoder_stream_event {
    struct media_report report;
    const int16_t *samples; /* valid until the next call */
    size_t count;
    struct decoder_done done;
    struct media_need need;
    struct err err;
};

void decoder_stream_free(struct decoder_stream *stream);
struct decoder_stream *decoder_stream_new(int64_t total_size, int64_t max_seconds)
    FREED_BY(decoder_stream_free);

/* Where the next bytes go: never less than 1, unless a whole frame waits to be taken. */
uint8_t *decoder_stream_space(struct decoder_stream *stream, size_t *ret_space);
void decoder_stream_filled(struct decoder_stream *stream, size_t bytes);

/* Fills the members of *ret_event that belong to the result. */
enum decoder_stream_result decoder_stream_next(struct decoder_stream *stream,
                                               struct decoder_stream_event *ret_event) MUST_CHECK;

#endif
