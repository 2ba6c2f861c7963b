/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_KAFKA_CONF_H
#define COMMON_KAFKA_CONF_H

/*
 * librdkafka's configuration for our producers and consumers, with the settings that its version
 * 2.0.2 needs (docs/kafka.md says why each), and the one place where its errors get their class.
 */

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "common/attrs.h"
#include "common/err.h"

struct kafka_settings {
    const char *brokers;
    const char *topic_prefix; /* put before each topic name, e.g. "dev."; NULL: none */
    const char *client_id;
    const char *extra; /* "name=value,name=value" ("\," is a comma), may be NULL or empty */
};

struct kafka_property {
    const char *name; /* NULL ends a list */
    const char *value;
};

/* New configuration with brokers, client id, `properties` and librdkafka's
 * own log lines passed to common/log. `settings->extra` overrides `properties`, but for those that
 * no promise of ours survives without: naming one of them is an ERR_REJECT, as is an unknown
 * name. */
bool kafka_conf_new(const struct kafka_settings *settings, const struct kafka_property *properties,
                    rd_kafka_conf_t **ret_conf, struct err *err) MUST_CHECK;

/* prefix + name, owned by the caller. */
char *kafka_topic_name(const struct kafka_settings *settings, const char *name);

/* ERR_RETRY, ERR_REJECT (message too large, invalid) or ERR_FATAL. Returns false. */
bool kafka_err(struct err *err, rd_kafka_resp_err_t code, const char *what);

#endif
