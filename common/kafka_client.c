/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kafka_client.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/kafka_close.h"
#include "common/mem.h"

#define CLOSE_WAIT_S 5
#define CLOSE_STEP_MS 50

static bool new_conf(const struct kafka_consumer_options *options, rd_kafka_conf_t **ret_conf,
                     struct err *err)
{
    bool has_group = options->group_id != NULL;
    /* Without a group there is one all the same in librdkafka's eyes; nothing is stored for it. */
    CLEANUP(mem_free_at)
    char *group = kafka_topic_name(&options->settings, has_group ? options->group_id : "no-group");
    char interval_ms[24];
    char queued_kbytes[24];

    (void)snprintf(interval_ms, sizeof interval_ms, "%lld",
                   (long long)options->max_poll_interval_us / 1000);
    (void)snprintf(queued_kbytes, sizeof queued_kbytes, "%lld", (long long)options->queued_kbytes);
    const struct kafka_property properties[] = {
        {"group.id", group},
        {"partition.assignment.strategy", "range"}, /* cooperative-sticky loses assignments */
        {"enable.auto.offset.store", "false"},      /* by kafka_consumer_store() only ... */
        {"enable.auto.commit", has_group ? "true" : "false"}, /* ... and committed behind it */
        {"auto.commit.interval.ms", "1000"},
        {"auto.offset.reset", "earliest"}, /* nothing may be skipped */
        {"enable.partition.eof", has_group ? "false" : "true"},
        {"session.timeout.ms", "10000"},
        {"heartbeat.interval.ms", "1000"},
        {"max.poll.interval.ms", interval_ms},
        {"fetch.wait.max.ms", "100"}, /* a new partition waits for the fetch under way */
        {"fetch.error.backoff.ms", "50"},
        {"fetch.max.bytes", "16777216"},
        {"queued.max.messages.kbytes", queued_kbytes},
        {"queued.min.messages", "2000"}, /* no need to read further ahead */
        {NULL, NULL},
    };

    if (!kafka_conf_new(&options->settings, properties, ret_conf, err))
        return false;
    if (options->member_id == NULL)
        return true;
    char text[160];
    if (rd_kafka_conf_set(*ret_conf, "group.instance.id", options->member_id, text, sizeof text) ==
        RD_KAFKA_CONF_OK)
        return true;
    rd_kafka_conf_destroy(*ret_conf);
    return err_set(err, ERR_REJECT, "kafka", 0, "%s", text);
}

bool kafka_client_open(const struct kafka_consumer_options *options,
                       const struct kafka_client_callbacks *callbacks, rd_kafka_t **ret_rk,
                       struct err *err)
{
    rd_kafka_conf_t *conf;
    char text[160];

    if (!new_conf(options, &conf, err))
        return false;
    rd_kafka_conf_set_opaque(conf, callbacks->opaque);
    rd_kafka_conf_set_rebalance_cb(conf, callbacks->on_rebalance);
    rd_kafka_conf_set_error_cb(conf, callbacks->on_error);
    rd_kafka_conf_set_stats_cb(conf, callbacks->on_stats);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, ERR_REJECT, "kafka", 0, "%s", text);
    }
    (void)rd_kafka_poll_set_consumer(rk);
    *ret_rk = rk;
    return true;
}

/* Serves the last revocation, in which what is stored gets committed. */
static void leave_group(rd_kafka_t *rk)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    uint64_t until_us = clock_now_us() + CLOSE_WAIT_S * UINT64_C(1000000);

    rd_kafka_error_destroy(rd_kafka_consumer_close_queue(rk, queue));
    while (rd_kafka_consumer_closed(rk) == 0 && clock_now_us() < until_us) {
        rd_kafka_message_t *late = rd_kafka_consume_queue(queue, CLOSE_STEP_MS);

        if (late != NULL)
            rd_kafka_message_destroy(late);
    }
    rd_kafka_queue_destroy(queue);
}

void kafka_client_close(rd_kafka_t *take_rk, bool leaves_group)
{
    if (leaves_group)
        leave_group(take_rk);
    kafka_close(take_rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE, CLOSE_WAIT_S);
}
