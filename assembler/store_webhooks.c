/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "assembler/store_jobs.h"

static const char *const STATES[] = {
    [DELIVERY_NEW] = "pending",     [DELIVERY_REPLAYED] = "pending",
    [DELIVERY_RETRIED] = "pending", [DELIVERY_DELIVERED] = "delivered",
    [DELIVERY_FAILED] = "failed",
};
static_assert(ARRAY_LEN(STATES) == DELIVERY_CHANGE_COUNT, "a state for each change");

static const struct store_statement ADD_DELIVERIES = {
    "add_deliveries",
    "INSERT INTO webhook_deliveries (id, job_id, type, body, next_attempt_at)"
    " SELECT id, job_id, type, body, now()"
    " FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS u (id, job_id, type, body)"};

/* A replay begins a new series of attempts, which are counted on. */
static const struct store_statement CHANGE_DELIVERIES = {
    "change_deliveries",
    "UPDATE webhook_deliveries d SET state = u.state, attempts = d.attempts + u.made::int,"
    " last_attempt_at = CASE WHEN u.made THEN now() ELSE d.last_attempt_at END,"
    " last_error = CASE WHEN u.made THEN u.error ELSE d.last_error END,"
    " next_attempt_at = CASE WHEN u.state = 'pending'"
    "  THEN now() + u.due_in_us * interval '1 microsecond' END,"
    " delivered_at = CASE WHEN u.state = 'delivered' THEN now() ELSE d.delivered_at END"
    " FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bool[], $5::jsonb[], $6::bigint[])"
    " AS u (id, job_id, state, made, error, due_in_us) WHERE d.id = u.id AND d.job_id = u.job_id"};

static void add_new(struct sql_rows *rows, const struct job *job,
                    const struct job_delivery *delivery)
{
    sql_rows_text(rows, delivery->id.text);
    sql_rows_text(rows, job->id.text);
    sql_rows_text(rows, delivery->type);
    sql_rows_text(rows, delivery->body);
}

static void add_changed(struct sql_rows *rows, const struct job *job,
                        const struct job_delivery *delivery)
{
    sql_rows_text(rows, delivery->id.text);
    sql_rows_text(rows, job->id.text);
    sql_rows_text(rows, STATES[delivery->change]);
    sql_rows_bool(rows, delivery->change != DELIVERY_REPLAYED);
    sql_rows_text(rows, delivery->error);
    sql_rows_int(rows, delivery->due_in_us);
}

void store_send_deliveries(struct store *store, const struct job *jobs)
{
    CLEANUP(sql_rows_done) struct sql_rows added;
    CLEANUP(sql_rows_done) struct sql_rows changed;

    sql_rows_init(&added, 4);
    sql_rows_init(&changed, 6);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next) {
        for (size_t i = 0; i < job->deliveries.count; i++) {
            if (job->deliveries.items[i].change == DELIVERY_NEW)
                add_new(&added, job, &job->deliveries.items[i]);
            else
                add_changed(&changed, job, &job->deliveries.items[i]);
        }
    }
    if (added.row_count > 0)
        store_send_rows(store, &ADD_DELIVERIES, &added, NULL);
    if (changed.row_count > 0)
        store_send_rows(store, &CHANGE_DELIVERIES, &changed, NULL);
}
