/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_INTAKE_H
#define ASSEMBLER_INTAKE_H

/*
 * What comes in: the consumer of chunks.results and jobs.commands, the partitions that are ours,
 * and the batch that is being collected. Where each partition starts is what PostgreSQL says, never
 * Kafka's own offsets, which are stored for the monitoring of lag only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "assembler/batch.h"
#include "assembler/sql_rows.h"
#include "assembler/store.h"
#include "common/attrs.h"
#include "common/err.h"
#include "common/kafka_conf.h"

#define INTAKE_RESULTS "chunks.results"
#define INTAKE_COMMANDS "jobs.commands"

struct intake;

struct intake_limits {
    size_t records;
    size_t bytes;
};

/* Leaves the group. The store is connected when an intake is started. */
void intake_free(struct intake *intake);
bool intake_start(struct store *store, const struct kafka_settings *settings,
                  struct intake_limits limits, struct intake **ret_intake,
                  struct err *err) MUST_CHECK;
/* Waits up to `timeout_us` for a first record, then takes what is queued without waiting. */
void intake_collect(struct intake *intake, uint64_t timeout_us);
/* Stays a member of the group without taking records. */
void intake_idle(struct intake *intake, uint64_t timeout_us);
/* The partitions and what was collected; records are dropped from it when partitions are revoked,
 * which happens inside collect and idle only. */
struct batch *intake_batch(struct intake *intake);
/* The records up to there are applied: the partition's `next` is `next_offset`. */
void intake_applied(struct intake *intake, struct batch_partition *partition, int64_t next_offset);
/* Reads where the partition stands and goes there; what was collected of it is dropped. */
bool intake_rewind(struct intake *intake, struct batch_partition *partition,
                   struct err *err) MUST_CHECK;
/* After a new connection: claims every partition again, and drops everything collected. */
bool intake_claim_all(struct intake *intake, struct err *err) MUST_CHECK;
/* Claims those that could not be claimed when they came. */
bool intake_claim_missing(struct intake *intake, struct err *err) MUST_CHECK;
/* Is this partition number of chunks.results ours? */
bool intake_owns(const struct intake *intake, int32_t number);
/* The numbers of the home partitions that are assigned to us, one a row; sql_rows_done() is the
 * caller's. */
void intake_list_homes(const struct intake *intake, struct sql_rows *ret_rows);
/* Changes with every partition that comes or goes. */
uint64_t intake_generation(const struct intake *intake);
bool intake_is_up(const struct intake *intake);
/* Collecting found nothing queued the last time. */
bool intake_is_drained(const struct intake *intake);
/* The consumer can't go on: the process should end. */
bool intake_has_failed(const struct intake *intake);

#endif
