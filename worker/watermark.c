/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/watermark.h"

#include <string.h>

#include "common/mem.h"

struct entry {
    int64_t offset;
    bool finished;
};

struct watermark {
    struct entry *entries; /* owned; by offset, without finished ones at the front */
    size_t count;
    size_t capacity;
    size_t finished_count;
    int64_t floor;     /* everything below was finished here, or before it came here */
    int64_t delivered; /* highest since the assignment; meaningless until has_position */
    bool has_position;
};

struct watermark *watermark_new(void)
{
    return mem_new(sizeof(struct watermark));
}

void watermark_free(struct watermark *watermark)
{
    if (watermark == NULL)
        return;
    free(watermark->entries);
    free(watermark);
}

/* Index of the first entry that is not below `offset`. */
static size_t position_of(const struct watermark *watermark, int64_t offset)
{
    size_t low = 0;
    size_t high = watermark->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (watermark->entries[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct entry *entry_of(const struct watermark *watermark, int64_t offset)
{
    size_t at = position_of(watermark, offset);

    if (at == watermark->count || watermark->entries[at].offset != offset)
        return NULL;
    return &watermark->entries[at];
}

static void insert(struct watermark *watermark, size_t at, int64_t offset)
{
    if (watermark->count == watermark->capacity) {
        watermark->capacity = watermark->capacity == 0 ? 64 : watermark->capacity * 2;
        watermark->entries =
            mem_resize(watermark->entries, watermark->capacity, sizeof *watermark->entries);
    }
    memmove(&watermark->entries[at + 1], &watermark->entries[at],
            (watermark->count - at) * sizeof *watermark->entries);
    watermark->entries[at] = (struct entry){.offset = offset};
    watermark->count++;
}

static void remove_range(struct watermark *watermark, size_t from, size_t to)
{
    if (from == to)
        return;
    for (size_t i = from; i < to; i++)
        watermark->finished_count -= watermark->entries[i].finished;
    memmove(&watermark->entries[from], &watermark->entries[to],
            (watermark->count - to) * sizeof *watermark->entries);
    watermark->count -= to - from;
}

/* Finished entries beyond what this assignment has delivered stay: they may be delivered again. */
static void trim_front(struct watermark *watermark)
{
    size_t done = 0;

    while (watermark->has_position && done < watermark->count &&
           watermark->entries[done].finished &&
           watermark->entries[done].offset <= watermark->delivered)
        done++;
    if (done > 0)
        watermark->floor = watermark->entries[done - 1].offset + 1;
    remove_range(watermark, 0, done);
}

void watermark_assigned(struct watermark *watermark)
{
    watermark->has_position = false;
}

enum watermark_delivery watermark_deliver(struct watermark *watermark, int64_t offset)
{
    enum watermark_delivery delivery = WATERMARK_NEW;
    size_t at = position_of(watermark, offset);

    /* Whatever lies below where an assignment begins was finished by someone. */
    if (!watermark->has_position) {
        remove_range(watermark, 0, at);
        at = 0;
    }
    watermark->has_position = true;
    watermark->delivered = offset;
    if (offset < watermark->floor)
        return WATERMARK_FINISHED;
    if (at == watermark->count || watermark->entries[at].offset != offset)
        insert(watermark, at, offset);
    else
        delivery = watermark->entries[at].finished ? WATERMARK_FINISHED : WATERMARK_OPEN;
    trim_front(watermark);
    return delivery;
}

void watermark_finish(struct watermark *watermark, int64_t offset)
{
    struct entry *entry = entry_of(watermark, offset);

    if (entry == NULL || entry->finished)
        return;
    entry->finished = true;
    watermark->finished_count++;
    trim_front(watermark);
}

void watermark_drop(struct watermark *watermark, int64_t offset)
{
    size_t at = position_of(watermark, offset);

    if (at < watermark->count && watermark->entries[at].offset == offset)
        remove_range(watermark, at, at + 1);
}

bool watermark_may_start(const struct watermark *watermark, int64_t offset)
{
    if (watermark->finished_count < WATERMARK_FINISHED_MAX)
        return true;
    for (size_t i = 0; i < watermark->count; i++) {
        if (!watermark->entries[i].finished)
            return watermark->entries[i].offset == offset;
    }
    return true;
}

bool watermark_next(const struct watermark *watermark, int64_t *ret_offset)
{
    if (!watermark->has_position)
        return false;
    int64_t next = watermark->delivered + 1;
    if (next < watermark->floor)
        next = watermark->floor;
    if (watermark->count > 0 && watermark->entries[0].offset < next)
        next = watermark->entries[0].offset;
    *ret_offset = next;
    return true;
}
