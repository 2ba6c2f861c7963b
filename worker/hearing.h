/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_HEARING_H
#define WORKER_HEARING_H

/*
 * Judges what the speech service heard in a window against what sounds in it. Known inventions are
 * filtered out and noted; where speech seems to be missing, goes in circles or is too fast for
 * anyone, the window is in doubt and can be asked for once more. Whatever stays in doubt is failed
 * in the window's coverage. Pure; all positions are samples at 16 kHz from the window's beginning.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/coverage.h"
#include "common/reading.h"
#include "worker/hearing_rules.h"
#include "worker/sound_map.h"

struct hearing {
    struct reading reading;      /* owned; without what was filtered */
    struct coverage_part *notes; /* owned: what was filtered, with its words */
    size_t note_count;
    struct coverage_part *doubts; /* owned */
    size_t doubt_count;
};

void hearing_done(struct hearing *hearing);
/* Of the words of `take_reading`, which covers the span reading.start to reading.end of the window.
 */
struct hearing hearing_judge(const struct sound_map *map, const struct hearing_rules *rules,
                             struct reading take_reading);
bool hearing_is_doubtful(const struct hearing *hearing);

/* What to ask for once more: the doubtful stretch with some seconds around it, so that the service
 * begins and ends elsewhere. Where that is the whole window, `lead` samples of silence before it
 * shift it all the same. */
struct hearing_again {
    struct sound_span span;
    int64_t lead;
};
/* It is doubtful. */
struct hearing_again hearing_again(const struct hearing *hearing);
/* Puts the second answer, judged too, in the place of what was doubtful: by the seam rule. Gives
 * the better of both. Both are consumed. */
struct hearing hearing_mend(const struct sound_map *map, const struct hearing_rules *rules,
                            struct hearing take_first, struct hearing take_second);

/* The end: words that go in circles stand once, and what became of each sample of the window is
 * told. */
void hearing_conclude(struct hearing *hearing, const struct sound_map *map,
                      struct coverage *ret_coverage);

#endif
