/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/idempotency_sweep.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/attrs.h"
#include "common/loop.h"
#include "common/mem.h"
#include "common/pg.h"

#define BATCH 1000

/* Between two looks; a full batch is followed by the next at once. */
static const struct timeval PAUSE = {.tv_sec = 60};
static const struct timeval AT_ONCE = {0};

/* Rows that another gateway is about to delete are passed over. */
static const char SWEEP_SQL[] =
    "DELETE FROM idempotency_keys WHERE (operation, key) IN ("
    " SELECT operation, key FROM idempotency_keys"
    " WHERE created_at <= now() - $1::bigint * interval '1 microsecond'"
    " ORDER BY created_at LIMIT " DIGITS_OF(BATCH) " FOR UPDATE SKIP LOCKED) RETURNING 1";

struct idempotency_sweep {
    struct pg *pg; /* borrowed */
    int64_t lifetime_us;
    struct event *timer; /* owned */
};

/* PostgreSQL being away is no reason to do it sooner. */
static void on_swept(void *context, PGresult *result, const struct err *err)
{
    struct idempotency_sweep *sweep = context;
    bool is_full = result != NULL && PQntuples(result) == BATCH;

    (void)err;
    (void)event_add(sweep->timer, is_full ? &AT_ONCE : &PAUSE);
}

static void on_timer(evutil_socket_t fd UNUSED, short events UNUSED, void *context)
{
    struct idempotency_sweep *sweep = context;
    char lifetime[24];

    (void)snprintf(lifetime, sizeof lifetime, "%" PRId64, sweep->lifetime_us);
    struct pg_params params = {.count = 1, .values = {lifetime}};
    pg_query(sweep->pg, "idempotency_sweep", SWEEP_SQL, &params, on_swept, sweep);
}

void idempotency_sweep_free(struct idempotency_sweep *sweep)
{
    if (sweep == NULL)
        return;
    event_free(sweep->timer);
    free(sweep);
}

struct idempotency_sweep *idempotency_sweep_start(struct loop *loop, struct pg *pg,
                                                  int64_t lifetime_us)
{
    struct idempotency_sweep *sweep = mem_new(sizeof *sweep);

    sweep->pg = pg;
    sweep->lifetime_us = lifetime_us;
    sweep->timer = evtimer_new(loop_base(loop), on_timer, sweep);
    (void)event_add(sweep->timer, &AT_ONCE);
    return sweep;
}
