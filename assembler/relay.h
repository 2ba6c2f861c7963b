/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_RELAY_H
#define ASSEMBLER_RELAY_H

/*
 * From job_events to the topic jobs.events, at least once and in order, after the commit and never
 * before. For each job it knows how far Kafka has acknowledged; jobs.relayed_seq follows with the
 * job's next transaction or, when it goes quiet, with a small batched update. A job whose events
 * Kafka did not take, or whose owner died before it relayed them, is `behind`: its events are read
 * back from PostgreSQL.
 */

#include <stdbool.h>
#include <stdint.h>

#include "assembler/job.h"
#include "assembler/store.h"
#include "assembler/store_relay.h"
#include "common/attrs.h"
#include "common/err.h"
#include "common/kafka_producer.h"
#include "common/metrics.h"

struct relay;

/* Borrows all three. After the producer was freed, so that no report comes any more. */
void relay_free(struct relay *relay);
struct relay *relay_new(struct store *store, struct kafka_producer *producer,
                        struct metrics *metrics) FREED_BY(relay_free);
/* The transaction is committed: sends the job's events and views. */
void relay_job(struct relay *relay, const struct job *job);
/* Acknowledged up to here; 0 for a job that the relay does not know. */
int64_t relay_acknowledged(const struct relay *relay, const char *job_id);
/* A job that came with a partition, or whose transaction had an unknown outcome. */
void relay_adopt(struct relay *relay, const char *job_id, int32_t home_partition,
                 int64_t relayed_seq, int64_t last_seq);
/* Another process relays the partition's jobs now. */
void relay_forget(struct relay *relay, int32_t home_partition);
/* Sends again for jobs that are behind, and writes down how far quiet jobs have come. ERR_RETRY:
 * PostgreSQL did not answer. */
bool relay_tick(struct relay *relay, uint64_t now_us, struct err *err) MUST_CHECK;
/* Writes down what was acknowledged, before the process ends. */
bool relay_flush(struct relay *relay, struct err *err) MUST_CHECK;
/* How long it may be left alone; UINT64_MAX: as long as nothing happens. */
uint64_t relay_next_tick_us(const struct relay *relay, uint64_t now_us);

#endif
