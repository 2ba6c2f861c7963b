/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Started by main(); owns every part. One thread does everything but HTTP (health.h).
 *
 * Normal end: a signal; the transaction under way is finished, the records collected but not
 * applied are left to the next owner, what Kafka has acknowledged is written down, the group is
 * left. Abnormal ends: PostgreSQL away: the group is kept (polling goes on), nothing is taken,
 * connecting is tried with backoff, and then every partition starts where the database says. Kafka
 * away: the same by itself. A statement that PostgreSQL refuses as such, or a consumer that
 * librdkafka gives up: the process ends and its supervisor restarts it.
 */
#include "assembler/assembler.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "assembler/assembler_metrics.h"
#include "assembler/expiry.h"
#include "assembler/health.h"
#include "assembler/intake.h"
#include "assembler/kafka_admin.h"
#include "assembler/lost_work.h"
#include "assembler/migrations.h"
#include "assembler/processor.h"
#include "assembler/purge.h"
#include "assembler/relay.h"
#include "assembler/store.h"
#include "assembler/store_relay.h"
#include "assembler/tasks.h"
#include "common/backoff.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"

/* What a signal waits for at the longest. */
#define WAIT_MAX_US 250000
#define POLL_US 20000
#define TOPICS_WITHIN_US 15000000
#define DELIVERY_TIMEOUT_US 30000000
#define PRODUCER_QUEUE_BYTES (INT64_C(64) * 1024 * 1024)

static const struct backoff RECONNECT = {.base_us = 100000, .ceiling_us = 5000000};

const char *const ASSEMBLER_TOPICS[] = {"jobs.events",  "chunks.uploaded", "jobs.tasks",
                                        "jobs.control", "dead.letters",    NULL};

struct assembler {
    const struct assembler_options *options;
    struct kafka_settings kafka;
    struct apply_settings settings;
    char *migrations; /* owned */
    struct metrics *metrics;
    struct store *store;
    struct kafka_producer *producer;
    struct kafka_admin *chunk_admin;
    struct kafka_admin *task_admin;
    int32_t home_partitions; /* how many there are */
    struct intake *intake;
    struct relay *relay;
    struct tasks *tasks;
    struct lost_work *lost;
    struct processor *processor;
    struct expiry *expiry;
    struct purge *purge;
    struct health *health;

    bool is_broken;
    unsigned failures;  /* in a row */
    uint64_t resume_us; /* nothing is applied before */
    uint64_t generation;
    bool homes[BATCH_PARTITIONS_MAX];
};

static void show_state(struct assembler *assembler)
{
    size_t count = intake_batch(assembler->intake)->partition_count;

    health_set(assembler->health, store_is_connected(assembler->store),
               intake_is_up(assembler->intake), (int)count);
    metrics_set(assembler->metrics, METRIC_PARTITIONS, 0, (int64_t)count);
}

/* Trouble */

static void pause_intake(struct assembler *assembler, uint64_t now_us)
{
    assembler->resume_us =
        now_us + backoff_delay_us(RECONNECT, assembler->failures, backoff_random());
    assembler->failures++;
}

static void stumble(struct assembler *assembler, const char *what, const struct err *err)
{
    log_warn(what, "will be tried again", LOG_ERR(err));
    pause_intake(assembler, clock_now_us());
}

/* What was unfinished is found again by taking the partitions over. */
static void reconnect(struct assembler *assembler)
{
    struct err err;

    if (!store_connect(assembler->store, &err) || !intake_claim_all(assembler->intake, &err)) {
        stumble(assembler, "database_away", &err);
        return;
    }
    log_info("database_connected", "every partition goes on where the database says",
             LOG_INT("partitions", intake_batch(assembler->intake)->partition_count));
    processor_forget_jobs(assembler->processor);
    assembler->failures = 0;
}

/* Partitions that come and go */

static bool take_over(struct assembler *assembler, struct batch_partition *partition,
                      struct err *err)
{
    CLEANUP(mem_free_at) struct store_open_job *jobs = NULL;
    size_t count = 0;

    if (!store_open_jobs(assembler->store, partition->number, &jobs, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        relay_adopt(assembler->relay, jobs[i].id.text, partition->number, jobs[i].relayed_seq,
                    jobs[i].last_seq);
        if (jobs[i].can_move)
            processor_resume_job(assembler->processor, jobs[i].id.text, partition->number);
    }
    return true;
}

static bool take_over_new(struct assembler *assembler, struct err *err)
{
    struct batch *batch = intake_batch(assembler->intake);

    for (size_t i = 0; i < batch->partition_count; i++) {
        struct batch_partition *partition = &batch->partitions[i];

        if (!partition->needs_takeover || !partition->is_claimed)
            continue;
        if (strcmp(partition->topic, INTAKE_RESULTS) == 0 && !take_over(assembler, partition, err))
            return false;
        partition->needs_takeover = false;
    }
    return true;
}

static void forget_gone(struct assembler *assembler)
{
    if (assembler->generation == intake_generation(assembler->intake))
        return;
    assembler->generation = intake_generation(assembler->intake);
    for (int32_t number = 0; number < BATCH_PARTITIONS_MAX; number++) {
        bool is_ours = intake_owns(assembler->intake, number);

        if (assembler->homes[number] && !is_ours)
            relay_forget(assembler->relay, number);
        assembler->homes[number] = is_ours;
    }
}

/* The loop */

static uint64_t least(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

static uint64_t collect_wait_us(const struct assembler *assembler, uint64_t now_us)
{
    if (processor_has_work(assembler->processor))
        return 0;
    return least(WAIT_MAX_US, least(relay_next_tick_us(assembler->relay, now_us),
                                    tasks_next_tick_us(assembler->tasks, now_us)));
}

static void process(struct assembler *assembler)
{
    switch (processor_step(assembler->processor)) {
    case PROCESSOR_DONE:
        assembler->failures = 0;
        return;
    case PROCESSOR_AGAIN:
        pause_intake(assembler, clock_now_us());
        return;
    case PROCESSOR_BROKEN:
        assembler->is_broken = true;
        return;
    }
}

static bool tick(struct assembler *assembler, struct err *err)
{
    uint64_t now_us = clock_now_us();

    return tasks_tick(assembler->tasks, now_us, err) &&
           lost_work_tick(assembler->lost, now_us, err) &&
           expiry_tick(assembler->expiry, now_us, err) &&
           purge_tick(assembler->purge, now_us, err) && relay_tick(assembler->relay, now_us, err);
}

static void turn(struct assembler *assembler)
{
    uint64_t now_us = clock_now_us();
    struct err err;

    if (now_us < assembler->resume_us) {
        intake_idle(assembler->intake, least(assembler->resume_us - now_us, WAIT_MAX_US));
        return;
    }
    if (!store_is_connected(assembler->store)) {
        reconnect(assembler);
        return;
    }
    intake_collect(assembler->intake, collect_wait_us(assembler, now_us));
    forget_gone(assembler);
    if (!intake_claim_missing(assembler->intake, &err) || !take_over_new(assembler, &err)) {
        stumble(assembler, "takeover_failed", &err);
        return;
    }
    if (processor_has_work(assembler->processor))
        process(assembler);
}

static void turn_and_tick(struct assembler *assembler)
{
    struct err err;

    turn(assembler);
    kafka_producer_poll(assembler->producer, 0);
    if (clock_now_us() >= assembler->resume_us && store_is_connected(assembler->store) &&
        !assembler->is_broken && !tick(assembler, &err))
        stumble(assembler, "tick_failed", &err);
    show_state(assembler);
}

/* The end */

/* Reports are waited for while the group is still ours, so that nobody relays the same again. */
static bool drain(struct assembler *assembler)
{
    uint64_t deadline_us = clock_now_us() + (uint64_t)assembler->options->common.shutdown_grace_us;
    struct err err;

    while (kafka_producer_in_flight(assembler->producer) > 0 && clock_now_us() < deadline_us) {
        kafka_producer_poll(assembler->producer, POLL_US);
        intake_idle(assembler->intake, 0);
    }
    size_t left = kafka_producer_in_flight(assembler->producer);
    if (left > 0)
        log_warn("drain_late", "Kafka has not acknowledged everything", LOG_INT("records", left));
    if (store_is_connected(assembler->store) && !relay_flush(assembler->relay, &err))
        log_warn("flush_failed", "events will be relayed once more", LOG_ERR(&err));
    return left == 0;
}

enum exit_code assembler_run(struct assembler *assembler, const volatile int *stop)
{
    while (!*stop && !assembler->is_broken && !intake_has_failed(assembler->intake))
        turn_and_tick(assembler);
    if (assembler->is_broken || intake_has_failed(assembler->intake))
        return EXIT_FATAL;
    log_info("draining", "asked to stop");
    return drain(assembler) ? EXIT_ASKED : EXIT_DRAIN_LATE;
}

/* The beginning */

static bool check_topics(struct assembler *assembler, struct err *err)
{
    int32_t results;
    int32_t commands;

    if (!kafka_admin_partition_count(assembler->chunk_admin, INTAKE_RESULTS, TOPICS_WITHIN_US,
                                     &results, err) ||
        !kafka_admin_partition_count(assembler->chunk_admin, INTAKE_COMMANDS, TOPICS_WITHIN_US,
                                     &commands, err))
        return false;
    assembler->home_partitions = results;
    if (results == commands)
        return true;
    return err_set(err, ERR_REJECT, "kafka", 0,
                   "%s has %" PRId32 " partitions and %s %" PRId32
                   ": they must have the same number, so that a job has one owner",
                   INTAKE_RESULTS, results, INTAKE_COMMANDS, commands);
}

static bool start_clients(struct assembler *assembler, struct err *err)
{
    const struct kafka_producer_options producer = {
        .settings = assembler->kafka,
        .topics = ASSEMBLER_TOPICS,
        .delivery_timeout_us = DELIVERY_TIMEOUT_US,
        .queue_limit_bytes = PRODUCER_QUEUE_BYTES,
    };
    const struct intake_limits limits = {(size_t)assembler->options->batch_records,
                                         (size_t)assembler->options->batch_bytes};

    return kafka_admin_start(&assembler->kafka, "chunks.uploaded", "worker",
                             &assembler->chunk_admin, err) &&
           kafka_admin_start(&assembler->kafka, "jobs.tasks", "worker-tasks",
                             &assembler->task_admin, err) &&
           check_topics(assembler, err) && store_connect(assembler->store, err) &&
           kafka_producer_start(NULL, &producer, &assembler->producer, err) &&
           intake_start(assembler->store, &assembler->kafka, limits, &assembler->intake, err);
}

static void make_parts(struct assembler *assembler)
{
    assembler->relay = relay_new(assembler->store, assembler->producer, assembler->metrics);
    assembler->tasks =
        tasks_new(assembler->store, assembler->intake, assembler->producer, assembler->metrics);
    assembler->lost = lost_work_new(&(struct lost_work_settings){
        .store = assembler->store,
        .intake = assembler->intake,
        .tasks = assembler->tasks,
        .chunk_admin = assembler->chunk_admin,
        .task_admin = assembler->task_admin,
        .metrics = assembler->metrics,
        .lost_after_us = assembler->options->lost_after_us,
        .silent_after_us = assembler->options->silent_after_us,
    });
    assembler->processor = processor_new(&(struct processor_parts){
        .store = assembler->store,
        .intake = assembler->intake,
        .relay = assembler->relay,
        .tasks = assembler->tasks,
        .producer = assembler->producer,
        .settings = &assembler->settings,
    });
    assembler->expiry = expiry_new(&(struct expiry_settings){
        .store = assembler->store,
        .intake = assembler->intake,
        .processor = assembler->processor,
        .after_us = assembler->options->expire_after_us,
        .home_partitions = assembler->home_partitions,
    });
    assembler->purge = purge_new(assembler->store, assembler->intake);
}

bool assembler_start(struct assembler *assembler, struct err *err)
{
    if (!migrations_check(assembler->options->database_url, assembler->migrations, err) ||
        !start_clients(assembler, err))
        return false;
    make_parts(assembler);
    return health_start(assembler->health, assembler->options->common.listen, err);
}

struct assembler *assembler_new(const struct assembler_options *options)
{
    struct assembler *assembler = mem_new(sizeof *assembler);

    assembler->options = options;
    assembler->kafka = assembler_options_kafka(options);
    assembler->metrics = assembler_metrics_new();
    assembler->health = health_new(assembler->metrics);
    assembler->settings = assembler_options_apply(options, assembler->metrics);
    assembler->migrations = assembler_options_migrations(options);
    assembler->store = store_new(options->database_url);
    return assembler;
}

/* The group is left before the connection is closed, because partitions are released through it;
 * the producer ends before those that its reports speak to. */
void assembler_free(struct assembler *assembler)
{
    if (assembler == NULL)
        return;
    health_free(assembler->health);
    purge_free(assembler->purge);
    expiry_free(assembler->expiry);
    processor_free(assembler->processor);
    lost_work_free(assembler->lost);
    intake_free(assembler->intake);
    kafka_producer_free(assembler->producer);
    tasks_free(assembler->tasks);
    relay_free(assembler->relay);
    kafka_admin_free(assembler->chunk_admin);
    kafka_admin_free(assembler->task_admin);
    store_free(assembler->store);
    metrics_free(assembler->metrics);
    free(assembler->migrations);
    free(assembler);
}
