/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_DEAD_LETTER_H
#define ASSEMBLER_DEAD_LETTER_H

/*
 * What a record in the topic dead.letters says of itself in its headers: where it lay, and why
 * nobody could do anything with it.
 */

#include "common/kafka_record.h"
#include "common/metrics.h"

/* Text, borrowed. */
struct dead_letter {
    const char *topic; /* without prefix */
    const char *partition;
    const char *offset;
    const char *reason;
};

/* The record goes to dead.letters, with headers that borrow from the letter. */
void dead_letter_address(struct kafka_record *record, const struct dead_letter *letter);

/* Counts and logs one that is written. */
void dead_letter_tell(struct metrics *metrics, const struct dead_letter *letter);

#endif
