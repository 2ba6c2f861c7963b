/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts below chunkscribe cost at this moment on this machine: the median of one Kafka hop
 * (produce with acks=all until the record is consumed, the same librdkafka settings as ours) and of
 * one commit that writes one row. The benchmark `overhead` is compared with sums of these. Back to
 * back both servers are at their fastest; after a rest each costs what it does in a job, where
 * everything waits for the speech service first.
 *
 *     bench-floor BROKERS TOPIC DATABASE_URL ROUNDS REST_MS  ->  {"hop_ms": .., "commit_ms": ..}
 */
#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/attrs.h"
#include "common/clock.h"
#include "common/mem.h"

#define WARM_UP_ROUNDS 20
#define WAIT_MS 5000

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench-floor: %s: %s\n", what, why);
    exit(1);
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *brokers)
{
    static const char *const PROPERTIES[][2] = {{"linger.ms", "0"},
                                                {"acks", "all"},
                                                {"enable.idempotence", "true"},
                                                {"socket.nagle.disable", "true"},
                                                {"fetch.wait.max.ms", "500"},
                                                {"group.id", "bench-floor"}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[256];

    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, reason, sizeof reason) != 0)
        die("brokers", reason);
    for (size_t i = 0; i < ARRAY_LEN(PROPERTIES); i++)
        (void)rd_kafka_conf_set(conf, PROPERTIES[i][0], PROPERTIES[i][1], reason, sizeof reason);
    rd_kafka_t *kafka = rd_kafka_new(type, conf, reason, sizeof reason);
    if (kafka == NULL)
        die("librdkafka", reason);
    return kafka;
}

static void start_at_end(rd_kafka_t *consumer, const char *topic)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    int64_t low;
    int64_t high;

    (void)rd_kafka_poll_set_consumer(consumer);
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(consumer, topic, 0, &low, &high, WAIT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        die(topic, rd_kafka_err2str(code));
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = high;
    (void)rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static uint64_t hop_us(rd_kafka_t *producer, rd_kafka_t *consumer, const char *topic)
{
    char value[400] = {'x'};
    uint64_t start = clock_now_us();
    rd_kafka_resp_err_t code =
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                          RD_KAFKA_V_VALUE(value, sizeof value), RD_KAFKA_V_END);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        die("produce", rd_kafka_err2str(code));
    for (;;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, WAIT_MS);

        if (message == NULL)
            die("consume", "nothing came");
        bool is_record = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
        rd_kafka_message_destroy(message);
        if (is_record)
            return clock_now_us() - start;
    }
}

static uint64_t commit_us(PGconn *connection)
{
    uint64_t start = clock_now_us();
    PGresult *result = PQexec(connection, "INSERT INTO bench_floor VALUES (1)");

    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        die("commit", PQerrorMessage(connection));
    PQclear(result);
    return clock_now_us() - start;
}

static void rest(long rest_ms)
{
    const struct timespec time = {rest_ms / 1000, rest_ms % 1000 * 1000000};

    (void)nanosleep(&time, NULL);
}

static int compare(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one;
    uint64_t b = *(const uint64_t *)other;

    return a < b ? -1 : a > b;
}

static double median_ms(uint64_t *durations_us, size_t count)
{
    qsort(durations_us, count, sizeof *durations_us, compare);
    return (double)durations_us[count / 2] / 1000.0;
}

int main(int argc, char **argv)
{
    long rounds = argc == 6 ? strtol(argv[4], NULL, 10) : 0;
    long rest_ms = argc == 6 ? strtol(argv[5], NULL, 10) : 0;

    if (rounds < 1 || rounds > 100000 || rest_ms < 0 || rest_ms > 10000)
        die("usage", "bench-floor BROKERS TOPIC DATABASE_URL ROUNDS REST_MS");
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, argv[1]);
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, argv[1]);
    PGconn *connection = PQconnectdb(argv[3]);
    uint64_t *hops = mem_array((size_t)rounds, sizeof *hops);
    uint64_t *commits = mem_array((size_t)rounds, sizeof *commits);

    if (PQstatus(connection) != CONNECTION_OK)
        die("database", PQerrorMessage(connection));
    PQclear(PQexec(connection, "CREATE TABLE IF NOT EXISTS bench_floor (value integer)"));
    start_at_end(consumer, argv[2]);
    for (int i = 0; i < WARM_UP_ROUNDS; i++)
        (void)hop_us(producer, consumer, argv[2]);
    for (long i = 0; i < rounds; i++) {
        rest(rest_ms);
        hops[i] = hop_us(producer, consumer, argv[2]);
        rest(rest_ms);
        commits[i] = commit_us(connection);
    }
    (void)printf("{\"hop_ms\": %.3f, \"commit_ms\": %.3f}\n", median_ms(hops, (size_t)rounds),
                 median_ms(commits, (size_t)rounds));
    free(hops);
    free(commits);
    PQfinish(connection);
    (void)rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    rd_kafka_destroy(producer);
    return 0;
}
