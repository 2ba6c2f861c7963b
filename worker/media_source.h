/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_SOURCE_H
#define WORKER_MEDIA_SOURCE_H

/*
 * A recording of which only some stretches of bytes are at hand: its header, one chunk, perhaps
 * parts of the neighbours. Framers look at it by absolute position in the file and learn whether
 * the bytes are there. Read with pread, never mapped: a mapping would count against the decoder's
 * memory limit and turn a truncated file into a signal.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

/* One for each chunk that the header lies in, one for the chunk, one for each neighbour: enough for
 * the largest header (an MP4's index of 32 MiB) in chunks of 1 MiB. */
#define MEDIA_EXTENTS_MAX 48
/* The longest stretch that media_source_at() shows at once. */
#define MEDIA_VIEW_MAX 65536

struct media_extent {
    int64_t offset; /* of its first byte, in the recording */
    int64_t length;
    const uint8_t *bytes; /* borrowed; NULL: in the file `fd` */
    int fd;               /* borrowed; of a seekable file */
    int64_t fd_offset;    /* where in that file the extent begins */
};

struct media_source;

void media_source_free(struct media_source *source);
/* Copies the extents, at most MEDIA_EXTENTS_MAX, which may touch, overlap and come in any order;
 * what lies beyond total_size is ignored. The extents' bytes and fds must outlive the source. */
struct media_source *media_source_new(int64_t total_size, const struct media_extent *extents,
                                      size_t count) FREED_BY(media_source_free);

int64_t media_source_total_size(const struct media_source *source);

/* The end of the unbroken stretch of bytes that holds `offset`; `offset` itself if it is a hole. */
int64_t media_source_available_end(const struct media_source *source, int64_t offset);
/* Its beginning; `offset` itself if the byte before it is a hole. */
int64_t media_source_available_start(const struct media_source *source, int64_t offset);

/* Shows [offset, offset + length), length <= MEDIA_VIEW_MAX; NULL if not all of it is there. Valid
 * until the next call. */
const uint8_t *media_source_at(struct media_source *source, int64_t offset, size_t length);

/* Copies [offset, offset + length), of any length; false if not all of it is there. */
bool media_source_read(struct media_source *source, int64_t offset, void *ret_bytes,
                       size_t length) MUST_CHECK;

/* What a framer remembers of its last step through this source, for the step that goes on from
 * there: all 0 at first. */
struct media_hint {
    int64_t values[10];
};

struct media_hint *media_source_hint(struct media_source *source);

/* A read failed although the bytes should have been there (the file was cut): what came of the
 * source since is not to be trusted. */
bool media_source_has_failed(const struct media_source *source);

#endif
