/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_LETTER_H
#define ASSEMBLER_LETTER_H

/* A record of dead.letters, for people: a line in a list, or the whole of it. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/kafka_record.h"

/* Bytes, not terminated; NULL: none. */
struct letter_text {
    const char *data;
    size_t length;
};

/* All borrowed. */
struct letter {
    struct kafka_position place; /* in dead.letters */
    int64_t wall_us;             /* when it was written */
    struct letter_text topic;    /* of the record: without the prefix; as its headers say */
    struct letter_text partition;
    struct letter_text offset;
    struct letter_text reason;
    struct letter_text key;
    struct letter_text value;
};

/* "partition:offset", as the list gives it. */
bool letter_parse_place(const char *text, struct kafka_position *ret_place) MUST_CHECK;
/* Tab-separated: place, time, topic, partition, offset, key, reason. What is not printable is
 * escaped as \xHH, so that a line is a line and a terminal stays as it is. */
void letter_print_line(const struct letter *letter, struct buf *ret_text);
/* A line for each of them, an empty line, and the value as it is. */
void letter_print_whole(const struct letter *letter, struct buf *ret_text);

#endif
