/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_TRANSCRIPT_WRITER_H
#define GATEWAY_TRANSCRIPT_WRITER_H

/*
 * The transcript of a job as a document, written chunk by chunk. Some formats say things more than
 * once (the text, its segments, its words): the chunks are then given several times, so that
 * nothing of them is kept. Gaps are a marker in text, an object in JSON, and nothing in captions.
 * Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/reading.h"
#include "gateway/transcript_request.h"

/* Strings are borrowed until transcript_writer_new() returns. */
struct transcript_facts {
    const char *job_id;
    const char *status;
    const char *language; /* NULL: not known */
    bool is_complete;     /* the job has ended: no more text will come by itself */
    int32_t available_chunks;
    int32_t total_chunks;
    int64_t duration_ms; /* of what the text covers */
};

/* What one chunk has in the ordered text. */
struct transcript_chunk {
    int32_t chunk_index;
    int64_t start_ms; /* in the recording */
    int64_t end_ms;
    int32_t sample_rate;           /* of the reading's positions; > 0 with words */
    const struct reading *reading; /* NULL: a gap */
    size_t first_word;             /* words [first_word, last_word) of the reading */
    size_t last_word;
    const char *gap_text;   /* of a gap, as it stands in the text */
    const char *gap_reason; /* the type of the error, or NULL */
};

struct transcript_writer;

void transcript_writer_free(struct transcript_writer *writer);
struct transcript_writer *transcript_writer_new(const struct transcript_request *request,
                                                const struct transcript_facts *facts)
    FREED_BY(transcript_writer_free);
/* The chunks in order, from the first. */
void transcript_writer_add(struct transcript_writer *writer, const struct transcript_chunk *chunk,
                           struct buf *out);
/* After the last chunk. True: all chunks are to be given once more. False: the document ends. */
bool transcript_writer_next(struct transcript_writer *writer, struct buf *out) MUST_CHECK;

#endif
