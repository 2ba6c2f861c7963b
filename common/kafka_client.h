/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_KAFKA_CLIENT_H
#define COMMON_KAFKA_CLIENT_H

/*
 * librdkafka's part of a consumer: how it is configured, made and closed. Only
 * common/kafka_consumer.c uses it.
 */

#include "common/kafka_consumer.h"

/* They run on the thread that polls or closes. */
struct kafka_client_callbacks {
    void (*on_rebalance)(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque);
    void (*on_error)(rd_kafka_t *rk, int code, const char *reason, void *opaque);
    int (*on_stats)(rd_kafka_t *rk, char *json, size_t length, void *opaque);
    void *opaque;
};

bool kafka_client_open(const struct kafka_consumer_options *options,
                       const struct kafka_client_callbacks *callbacks, rd_kafka_t **ret_rk,
                       struct err *err) MUST_CHECK;
/* Its queue handles must be gone. `leaves_group` commits what is stored and serves the last
 * revocation: not while the brokers are away, for 2.0.2 can crash then; the session's time-out does
 * it in that case. Takes a few seconds at most for each of the two. */
void kafka_client_close(rd_kafka_t *take_rk, bool leaves_group);

#endif
