/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_mp4_table.h"

#include "worker/media_bytes.h"
#include "worker/media_mp4_box.h"

#define FULL_BOX_BYTES 4 /* version and flags */
#define TIMES_BYTES 8
#define RUNS_BYTES 12
/* No sample is longer, and no sum overflows. */
#define SIZE_MAX_BYTES (INT32_C(1) << 30)
#define TIME_MAX (INT64_C(1) << 52)

static uint32_t number_at(struct media_source *source, int64_t offset)
{
    const uint8_t *bytes = media_source_at(source, offset, 4);
    return bytes == NULL ? 0 : be32(bytes);
}

/* As much as fits. */
static int64_t time_of(int64_t count, int64_t each)
{
    return each > 0 && count > TIME_MAX / each ? TIME_MAX : count * each;
}

static int64_t add_time(int64_t time, int64_t more)
{
    return time + more < TIME_MAX ? time + more : TIME_MAX;
}

/* --- the tables --- */

/* `count_offset` in the box, behind which the entries come. Those that the box has no room for are
 * not there. */
static bool find_table(struct media_source *source, const struct mp4_box *box, int64_t count_offset,
                       int64_t entry_bits, struct mp4_table *ret_table)
{
    int64_t entries = box->content + count_offset + 4;
    if (entries > box->end) {
        return false;
    }
    int64_t count = number_at(source, entries - 4);
    int64_t room = entry_bits == 0 ? count : (box->end - entries) * 8 / entry_bits;
    *ret_table = (struct mp4_table){.offset = entries, .count = count < room ? count : room};
    return true;
}

static bool find_sizes(struct media_source *source, const struct mp4_box *stbl,
                       struct mp4_tables *tables)
{
    struct mp4_box box;
    bool is_compact = false;
    if (!mp4_box_find(source, stbl->content, stbl->end, MP4_TYPE('s', 't', 's', 'z'), &box)) {
        is_compact = true;
        if (!mp4_box_find(source, stbl->content, stbl->end, MP4_TYPE('s', 't', 'z', '2'), &box)) {
            return false;
        }
    }
    uint32_t field = number_at(source, box.content + FULL_BOX_BYTES);
    if (is_compact) {
        tables->size_bits = (int32_t)(field & 0xFF);
        if (tables->size_bits != 4 && tables->size_bits != 8 && tables->size_bits != 16) {
            return false;
        }
    } else {
        tables->size_bits = field == 0 ? 32 : 0;
        tables->size = field <= SIZE_MAX_BYTES ? (int32_t)field : 0;
    }
    return find_table(source, &box, FULL_BOX_BYTES + 4, tables->size_bits, &tables->sizes);
}

static bool find_offsets(struct media_source *source, const struct mp4_box *stbl,
                         struct mp4_tables *tables)
{
    struct mp4_box box;
    tables->offset_bytes = 4;
    if (!mp4_box_find(source, stbl->content, stbl->end, MP4_TYPE('s', 't', 'c', 'o'), &box)) {
        tables->offset_bytes = 8;
        if (!mp4_box_find(source, stbl->content, stbl->end, MP4_TYPE('c', 'o', '6', '4'), &box)) {
            return false;
        }
    }
    return find_table(source, &box, FULL_BOX_BYTES, tables->offset_bytes * INT64_C(8),
                      &tables->offsets);
}

bool mp4_tables_read(struct media_source *source, const struct mp4_box *stbl,
                     struct mp4_tables *ret_tables)
{
    struct mp4_tables tables = {.size = 0};
    struct mp4_box stts;
    struct mp4_box stsc;
    if (!mp4_box_find(source, stbl->content, stbl->end, MP4_TYPE('s', 't', 't', 's'), &stts) ||
        !mp4_box_find(source, stbl->content, stbl->end, MP4_TYPE('s', 't', 's', 'c'), &stsc) ||
        !find_table(source, &stts, FULL_BOX_BYTES, TIMES_BYTES * INT64_C(8), &tables.times) ||
        !find_table(source, &stsc, FULL_BOX_BYTES, RUNS_BYTES * INT64_C(8), &tables.runs) ||
        !find_sizes(source, stbl, &tables) || !find_offsets(source, stbl, &tables)) {
        return false;
    }
    *ret_tables = tables;
    return true;
}

static int64_t chunk_offset(struct media_source *source, const struct mp4_tables *tables,
                            int64_t chunk)
{
    int64_t entry = tables->offsets.offset + chunk * tables->offset_bytes;
    if (tables->offset_bytes == 4) {
        return number_at(source, entry);
    }
    const uint8_t *bytes = media_source_at(source, entry, 8);
    uint64_t offset = bytes == NULL ? 0 : be64(bytes);
    return offset > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)offset;
}

bool mp4_tables_are_in_order(struct media_source *source, const struct mp4_tables *tables)
{
    int64_t before = -1;
    for (int64_t chunk = 0; chunk < tables->offsets.count; chunk++) {
        int64_t offset = chunk_offset(source, tables, chunk);
        if (offset <= before) {
            return false;
        }
        before = offset;
    }
    return true;
}

int64_t mp4_tables_duration(struct media_source *source, const struct mp4_tables *tables)
{
    int64_t duration = 0;
    int64_t left = tables->sizes.count;
    for (int64_t i = 0; i < tables->times.count && left > 0; i++) {
        int64_t entry = tables->times.offset + i * TIMES_BYTES;
        int64_t count = number_at(source, entry);
        count = count < left ? count : left;
        duration = add_time(duration, time_of(count, number_at(source, entry + 4)));
        left -= count;
    }
    return duration;
}

/* --- the cursor --- */

static int64_t run_first_chunk(struct media_source *source, const struct mp4_tables *tables,
                               int64_t run)
{
    if (run >= tables->runs.count) {
        return INT64_MAX;
    }
    return (int64_t)number_at(source, tables->runs.offset + run * RUNS_BYTES) - 1;
}

static int64_t run_samples(struct media_source *source, const struct mp4_tables *tables,
                           int64_t run)
{
    return number_at(source, tables->runs.offset + run * RUNS_BYTES + 4);
}

/* Begins the chunk after those that the cursor has passed: its sample is the first one. */
static void enter_chunk(struct media_source *source, const struct mp4_tables *tables,
                        struct mp4_cursor *cursor)
{
    while (run_first_chunk(source, tables, cursor->run + 1) <= cursor->chunk) {
        cursor->run++;
    }
    int64_t left = tables->sizes.count - cursor->sample;
    int64_t count = run_samples(source, tables, cursor->run);
    cursor->offset = chunk_offset(source, tables, cursor->chunk);
    cursor->chunk_end = cursor->sample + (count < left ? count : left);
}

/* To the first sample of a later chunk, over whole runs at a time. */
static void leap_to_chunk(struct media_source *source, const struct mp4_tables *tables,
                          int64_t chunk, struct mp4_cursor *cursor)
{
    cursor->sample = cursor->chunk_end;
    cursor->chunk++;
    while (cursor->chunk < chunk && cursor->sample < tables->sizes.count) {
        int64_t run_end = run_first_chunk(source, tables, cursor->run + 1);
        if (run_end <= cursor->chunk) {
            cursor->run++;
            continue;
        }
        int64_t chunks = (run_end < chunk ? run_end : chunk) - cursor->chunk;
        int64_t count = run_samples(source, tables, cursor->run);
        int64_t left = tables->sizes.count - cursor->sample;
        cursor->sample += count == 0 || chunks <= left / count ? chunks * count : left;
        cursor->chunk += chunks;
    }
    enter_chunk(source, tables, cursor);
}

/* From an empty chunk, or behind the last sample of one, to the next sample. */
static bool settle(struct media_source *source, const struct mp4_tables *tables,
                   struct mp4_cursor *cursor)
{
    while (cursor->sample >= cursor->chunk_end) {
        if (cursor->sample >= tables->sizes.count || cursor->chunk + 1 >= tables->offsets.count) {
            return false;
        }
        leap_to_chunk(source, tables, cursor->chunk + 1, cursor);
    }
    return true;
}

bool mp4_cursor_begin(struct media_source *source, const struct mp4_tables *tables,
                      struct mp4_cursor *ret_cursor)
{
    *ret_cursor = (struct mp4_cursor){.sample = 0};
    if (tables->offsets.count == 0 || tables->runs.count == 0) {
        return false;
    }
    enter_chunk(source, tables, ret_cursor);
    return settle(source, tables, ret_cursor);
}

/* The last chunk that begins at or before `offset`, or the first one. */
static int64_t find_chunk(struct media_source *source, const struct mp4_tables *tables,
                          int64_t offset)
{
    int64_t low = 0;
    int64_t high = tables->offsets.count;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (chunk_offset(source, tables, middle) <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool seek_chunk(struct media_source *source, const struct mp4_tables *tables, int64_t chunk,
                       struct mp4_cursor *cursor)
{
    if (cursor->chunk_end == 0 || cursor->chunk > chunk) {
        *cursor = (struct mp4_cursor){.sample = 0};
        if (tables->offsets.count == 0 || tables->runs.count == 0) {
            return false;
        }
        enter_chunk(source, tables, cursor);
    }
    if (cursor->chunk < chunk) {
        leap_to_chunk(source, tables, chunk, cursor);
    }
    return true;
}

static bool seek(struct media_source *source, const struct mp4_tables *tables, int64_t offset,
                 struct mp4_cursor *cursor)
{
    int64_t chunk = find_chunk(source, tables, offset);
    if (cursor->chunk == chunk && cursor->offset > offset) {
        cursor->chunk_end = 0;
    }
    if (!seek_chunk(source, tables, chunk, cursor)) {
        return false;
    }
    int64_t left = cursor->chunk_end - cursor->sample;
    if (tables->size_bits == 0 && tables->size > 0 && offset > cursor->offset) {
        int64_t count = (offset - cursor->offset + tables->size - 1) / tables->size;
        mp4_cursor_advance(source, tables, count < left ? count : left, cursor);
    }
    while (cursor->sample < cursor->chunk_end && cursor->offset < offset) {
        mp4_cursor_advance(source, tables, 1, cursor);
    }
    return settle(source, tables, cursor);
}

bool mp4_cursor_seek(struct media_source *source, const struct mp4_tables *tables, int64_t offset,
                     struct mp4_cursor *cursor)
{
    bool is_there =
        cursor->sample < cursor->chunk_end && cursor->sought <= offset && offset <= cursor->offset;
    if (!is_there) {
        is_there = seek(source, tables, offset, cursor);
    }
    cursor->sought = offset;
    return is_there;
}

static int64_t sample_at_time(struct media_source *source, const struct mp4_tables *tables,
                              int64_t time)
{
    int64_t sample = 0;
    for (int64_t i = 0; i < tables->times.count; i++) {
        int64_t entry = tables->times.offset + i * TIMES_BYTES;
        int64_t count = number_at(source, entry);
        int64_t each = number_at(source, entry + 4);
        int64_t duration = time_of(count, each);
        if (each > 0 && time < duration) {
            return sample + time / each;
        }
        time -= duration;
        sample += count;
    }
    return sample;
}

bool mp4_cursor_seek_time(struct media_source *source, const struct mp4_tables *tables,
                          int64_t time, struct mp4_cursor *cursor)
{
    int64_t sample = sample_at_time(source, tables, time);
    if (!mp4_cursor_begin(source, tables, cursor)) {
        return false;
    }
    while (cursor->chunk_end <= sample) {
        if (cursor->chunk_end >= tables->sizes.count ||
            cursor->chunk + 1 >= tables->offsets.count) {
            return false;
        }
        leap_to_chunk(source, tables, cursor->chunk + 1, cursor);
    }
    mp4_cursor_advance(source, tables, sample - cursor->sample, cursor);
    cursor->sought = cursor->offset;
    return true;
}

int64_t mp4_tables_end(struct media_source *source, const struct mp4_tables *tables)
{
    struct mp4_cursor cursor = {.sample = 0};
    if (!seek_chunk(source, tables, tables->offsets.count - 1, &cursor)) {
        return 0;
    }
    mp4_cursor_advance(source, tables, cursor.chunk_end - cursor.sample, &cursor);
    return cursor.offset;
}

void mp4_cursor_advance(struct media_source *source, const struct mp4_tables *tables, int64_t count,
                        struct mp4_cursor *cursor)
{
    if (tables->size_bits == 0) {
        cursor->offset += count * tables->size;
        cursor->sample += count;
        return;
    }
    for (; count > 0; count--) {
        cursor->offset += mp4_cursor_size(source, tables, cursor);
        cursor->sample++;
    }
}

int64_t mp4_cursor_size(struct media_source *source, const struct mp4_tables *tables,
                        const struct mp4_cursor *cursor)
{
    if (tables->size_bits == 0) {
        return tables->size;
    }
    int64_t bit = cursor->sample * tables->size_bits;
    size_t bytes_each = tables->size_bits == 4 ? 1 : (size_t)tables->size_bits / 8;
    const uint8_t *bytes = media_source_at(source, tables->sizes.offset + bit / 8, bytes_each);
    if (bytes == NULL) {
        return 0;
    }
    switch (tables->size_bits) {
    case 4:
        return bit % 8 == 0 ? bytes[0] >> 4 : bytes[0] & 15;
    case 8:
        return bytes[0];
    case 16:
        return be16(bytes);
    default:
        return be32(bytes) <= SIZE_MAX_BYTES ? be32(bytes) : 0;
    }
}

int64_t mp4_cursor_time(struct media_source *source, const struct mp4_tables *tables,
                        struct mp4_cursor *cursor, int64_t *ret_duration)
{
    int64_t each = 0;
    while (cursor->time_entry < tables->times.count) {
        int64_t entry = tables->times.offset + cursor->time_entry * TIMES_BYTES;
        int64_t count = number_at(source, entry);
        each = number_at(source, entry + 4);
        if (cursor->sample < cursor->time_entry_sample + count) {
            break;
        }
        cursor->time_entry_start = add_time(cursor->time_entry_start, time_of(count, each));
        cursor->time_entry_sample += count;
        cursor->time_entry++;
    }
    *ret_duration = each;
    return add_time(cursor->time_entry_start,
                    time_of(cursor->sample - cursor->time_entry_sample, each));
}
