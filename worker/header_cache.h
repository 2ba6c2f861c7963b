/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_HEADER_CACHE_H
#define WORKER_HEADER_CACHE_H

/*
 * What is known of the recordings whose chunks this worker had lately: their headers, and the
 * stretches of bytes that hold them. The least recently used is forgotten first. Pure.
 */

#include <stddef.h>

#include "common/attrs.h"
#include "common/ids.h"
#include "worker/media_header.h"

#define HEADER_STRETCHES_MAX 8

struct header_facts {
    struct media_header header;
    struct media_need stretches[HEADER_STRETCHES_MAX];
    size_t stretch_count;
};

struct header_cache;

void header_cache_free(struct header_cache *cache);
struct header_cache *header_cache_new(size_t capacity) FREED_BY(header_cache_free);
/* NULL when it is not there; borrowed until the next call. */
const struct header_facts *header_cache_find(struct header_cache *cache, const struct id *job);
void header_cache_put(struct header_cache *cache, const struct id *job,
                      const struct header_facts *facts);

#endif
