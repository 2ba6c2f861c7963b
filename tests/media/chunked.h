/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MEDIA_CHUNKED_H
#define TESTS_MEDIA_CHUNKED_H

/*
 * A recording cut in chunks, as a worker meets it: each chunk is decoded from its own bytes, the
 * header's, and of each neighbour what a worker would fetch, if that neighbour is there already.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/media_report.h"
#include "worker/media_source.h"

/* What is there besides a chunk and the header: bits. */
enum {
    CHUNKED_ALONE = 0,
    CHUNKED_AFTER_PREVIOUS = 1,
    CHUNKED_AFTER_NEXT = 2,
    CHUNKED_STATES = 4,
};

struct chunked;

struct chunked_reading {
    struct media_report report;
    int16_t *samples; /* owned; mono at the native rate; NULL after chunked_report() */
    size_t count;
    int64_t undecodable_units;
};

void chunked_close(struct chunked *file);
/* Complains on stderr and ends the process if the file cannot be read or is no recording. The
 * first chunk may be smaller than the regular ones (common/chunk_layout.h). */
struct chunked *chunked_open(const char *path, int64_t chunk_bytes, int64_t first_chunk_bytes);

const struct media_header *chunked_header(const struct chunked *file);
int64_t chunked_count(const struct chunked *file);

/* `state` holds the bits above; the neighbours of the first and the last chunk are never there. */
struct chunked_reading chunked_report(const struct chunked *file, int64_t chunk, int state);
struct chunked_reading chunked_decode(const struct chunked *file, int64_t chunk, int state);
void chunked_reading_done(struct chunked_reading *reading);

#endif
