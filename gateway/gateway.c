/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway.h"

#include <stdlib.h>
#include <string.h>

#include "common/blob_file.h"
#include "common/kafka_producer.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pg.h"
#include "common/pool.h"
#include "common/sign.h"
#include "common/webhook_sign.h"
#include "gateway/api.h"
#include "gateway/gateway_metrics.h"
#include "gateway/http_server.h"
#include "gateway/idempotency_sweep.h"
#include "gateway/publish.h"
#include "gateway/rate_limit.h"
#include "gateway/relay_feed.h"
#include "gateway/sse_conn.h"
#include "gateway/sse_hub.h"
#include "gateway/static_files.h"
#include "gateway/store_room.h"
#include "gateway/upload_put.h"
#include "gateway/upload_reaper.h"

#define MS_PER_US(us) ((unsigned)((us) / 1000))

static void on_access(const struct http_access *access, void *context);
static bool is_feed_up(void *context);

/* In the order that lets whoever still waits be told: Kafka's reports answer completions, the
 * pool's work answers uploads; then nothing of PostgreSQL calls back any more. */
void gateway_free(struct gateway *gateway)
{
    if (gateway == NULL)
        return;
    relay_feed_free(gateway->feed);
    kafka_producer_free(gateway->producer);
    pg_free(gateway->pg);
    idempotency_sweep_free(gateway->sweep);
    if (gateway->hub != NULL)
        sse_hub_drain(gateway->hub);
    http_server_free(gateway->server);
    if (gateway->reaper != NULL)
        upload_reaper_stop(gateway->reaper);
    pool_free(gateway->pool);
    upload_reaper_free(gateway->reaper);
    upload_put_free(gateway->uploads);
    store_room_free(gateway->room);
    sse_hub_free(gateway->hub);
    sse_streams_free(gateway->streams);
    blob_file_free(gateway->blobs);
    static_files_free(gateway->files);
    sign_keys_free(gateway->keys);
    webhook_keys_free(gateway->webhook_keys);
    metrics_free(gateway->metrics);
    rate_limit_free(gateway->rates);
    free(gateway->routes);
    free(gateway->allowed_origins);
    free(gateway->allowed_hosts);
    free(gateway);
}

static bool load_files(struct gateway *gateway, struct err *err)
{
    const struct gateway_options *options = gateway->options;

    if (options->signing_key_file == NULL || options->signing_key_file[0] == '\0') {
        gateway->keys = sign_keys_random();
        log_warn("signing_key_random", "upload URLs end with this process: no signing-key-file");
    } else if (!sign_keys_load(options->signing_key_file, &gateway->keys, err)) {
        return false;
    }
    if (options->webhook_key_file != NULL && options->webhook_key_file[0] != '\0' &&
        !webhook_keys_load(options->webhook_key_file, &gateway->webhook_keys, err))
        return false;
    if (options->web_root != NULL && options->web_root[0] != '\0' &&
        !static_files_load(options->web_root, &gateway->files, err))
        return false;
    return blob_file_open(options->blob_store, &gateway->blobs, err);
}

static void start_storage(struct gateway *gateway)
{
    const struct gateway_options *options = gateway->options;
    CLEANUP(mem_free_at) char *uploads = blob_file_uploads(gateway->blobs);

    gateway->pool = pool_new(gateway->loop, (unsigned)options->storage_threads);
    gateway->room = store_room_new(&(struct store_room_settings){
        .loop = gateway->loop,
        .pool = gateway->pool,
        .directory = blob_file_directory(gateway->blobs),
        .max_bytes = options->blob_store_max_bytes,
        .min_free_bytes = options->blob_store_min_free_bytes,
        .count_every_us = (uint64_t)options->blob_store_count_every_us,
    });
    gateway->uploads = upload_put_new(gateway->pool, gateway->room);
    gateway->reaper = upload_reaper_new(gateway->loop, gateway->pool, uploads,
                                        (uint64_t)options->temporary_age_us);
    gateway->pg =
        pg_new(gateway->loop, options->database_url, (unsigned)options->database_connections,
               (size_t)options->database_queue, (uint64_t)options->database_timeout_us);
    gateway->sweep =
        idempotency_sweep_start(gateway->loop, gateway->pg, options->idempotency_lifetime_us);
}

static void start_streams(struct gateway *gateway)
{
    const struct gateway_options *options = gateway->options;
    struct sse_limits limits = sse_limits_default;

    limits.waiting_bytes = (size_t)options->stream_waiting_bytes;
    limits.stall_ms = MS_PER_US(options->stream_stall_us);
    limits.heartbeat_ms = MS_PER_US(options->stream_heartbeat_us);
    gateway->streams = sse_streams_new(gateway->loop, &limits);
    gateway->hub = sse_hub_new(&(struct sse_hub_settings){
        .loop = gateway->loop,
        .pg = gateway->pg,
        .streams = gateway->streams,
        .is_feed_up = is_feed_up,
        .context = gateway,
    });
}

/* Half the time for each of the two records that a completion waits for. */
static bool start_kafka(struct gateway *gateway, struct err *err)
{
    const struct gateway_options *options = gateway->options;
    struct kafka_settings settings = {
        .brokers = options->common.kafka_brokers,
        .topic_prefix = options->common.topic_prefix,
        .client_id = "chunkscribe-gateway",
        .extra = options->common.kafka_config,
    };
    struct kafka_producer_options producer = {
        .settings = settings,
        .topics = PUBLISH_TOPICS,
        .linger_us = 0,
        .delivery_timeout_us = options->publish_timeout_us / 2,
        .queue_limit_bytes = options->publish_queue_bytes,
    };

    return kafka_producer_start(gateway->loop, &producer, &gateway->producer, err) &&
           relay_feed_start(gateway->loop, &settings, gateway->hub, &gateway->feed, err);
}

static struct http_limits http_limits_of(const struct gateway_options *options)
{
    struct http_limits limits = http_limits_default;

    limits.header_bytes = (size_t)options->http_header_bytes;
    limits.connections = (unsigned)options->http_connections;
    limits.address_connections = (unsigned)options->http_address_connections;
    limits.header_ms = MS_PER_US(options->http_header_timeout_us);
    limits.idle_ms = MS_PER_US(options->http_idle_timeout_us);
    limits.min_bytes_per_s = (unsigned)options->http_min_bytes_per_s;
    return limits;
}

static bool start_server(struct gateway *gateway, struct err *err)
{
    const struct gateway_options *options = gateway->options;
    struct http_server_settings settings = {
        .context = gateway,
        .limits = http_limits_of(options),
        .admit = api_admit,
        .run = api_run,
        .on_access = on_access,
    };

    if (options->rate_limit > 0)
        gateway->rates = rate_limit_new(&(struct rate_limit_settings){
            .requests = (unsigned)options->rate_limit,
            .window_us = (uint64_t)options->rate_window_us,
            .clients_max = (size_t)options->rate_clients,
        });
    gateway->allowed_hosts = gateway_options_list(options->allowed_hosts);
    gateway->allowed_origins = gateway_options_list(options->allowed_origins);
    gateway->routes = api_routes_new((size_t)options->http_body_bytes, &settings.route_count);
    settings.routes = gateway->routes;
    settings.guard.allowed_hosts = gateway->allowed_hosts;
    settings.guard.allowed_origins = gateway->allowed_origins;
    gateway->server = http_server_new(gateway->loop, &settings);
    if (!http_server_listen(gateway->server, gateway->listen.host, gateway->listen.port, false,
                            err))
        return false;
    log_info("listening", "the gateway takes requests", LOG_STR("host", gateway->listen.host),
             LOG_INT("port", http_server_port(gateway->server)));
    return true;
}

bool gateway_start(struct loop *loop, const struct gateway_options *options,
                   const struct listen_address *listen, struct gateway **ret_gateway,
                   struct err *err)
{
    struct gateway *gateway = mem_new(sizeof *gateway);

    gateway->loop = loop;
    gateway->options = options;
    gateway->listen = *listen;
    gateway->metrics = gateway_metrics_new();
    if (!load_files(gateway, err))
        goto fail;
    start_storage(gateway);
    start_streams(gateway);
    if (!start_kafka(gateway, err) || !start_server(gateway, err))
        goto fail;
    *ret_gateway = gateway;
    return true;
fail:
    gateway_free(gateway);
    return false;
}

void gateway_drain(struct gateway *gateway, void (*on_empty)(void *context), void *context)
{
    sse_hub_drain(gateway->hub);
    http_server_drain(gateway->server, on_empty, context);
}

/* Who was refused is worth a line; the rest is in the metrics. */
static enum log_level access_level(const struct http_access *access)
{
    if (access->status < 400 || strcmp(access->pattern, "/readyz") == 0)
        return LOG_LEVEL_DEBUG;
    return access->status < 500 ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
}

static void on_access(const struct http_access *access, void *context)
{
    const struct gateway *gateway = context;
    enum log_level level = access_level(access);

    gateway_metrics_observe(gateway->metrics, access);
    if (!log_is_on(level))
        return;
    const struct log_field fields[] = {LOG_STR("request", access->request_id),
                                       LOG_STR("method", access->method),
                                       LOG_STR("path", access->path),
                                       LOG_INT("status", access->status),
                                       LOG_INT("duration_us", access->duration_us),
                                       LOG_END};
    log_write(level, "http_request", "answered", fields);
}

static bool is_feed_up(void *context)
{
    const struct gateway *gateway = context;

    return relay_feed_is_up(gateway->feed);
}
