/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/kafka_admin.h"

#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#define TRY_TIMEOUT_MS 1000
#define ASK_AGAIN_MS 100
/* For a while a broker may answer that a topic made just now does not exist. */
#define NEW_TOPIC_US 3000000
#define TEXT_SIZE 256

struct kafka_admin {
    rd_kafka_t *rk;
    struct kafka_settings settings; /* borrowed strings */
    char *work_topic;               /* full names, owned */
    char *worker_group;
    int32_t work_partitions; /* 0: not known yet */
};

void kafka_admin_free(struct kafka_admin *admin)
{
    if (admin == NULL)
        return;
    if (admin->rk != NULL)
        rd_kafka_destroy(admin->rk);
    free(admin->work_topic);
    free(admin->worker_group);
    free(admin);
}

/* A consumer that never subscribes, and so is no member of the workers' group, may ask for its
 * offsets. The admin API must not: its requests to a coordinator abort the process when the broker
 * goes away meanwhile (librdkafka issues 3663 and 4605, open; seen with 2.0.2). */
static bool open_client(struct kafka_admin *admin, struct err *err)
{
    const struct kafka_property properties[] = {{"group.id", admin->worker_group}, {NULL, NULL}};
    rd_kafka_conf_t *conf;
    char text[TEXT_SIZE];

    if (!kafka_conf_new(&admin->settings, properties, &conf, err))
        return false;
    admin->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (admin->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, ERR_FATAL, "kafka", 0, "%s", text);
    }
    return true;
}

bool kafka_admin_start(const struct kafka_settings *settings, const char *work_topic,
                       const char *worker_group, struct kafka_admin **ret_admin, struct err *err)
{
    struct kafka_admin *admin = mem_new(sizeof *admin);

    admin->settings = *settings;
    admin->work_topic = kafka_topic_name(settings, work_topic);
    admin->worker_group = kafka_topic_name(settings, worker_group);
    if (!open_client(admin, err)) {
        kafka_admin_free(admin);
        return false;
    }
    *ret_admin = admin;
    return true;
}

/* Partitions */

static rd_kafka_resp_err_t try_count(struct kafka_admin *admin, const char *full_name,
                                     int32_t *ret_count)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(admin->rk, full_name, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(admin->rk, 0, topic, &metadata, TRY_TIMEOUT_MS);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *ret_count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(topic);
    return code;
}

/* 0: this answer stands. */
static uint64_t patience_us(rd_kafka_resp_err_t code, int32_t count, uint64_t timeout_us)
{
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return timeout_us;
    return count > 0 ? 0 : NEW_TOPIC_US;
}

bool kafka_admin_partition_count(struct kafka_admin *admin, const char *topic, uint64_t timeout_us,
                                 int32_t *ret_count, struct err *err)
{
    CLEANUP(mem_free_at) char *full_name = kafka_topic_name(&admin->settings, topic);
    uint64_t start_us = clock_now_us();
    rd_kafka_resp_err_t code;

    *ret_count = 0;
    code = try_count(admin, full_name, ret_count);
    while (clock_now_us() - start_us < patience_us(code, *ret_count, timeout_us)) {
        (void)poll(NULL, 0, ASK_AGAIN_MS);
        code = try_count(admin, full_name, ret_count);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_err(err, code, full_name);
    return *ret_count > 0 ||
           err_set(err, ERR_REJECT, "kafka", 0, "the topic %s does not exist", full_name);
}

/* How far the workers have come */

static bool know_work_partitions(struct kafka_admin *admin)
{
    if (admin->work_partitions > 0)
        return true;
    rd_kafka_resp_err_t code = try_count(admin, admin->work_topic, &admin->work_partitions);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR && admin->work_partitions > 0;
}

/* A group that has committed nothing has passed nothing; what the topic has dropped is passed all
 * the same. An offset beyond the topic's end belongs to a topic that was made anew: all work in it
 * that is known from before is gone. (Most brokers forget a group's offsets with the topic.) */
static int64_t passed_below(int64_t committed, int64_t low, int64_t end)
{
    if (committed > end)
        return INT64_MAX;
    return committed > low ? committed : low;
}

/* Where each partition begins (RD_KAFKA_OFFSET_BEGINNING) or ends (RD_KAFKA_OFFSET_END): the
 * protocol takes both for a time. Not by rd_kafka_query_watermark_offsets(), which waits beyond its
 * timeout, for as long as a request may last, and for one partition after the other. */
static rd_kafka_resp_err_t ask_limits(struct kafka_admin *admin, int64_t which,
                                      rd_kafka_topic_partition_list_t *partitions)
{
    for (int i = 0; i < partitions->cnt; i++)
        partitions->elems[i].offset = which;
    return rd_kafka_offsets_for_times(admin->rk, partitions, TRY_TIMEOUT_MS);
}

struct answers {
    rd_kafka_topic_partition_list_t *committed; /* of the same partitions in the same order */
    rd_kafka_topic_partition_list_t *lows;
    rd_kafka_topic_partition_list_t *ends;
};

static void answers_init(struct answers *answers, const struct kafka_admin *admin)
{
    answers->committed = rd_kafka_topic_partition_list_new(admin->work_partitions);
    rd_kafka_topic_partition_list_add_range(answers->committed, admin->work_topic, 0,
                                            admin->work_partitions - 1);
    answers->lows = rd_kafka_topic_partition_list_copy(answers->committed);
    answers->ends = rd_kafka_topic_partition_list_copy(answers->committed);
}

static void answers_done(struct answers *answers)
{
    rd_kafka_topic_partition_list_destroy(answers->committed);
    rd_kafka_topic_partition_list_destroy(answers->lows);
    rd_kafka_topic_partition_list_destroy(answers->ends);
}

static rd_kafka_resp_err_t ask(struct kafka_admin *admin, struct answers *answers)
{
    rd_kafka_resp_err_t code = rd_kafka_committed(admin->rk, answers->committed, TRY_TIMEOUT_MS);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = ask_limits(admin, RD_KAFKA_OFFSET_BEGINNING, answers->lows);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = ask_limits(admin, RD_KAFKA_OFFSET_END, answers->ends);
    return code;
}

static size_t take_partitions(const struct answers *answers, struct kafka_admin_passed *ret_passed)
{
    size_t count = 0;

    for (int i = 0; i < answers->committed->cnt; i++) {
        const rd_kafka_topic_partition_t *committed = &answers->committed->elems[i];
        const rd_kafka_topic_partition_t *low = &answers->lows->elems[i];
        const rd_kafka_topic_partition_t *end = &answers->ends->elems[i];

        if (committed->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
            low->err == RD_KAFKA_RESP_ERR_NO_ERROR && end->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            ret_passed[count++] = (struct kafka_admin_passed){
                .partition = committed->partition,
                .below = passed_below(committed->offset, low->offset, end->offset),
                .end = end->offset};
    }
    return count;
}

bool kafka_admin_passed(struct kafka_admin *admin, struct kafka_admin_passed **ret_passed,
                        size_t *ret_count)
{
    if (!know_work_partitions(admin))
        return false;
    CLEANUP(answers_done) struct answers answers;
    answers_init(&answers, admin);
    rd_kafka_resp_err_t code = ask(admin, &answers);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        log_warn("worker_offsets_unknown", rd_kafka_err2str(code),
                 LOG_STR("group", admin->worker_group));
        return false;
    }
    *ret_passed = mem_array((size_t)answers.committed->cnt, sizeof **ret_passed);
    *ret_count = take_partitions(&answers, *ret_passed);
    return true;
}
