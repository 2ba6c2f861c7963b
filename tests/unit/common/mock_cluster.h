/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_COMMON_MOCK_CLUSTER_H
#define TESTS_UNIT_COMMON_MOCK_CLUSTER_H

/* librdkafka's mock cluster of one broker: for errors that a real one can't be asked for. It proves
 * nothing about rebalancing or retention; tests/clients does. Include after <cmocka.h>. */

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "common/kafka_conf.h"
#include "common/mem.h"

/* The numbers of requests in Kafka's protocol. */
enum { MOCK_PRODUCE = 0, MOCK_FETCH = 1 };

struct mock {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
    struct kafka_settings settings;
};

static struct mock *mock_new(void)
{
    struct mock *mock = mem_new(sizeof *mock);
    char text[160];

    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    (void)rd_kafka_conf_set(conf, "log_level", "3", text, sizeof text);
    mock->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(mock->rk);
    mock->cluster = rd_kafka_mock_cluster_new(mock->rk, 1);
    mock->settings = (struct kafka_settings){
        .brokers = rd_kafka_mock_cluster_bootstraps(mock->cluster),
        .topic_prefix = "test.",
        .client_id = "unit-test",
    };
    (void)rd_kafka_mock_topic_create(mock->cluster, "test.t", 4, 1);
    return mock;
}

static void mock_free(struct mock *mock)
{
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->rk);
    free(mock);
}

static int mock_set_up(void **state)
{
    *state = mock_new();
    return 0;
}

static int mock_tear_down(void **state)
{
    mock_free(*state);
    return 0;
}

#endif
