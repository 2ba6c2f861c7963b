/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_MP4_FRAGMENT_H
#define WORKER_MEDIA_MP4_FRAGMENT_H

/*
 * A fragment of an MP4 file: a moof box, which lists samples, and the boxes behind it that hold
 * them, up to the next moof. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "worker/media_framer.h"
#include "worker/media_mp4_track.h"

struct mp4_fragment {
    int64_t start;
    int64_t moof_end;
    int64_t end; /* where the next one begins, or the file ends */
};

struct mp4_fragment_sample {
    int64_t offset;
    int64_t size;
    int64_t duration; /* in the track's time scale */
};

/* Goes through a fragment's samples of one track. */
struct mp4_fragment_reader {
    struct media_source *source; /* borrowed, as the next */
    const struct mp4_track *track;
    struct mp4_fragment fragment;
    int64_t traf_next; /* where the next box of the moof begins */
    int64_t traf_end;  /* of the present traf; its next box begins at trun_next */
    int64_t trun_next;
    int64_t base; /* what the present traf counts offsets from */
    int64_t default_duration;
    int64_t default_size;
    int64_t entry; /* of the present trun, */
    int64_t entries_left;
    int64_t entry_bytes;
    uint32_t flags;
    int64_t data;  /* where the next sample lies */
    int32_t count; /* samples so far */
};

/* Whether a moof begins at `offset`, as far as can be told from its first bytes. */
enum media_unit_status mp4_fragment_begins(struct media_source *source, int64_t offset,
                                           int64_t limit);

/* The fragment that begins at `offset`. UNKNOWN: not all of it is there, or not the beginning of
 * what comes behind it; ret_fragment->end is then where it ends at the earliest. */
enum media_unit_status mp4_fragment_at(struct media_source *source, int64_t offset, int64_t limit,
                                       struct mp4_fragment *ret_fragment);

/* When the track's samples of a fragment begin, in its time scale; false: it doesn't say. Its moof
 * must be there. */
bool mp4_fragment_time(struct media_source *source, const struct mp4_track *track,
                       const struct mp4_fragment *fragment, int64_t *ret_time) MUST_CHECK;

struct mp4_fragment_reader mp4_fragment_reader_of(struct media_source *source,
                                                  const struct mp4_track *track,
                                                  const struct mp4_fragment *fragment);
/* False: there are no more. A sample may lie outside the fragment. */
bool mp4_fragment_next(struct mp4_fragment_reader *reader,
                       struct mp4_fragment_sample *ret_sample) MUST_CHECK;

#endif
