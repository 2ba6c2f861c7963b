/* SPDX-License-Identifier: Apache-2.0 */
#include "common/chunk_layout.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define KEY_START "uploads/"
#define KEY_MIDDLE "/chunk."
#define EXTENSION_MAX 5
#define ID_LENGTH (ID_SIZE - 1)

/* The chunk that holds this byte of a recording without end. */
static int64_t chunk_at(int64_t chunk_size_bytes, int64_t first_chunk_bytes, int64_t byte)
{
    int64_t start = 0;
    int64_t chunk_index = 0;

    for (int64_t size = first_chunk_bytes; size < chunk_size_bytes; size *= 2) {
        if (byte < start + size)
            return chunk_index;
        start += size;
        chunk_index++;
    }
    return chunk_index + (byte - start) / chunk_size_bytes;
}

static int64_t start_of(const struct chunk_layout *layout, int32_t chunk_index)
{
    int64_t start = 0;
    int64_t left = chunk_index;

    for (int64_t size = layout->first_chunk_bytes; size < layout->chunk_size_bytes; size *= 2) {
        if (left == 0)
            return start;
        start += size;
        left--;
    }
    return start + left * layout->chunk_size_bytes;
}

int64_t chunk_layout_count(int64_t total_size, int64_t chunk_size_bytes, int64_t first_chunk_bytes)
{
    assert(total_size > 0 && chunk_size_bytes > 0 && first_chunk_bytes > 0);
    return chunk_at(chunk_size_bytes, first_chunk_bytes, total_size - 1) + 1;
}

struct chunk_layout chunk_layout_of(int64_t total_size, int64_t chunk_size_bytes,
                                    int64_t first_chunk_bytes)
{
    int64_t count = chunk_layout_count(total_size, chunk_size_bytes, first_chunk_bytes);

    assert(count <= INT32_MAX);
    return (struct chunk_layout){
        .total_size = total_size,
        .chunk_size_bytes = chunk_size_bytes,
        .first_chunk_bytes = first_chunk_bytes,
        .total_chunks = (int32_t)count,
    };
}

struct chunk_range chunk_layout_range(const struct chunk_layout *layout, int32_t chunk_index)
{
    assert(chunk_index >= 0 && chunk_index < layout->total_chunks);
    bool is_last = chunk_index == layout->total_chunks - 1;
    return (struct chunk_range){
        .start = start_of(layout, chunk_index),
        .end = is_last ? layout->total_size : start_of(layout, chunk_index + 1),
    };
}

int64_t chunk_layout_size(const struct chunk_layout *layout, int32_t chunk_index)
{
    struct chunk_range range = chunk_layout_range(layout, chunk_index);

    return range.end - range.start;
}

int32_t chunk_layout_chunk_at(const struct chunk_layout *layout, int64_t byte)
{
    assert(byte >= 0 && byte < layout->total_size);
    return (int32_t)chunk_at(layout->chunk_size_bytes, layout->first_chunk_bytes, byte);
}

static bool is_extension(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");

    return length > 0 && length <= EXTENSION_MAX && text[length] == '\0';
}

void chunk_object_key(const char *job_id, int32_t chunk_index, const char *extension,
                      char ret_key[static CHUNK_KEY_SIZE])
{
    assert(strlen(job_id) == ID_LENGTH && is_extension(extension));
    assert(chunk_index >= 0 && chunk_index < CHUNK_COUNT_MAX);
    (void)snprintf(ret_key, CHUNK_KEY_SIZE, KEY_START "%s" KEY_MIDDLE "%d.%s", job_id,
                   (int)chunk_index, extension);
}

/* Moves *cursor past a literal; false if it doesn't stand there. */
static bool skip(const char **cursor, const char *literal)
{
    size_t length = strlen(literal);

    if (strncmp(*cursor, literal, length) != 0)
        return false;
    *cursor += length;
    return true;
}

static bool skip_lower_case_id(const char **cursor, struct id *ret_id)
{
    char text[ID_SIZE] = "";

    memcpy(text, *cursor, strnlen(*cursor, ID_LENGTH));
    if (!id_parse(text, ret_id) || strcmp(text, ret_id->text) != 0)
        return false;
    *cursor += ID_LENGTH;
    return true;
}

/* Decimal, without leading zeros, below CHUNK_COUNT_MAX. */
static bool skip_index(const char **cursor, int32_t *ret_index)
{
    const char *digit = *cursor;
    int32_t index = 0;

    while (*digit >= '0' && *digit <= '9' && index < CHUNK_COUNT_MAX)
        index = index * 10 + (*digit++ - '0');
    bool has_leading_zero = **cursor == '0' && digit - *cursor > 1;
    if (digit == *cursor || has_leading_zero || index >= CHUNK_COUNT_MAX)
        return false;
    *cursor = digit;
    *ret_index = index;
    return true;
}

bool chunk_object_key_parse(const char *key, struct id *ret_job, int32_t *ret_chunk_index,
                            const char **ret_extension)
{
    const char *cursor = key;

    if (!skip(&cursor, KEY_START) || !skip_lower_case_id(&cursor, ret_job) ||
        !skip(&cursor, KEY_MIDDLE) || !skip_index(&cursor, ret_chunk_index) ||
        !skip(&cursor, ".") || !is_extension(cursor))
        return false;
    *ret_extension = cursor;
    return true;
}
