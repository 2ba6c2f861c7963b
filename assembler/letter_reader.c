/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/letter_reader.h"

#include <inttypes.h>
#include <stdio.h>

#include "assembler/kafka_admin.h"
#include "assembler/letter.h"
#include "common/clock.h"
#include "common/kafka_consumer.h"
#include "common/mem.h"

#define TOPIC "dead.letters"
#define PATIENCE_US UINT64_C(15000000)
#define POLL_US 100000
#define QUEUED_KBYTES 16384

struct reading {
    bool is_single;
    struct kafka_position wanted; /* when it is single */
    bool is_found;
    bool is_output_closed;
    uint64_t last_us; /* something has come */
};

static struct letter_text header(const struct kafka_message *message, const char *name)
{
    struct letter_text text = {0};

    text.data = kafka_message_header(message, name, &text.length);
    return text;
}

static struct letter letter_of(const struct kafka_message *message)
{
    rd_kafka_timestamp_type_t type;

    return (struct letter){
        .place = {message->partition, message->offset},
        .wall_us = rd_kafka_message_timestamp(message->raw, &type) * 1000,
        .topic = header(message, "topic"),
        .partition = header(message, "partition"),
        .offset = header(message, "offset"),
        .reason = header(message, "reason"),
        .key = {message->key, message->key_length},
        .value = {message->value, message->value_length},
    };
}

static bool is_wanted(const struct reading *reading, const struct kafka_message *message)
{
    return !reading->is_single || (message->partition == reading->wanted.partition &&
                                   message->offset == reading->wanted.offset);
}

static void on_message(void *context, const struct kafka_message *message)
{
    struct reading *reading = context;
    CLEANUP(buf_done) struct buf text;

    reading->last_us = clock_now_us();
    if (!is_wanted(reading, message))
        return;
    const struct letter letter = letter_of(message);
    buf_init(&text, SIZE_MAX);
    if (reading->is_single)
        letter_print_whole(&letter, &text);
    else
        letter_print_line(&letter, &text);
    reading->is_found = true;
    if (fwrite(text.data, 1, text.length, stdout) != text.length)
        reading->is_output_closed = true;
}

/* A single letter needs no other partition, and nothing before it. */
static int64_t on_assigned(void *context, const char *topic UNUSED, int32_t partition)
{
    const struct reading *reading = context;

    if (!reading->is_single)
        return RD_KAFKA_OFFSET_BEGINNING;
    return partition == reading->wanted.partition ? reading->wanted.offset : RD_KAFKA_OFFSET_END;
}

/* The letter is too old to be there still. */
static int64_t on_out_of_range(void *context UNUSED, const char *topic UNUSED,
                               int32_t partition UNUSED)
{
    return RD_KAFKA_OFFSET_END;
}

static bool is_over(const struct reading *reading, const struct kafka_consumer *consumer)
{
    return reading->is_output_closed || (reading->is_single && reading->is_found) ||
           kafka_consumer_is_at_end(consumer);
}

static bool read_all(struct reading *reading, struct kafka_consumer *consumer, struct err *err)
{
    reading->last_us = clock_now_us();
    while (!is_over(reading, consumer)) {
        (void)kafka_consumer_poll(consumer, POLL_US);
        if (clock_now_us() - reading->last_us > PATIENCE_US)
            return err_set(err, ERR_RETRY, "kafka", 0, TOPIC ": no answer within %d s",
                           (int)(PATIENCE_US / 1000000));
    }
    if (fflush(stdout) != 0 || reading->is_output_closed)
        return err_set(err, ERR_RETRY, "letters", 0, "the output can't be written");
    return true;
}

static bool read_letters(const struct kafka_settings *settings, struct reading *reading,
                         struct err *err)
{
    static const char *const TOPICS[] = {TOPIC, NULL};
    const struct kafka_consumer_options options = {
        .settings = *settings,
        .topics = TOPICS,
        .max_poll_interval_us = INT64_C(120000000),
        .queued_kbytes = QUEUED_KBYTES,
    };
    const struct kafka_consumer_handlers handlers = {.on_message = on_message,
                                                     .on_assigned = on_assigned,
                                                     .on_out_of_range = on_out_of_range,
                                                     .context = reading};
    struct kafka_consumer *consumer = NULL;

    if (!kafka_consumer_start(NULL, &options, handlers, &consumer, err))
        return false;
    bool is_read = read_all(reading, consumer, err);
    kafka_consumer_free(consumer);
    return is_read;
}

/* A topic that does not exist, or a broker, would be waited for otherwise. */
static bool count_partitions(const struct kafka_settings *settings, int32_t *ret_count,
                             struct err *err)
{
    struct kafka_admin *admin;

    if (!kafka_admin_start(settings, TOPIC, "people", &admin, err))
        return false;
    bool is_known = kafka_admin_partition_count(admin, TOPIC, PATIENCE_US, ret_count, err);
    kafka_admin_free(admin);
    return is_known;
}

bool letter_reader_list(const struct kafka_settings *settings, struct err *err)
{
    struct reading reading = {0};
    int32_t count;

    return count_partitions(settings, &count, err) && read_letters(settings, &reading, err);
}

bool letter_reader_show(const struct kafka_settings *settings, struct kafka_position place,
                        struct err *err)
{
    struct reading reading = {.is_single = true, .wanted = place};
    int32_t count;

    if (!count_partitions(settings, &count, err))
        return false;
    if (place.partition >= count)
        return err_set(err, ERR_REJECT, "letters", 0,
                       TOPIC " has %" PRId32 " partitions, 0 to %" PRId32, count, count - 1);
    if (!read_letters(settings, &reading, err))
        return false;
    return reading.is_found ||
           err_set(err, ERR_REJECT, "letters", 0, "there is no letter at %" PRId32 ":%" PRId64,
                   place.partition, place.offset);
}
