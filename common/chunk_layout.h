/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CHUNK_LAYOUT_H
#define COMMON_CHUNK_LAYOUT_H

/*
 * How a recording is cut into chunks: a plain value that gateway, worker and assembler compute the
 * same ranges and object keys from. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/ids.h"

#define CHUNK_COUNT_MAX 10000
#define CHUNK_KEY_SIZE 96

struct chunk_range {
    int64_t start; /* first byte */
    int64_t end;   /* one past the last */
};

/* Chunk k has min(first_chunk_bytes * 2^k, chunk_size_bytes), the last one what is left. */
struct chunk_layout {
    int64_t total_size;        /* > 0 */
    int64_t chunk_size_bytes;  /* the regular size */
    int64_t first_chunk_bytes; /* smaller: the first chunks are a ramp, for an early first text */
    int32_t total_chunks;
};

/* How many chunks that would be, which may be too many for a layout. Asserts that all are > 0. */
int64_t chunk_layout_count(int64_t total_size, int64_t chunk_size_bytes, int64_t first_chunk_bytes);
struct chunk_layout chunk_layout_of(int64_t total_size, int64_t chunk_size_bytes,
                                    int64_t first_chunk_bytes);
struct chunk_range chunk_layout_range(const struct chunk_layout *layout, int32_t chunk_index);
int64_t chunk_layout_size(const struct chunk_layout *layout, int32_t chunk_index);
/* The chunk that holds this byte of the file. */
int32_t chunk_layout_chunk_at(const struct chunk_layout *layout, int64_t byte);

/* "uploads/<job>/chunk.<index>.<extension>". */
void chunk_object_key(const char *job_id, int32_t chunk_index, const char *extension,
                      char ret_key[static CHUNK_KEY_SIZE]);
/* The inverse; false for anything else, so that a key from outside can name no other file. */
bool chunk_object_key_parse(const char *key, struct id *ret_job, int32_t *ret_chunk_index,
                            const char **ret_extension) MUST_CHECK;

#endif
