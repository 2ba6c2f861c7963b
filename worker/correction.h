/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_CORRECTION_H
#define WORKER_CORRECTION_H

/*
 * Has a reading corrected by the language model: in pieces, several at the same time, each judged
 * and laid beside what was heard. A piece whose answer is no correction, or does not come, keeps
 * its words as they were heard; nothing here fails. Thread: the loop's.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/event.h"
#include "common/loop.h"
#include "common/metrics.h"
#include "common/reading.h"
#include "worker/llm_align.h"
#include "worker/llm_client.h"

struct correction;

/* What all corrections of the process share; borrowed. */
struct correction_service {
    struct loop *loop;
    struct metrics *metrics;
    struct llm_client *client; /* NULL: there is no language model */
    size_t piece_words;
    uint64_t deadline_us; /* of a whole correction */
};

typedef void (*correction_on_done)(void *context);

/* Gives up what is outstanding; nobody is called any more. */
void correction_free(struct correction *correction);
/* The first `word_count` words of `reading`, as far as they lie inside `span`, get their
 * corrections; the reading is borrowed until the end. It may be over at once
 * (correction_is_done()): then nobody is called; else on_done once, never from within. */
struct correction *correction_start(const struct correction_service *service,
                                    struct reading *reading, size_t word_count,
                                    struct llm_span span, correction_on_done on_done, void *context)
    FREED_BY(correction_free);
bool correction_is_done(const struct correction *correction);
/* Once done; the model's name is owned by the caller. */
struct event_correction correction_summary(const struct correction *correction);

#endif
