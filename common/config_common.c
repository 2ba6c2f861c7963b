/* SPDX-License-Identifier: Apache-2.0 */
#include "common/config.h"
#include "common/log.h"

static const char *const LOG_FORMATS[] = {"text", "json", NULL};

#define SECONDS INT64_C(1000000)

const struct config_option CONFIG_COMMON_OPTIONS[] = {
    {.name = "config",
     .type = CONFIG_STRING,
     .offset = offsetof(struct config_common, config_file),
     .help = "File with options, one `name = value` a line; `#` begins a comment line."},
    {.name = "listen",
     .type = CONFIG_STRING,
     .offset = offsetof(struct config_common, listen),
     .help = "Address of the HTTP server as host:port; empty: none."},
    {.name = "log-level",
     .type = CONFIG_STRING,
     .offset = offsetof(struct config_common, log_level),
     .fallback = "info",
     .choices = LOG_LEVEL_NAMES,
     .help = "The least important log records to write."},
    {.name = "log-format",
     .type = CONFIG_STRING,
     .offset = offsetof(struct config_common, log_format),
     .fallback = "text",
     .choices = LOG_FORMATS,
     .help = "How log records look on standard error, one a line."},
    {.name = "kafka-brokers",
     .type = CONFIG_STRING,
     .offset = offsetof(struct config_common, kafka_brokers),
     .fallback = "127.0.0.1:9092",
     .flags = CONFIG_REQUIRED,
     .help = "Kafka brokers to start from, as host:port,host:port."},
    {.name = "topic-prefix",
     .type = CONFIG_STRING,
     .offset = offsetof(struct config_common, topic_prefix),
     .fallback = "",
     .help = "Put before the name of each Kafka topic and consumer group, as in `dev.`."},
    {.name = "kafka-config",
     .type = CONFIG_STRING,
     .offset = offsetof(struct config_common, kafka_config),
     .flags = CONFIG_SECRET,
     .help = "Further librdkafka properties for TLS or SASL, as name=value,name=value."},
    {.name = "shutdown-grace",
     .type = CONFIG_TIME,
     .offset = offsetof(struct config_common, shutdown_grace_us),
     .fallback = "30s",
     .minimum = 0,
     .maximum = 3600 * SECONDS,
     .help = "How long a drain after SIGTERM may take before the process ends anyway."},
    {.name = NULL},
};
