/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_KAFKA_RECORD_H
#define COMMON_KAFKA_RECORD_H

/* A record to be produced, and where it is then: plain values, so that pure modules can make and
 * name records without librdkafka. */

#include <stddef.h>
#include <stdint.h>

#define KAFKA_HEADERS_MAX 8

struct kafka_header {
    const char *name;
    const void *value;
    size_t length;
};

struct kafka_record {
    const char *topic; /* without prefix; one of those given at start */
    const char *key;   /* NULL: none */
    const void *value; /* copied; NULL: a tombstone */
    size_t value_length;
    struct kafka_header headers[KAFKA_HEADERS_MAX];
    size_t header_count;
};

/* Where a record is once it is acknowledged. */
struct kafka_position {
    int32_t partition;
    int64_t offset;
};

#endif
