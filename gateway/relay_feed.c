/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/relay_feed.h"

#include <stdlib.h>
#include <string.h>

#include "common/kafka_consumer.h"
#include "common/mem.h"
#include "gateway/sse_hub.h"

#define TYPE_SIZE 64
#define SEQ_DIGITS_MAX 18
#define MAX_POLL_INTERVAL_US INT64_C(300000000)
#define QUEUED_KBYTES 16384

struct relay_feed {
    struct kafka_consumer *consumer; /* owned */
    struct sse_hub *hub;             /* borrowed */
    struct relay_feed_stats stats;
};

/* Without the header the record is a view, and `seq` 0. */
static bool read_seq(const struct kafka_message *message, uint64_t *ret_seq)
{
    size_t length = 0;
    const char *digits = kafka_message_header(message, "seq", &length);
    uint64_t seq = 0;

    if (digits != NULL && (length == 0 || length > SEQ_DIGITS_MAX))
        return false;
    for (size_t i = 0; digits != NULL && i < length; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return false;
        seq = seq * 10 + (uint64_t)(digits[i] - '0');
    }
    *ret_seq = seq;
    return true;
}

static bool read_type(const struct kafka_message *message, char ret_type[static TYPE_SIZE])
{
    size_t length = 0;
    const char *type = kafka_message_header(message, "type", &length);

    if (type == NULL || length == 0 || length >= TYPE_SIZE)
        return false;
    memcpy(ret_type, type, length);
    ret_type[length] = '\0';
    return strspn(ret_type, "abcdefghijklmnopqrstuvwxyz_") == length;
}

static bool pass_on(struct relay_feed *feed, const struct kafka_message *message)
{
    char type[TYPE_SIZE];
    uint64_t seq = 0;

    if (message->value == NULL || !read_seq(message, &seq) || !read_type(message, type))
        return false;
    struct sse_live live = {seq, type, message->value, message->value_length};
    sse_hub_publish(feed->hub, message->key, message->key_length, &live);
    return true;
}

static void on_message(void *context, const struct kafka_message *message)
{
    struct relay_feed *feed = context;
    const char *key = message->key == NULL ? "" : message->key;

    feed->stats.records++;
    if (!sse_hub_is_followed(feed->hub, key, message->key_length))
        feed->stats.dropped++;
    else if (!pass_on(feed, message))
        feed->stats.odd++;
}

void relay_feed_free(struct relay_feed *feed)
{
    if (feed == NULL)
        return;
    kafka_consumer_free(feed->consumer);
    free(feed);
}

bool relay_feed_start(struct loop *loop, const struct kafka_settings *settings, struct sse_hub *hub,
                      struct relay_feed **ret_feed, struct err *err)
{
    static const char *const TOPICS[] = {"jobs.events", NULL};
    struct relay_feed *feed = mem_new(sizeof *feed);
    struct kafka_consumer_options options = {
        .settings = *settings,
        .topics = TOPICS,
        .from_end = true,
        .max_poll_interval_us = MAX_POLL_INTERVAL_US,
        .queued_kbytes = QUEUED_KBYTES,
    };

    feed->hub = hub;
    if (!kafka_consumer_start(
            loop, &options,
            (struct kafka_consumer_handlers){.on_message = on_message, .context = feed},
            &feed->consumer, err)) {
        free(feed);
        return false;
    }
    *ret_feed = feed;
    return true;
}

bool relay_feed_is_up(const struct relay_feed *feed)
{
    return feed != NULL && kafka_consumer_is_up(feed->consumer) &&
           kafka_consumer_is_at_end(feed->consumer);
}

const struct relay_feed_stats *relay_feed_stats(const struct relay_feed *feed)
{
    return &feed->stats;
}
