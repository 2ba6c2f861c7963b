/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_LETTER_READER_H
#define ASSEMBLER_LETTER_READER_H

/*
 * Reads the topic dead.letters for people: `--dead-letters list` and `show`. Belongs to no group,
 * so it takes nothing from anybody, and holds no more than what is read ahead.
 */

#include <stdbool.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/kafka_conf.h"
#include "common/kafka_record.h"

/* Both print to standard output. ERR_REJECT: there is no such topic or letter; ERR_RETRY: Kafka
 * does not answer, or the output was closed. */
bool letter_reader_list(const struct kafka_settings *settings, struct err *err) MUST_CHECK;
bool letter_reader_show(const struct kafka_settings *settings, struct kafka_position place,
                        struct err *err) MUST_CHECK;

#endif
