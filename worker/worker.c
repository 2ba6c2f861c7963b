/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker.h"

#include <stdio.h>
#include <unistd.h>

#include "common/blob_file.h"
#include "common/http_fetch.h"
#include "common/kafka_producer.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "common/ops_http.h"
#include "common/pool.h"
#include "worker/control.h"
#include "worker/decoder_client.h"
#include "worker/emit.h"
#include "worker/intake.h"
#include "worker/job_tasks.h"
#include "worker/previous_overlap.h"
#include "worker/webhook_deliver.h"
#include "worker/worker_metrics.h"

#define HEADER_CACHE_JOBS 256
/* Of one chunk: with the speech requests' limit this spreads them over several chunks. */
#define MAX_WINDOWS 4
/* For what blocks: deleting blobs, resolving names. */
#define POOL_THREADS 4
#define DELIVERY_TIMEOUT_US INT64_C(30000000)
#define PRODUCER_QUEUE_BYTES (INT64_C(64) << 20)
#define WORKER_NAME_SIZE 96

struct worker {
    const struct worker_options *options; /* borrowed */
    char name[WORKER_NAME_SIZE];          /* as it appears in records */
    struct loop *loop;
    struct service *service;
    struct metrics *metrics;
    struct blob_file *store;
    struct header_cache *headers;
    struct decoder_client *decoder;
    struct http_fetch *http;
    struct speech_client *speech;
    struct llm_client *llm; /* NULL: there is none */
    struct emit *emit;
    struct kafka_producer *producer;
    struct task_services services;
    struct control *control;
    struct intake *intake;
    struct pool *pool;
    struct job_task_services task_services;
    struct webhook_service webhooks;
    struct job_tasks *tasks;
    struct ops_http *ops;
};

static void on_drain(void *context)
{
    struct worker *worker = context;

    intake_drain(worker->intake);
    job_tasks_drain(worker->tasks);
}

static void on_drained(void *context)
{
    struct worker *worker = context;

    if (intake_is_drained(worker->intake) && job_tasks_is_drained(worker->tasks))
        service_drained(worker->service);
}

static void on_fatal(void *context)
{
    struct worker *worker = context;

    service_fail(worker->service);
}

static void on_speech_change(void *context)
{
    struct worker *worker = context;

    if (worker->intake != NULL)
        intake_wake(worker->intake);
}

static void on_control_ready(void *context)
{
    struct worker *worker = context;

    intake_wake(worker->intake);
    job_tasks_wake(worker->tasks);
}

static void on_control_stop(void *context)
{
    struct worker *worker = context;

    intake_stop_forbidden(worker->intake);
    job_tasks_stop_forbidden(worker->tasks);
}

static bool is_ready(void *context, struct buf *ret_members)
{
    const struct worker *worker = context;
    bool consumer_up = intake_is_up(worker->intake) && job_tasks_is_up(worker->tasks);
    bool producer_up = kafka_producer_is_up(worker->producer);
    bool control_ready = control_is_ready(worker->control);
    const char *held = speech_client_held(worker->speech);

    buf_append_format(ret_members,
                      "\"consumer\":%s,\"producer\":%s,\"control\":%s,\"speech_held\":%s,"
                      "\"speech_held_reason\":%s%s%s",
                      consumer_up ? "true" : "false", producer_up ? "true" : "false",
                      control_ready ? "true" : "false", held != NULL ? "true" : "false",
                      held != NULL ? "\"" : "", held != NULL ? held : "null",
                      held != NULL ? "\"" : "");
    return consumer_up && producer_up && control_ready && !service_is_draining(worker->service);
}

/* Without an id of its own a worker is told apart by where it runs. */
static void set_name(struct worker *worker)
{
    char host[64] = "worker";

    if (worker->options->worker_id != NULL) {
        (void)snprintf(worker->name, sizeof worker->name, "%s", worker->options->worker_id);
        return;
    }
    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(worker->name, sizeof worker->name, "%s-%d", host, (int)getpid());
}

static struct kafka_settings kafka_settings(const struct worker *worker)
{
    const struct config_common *common = &worker->options->common;

    return (struct kafka_settings){
        .brokers = common->kafka_brokers,
        .topic_prefix = common->topic_prefix,
        .client_id = worker->name,
        .extra = common->kafka_config,
    };
}

static size_t pcm_samples(int64_t duration_us)
{
    return (size_t)(duration_us * MEDIA_PCM_RATE / 1000000);
}

static struct speech_service speech_service(const struct worker_options *options)
{
    return (struct speech_service){.url = options->speech_url,
                                   .key = options->speech_key,
                                   .model = options->speech_model,
                                   .music_model = options->speech_model_music};
}

static struct speech_client *make_speech_client(struct worker *worker)
{
    const struct worker_options *options = worker->options;
    const struct speech_client_options client_options = {
        .service = speech_service(options),
        .max_requests = (size_t)options->max_speech_requests,
        .connect_timeout_us = (uint64_t)options->speech_connect_timeout_us,
        .total_timeout_us = (uint64_t)options->speech_timeout_us,
    };

    return speech_client_new(worker->loop, worker->http, worker->metrics, &client_options,
                             on_speech_change, worker);
}

static struct llm_client *make_llm_client(struct worker *worker)
{
    const struct worker_options *options = worker->options;
    const struct llm_client_options client_options = {
        .service = {.url = options->llm_url, .key = options->llm_key, .model = options->llm_model},
        .max_requests = (size_t)options->max_llm_requests,
        .connect_timeout_us = (uint64_t)options->llm_connect_timeout_us,
        .total_timeout_us = (uint64_t)options->llm_timeout_us,
        .answer_limit_bytes = (size_t)options->llm_answer_limit_bytes,
    };

    if (options->llm_url == NULL || options->llm_url[0] == '\0')
        return NULL;
    return llm_client_new(worker->loop, worker->metrics, &client_options);
}

static void set_services(struct worker *worker)
{
    const struct worker_options *options = worker->options;
    struct decoder_limits limits = DECODER_LIMITS_DEFAULT;

    int64_t neighbours_us = 2 * options->overlap_us + PREVIOUS_OVERLAP_MAX_US;
    limits.max_seconds = options->max_chunk_seconds + neighbours_us / 1000000 + 1;
    limits.memory_bytes = options->decoder_memory_bytes;
    worker->services = (struct task_services){
        .loop = worker->loop,
        .metrics = worker->metrics,
        .emit = worker->emit,
        .speech = worker->speech,
        .decoder = worker->decoder,
        .fetch = {.headers = worker->headers,
                  .overlap_us = options->overlap_us,
                  .window_us = options->window_us},
        .decoder_limits = limits,
        .correction = {.loop = worker->loop,
                       .metrics = worker->metrics,
                       .client = worker->llm,
                       .piece_words = (size_t)options->llm_piece_words,
                       .deadline_us = (uint64_t)options->llm_deadline_us},
        .worker_id = worker->name,
        .speech_service = speech_service(options),
        .window_samples = pcm_samples(options->window_us),
        .overlap_samples = pcm_samples(options->overlap_us),
        .max_windows = MAX_WINDOWS,
        .on_fatal = on_fatal,
        .context = worker,
    };
}

struct worker *worker_new(const struct worker_options *options)
{
    struct worker *worker = mem_new(sizeof *worker);

    worker->options = options;
    set_name(worker);
    worker->loop = loop_new();
    worker->metrics = metrics_new(WORKER_METRICS, WORKER_METRIC_COUNT);
    worker->headers = header_cache_new(HEADER_CACHE_JOBS);
    worker->decoder = decoder_client_new(loop_base(worker->loop), NULL);
    worker->http = http_fetch_new(worker->loop, (size_t)options->max_speech_requests);
    worker->speech = make_speech_client(worker);
    worker->llm = make_llm_client(worker);
    worker->emit = emit_new(worker->loop, worker->metrics);
    set_services(worker);
    worker->control =
        control_new(worker->loop, (struct control_handlers){.on_ready = on_control_ready,
                                                            .on_stop = on_control_stop,
                                                            .on_fatal = on_fatal,
                                                            .context = worker});
    const struct intake_options intake_options = {
        .kafka = kafka_settings(worker),
        .member_id = options->worker_id,
        .max_in_flight = (size_t)options->max_in_flight,
        .services = &worker->services,
        .control = worker->control,
        .on_drained = on_drained,
        .context = worker,
    };
    worker->intake = intake_new(&intake_options);
    const struct job_tasks_options tasks_options = {
        .kafka = kafka_settings(worker),
        .member_id = options->worker_id,
        .max_in_flight = (size_t)options->max_tasks_in_flight,
        .services = &worker->task_services,
        .control = worker->control,
        .emit = worker->emit,
        .worker_id = worker->name,
        .metrics = worker->metrics,
        .on_drained = on_drained,
        .on_fatal = on_fatal,
        .context = worker,
    };
    worker->task_services.loop = worker->loop;
    worker->task_services.correction = &worker->services.correction;
    worker->task_services.webhooks = &worker->webhooks;
    worker->tasks = job_tasks_new(&tasks_options);
    return worker;
}

static bool set_webhooks(struct worker *worker, struct err *err)
{
    const struct worker_options *options = worker->options;
    const char *key_file = options->webhook_key_file;

    worker->webhooks = (struct webhook_service){
        .fetch = http_fetch_new(worker->loop, (size_t)options->max_tasks_in_flight),
        .policy = {.http = options->webhook_allow_http,
                   .private_targets = options->webhook_allow_private},
        .timeout_us = (uint64_t)options->webhook_timeout_us,
    };
    return key_file == NULL || key_file[0] == '\0' ||
           webhook_keys_load(key_file, &worker->webhooks.keys, err);
}

static bool start_producer(struct worker *worker, struct err *err)
{
    const struct kafka_producer_options options = {
        .settings = kafka_settings(worker),
        .topics = EMIT_TOPICS,
        .delivery_timeout_us = DELIVERY_TIMEOUT_US,
        .queue_limit_bytes = PRODUCER_QUEUE_BYTES,
    };

    if (!kafka_producer_start(worker->loop, &options, &worker->producer, err))
        return false;
    emit_set_producer(worker->emit, worker->producer);
    return true;
}

static bool start_ops(struct worker *worker, struct err *err)
{
    const char *listen = worker->options->common.listen;
    const struct ops_http_sources sources = {
        .metrics = worker->metrics, .is_ready = is_ready, .context = worker};

    if (listen == NULL || listen[0] == '\0')
        return true;
    return ops_http_start(loop_base(worker->loop), listen, sources, &worker->ops, err);
}

bool worker_start(struct worker *worker, struct err *err)
{
    if (worker->options->overlap_us * 2 >= worker->options->window_us)
        return err_set(err, ERR_REJECT, "config", 0, "overlap must be less than half of window");
    if (!decoder_client_start(worker->decoder, err) ||
        !blob_file_open(worker->options->blob_store, &worker->store, err) ||
        !set_webhooks(worker, err))
        return false;
    worker->services.fetch.store = worker->store;
    worker->task_services.store = worker->store;
    worker->pool = pool_new(worker->loop, POOL_THREADS); /* after the decoder's parent */
    worker->task_services.pool = worker->pool;
    worker->service = service_new(worker->loop, (uint64_t)worker->options->common.shutdown_grace_us,
                                  on_drain, worker);
    const struct kafka_settings kafka = kafka_settings(worker);
    if (!start_producer(worker, err) || !control_start(worker->control, &kafka, err) ||
        !intake_start(worker->intake, err) || !job_tasks_start(worker->tasks, err) ||
        !start_ops(worker, err))
        return false;
    log_info("worker_started", "taking work", LOG_STR("worker", worker->name),
             LOG_INT("max_in_flight", worker->options->max_in_flight));
    return true;
}

enum exit_code worker_run(struct worker *worker)
{
    return service_run(worker->service);
}

void worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    ops_http_free(worker->ops);
    intake_free(worker->intake);
    job_tasks_free(worker->tasks);
    pool_free(worker->pool);
    control_free(worker->control);
    kafka_producer_free(worker->producer);
    emit_free(worker->emit);
    http_fetch_free(worker->webhooks.fetch);
    webhook_keys_free(worker->webhooks.keys);
    llm_client_free(worker->llm);
    speech_client_free(worker->speech);
    http_fetch_free(worker->http);
    decoder_client_free(worker->decoder);
    header_cache_free(worker->headers);
    blob_file_free(worker->store);
    service_free(worker->service);
    loop_free(worker->loop);
    metrics_free(worker->metrics);
    free(worker);
}
