/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_STREAM_CURSOR_H
#define GATEWAY_STREAM_CURSOR_H

/*
 * The order of a job's live events. They come from Kafka doubled, reordered or with holes, and
 * leave with ids that go up by exactly 1: what comes too early is held, what was there already is
 * dropped, and a hole is known as such, to be filled from PostgreSQL.
 *
 * Readers join by replaying from PostgreSQL up to the cursor's next event and are live from then
 * on: no event falls between the two, and none is in both. Pure; the items are the caller's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

#define STREAM_HELD_MAX 128
#define STREAM_HELD_BYTES ((size_t)1024 * 1024)

struct stream_held {
    uint64_t seq;
    void *item; /* owned */
    size_t bytes;
};

struct stream_cursor {
    uint64_t next;            /* the event that leaves next; 0: not known yet, everything is held */
    uint64_t seen;            /* the highest that is known to exist */
    struct stream_held *held; /* by seq */
    size_t held_count;
    size_t held_bytes;
    void (*free_item)(void *item);
};

void stream_cursor_init(struct stream_cursor *cursor, void (*free_item)(void *item));
void stream_cursor_done(struct stream_cursor *cursor);
/* The job's newest event as PostgreSQL tells it: where an unknown cursor starts, and otherwise a
 * hint that something is missing. */
void stream_cursor_note(struct stream_cursor *cursor, uint64_t last_seq);
/* Keeps the item if its turn is still to come and there is room (the nearest win); else frees it.
 */
void stream_cursor_offer(struct stream_cursor *cursor, uint64_t seq, void *take_item, size_t bytes);
/* The next event in order, now the caller's; NULL while it isn't there. */
void *stream_cursor_take(struct stream_cursor *cursor, uint64_t *ret_seq) MUST_CHECK;
/* An event that must exist has not come. */
bool stream_cursor_has_gap(const struct stream_cursor *cursor);

/* One reader's place: the event it gets next. */
struct stream_place {
    uint64_t next;
};

/* Where a reader begins that has seen `last_id` (0: nothing) of a job with `last_seq` events: an id
 * that the stream cannot have given starts over. */
struct stream_place stream_place_after(uint64_t last_id, uint64_t last_seq);
/* It must be fed from PostgreSQL. */
bool stream_place_is_behind(struct stream_place place, const struct stream_cursor *cursor);
/* Whether the reader takes this event of a page from PostgreSQL; then its place moves. */
bool stream_place_take_replayed(struct stream_place *place, const struct stream_cursor *cursor,
                                uint64_t seq);
/* Whether the reader takes this event that just left the cursor; then its place moves. */
bool stream_place_take_live(struct stream_place *place, uint64_t seq);

#endif
