/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_FETCH_H
#define WORKER_FETCH_H

/*
 * Brings together the bytes of the recording that one chunk needs: the header's, the chunk's own,
 * and the end and the beginning of its neighbours as far as they are stored. They are handed on as
 * open files, so a store that has to be read over a network can put spooled files in their place.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/blob_file.h"
#include "common/err.h"
#include "common/event.h"
#include "worker/header_cache.h"
#include "worker/media_source.h"

enum fetch_result {
    FETCH_READY,
    FETCH_WAITING, /* bytes of the header are not stored, and not known to have been */
    FETCH_FAILED,
};

/* One blob of the recording, open. */
struct fetch_blob {
    int32_t chunk_index;
    int fd; /* owned */
    int64_t size_bytes;
};

struct fetch_files {
    struct fetch_blob blobs[MEDIA_EXTENTS_MAX];
    size_t blob_count;
    struct media_extent extents[MEDIA_EXTENTS_MAX];
    size_t extent_count;
    int64_t bytes_per_second; /* of the recording, about */
};

struct fetch_source {
    const struct blob_file *store; /* borrowed */
    struct header_cache *headers;  /* borrowed */
    int64_t overlap_us;            /* how much of each neighbour to hear, at least */
    int64_t window_us;             /* longest stretch that is heard at once */
};

/* FETCH_WAITING fills *ret_missing, FETCH_FAILED err. Free with fetch_close() after FETCH_READY. */
enum fetch_result fetch_open(const struct fetch_source *source, const struct event *work,
                             struct fetch_files *ret_files, struct media_need *ret_missing,
                             struct err *err) MUST_CHECK;
void fetch_close(struct fetch_files *files);

#endif
