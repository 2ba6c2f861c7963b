/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_WALK_H
#define WORKER_MEDIA_WALK_H

/*
 * Steps through the units around a chunk: from the earliest byte that is there without a break
 * before the chunk to the last behind it. A plain value, pure; two walks over the same bytes are
 * the same.
 */

#include <stdbool.h>
#include <stdint.h>

#include "worker/media_framer.h"
#include "worker/media_report.h"

enum media_part {
    MEDIA_PART_PREROLL,  /* the decoder needs it, its sound is inexact */
    MEDIA_PART_PREVIOUS, /* the previous chunk's */
    MEDIA_PART_OWNED,
    MEDIA_PART_NEXT /* the next chunk's */
};

enum media_walk_end {
    MEDIA_WALK_GOES_ON,
    MEDIA_WALK_AUDIO_ENDED,
    MEDIA_WALK_BYTES_ENDED, /* between two units, or inside one of known size */
    MEDIA_WALK_CUT,         /* inside a unit of unknown size, which begins at `position` */
    MEDIA_WALK_LOST         /* no further unit was found */
};

struct media_walk {
    struct media_source *source;       /* borrowed */
    const struct media_header *header; /* borrowed */
    int64_t preroll_samples;           /* that are still to come */
    int64_t preroll_end;               /* bounds of the parts, in bytes */
    int64_t own_start;
    int64_t own_end;
    int64_t region_end;
    int64_t position;   /* where the next unit begins, or would */
    int64_t cut_length; /* MEDIA_WALK_CUT: the unit there is at least so long; 0: unknown */
    enum media_walk_end end;
};

struct media_step {
    struct media_unit unit;
    enum media_part part;
    bool is_cut; /* owned, but not all of its bytes are there */
};

/* The range must hold audio (media_report_make() sees to it) and its bytes must be there. */
void media_walk_init(struct media_walk *walk, struct media_source *source,
                     const struct media_header *header, const struct media_range *range);
/* False: no more; `end` says why. */
bool media_walk_next(struct media_walk *walk, struct media_step *ret_step) MUST_CHECK;

#endif
