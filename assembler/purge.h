/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_PURGE_H
#define ASSEMBLER_PURGE_H

/* Deletes what is left of jobs whose retention is over, a batch of rows at a time. */

#include <stdbool.h>
#include <stdint.h>

#include "assembler/intake.h"
#include "assembler/store.h"
#include "common/attrs.h"
#include "common/err.h"

struct purge;

/* Borrows both. */
void purge_free(struct purge *purge);
struct purge *purge_new(struct store *store, struct intake *intake) FREED_BY(purge_free);
/* One batch, if there is any. ERR_RETRY: PostgreSQL did not answer. */
bool purge_tick(struct purge *purge, uint64_t now_us, struct err *err) MUST_CHECK;

#endif
