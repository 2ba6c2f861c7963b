/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/purge.h"

#include <stdlib.h>

#include "assembler/store_retention.h"
#include "common/log.h"
#include "common/mem.h"

/* Between two looks while there is nothing to do, and between two batches: records come first. */
#define LOOK_EVERY_US 2000000
#define BATCH_EVERY_US 50000

struct purge {
    struct store *store;
    struct intake *intake;
    uint64_t next_us;
};

void purge_free(struct purge *purge)
{
    free(purge);
}

struct purge *purge_new(struct store *store, struct intake *intake)
{
    struct purge *purge = mem_new(sizeof *purge);

    purge->store = store;
    purge->intake = intake;
    return purge;
}

bool purge_tick(struct purge *purge, uint64_t now_us, struct err *err)
{
    CLEANUP(sql_rows_done) struct sql_rows homes = {0};
    struct store_purged purged;

    if (now_us < purge->next_us)
        return true;
    purge->next_us = now_us + LOOK_EVERY_US;
    intake_list_homes(purge->intake, &homes);
    if (!store_purge_some(purge->store, &homes, &purged, err))
        return false;
    if (!purged.was_any)
        return true;
    purge->next_us = now_us + BATCH_EVERY_US;
    if (purged.is_over)
        log_info("job_purged", "its retention is over", LOG_STR("job", purged.job.text));
    return true;
}
