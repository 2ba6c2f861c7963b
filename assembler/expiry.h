/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_EXPIRY_H
#define ASSEMBLER_EXPIRY_H

/*
 * Finds jobs whose upload has stopped, and has the processor look at them: whether such a job
 * expires is decided there, in a transaction, by PostgreSQL's clock.
 */

#include <stdbool.h>
#include <stdint.h>

#include "assembler/intake.h"
#include "assembler/processor.h"
#include "assembler/store.h"
#include "common/attrs.h"
#include "common/err.h"

struct expiry;

struct expiry_settings {
    struct store *store; /* all borrowed */
    struct intake *intake;
    struct processor *processor;
    int64_t after_us;        /* since the newest upload */
    int32_t home_partitions; /* how many there are */
};

void expiry_free(struct expiry *expiry);
struct expiry *expiry_new(const struct expiry_settings *settings) FREED_BY(expiry_free);
/* ERR_RETRY: PostgreSQL did not answer. */
bool expiry_tick(struct expiry *expiry, uint64_t now_us, struct err *err) MUST_CHECK;

#endif
