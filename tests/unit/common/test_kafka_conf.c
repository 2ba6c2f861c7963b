/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/kafka_conf.h"
#include "common/mem.h"

static const struct kafka_property PROPERTIES[] = {
    {"linger.ms", "7"}, {"acks", "all"}, {NULL, NULL}};

static bool make(const char *extra, rd_kafka_conf_t **ret_conf, struct err *err)
{
    const struct kafka_settings settings = {
        .brokers = "b1:9092,b2:9092", .client_id = "me", .extra = extra};

    return kafka_conf_new(&settings, PROPERTIES, ret_conf, err);
}

static void assert_property(rd_kafka_conf_t *conf, const char *name, const char *expected)
{
    char value[128];
    size_t size = sizeof value;

    assert_int_equal(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, expected);
}

static void test_conf__takes_settings_and_properties(void **state)
{
    rd_kafka_conf_t *conf;
    struct err err;

    (void)state;
    assert_true(make(NULL, &conf, &err));
    assert_property(conf, "bootstrap.servers", "b1:9092,b2:9092");
    assert_property(conf, "client.id", "me");
    assert_property(conf, "queue.buffering.max.ms", "7");
    assert_property(conf, "socket.nagle.disable", "true");
    rd_kafka_conf_destroy(conf);
}

static void test_conf__extra_overrides_what_is_not_fixed(void **state)
{
    rd_kafka_conf_t *conf;
    struct err err;

    (void)state;
    assert_true(
        make("linger.ms=9,reconnect.backoff.max.ms=77,ssl.cipher.suites=a\\,b", &conf, &err));
    assert_property(conf, "queue.buffering.max.ms", "9");
    assert_property(conf, "reconnect.backoff.max.ms", "77");
    assert_property(conf, "ssl.cipher.suites", "a,b");
    rd_kafka_conf_destroy(conf);
}

static void test_conf__bad_extra_is_refused_and_named(void **state)
{
    static const struct {
        const char *extra;
        const char *named;
    } ROWS[] = {
        {"acks=1", "acks"},
        {"enable.idempotence=false", "enable.idempotence"},
        {"linger.ms=3,partitioner=random", "partitioner"},
        {"enable.auto.offset.store=true", "enable.auto.offset.store"},
        {"no.such.property=1", "no.such.property"},
        {"linger.ms=soon", "queue.buffering.max.ms"},
        {"linger.ms", "linger.ms"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        rd_kafka_conf_t *conf;
        struct err err;

        assert_false(make(ROWS[i].extra, &conf, &err));
        assert_int_equal(err.kind, ERR_REJECT);
        if (strstr(err.message, ROWS[i].named) == NULL)
            fail_msg("\"%s\" is not in \"%s\"", ROWS[i].named, err.message);
    }
}

static void test_topic_name__has_the_prefix(void **state)
{
    static const struct {
        const char *prefix;
        const char *expected;
    } ROWS[] = {{"dev.", "dev.jobs"}, {"", "jobs"}, {NULL, "jobs"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        const struct kafka_settings settings = {.topic_prefix = ROWS[i].prefix};
        CLEANUP(mem_free_at) char *name = kafka_topic_name(&settings, "jobs");

        assert_string_equal(name, ROWS[i].expected);
    }
}

static void test_err__class_of_each_code(void **state)
{
    static const struct {
        rd_kafka_resp_err_t code;
        enum err_kind kind;
    } ROWS[] = {
        {RD_KAFKA_RESP_ERR__TRANSPORT, ERR_RETRY},
        {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, ERR_RETRY},
        {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, ERR_RETRY},
        {RD_KAFKA_RESP_ERR__QUEUE_FULL, ERR_RETRY},
        {RD_KAFKA_RESP_ERR__PURGE_QUEUE, ERR_RETRY},
        {RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, ERR_RETRY},
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ERR_RETRY},
        {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, ERR_RETRY},
        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, ERR_RETRY},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ERR_RETRY},
        {RD_KAFKA_RESP_ERR__AUTHENTICATION, ERR_RETRY},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ERR_REJECT},
        {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, ERR_REJECT},
        {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, ERR_REJECT},
        {RD_KAFKA_RESP_ERR_INVALID_MSG, ERR_REJECT},
        {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, ERR_REJECT},
        {RD_KAFKA_RESP_ERR_INVALID_RECORD, ERR_REJECT},
        {RD_KAFKA_RESP_ERR__INVALID_ARG, ERR_REJECT},
        {RD_KAFKA_RESP_ERR__BAD_MSG, ERR_REJECT},
        {RD_KAFKA_RESP_ERR__FATAL, ERR_FATAL},
        {RD_KAFKA_RESP_ERR__FENCED, ERR_FATAL},
        {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, ERR_FATAL},
        {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, ERR_FATAL},
        {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, ERR_FATAL},
        {RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, ERR_FATAL},
        {RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, ERR_FATAL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct err err;

        assert_false(kafka_err(&err, ROWS[i].code, "produce"));
        if (err.kind != ROWS[i].kind)
            fail_msg("%s is %s", rd_kafka_err2name(ROWS[i].code), err_kind_name(err.kind));
        assert_int_equal(err.code, ROWS[i].code);
        assert_memory_equal(err.message, "produce: ", strlen("produce: "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conf__takes_settings_and_properties),
        cmocka_unit_test(test_conf__extra_overrides_what_is_not_fixed),
        cmocka_unit_test(test_conf__bad_extra_is_refused_and_named),
        cmocka_unit_test(test_topic_name__has_the_prefix),
        cmocka_unit_test(test_err__class_of_each_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
