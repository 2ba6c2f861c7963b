/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/stream_cursor.h"

#include <string.h>

#include "common/mem.h"

void stream_cursor_init(struct stream_cursor *cursor, void (*free_item)(void *item))
{
    *cursor = (struct stream_cursor){.free_item = free_item};
}

static void remove_at(struct stream_cursor *cursor, size_t index)
{
    cursor->held_bytes -= cursor->held[index].bytes;
    cursor->held_count--;
    memmove(&cursor->held[index], &cursor->held[index + 1],
            (cursor->held_count - index) * sizeof *cursor->held);
    if (cursor->held_count == 0) {
        free(cursor->held); /* most jobs never hold anything */
        cursor->held = NULL;
    }
}

static void drop_at(struct stream_cursor *cursor, size_t index)
{
    cursor->free_item(cursor->held[index].item);
    remove_at(cursor, index);
}

void stream_cursor_done(struct stream_cursor *cursor)
{
    while (cursor->held_count > 0)
        drop_at(cursor, cursor->held_count - 1);
}

static void note_seen(struct stream_cursor *cursor, uint64_t seq)
{
    if (seq > cursor->seen)
        cursor->seen = seq;
}

void stream_cursor_note(struct stream_cursor *cursor, uint64_t last_seq)
{
    note_seen(cursor, last_seq);
    if (cursor->next != 0)
        return;
    cursor->next = last_seq + 1;
    while (cursor->held_count > 0 && cursor->held[0].seq < cursor->next)
        drop_at(cursor, 0);
}

/* Where `seq` is or belongs among the held. */
static size_t find(const struct stream_cursor *cursor, uint64_t seq)
{
    size_t index = cursor->held_count;

    while (index > 0 && cursor->held[index - 1].seq >= seq)
        index--;
    return index;
}

static bool is_held_at(const struct stream_cursor *cursor, size_t index, uint64_t seq)
{
    return index < cursor->held_count && cursor->held[index].seq == seq;
}

static void insert_at(struct stream_cursor *cursor, size_t index, struct stream_held held)
{
    if (cursor->held == NULL)
        cursor->held = mem_array(STREAM_HELD_MAX + 1, sizeof *cursor->held);
    memmove(&cursor->held[index + 1], &cursor->held[index],
            (cursor->held_count - index) * sizeof *cursor->held);
    cursor->held[index] = held;
    cursor->held_count++;
    cursor->held_bytes += held.bytes;
}

static bool is_over(const struct stream_cursor *cursor)
{
    return cursor->held_count > STREAM_HELD_MAX ||
           (cursor->held_bytes > STREAM_HELD_BYTES && cursor->held_count > 1);
}

void stream_cursor_offer(struct stream_cursor *cursor, uint64_t seq, void *take_item, size_t bytes)
{
    size_t index = find(cursor, seq);

    note_seen(cursor, seq);
    if (seq < cursor->next || is_held_at(cursor, index, seq)) {
        cursor->free_item(take_item);
        return;
    }
    insert_at(cursor, index, (struct stream_held){seq, take_item, bytes});
    while (is_over(cursor))
        drop_at(cursor, cursor->held_count - 1);
}

void *stream_cursor_take(struct stream_cursor *cursor, uint64_t *ret_seq)
{
    if (cursor->next == 0 || !is_held_at(cursor, 0, cursor->next))
        return NULL;
    void *item = cursor->held[0].item;
    remove_at(cursor, 0);
    *ret_seq = cursor->next++;
    return item;
}

bool stream_cursor_has_gap(const struct stream_cursor *cursor)
{
    return cursor->next != 0 && cursor->seen >= cursor->next;
}

struct stream_place stream_place_after(uint64_t last_id, uint64_t last_seq)
{
    return (struct stream_place){.next = last_id <= last_seq ? last_id + 1 : 1};
}

bool stream_place_is_behind(struct stream_place place, const struct stream_cursor *cursor)
{
    return place.next < cursor->next;
}

bool stream_place_take_replayed(struct stream_place *place, const struct stream_cursor *cursor,
                                uint64_t seq)
{
    if (seq != place->next || seq >= cursor->next)
        return false;
    place->next++;
    return true;
}

bool stream_place_take_live(struct stream_place *place, uint64_t seq)
{
    if (seq != place->next)
        return false;
    place->next++;
    return true;
}
