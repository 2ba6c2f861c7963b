/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kafka_conf.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"

/* For producers and consumers alike. */
static const struct kafka_property SHARED_PROPERTIES[] = {
    {"socket.nagle.disable", "true"},     /* on by default until 2.10: 40 ms for nothing */
    {"reconnect.backoff.ms", "50"},       /* a restarted broker is found again at once ... */
    {"reconnect.backoff.max.ms", "1000"}, /* ... instead of after up to 10 s */
    {"socket.connection.setup.timeout.ms", "5000"},
    {"statistics.interval.ms", "2000"}, /* tells whether a broker is connected */
    {"log.connection.close", "false"},  /* brokers close idle connections: no news */
    {NULL, NULL},
};

/* What the design's promises rest on; not to be had otherwise from --kafka-config. */
static const char *const FIXED_PROPERTIES[] = {
    "acks",
    "auto.offset.reset",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "partition.assignment.strategy",
    "partitioner",
    "request.required.acks",
    NULL,
};

static bool is_listed(const char *const *names, const char *name)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static bool set_property(rd_kafka_conf_t *conf, const char *name, const char *value,
                         struct err *err)
{
    char text[160];

    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return true;
    return err_set(err, ERR_REJECT, "kafka", 0, "%s", text);
}

static bool set_properties(rd_kafka_conf_t *conf, const struct kafka_property *properties,
                           struct err *err)
{
    for (; properties->name != NULL; properties++)
        if (!set_property(conf, properties->name, properties->value, err))
            return false;
    return true;
}

/* Cuts the next "name=value" off `*text`, which it changes: "\," is a comma of the value. */
static char *next_pair(char **text)
{
    char *start = *text;
    char *to = start;

    if (*start == '\0')
        return NULL;
    for (; **text != '\0' && **text != ','; (*text)++) {
        if ((*text)[0] == '\\' && (*text)[1] == ',')
            (*text)++;
        *to++ = **text;
    }
    if (**text == ',')
        (*text)++;
    *to = '\0';
    return start;
}

static bool set_extra(rd_kafka_conf_t *conf, const char *extra, struct err *err)
{
    CLEANUP(mem_free_at) char *text = mem_copy_string(extra != NULL ? extra : "");
    char *rest = text;

    for (char *pair; (pair = next_pair(&rest)) != NULL;) {
        char *equals = strchr(pair, '=');

        if (equals == NULL)
            return err_set(err, ERR_REJECT, "kafka", 0, "\"%s\" is not name=value", pair);
        *equals = '\0';
        if (is_listed(FIXED_PROPERTIES, pair))
            return err_set(err, ERR_REJECT, "kafka", 0, "%s is set by chunkscribe itself", pair);
        if (!set_property(conf, pair, equals + 1, err))
            return false;
    }
    return true;
}

/* The severities of RFC 5424 that librdkafka logs with (<syslog.h> clashes with common/log). */
enum { SEVERITY_WARNING = 4, SEVERITY_DEBUG = 7 };

static enum log_level level_of(int severity, const char *facility)
{
    /* --kafka-config is for producers and consumers: each complains of what is the other's. */
    if (strcmp(facility, "CONFWARN") == 0)
        return LOG_LEVEL_INFO;
    /* Never an error: librdkafka gets over it by itself, or we decide what to do and say so. */
    if (severity <= SEVERITY_WARNING)
        return LOG_LEVEL_WARN;
    return severity < SEVERITY_DEBUG ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

/* Called on any of librdkafka's threads. */
static void on_log(const rd_kafka_t *rk, int severity, const char *facility, const char *text)
{
    enum log_level level = level_of(severity, facility);

    if (log_is_on(level))
        log_write(level, "kafka_client", text,
                  (const struct log_field[]){LOG_STR("client", rd_kafka_name(rk)),
                                             LOG_STR("facility", facility), LOG_END});
}

bool kafka_conf_new(const struct kafka_settings *settings, const struct kafka_property *properties,
                    rd_kafka_conf_t **ret_conf, struct err *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    rd_kafka_conf_set_log_cb(conf, on_log);
    if (set_properties(conf, SHARED_PROPERTIES, err) && set_properties(conf, properties, err) &&
        set_extra(conf, settings->extra, err) &&
        set_property(conf, "bootstrap.servers", settings->brokers, err) &&
        set_property(conf, "client.id", settings->client_id, err)) {
        *ret_conf = conf;
        return true;
    }
    rd_kafka_conf_destroy(conf);
    return false;
}

char *kafka_topic_name(const struct kafka_settings *settings, const char *name)
{
    return mem_format("%s%s", settings->topic_prefix != NULL ? settings->topic_prefix : "", name);
}

/* Everything that is in neither list may go away by itself: ERR_RETRY. */
static const rd_kafka_resp_err_t REJECTED[] = {
    RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
    RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
    RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
    RD_KAFKA_RESP_ERR_INVALID_MSG, /* also: a key is missing on a compacted topic */
    RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
    RD_KAFKA_RESP_ERR_INVALID_RECORD,
    RD_KAFKA_RESP_ERR__INVALID_ARG,
    RD_KAFKA_RESP_ERR__BAD_MSG,
};

static const rd_kafka_resp_err_t FATAL[] = {
    RD_KAFKA_RESP_ERR__FATAL,
    RD_KAFKA_RESP_ERR__FENCED,
    RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, /* another process runs with our member id */
    RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE,
    RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION,
    RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL,
    RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE,
};

static bool has_code(const rd_kafka_resp_err_t *codes, size_t count, rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < count; i++)
        if (codes[i] == code)
            return true;
    return false;
}

static enum err_kind kind_of(rd_kafka_resp_err_t code)
{
    if (has_code(REJECTED, ARRAY_LEN(REJECTED), code))
        return ERR_REJECT;
    return has_code(FATAL, ARRAY_LEN(FATAL), code) ? ERR_FATAL : ERR_RETRY;
}

bool kafka_err(struct err *err, rd_kafka_resp_err_t code, const char *what)
{
    return err_set(err, kind_of(code), "kafka", code, "%s: %s", what, rd_kafka_err2str(code));
}
