/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_INBOX_H
#define WORKER_INBOX_H

/*
 * One topic of work, read in a group: records are read ahead up to a bound, handed out in a fair
 * order, and finished in any; what lies below the lowest open record of each partition is stored as
 * done. Records that cannot be read go to the dead letters. A partition may be somebody else's
 * between two rebalances: what was taken of it goes on, and a record that comes back is recognised
 * by its offset. Thread: the loop's.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/event.h"
#include "common/kafka_conf.h"
#include "common/loop.h"
#include "worker/emit.h"
#include "worker/work_item.h"

#define INBOX_READ_AHEAD_MAX 4096

struct inbox;

struct inbox_options {
    struct kafka_settings kafka; /* borrowed */
    const char *member_id;       /* NULL: a member for this run only */
    const char *topic;           /* this and the next without prefix */
    const char *group;
    struct loop *loop; /* borrowed */
    struct emit *emit; /* borrowed */
    /* Is a decoded record work that can be done? ERR_REJECT: for the dead letters. */
    bool (*check)(const struct event *event, struct err *err);
    /* There may be something to take. */
    void (*on_arrival)(void *context);
    /* A partition came or went. */
    void (*on_partition)(void *context, int32_t number, bool is_ours);
    /* A dead letter has arrived: inbox_is_settled() may have changed. */
    void (*on_settled)(void *context);
    /* Nothing will come any more, or Kafka refuses a record that it must take. */
    void (*on_fatal)(void *context);
    void *context;
};

/* Leaves the group. */
void inbox_free(struct inbox *inbox);
struct inbox *inbox_new(const struct inbox_options *options) FREED_BY(inbox_free);
bool inbox_start(struct inbox *inbox, struct err *err) MUST_CHECK;
/* The next job's oldest record that may start, owned by the caller; NULL: none. */
struct work_item *inbox_take(struct inbox *inbox);
/* The record that lay there is done with. */
void inbox_finish(struct inbox *inbox, struct kafka_position place);
/* Reads nothing more. */
void inbox_drain(struct inbox *inbox);
/* Every dead letter is acknowledged. */
bool inbox_is_settled(const struct inbox *inbox);
bool inbox_is_up(const struct inbox *inbox);
size_t inbox_queued_count(const struct inbox *inbox);
size_t inbox_partition_count(const struct inbox *inbox);

#endif
