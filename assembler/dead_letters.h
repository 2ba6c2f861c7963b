/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_DEAD_LETTERS_H
#define ASSEMBLER_DEAD_LETTERS_H

/*
 * Records that can't be parsed or applied go to the topic dead.letters as they came, with the
 * headers topic, partition, offset and reason, and are acknowledged there before their offset is
 * passed.
 */

#include <stddef.h>

#include "assembler/batch.h"
#include "common/attrs.h"
#include "common/err.h"
#include "common/kafka_producer.h"
#include "common/metrics.h"

/* Sends the dead ones among the records and waits for Kafka. ERR_RETRY: send them all again. */
bool dead_letters_send(struct kafka_producer *producer, struct metrics *metrics,
                       const struct record *records, size_t count, struct err *err) MUST_CHECK;

#endif
