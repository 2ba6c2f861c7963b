/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_PASSED_OFFSETS_H
#define ASSEMBLER_PASSED_OFFSETS_H

/*
 * How far a group of workers had come some time ago: what lies below was finished then, so its
 * result should be here by now. Asked each time the caller says so, and kept until it is old
 * enough to be acted on.
 */

#include <stdbool.h>
#include <stdint.h>

#include "assembler/kafka_admin.h"
#include "assembler/sql_rows.h"
#include "common/attrs.h"

struct passed_offsets;

/* Answers are kept up to so many: none may be asked for so often that it is dropped too early. */
#define PASSED_OFFSETS_KEPT_MAX 64

/* Borrows the admin. */
void passed_offsets_free(struct passed_offsets *passed);
struct passed_offsets *passed_offsets_new(struct kafka_admin *admin, int64_t age_us)
    FREED_BY(passed_offsets_free);
/* Asks where the group stands now. */
void passed_offsets_ask(struct passed_offsets *passed, uint64_t now_us);
/* Rows of partition, the offset that was passed then, and the partition's end as of `now_us` if it
 * was asked for; sql_rows_done() is the caller's. False: nothing is old enough. */
bool passed_offsets_list(struct passed_offsets *passed, uint64_t now_us, struct sql_rows *ret_rows);

#endif
