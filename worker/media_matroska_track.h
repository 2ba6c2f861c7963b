/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_MATROSKA_TRACK_H
#define WORKER_MEDIA_MATROSKA_TRACK_H

/* What the Tracks element of a Matroska or WebM file says of its audio. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "worker/media_source.h"
#include "worker/media_track.h"

struct buf;
struct ebml_element;

#define MATROSKA_TRACKS_MAX 64

struct matroska_track {
    struct media_track track;
    uint32_t number;
    uint64_t all_numbers; /* of the file's tracks: a bit for each, all < MATROSKA_TRACKS_MAX */
    int64_t setup_offset; /* CodecPrivate's content, in the file */
    int32_t setup_length; /* 0: none */
    int32_t initial_skip; /* samples that encoder and decoder add in front */
    int64_t ns_per_tick;  /* > 0 */
};

/* The first audio track, of a Tracks element all of which is there. False: ERR_REJECT says why. */
bool matroska_track_read(struct media_source *source, const struct ebml_element *tracks,
                         struct matroska_track *ret_track, struct err *err) MUST_CHECK;

/* Appends what the decoder must know; false: it cannot be read. */
bool matroska_track_write_setup(struct media_source *source, const struct matroska_track *track,
                                struct buf *setup) MUST_CHECK;

#endif
