/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_STORE_ROOM_H
#define GATEWAY_STORE_ROOM_H

/*
 * Whether the local blob store has room for more, decided before a byte is taken: a quota of bytes
 * in all, and space that the file system must keep free. What is stored is counted from the files
 * (on the pool, every while), because other gateways store and workers delete there too; in
 * between, what this process stores is added. Loop thread only, but for the pool's part.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "gateway/refusal.h"

struct loop;
struct pool;
struct store_room;

struct store_room_settings {
    struct loop *loop; /* borrowed, as the next two */
    struct pool *pool; /* must be through with its work before store_room_free() */
    const char *directory;
    int64_t max_bytes;      /* 0: no quota, nothing is counted */
    int64_t min_free_bytes; /* 0: any */
    uint64_t count_every_us;
};

void store_room_free(struct store_room *room);
struct store_room *store_room_new(const struct store_room_settings *settings)
    FREED_BY(store_room_free);
/* Whether so many bytes more would fit. False: `refusal` is a 507 that says what is full. */
bool store_room_has(const struct store_room *room, int64_t bytes,
                    struct refusal *refusal) MUST_CHECK;
/* Room for an upload, from its start to its end; then whether it is stored. */
void store_room_take(struct store_room *room, int64_t bytes);
void store_room_give(struct store_room *room, int64_t bytes, bool is_stored);

/* What was counted, and stored since; 0 without a quota. */
int64_t store_room_used_bytes(const struct store_room *room);

#endif
