/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/header_cache.h"

#include <uthash.h>

#include "common/mem.h"

struct entry {
    struct id job;
    struct header_facts facts;
    UT_hash_handle hh;
};

struct header_cache {
    size_t capacity;
    struct entry *entries; /* uthash, whose own order is that of insertion: oldest use first */
};

struct header_cache *header_cache_new(size_t capacity)
{
    struct header_cache *cache = mem_new(sizeof *cache);

    cache->capacity = capacity;
    return cache;
}

void header_cache_free(struct header_cache *cache)
{
    struct entry *entry, *next;

    if (cache == NULL)
        return;
    HASH_ITER(hh, cache->entries, entry, next)
    {
        HASH_DEL(cache->entries, entry);
        free(entry);
    }
    free(cache);
}

const struct header_facts *header_cache_find(struct header_cache *cache, const struct id *job)
{
    struct entry *entry;

    HASH_FIND_STR(cache->entries, job->text, entry);
    if (entry == NULL)
        return NULL;
    HASH_DEL(cache->entries, entry);
    HASH_ADD_STR(cache->entries, job.text, entry);
    return &entry->facts;
}

void header_cache_put(struct header_cache *cache, const struct id *job,
                      const struct header_facts *facts)
{
    struct entry *entry;

    HASH_FIND_STR(cache->entries, job->text, entry);
    if (entry == NULL) {
        entry = mem_new(sizeof *entry);
        entry->job = *job;
        HASH_ADD_STR(cache->entries, job.text, entry);
    }
    entry->facts = *facts;
    if (HASH_COUNT(cache->entries) > cache->capacity) {
        struct entry *oldest = cache->entries;
        HASH_DEL(cache->entries, oldest);
        free(oldest);
    }
}
