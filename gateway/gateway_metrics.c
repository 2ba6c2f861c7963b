/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway_metrics.h"

#include <assert.h>

#include "common/kafka_producer.h"
#include "common/pg.h"
#include "gateway/gateway.h"
#include "gateway/http_server.h"
#include "gateway/relay_feed.h"
#include "gateway/sse_conn.h"
#include "gateway/sse_hub.h"
#include "gateway/upload_put.h"
#include "gateway/upload_reaper.h"

enum {
    METRIC_REQUEST_SECONDS,
    METRIC_CONNECTIONS,
    METRIC_REFUSED,
    METRIC_MALFORMED,
    METRIC_TIMEOUTS,
    METRIC_ABORTED,
    METRIC_BODY_BYTES,
    METRIC_UPLOADS_ACTIVE,
    METRIC_UPLOADS,
    METRIC_TEMPORARIES_REAPED,
    METRIC_STREAMS,
    METRIC_STREAM_EVENTS,
    METRIC_STREAM_BYTES,
    METRIC_VIEWS_DROPPED,
    METRIC_SLOW_CLOSED,
    METRIC_JOBS_FOLLOWED,
    METRIC_HUB_EVENTS,
    METRIC_GAP_FILLS,
    METRIC_FEED_RECORDS,
    METRIC_UP,
    METRIC_PUBLISHING,
    METRIC_LOOP_LAG,
    METRIC_COUNT
};

enum { STATUS_OTHER, STATUS_2XX, STATUS_3XX, STATUS_4XX, STATUS_5XX };
enum { UPLOAD_STORED, UPLOAD_REPEATED, UPLOAD_CONFLICT, UPLOAD_FAILED, UPLOAD_ABORTED };
enum { HUB_LIVE, HUB_REPLAYED };
enum { FEED_TAKEN, FEED_DROPPED, FEED_ODD };
enum { UP_DATABASE, UP_KAFKA, UP_EVENTS };

static const struct metric_definition METRICS[] = {
    [METRIC_REQUEST_SECONDS] = {"chunkscribe_gateway_request_duration_seconds",
                                METRIC_HISTOGRAM,
                                "Time from a request's head to its answer.",
                                "status",
                                {"other", "2xx", "3xx", "4xx", "5xx"}},
    [METRIC_CONNECTIONS] = {"chunkscribe_gateway_connections",
                            METRIC_GAUGE,
                            "Open connections, streams included.",
                            NULL,
                            {NULL}},
    [METRIC_REFUSED] = {"chunkscribe_gateway_connections_refused_total",
                        METRIC_COUNTER,
                        "Connections over a limit.",
                        NULL,
                        {NULL}},
    [METRIC_MALFORMED] = {"chunkscribe_gateway_requests_malformed_total",
                          METRIC_COUNTER,
                          "Requests that are not valid HTTP.",
                          NULL,
                          {NULL}},
    [METRIC_TIMEOUTS] = {"chunkscribe_gateway_timeouts_total",
                         METRIC_COUNTER,
                         "Connections closed because a phase took too long.",
                         NULL,
                         {NULL}},
    [METRIC_ABORTED] = {"chunkscribe_gateway_requests_aborted_total",
                        METRIC_COUNTER,
                        "Requests whose client went away before the answer.",
                        NULL,
                        {NULL}},
    [METRIC_BODY_BYTES] = {"chunkscribe_gateway_received_bytes_total",
                           METRIC_COUNTER,
                           "Bytes of request bodies.",
                           NULL,
                           {NULL}},
    [METRIC_UPLOADS_ACTIVE] = {"chunkscribe_gateway_uploads_active",
                               METRIC_GAUGE,
                               "Chunks being received.",
                               NULL,
                               {NULL}},
    [METRIC_TEMPORARIES_REAPED] = {"chunkscribe_gateway_temporaries_reaped_total",
                                   METRIC_COUNTER,
                                   "Temporary files of uploads whose gateway died, deleted.",
                                   NULL,
                                   {NULL}},
    [METRIC_UPLOADS] = {"chunkscribe_gateway_uploads_total",
                        METRIC_COUNTER,
                        "Uploads by outcome.",
                        "outcome",
                        {"stored", "repeated", "conflict", "failed", "aborted"}},
    [METRIC_STREAMS] =
        {"chunkscribe_gateway_streams", METRIC_GAUGE, "Open event streams.", NULL, {NULL}},
    [METRIC_STREAM_EVENTS] = {"chunkscribe_gateway_stream_events_total",
                              METRIC_COUNTER,
                              "Events handed to the kernel.",
                              NULL,
                              {NULL}},
    [METRIC_STREAM_BYTES] = {"chunkscribe_gateway_stream_bytes_total",
                             METRIC_COUNTER,
                             "Bytes of events handed to the kernel.",
                             NULL,
                             {NULL}},
    [METRIC_VIEWS_DROPPED] = {"chunkscribe_gateway_views_dropped_total",
                              METRIC_COUNTER,
                              "Views that a slow reader did not get.",
                              NULL,
                              {NULL}},
    [METRIC_SLOW_CLOSED] = {"chunkscribe_gateway_slow_readers_closed_total",
                            METRIC_COUNTER,
                            "Event streams closed because their reader was slow.",
                            NULL,
                            {NULL}},
    [METRIC_JOBS_FOLLOWED] = {"chunkscribe_gateway_jobs_followed",
                              METRIC_GAUGE,
                              "Jobs with a stream here.",
                              NULL,
                              {NULL}},
    [METRIC_HUB_EVENTS] = {"chunkscribe_gateway_durable_events_total",
                           METRIC_COUNTER,
                           "Durable events by where they came from: Kafka or PostgreSQL.",
                           "source",
                           {"live", "replay"}},
    [METRIC_GAP_FILLS] = {"chunkscribe_gateway_gap_fills_total",
                          METRIC_COUNTER,
                          "Reads of PostgreSQL for events that Kafka did not bring.",
                          NULL,
                          {NULL}},
    [METRIC_FEED_RECORDS] = {"chunkscribe_gateway_feed_records_total",
                             METRIC_COUNTER,
                             "Records of jobs.events.",
                             "outcome",
                             {"taken", "dropped", "odd"}},
    [METRIC_UP] = {"chunkscribe_gateway_dependency_up",
                   METRIC_GAUGE,
                   "1 while what the gateway stands on is there.",
                   "dependency",
                   {"postgres", "kafka", "events"}},
    [METRIC_PUBLISHING] = {"chunkscribe_gateway_records_in_flight",
                           METRIC_GAUGE,
                           "Records that Kafka has not acknowledged yet.",
                           NULL,
                           {NULL}},
    [METRIC_LOOP_LAG] = {"chunkscribe_gateway_loop_lag_microseconds",
                         METRIC_GAUGE,
                         "How late the event loop ran a timer, at worst, in the last seconds.",
                         NULL,
                         {NULL}},
};
static_assert(ARRAY_LEN(METRICS) == METRIC_COUNT, "every metric has its row");

struct metrics *gateway_metrics_new(void)
{
    return metrics_new(METRICS, METRIC_COUNT);
}

static void set(const struct gateway *gateway, size_t metric, size_t label, uint64_t value)
{
    metrics_set(gateway->metrics, metric, label, (int64_t)value);
}

static void collect_http(const struct gateway *gateway)
{
    const struct http_stats *http = http_server_stats(gateway->server);
    const struct upload_put_stats *uploads = upload_put_stats(gateway->uploads);

    set(gateway, METRIC_CONNECTIONS, 0, http->connections);
    set(gateway, METRIC_REFUSED, 0, http->refused);
    set(gateway, METRIC_MALFORMED, 0, http->malformed);
    set(gateway, METRIC_TIMEOUTS, 0, http->timeouts);
    set(gateway, METRIC_ABORTED, 0, http->aborted);
    set(gateway, METRIC_BODY_BYTES, 0, http->body_bytes);
    set(gateway, METRIC_UPLOADS_ACTIVE, 0, uploads->active);
    set(gateway, METRIC_UPLOADS, UPLOAD_STORED, uploads->stored);
    set(gateway, METRIC_UPLOADS, UPLOAD_REPEATED, uploads->repeated);
    set(gateway, METRIC_UPLOADS, UPLOAD_CONFLICT, uploads->conflicts);
    set(gateway, METRIC_UPLOADS, UPLOAD_FAILED, uploads->failed);
    set(gateway, METRIC_UPLOADS, UPLOAD_ABORTED, uploads->aborted);
    set(gateway, METRIC_TEMPORARIES_REAPED, 0, upload_reaper_count(gateway->reaper));
}

static void collect_streams(const struct gateway *gateway)
{
    const struct sse_stats *streams = sse_streams_stats(gateway->streams);
    const struct sse_hub_stats *hub = sse_hub_stats(gateway->hub);
    const struct relay_feed_stats *feed = relay_feed_stats(gateway->feed);

    set(gateway, METRIC_STREAMS, 0, streams->open);
    set(gateway, METRIC_STREAM_EVENTS, 0, streams->events_sent);
    set(gateway, METRIC_STREAM_BYTES, 0, streams->bytes_sent);
    set(gateway, METRIC_VIEWS_DROPPED, 0, streams->views_dropped);
    set(gateway, METRIC_SLOW_CLOSED, 0, streams->slow_closed);
    set(gateway, METRIC_JOBS_FOLLOWED, 0, hub->jobs);
    set(gateway, METRIC_HUB_EVENTS, HUB_LIVE, hub->live_events);
    set(gateway, METRIC_HUB_EVENTS, HUB_REPLAYED, hub->replayed_events);
    set(gateway, METRIC_GAP_FILLS, 0, hub->gap_fills);
    set(gateway, METRIC_FEED_RECORDS, FEED_TAKEN, feed->records - feed->dropped - feed->odd);
    set(gateway, METRIC_FEED_RECORDS, FEED_DROPPED, feed->dropped);
    set(gateway, METRIC_FEED_RECORDS, FEED_ODD, feed->odd);
}

void gateway_metrics_collect(struct gateway *gateway)
{
    collect_http(gateway);
    collect_streams(gateway);
    set(gateway, METRIC_UP, UP_DATABASE, pg_is_up(gateway->pg));
    set(gateway, METRIC_UP, UP_KAFKA, kafka_producer_is_up(gateway->producer));
    set(gateway, METRIC_UP, UP_EVENTS, relay_feed_is_up(gateway->feed));
    set(gateway, METRIC_PUBLISHING, 0, kafka_producer_in_flight(gateway->producer));
    set(gateway, METRIC_LOOP_LAG, 0, loop_lag_us(gateway->loop));
}

static size_t status_label(int status)
{
    return status >= 200 && status < 600 && status != 499 ? (size_t)status / 100 - 1 : STATUS_OTHER;
}

void gateway_metrics_observe(struct metrics *metrics, const struct http_access *access)
{
    metrics_observe_us(metrics, METRIC_REQUEST_SECONDS, status_label(access->status),
                       access->duration_us);
}
