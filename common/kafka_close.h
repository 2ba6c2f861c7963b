/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_KAFKA_CLOSE_H
#define COMMON_KAFKA_CLOSE_H

#include <librdkafka/rdkafka.h>

/*
 * Destroys a client, whose topic and queue handles must be gone, on a thread of its own: with
 * librdkafka 2.0.2 it can hang when a partition or its leader went away. After `wait_s` seconds it
 * is left to that thread; 0 does not wait at all.
 */
void kafka_close(rd_kafka_t *take_rk, int destroy_flags, unsigned wait_s);

#endif
