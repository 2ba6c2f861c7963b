/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_MP4_ENTRY_H
#define WORKER_MEDIA_MP4_ENTRY_H

/* A track's sample description (the stsd box): which codec it is. Pure. */

#include <stdbool.h>

#include "common/attrs.h"
#include "common/err.h"
#include "worker/media_source.h"

struct mp4_box;
struct mp4_track;

/* Fills in the codec and where its set-up lies. False: ERR_REJECT names a codec that isn't
 * supported, or says what is damaged. */
bool mp4_entry_read(struct media_source *source, const struct mp4_box *stsd,
                    struct mp4_track *track, struct err *err) MUST_CHECK;

#endif
