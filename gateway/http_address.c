/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_address.h"

#include <assert.h>
#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"

struct entry {
    char *address; /* owned */
    unsigned count;
    UT_hash_handle hh;
};

struct http_addresses {
    struct entry *entries; /* owned */
};

struct http_addresses *http_addresses_new(void)
{
    return mem_new(sizeof(struct http_addresses));
}

static struct entry *find(const struct http_addresses *addresses, const char *address)
{
    struct entry *entry;
    HASH_FIND_STR(addresses->entries, address, entry);
    return entry;
}

static void drop(struct http_addresses *addresses, struct entry *entry)
{
    HASH_DEL(addresses->entries, entry);
    free(entry->address);
    free(entry);
}

void http_addresses_free(struct http_addresses *addresses)
{
    if (addresses == NULL)
        return;
    while (addresses->entries != NULL)
        drop(addresses, addresses->entries);
    free(addresses);
}

unsigned http_addresses_add(struct http_addresses *addresses, const char *address)
{
    struct entry *entry = find(addresses, address);
    if (entry == NULL) {
        entry = mem_new(sizeof *entry);
        entry->address = mem_copy_string(address);
        HASH_ADD_KEYPTR(hh, addresses->entries, entry->address, strlen(entry->address), entry);
    }
    return ++entry->count;
}

void http_addresses_remove(struct http_addresses *addresses, const char *address)
{
    struct entry *entry = find(addresses, address);
    assert(entry != NULL && "an address is removed as often as it was added");
    if (--entry->count == 0)
        drop(addresses, entry);
}
