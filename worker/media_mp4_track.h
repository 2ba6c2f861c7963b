/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_MP4_TRACK_H
#define WORKER_MEDIA_MP4_TRACK_H

/* What the moov box of an MP4 or QuickTime file says of its audio. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "worker/media_mp4_table.h"
#include "worker/media_source.h"
#include "worker/media_track.h"

struct buf;
struct mp4_box;

struct mp4_track {
    struct media_track track;
    struct mp4_tables tables;
    int32_t timescale; /* > 0: units of time in a second */
    uint32_t id;
    int64_t setup_offset; /* what the decoder must know, in the file; 0: nothing */
    int32_t setup_length;
    /* What is heard, in the track's time scale: the recording's 0 is edit_start. */
    int64_t edit_start;
    int64_t edit_end; /* INT64_MAX: all of it */
    /* Of fragments: whether there are any, and what they leave untold. */
    bool has_fragments;
    uint32_t default_duration;
    uint32_t default_size;
};

/* The first audio track, from a moov all of which is there. False: ERR_REJECT says why. */
bool mp4_track_read(struct media_source *source, const struct mp4_box *moov,
                    struct mp4_track *ret_track, struct err *err) MUST_CHECK;

/* Appends what the decoder must know; false: it cannot be read. */
bool mp4_track_write_setup(struct media_source *source, const struct mp4_track *track,
                           struct buf *setup) MUST_CHECK;

#endif
