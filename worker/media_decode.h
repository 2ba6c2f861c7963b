/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_DECODE_H
#define WORKER_MEDIA_DECODE_H

/*
 * Decodes one chunk with what is there of its neighbours, as a stream in bounded memory. Runs in
 * the sandboxed child; blocks in its sink.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "worker/media_report.h"
#include "worker/media_source.h"

struct media_resample_stock;

struct media_decode_options {
    struct media_range range;
    int64_t max_seconds;
    int32_t pcm_rate; /* MEDIA_PCM_RATE; 0: the native rate, without resampling */
    struct media_resample_stock *resamplers; /* borrowed; NULL: none */
};

struct media_sink {
    void (*on_start)(void *context, const struct media_report *report);
    /* False ends the decoding with ERR_CANCELLED. */
    bool (*on_pcm)(void *context, const int16_t *samples, size_t count);
    void *context;
};

struct media_decode_result {
    struct media_report report;
    int64_t pcm_samples;
    int64_t undecodable_units;
    struct media_need need; /* MEDIA_NEED */
};

/* As media_header_read(), with what only the decoder can tell. */
enum media_status media_decode_header(struct media_source *source, struct media_header *ret_header,
                                      struct media_need *ret_need, struct err *err) MUST_CHECK;

/* MEDIA_REFUSED fills err, which may be ERR_RETRY too: the bytes could not be read. */
enum media_status media_decode(struct media_source *source,
                               const struct media_decode_options *options,
                               const struct media_sink *sink,
                               struct media_decode_result *ret_result, struct err *err) MUST_CHECK;

#endif
