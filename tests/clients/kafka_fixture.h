/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CLIENTS_KAFKA_FIXTURE_H
#define TESTS_CLIENTS_KAFKA_FIXTURE_H

/* Topics of one test's own on a real broker, and records that it can recognise. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/kafka_conf.h"

struct kafka_fixture {
    rd_kafka_t *admin;
    char *prefix;
    struct kafka_settings settings;
};

/* CHUNKSCRIBE_TEST_KAFKA_BROKERS must be set: fails the test otherwise. */
struct kafka_fixture *kafka_fixture_new(void);
void kafka_fixture_free(struct kafka_fixture *fixture);
void kafka_fixture_create_topic(struct kafka_fixture *fixture, const char *topic, int partitions);
/* What comes before `offset` is gone. */
void kafka_fixture_delete_records(struct kafka_fixture *fixture, const char *topic,
                                  int32_t partition, int64_t offset);
/* Values "0", "1", ... all with this key; returns when all are acknowledged. */
void kafka_fixture_fill(struct kafka_fixture *fixture, const char *topic, const char *key,
                        int count);

#endif
