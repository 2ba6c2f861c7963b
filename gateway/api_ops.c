/* SPDX-License-Identifier: Apache-2.0 */
/* /healthz, /readyz, /metrics and the page. */
#include "common/kafka_producer.h"
#include "common/pg.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/gateway_metrics.h"
#include "gateway/http_request.h"
#include "gateway/relay_feed.h"
#include "gateway/static_files.h"

#define ANSWER_BYTES_MAX ((size_t)1024 * 1024)

static void answer_json(struct http_request *take_request, int status, struct buf *take_json)
{
    size_t length = take_json->length;

    http_respond_json(take_request, status, buf_take(take_json), length);
}

/* The loop runs, or this would not be called. */
void api_healthz(struct http_request *take_request, void *context)
{
    struct buf json;

    (void)context;
    buf_init(&json, ANSWER_BYTES_MAX);
    buf_append_string(&json, "{\"status\":\"ok\"}");
    answer_json(take_request, 200, &json);
}

static void append_check(struct buf *json, const char *name, bool is_up, const char *reason)
{
    buf_append_format(json, ",\"%s\":{\"ready\":%s,\"reason\":%s%s%s}", name,
                      is_up ? "true" : "false", is_up ? "" : "\"", is_up ? "null" : reason,
                      is_up ? "" : "\"");
}

void api_readyz(struct http_request *take_request, void *context)
{
    struct gateway *gateway = context;
    bool has_database = pg_is_up(gateway->pg);
    bool has_kafka = kafka_producer_is_up(gateway->producer);
    bool has_feed = relay_feed_is_up(gateway->feed);
    bool is_ready = has_database && has_kafka && has_feed;
    struct buf json;

    buf_init(&json, ANSWER_BYTES_MAX);
    buf_append_format(&json, "{\"ready\":%s", is_ready ? "true" : "false");
    append_check(&json, "postgres", has_database, "no connection to PostgreSQL");
    append_check(&json, "kafka", has_kafka, "no broker is connected");
    append_check(&json, "events", has_feed, "not all partitions of jobs.events are followed yet");
    buf_append_string(&json, "}");
    answer_json(take_request, is_ready ? 200 : 503, &json);
}

void api_metrics(struct http_request *take_request, void *context)
{
    struct gateway *gateway = context;
    struct buf text;

    gateway_metrics_collect(gateway);
    buf_init(&text, ANSWER_BYTES_MAX);
    metrics_format(gateway->metrics, &text);
    struct http_reply reply = {.status = 200,
                               .content_type = "text/plain; version=0.0.4; charset=utf-8",
                               .body_length = text.length};
    reply.take_body = buf_take(&text);
    http_respond(take_request, &reply);
}

void api_page(struct http_request *take_request, void *context)
{
    static const struct problem no_page = {.type = PROBLEM_NOT_FOUND,
                                           .detail = "this server has no page (option web-root)"};
    struct gateway *gateway = context;

    if (gateway->files == NULL)
        http_respond_problem(take_request, &no_page);
    else
        static_files_serve(gateway->files, take_request, http_request_capture(take_request));
}
