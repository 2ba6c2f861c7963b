/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/relay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "assembler/assembler_metrics.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#define TOPIC "jobs.events"
#define TICK_US 500000
/* Of the jobs behind, so many are sent again at a time: 64 events each. */
#define BEHIND_AT_ONCE 8
/* Written down once more, because that closes a job that has ended. */
#define NOT_WRITTEN (-1)

struct relayed_job {
    struct id id;
    int32_t home_partition;
    int64_t acknowledged; /* with all before it */
    int64_t written;      /* what jobs.relayed_seq says */
    int64_t sent;
    int64_t last_seq;
    size_t in_flight;
    bool is_behind;
    UT_hash_handle hh;
};

struct relay {
    struct store *store;
    struct kafka_producer *producer;
    struct metrics *metrics;
    struct relayed_job *jobs; /* by id; owned */
    size_t behind_count;
    uint64_t next_tick_us;
};

/* What a report speaks of: the job may be forgotten by then. */
struct report {
    struct relay *relay;
    struct id job;
    int64_t seq;
};

void relay_free(struct relay *relay)
{
    struct relayed_job *job;
    struct relayed_job *next;

    if (relay == NULL)
        return;
    HASH_ITER(hh, relay->jobs, job, next)
    {
        HASH_DEL(relay->jobs, job);
        free(job);
    }
    free(relay);
}

struct relay *relay_new(struct store *store, struct kafka_producer *producer,
                        struct metrics *metrics)
{
    struct relay *relay = mem_new(sizeof *relay);

    relay->store = store;
    relay->producer = producer;
    relay->metrics = metrics;
    return relay;
}

static struct relayed_job *find(const struct relay *relay, const char *job_id)
{
    struct relayed_job *job;

    HASH_FIND_STR(relay->jobs, job_id, job);
    return job;
}

static struct relayed_job *add(struct relay *relay, const char *job_id, int32_t home_partition,
                               int64_t relayed_seq)
{
    struct relayed_job *job = mem_new(sizeof *job);

    if (relay->jobs == NULL)
        relay->next_tick_us = clock_now_us() + TICK_US;
    (void)snprintf(job->id.text, sizeof job->id.text, "%s", job_id);
    job->home_partition = home_partition;
    job->acknowledged = job->written = job->sent = job->last_seq = relayed_seq;
    HASH_ADD_KEYPTR(hh, relay->jobs, job->id.text, strlen(job->id.text), job);
    return job;
}

static void set_behind(struct relay *relay, struct relayed_job *job, bool is_behind)
{
    if (job->is_behind == is_behind)
        return;
    job->is_behind = is_behind;
    relay->behind_count += is_behind ? 1 : (size_t)-1;
    metrics_set(relay->metrics, METRIC_RELAY_BEHIND, 0, (int64_t)relay->behind_count);
}

static void remove_job(struct relay *relay, struct relayed_job *job)
{
    set_behind(relay, job, false);
    HASH_DEL(relay->jobs, job);
    free(job);
}

/* Sending */

static void on_report(void *context, struct kafka_position position, const struct err *err)
{
    struct report *report = context;
    struct relay *relay = report->relay;
    struct relayed_job *job = find(relay, report->job.text);

    (void)position;
    if (job != NULL && job->in_flight > 0) {
        job->in_flight--;
        if (err != NULL)
            set_behind(relay, job, true);
        else if (report->seq == job->acknowledged + 1)
            job->acknowledged = report->seq;
        if (err == NULL)
            metrics_add(relay->metrics, METRIC_RELAYED, 0, 1);
    }
    free(report);
}

static bool produce(struct relay *relay, const char *job_id, int64_t seq, const char *type,
                    const char *data, kafka_on_report report, void *context)
{
    char seq_text[24];
    int seq_length = snprintf(seq_text, sizeof seq_text, "%" PRId64, seq);
    struct kafka_record record = {
        .topic = TOPIC,
        .key = job_id,
        .value = data,
        .value_length = strlen(data),
        .headers = {{"type", type, strlen(type)}, {"seq", seq_text, (size_t)seq_length}},
        .header_count = seq > 0 ? 2 : 1,
    };
    struct err err;

    if (kafka_producer_send(relay->producer, &record, report, context, &err))
        return true;
    if (err.kind != ERR_RETRY)
        log_error("event_refused", "Kafka will never take this event", LOG_STR("job", job_id),
                  LOG_STR("type", type), LOG_INT("seq", seq), LOG_ERR(&err));
    return false;
}

static void on_view_report(void *context, struct kafka_position position, const struct err *err)
{
    (void)context;
    (void)position;
    (void)err; /* a view that is lost is replaced by the next */
}

static bool send_durable(struct relay *relay, struct relayed_job *job, int64_t seq,
                         const char *type, const char *data)
{
    struct report *report = mem_new(sizeof *report);

    *report = (struct report){relay, job->id, seq};
    if (!produce(relay, job->id.text, seq, type, data, on_report, report)) {
        free(report);
        set_behind(relay, job, true);
        return false;
    }
    job->sent = seq;
    job->in_flight++;
    return true;
}

static struct relayed_job *enter(struct relay *relay, const struct job *job)
{
    struct relayed_job *relayed = find(relay, job->id.text);

    return relayed != NULL ? relayed
                           : add(relay, job->id.text, job->home_partition, job->relayed_seq);
}

void relay_job(struct relay *relay, const struct job *job)
{
    struct relayed_job *relayed = enter(relay, job);

    relayed->last_seq = job->last_seq;
    if (job->is_changed && job->relayed_seq > relayed->written)
        relayed->written = job->relayed_seq;
    for (size_t i = 0; i < job->events.count; i++) {
        const struct job_event *event = &job->events.items[i];

        if (event->seq == 0)
            (void)produce(relay, job->id.text, 0, event->type, event->data, on_view_report, NULL);
        else if (!relayed->is_behind && event->seq != relayed->sent + 1)
            set_behind(relay, relayed, true);
        else if (!relayed->is_behind)
            (void)send_durable(relay, relayed, event->seq, event->type, event->data);
    }
}

int64_t relay_acknowledged(const struct relay *relay, const char *job_id)
{
    const struct relayed_job *job = find(relay, job_id);

    return job == NULL ? 0 : job->acknowledged;
}

void relay_adopt(struct relay *relay, const char *job_id, int32_t home_partition,
                 int64_t relayed_seq, int64_t last_seq)
{
    struct relayed_job *job = find(relay, job_id);

    if (job == NULL)
        job = add(relay, job_id, home_partition, relayed_seq);
    if (last_seq > job->last_seq)
        job->last_seq = last_seq;
    job->written = NOT_WRITTEN;
    if (job->acknowledged < job->last_seq)
        set_behind(relay, job, true);
}

void relay_forget(struct relay *relay, int32_t home_partition)
{
    struct relayed_job *job;
    struct relayed_job *next;

    HASH_ITER(hh, relay->jobs, job, next)
    {
        if (job->home_partition == home_partition)
            remove_job(relay, job);
    }
}

/* Behind */

/* Only when nothing of the job is under way any more, so that its events stay in order. */
static void list_behind(struct relay *relay, struct sql_rows *rows)
{
    for (struct relayed_job *job = relay->jobs; job != NULL; job = job->hh.next) {
        if (!job->is_behind || job->in_flight > 0)
            continue;
        sql_rows_text(rows, job->id.text);
        sql_rows_int(rows, job->acknowledged);
        job->sent = job->acknowledged;
        set_behind(relay, job, false);
        if (rows->row_count == BEHIND_AT_ONCE)
            return;
    }
}

static void send_again(struct relay *relay, const PGresult *events)
{
    for (int row = 0; row < PQntuples(events); row++) {
        struct relayed_job *job = find(relay, store_text(events, row, 0));
        int64_t seq = store_int(events, row, 1);

        if (job != NULL && !job->is_behind)
            (void)send_durable(relay, job, seq, store_text(events, row, 2),
                               store_text(events, row, 3));
    }
}

/* What did not fit into one answer, or whose report went astray, is behind still. */
static void mark_unsent(struct relay *relay)
{
    for (struct relayed_job *job = relay->jobs; job != NULL; job = job->hh.next)
        if (job->sent < job->last_seq || (job->in_flight == 0 && job->acknowledged < job->last_seq))
            set_behind(relay, job, true);
}

static bool catch_up(struct relay *relay, struct err *err)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;
    CLEANUP(store_clear_at) PGresult *events = NULL;

    sql_rows_init(&rows, 2);
    list_behind(relay, &rows);
    if (rows.row_count == 0)
        return true;
    bool is_read = store_events_after(relay->store, &rows, &events, err);
    if (is_read)
        send_again(relay, events);
    mark_unsent(relay);
    return is_read;
}

/* Writing down */

static bool write_down(struct relay *relay, struct err *err)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, 2);
    for (struct relayed_job *job = relay->jobs; job != NULL; job = job->hh.next) {
        if (job->acknowledged == job->written)
            continue;
        sql_rows_text(&rows, job->id.text);
        sql_rows_int(&rows, job->acknowledged);
    }
    return rows.row_count == 0 || store_write_relayed(relay->store, &rows, err);
}

/* All of it is relayed and written down: the next transaction will bring it back. */
static void settle(struct relay *relay)
{
    struct relayed_job *job;
    struct relayed_job *next;

    HASH_ITER(hh, relay->jobs, job, next)
    {
        job->written = job->acknowledged;
        if (!job->is_behind && job->in_flight == 0 && job->acknowledged >= job->last_seq)
            remove_job(relay, job);
    }
}

bool relay_flush(struct relay *relay, struct err *err)
{
    if (!write_down(relay, err))
        return false;
    settle(relay);
    return true;
}

uint64_t relay_next_tick_us(const struct relay *relay, uint64_t now_us)
{
    if (relay->jobs == NULL)
        return UINT64_MAX;
    return relay->next_tick_us > now_us ? relay->next_tick_us - now_us : 0;
}

bool relay_tick(struct relay *relay, uint64_t now_us, struct err *err)
{
    if (relay_next_tick_us(relay, now_us) > 0)
        return true;
    relay->next_tick_us = now_us + TICK_US;
    mark_unsent(relay);
    if (relay->behind_count > 0 && kafka_producer_is_up(relay->producer) && !catch_up(relay, err))
        return false;
    return relay_flush(relay, err);
}
