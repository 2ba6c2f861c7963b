/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_HEARING_RULES_H
#define WORKER_HEARING_RULES_H

/*
 * How a window is heard, depending on what sounds in it: one table (docs/hearing.md shows it).
 * Pure.
 *
 * A job's content type chooses the row for all of its windows, or leaves it to each window's own
 * class (`auto`).
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "worker/sound_map.h"

struct hearing_rules {
    const char *name;
    double window_share; /* of the longest window that the options allow */
    bool is_music;       /* the service's model for music is asked */
    bool uses_prompt;    /* over music a prompt is what the model falls back to */
    /* A segment is no speech if the service says so with more than the former and is less sure of
     * its words than the latter. */
    double no_speech_prob_max;
    double avg_logprob_min;
    double compression_max; /* a segment that compresses better is asked for again */
    int64_t gap_ms;         /* that much speech without words is asked for again; 0: none is */
    bool asks_again;
};

/* "auto", "speech", "music" or "podcast"; what a newer gateway may name besides is "auto" to us. */
const struct hearing_rules *hearing_rules_of_type(const char *content_type, enum sound_class class);
/* How long a job's windows are, in the unit of the longest that the options allow and of their
 * overlap: never so short that overlaps would meet. It cannot depend on what is in them. */
int64_t hearing_rules_window(const char *content_type, int64_t longest, int64_t overlap);

#endif
