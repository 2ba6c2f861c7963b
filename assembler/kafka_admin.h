/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_KAFKA_ADMIN_H
#define ASSEMBLER_KAFKA_ADMIN_H

/*
 * What the assembler asks the brokers beside reading and writing: how many partitions the topics
 * have, and how far the group of workers has come.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/kafka_conf.h"

struct kafka_admin;

void kafka_admin_free(struct kafka_admin *admin);
/* `work_topic` and `worker_group` without prefix. */
bool kafka_admin_start(const struct kafka_settings *settings, const char *work_topic,
                       const char *worker_group, struct kafka_admin **ret_admin,
                       struct err *err) MUST_CHECK;
/* Waits up to `timeout_us`. ERR_REJECT: there is no such topic. */
bool kafka_admin_partition_count(struct kafka_admin *admin, const char *topic, uint64_t timeout_us,
                                 int32_t *ret_count, struct err *err) MUST_CHECK;

/* How far work has been passed in one partition: every record below was finished by the group, or
 * is not in the topic any more. A record from `end` on never was in this topic, but in one that it
 * has taken the place of. */
struct kafka_admin_passed {
    int32_t partition;
    int64_t below;
    int64_t end; /* the offset of the next record */
};

/* Waits for three answers, for each a second at most. False: not known now, which was logged. The
 * array is owned by the caller. */
bool kafka_admin_passed(struct kafka_admin *admin, struct kafka_admin_passed **ret_passed,
                        size_t *ret_count) MUST_CHECK;

#endif
