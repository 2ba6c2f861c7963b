/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/clients/kafka_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/backoff.h"
#include "common/kafka_producer.h"
#include "common/mem.h"

#define TIMEOUT_MS 15000

static const struct kafka_property NO_PROPERTIES = {NULL, NULL};

struct kafka_fixture *kafka_fixture_new(void)
{
    const char *brokers = getenv("CHUNKSCRIBE_TEST_KAFKA_BROKERS");
    struct kafka_fixture *fixture = mem_new(sizeof *fixture);
    rd_kafka_conf_t *conf;
    struct err err;
    char text[160];

    assert_non_null(brokers);
    fixture->prefix = mem_format("clients-%llx.", (unsigned long long)backoff_random());
    fixture->settings = (struct kafka_settings){
        .brokers = brokers, .topic_prefix = fixture->prefix, .client_id = "clients-test"};
    assert_true(kafka_conf_new(&fixture->settings, &NO_PROPERTIES, &conf, &err));
    fixture->admin = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(fixture->admin);
    return fixture;
}

void kafka_fixture_free(struct kafka_fixture *fixture)
{
    rd_kafka_destroy(fixture->admin);
    free(fixture->prefix);
    free(fixture);
}

static rd_kafka_event_t *wait_for(rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);

    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR);
    return event;
}

void kafka_fixture_create_topic(struct kafka_fixture *fixture, const char *topic, int partitions)
{
    CLEANUP(mem_free_at) char *name = kafka_topic_name(&fixture->settings, topic);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(fixture->admin);
    char text[160];
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(name, partitions, 1, text, sizeof text);
    size_t count;

    rd_kafka_CreateTopics(fixture->admin, &wanted, 1, NULL, queue);
    rd_kafka_event_t *event = wait_for(queue);
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    assert_int_equal(rd_kafka_topic_result_error(results[0]), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(wanted);
    rd_kafka_queue_destroy(queue);
}

void kafka_fixture_delete_records(struct kafka_fixture *fixture, const char *topic,
                                  int32_t partition, int64_t offset)
{
    CLEANUP(mem_free_at) char *name = kafka_topic_name(&fixture->settings, topic);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(fixture->admin);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, name, partition)->offset = offset;
    rd_kafka_DeleteRecords_t *wanted = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(fixture->admin, &wanted, 1, NULL, queue);
    rd_kafka_event_destroy(wait_for(queue));
    rd_kafka_DeleteRecords_destroy(wanted);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
}

static void on_report(void *context, struct kafka_position position, const struct err *err)
{
    (void)position;
    assert_null(err);
    ++*(int *)context;
}

void kafka_fixture_fill(struct kafka_fixture *fixture, const char *topic, const char *key,
                        int count)
{
    const struct kafka_producer_options options = {
        .settings = fixture->settings,
        .topics = (const char *const[]){topic, NULL},
        .delivery_timeout_us = 15000000,
        .queue_limit_bytes = INT64_C(64) * 1024 * 1024,
    };
    struct kafka_producer *producer;
    struct err err;
    int acked = 0;

    assert_true(kafka_producer_start(NULL, &options, &producer, &err));
    for (int i = 0; i < count; i++) {
        char value[16];
        struct kafka_record record = {.topic = topic, .key = key, .value = value};
        record.value_length = (size_t)snprintf(value, sizeof value, "%d", i);
        assert_true(kafka_producer_send(producer, &record, on_report, &acked, &err));
    }
    while (acked < count)
        kafka_producer_poll(producer, 100000);
    kafka_producer_free(producer);
}
