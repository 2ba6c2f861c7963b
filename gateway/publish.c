/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/publish.h"

#include <assert.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"

const char *const PUBLISH_TOPICS[] = {"chunks.uploaded", "jobs.commands", NULL};

struct publication {
    struct kafka_producer *producer; /* borrowed */
    struct event uploaded;           /* its position is filled in by the first ack */
    char *traceparent;               /* owned; NULL: none */
    publish_on_done on_done;
    void *context;
};

static void finish(struct publication *publication, const struct err *err)
{
    publication->on_done(publication->context, err);
    free(publication->traceparent);
    free(publication);
}

static void send_event(struct publication *publication, const struct event *event,
                       kafka_on_report on_report)
{
    CLEANUP(mem_free_at) char *key = event_key(event);
    const char *traceparent = publication->traceparent;
    struct buf json;
    struct err err;

    buf_init(&json, (size_t)EVENT_BYTES_MAX);
    event_encode(event, clock_wall_us(), &json);
    struct kafka_record record = {
        .topic = event_topic(event->type),
        .key = key,
        .value = buf_string(&json),
        .value_length = json.length,
    };
    if (traceparent != NULL)
        record.headers[record.header_count++] =
            (struct kafka_header){"traceparent", traceparent, strlen(traceparent)};
    bool is_queued =
        kafka_producer_send(publication->producer, &record, on_report, publication, &err);
    buf_done(&json);
    if (!is_queued)
        finish(publication, &err);
}

static void on_last_report(void *context, struct kafka_position position, const struct err *err)
{
    (void)position;
    finish(context, err);
}

static void on_work_report(void *context, struct kafka_position position, const struct err *err)
{
    struct publication *publication = context;

    if (err != NULL) {
        finish(publication, err);
        return;
    }
    publication->uploaded.uploaded.work = position;
    send_event(publication, &publication->uploaded, on_last_report);
}

static struct publication *publication_new(struct kafka_producer *producer, const char *traceparent,
                                           publish_on_done on_done, void *context)
{
    struct publication *publication = mem_new(sizeof *publication);

    publication->producer = producer;
    publication->traceparent = mem_copy_string(traceparent);
    publication->on_done = on_done;
    publication->context = context;
    return publication;
}

void publish_chunk(struct kafka_producer *producer, const struct event *work,
                   const char *traceparent, publish_on_done on_done, void *context)
{
    struct publication *publication = publication_new(producer, traceparent, on_done, context);

    assert(work->type == EVENT_CHUNK_WORK);
    publication->uploaded = (struct event){
        .type = EVENT_CHUNK_UPLOADED,
        .job = work->job,
        .chunk_index = work->chunk_index,
        .attempt = work->attempt,
        .uploaded.size_bytes = chunk_layout_size(&work->work.layout, work->chunk_index),
    };
    send_event(publication, work, on_work_report);
}

void publish_command(struct kafka_producer *producer, const struct event *command,
                     const char *traceparent, publish_on_done on_done, void *context)
{
    assert(event_is_of_job(command->type));
    send_event(publication_new(producer, traceparent, on_done, context), command, on_last_report);
}
