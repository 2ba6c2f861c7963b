/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/rate_limit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/mem.h"

#define NETWORK_BYTES 8 /* of an IPv6 address */

struct client {
    char name[INET6_ADDRSTRLEN];
    uint64_t began_us;
    unsigned used;
    UT_hash_handle hh;
};

/* uthash keeps the order of adding, which is that of the windows' beginnings. */
struct rate_limit {
    struct rate_limit_settings settings;
    struct client *clients; /* owned */
};

static void forget(struct rate_limit *limit, struct client *client)
{
    HASH_DEL(limit->clients, client);
    free(client);
}

void rate_limit_free(struct rate_limit *limit)
{
    struct client *client, *next;

    if (limit == NULL)
        return;
    HASH_ITER(hh, limit->clients, client, next)
    forget(limit, client);
    free(limit);
}

struct rate_limit *rate_limit_new(const struct rate_limit_settings *settings)
{
    struct rate_limit *limit = mem_new(sizeof *limit);

    limit->settings = *settings;
    return limit;
}

static void name_client(const char *address, char name[static INET6_ADDRSTRLEN])
{
    struct in6_addr v6;

    memset(name, 0, INET6_ADDRSTRLEN);
    if (inet_pton(AF_INET6, address, &v6) != 1) {
        memcpy(name, address, strnlen(address, INET6_ADDRSTRLEN - 1));
        return;
    }
    memset(v6.s6_addr + NETWORK_BYTES, 0, sizeof v6.s6_addr - NETWORK_BYTES);
    (void)inet_ntop(AF_INET6, &v6, name, INET6_ADDRSTRLEN);
}

static struct client *begin(struct rate_limit *limit, const char *name, uint64_t now_us)
{
    if (limit->clients != NULL && HASH_COUNT(limit->clients) == limit->settings.clients_max)
        forget(limit, limit->clients);
    struct client *client = mem_new(sizeof *client);
    memcpy(client->name, name, sizeof client->name);
    client->began_us = now_us;
    HASH_ADD_STR(limit->clients, name, client);
    return client;
}

struct rate_limit_verdict rate_limit_take(struct rate_limit *limit, const char *address,
                                          uint64_t now_us)
{
    const struct rate_limit_settings *settings = &limit->settings;
    char name[INET6_ADDRSTRLEN];
    struct client *client = NULL;

    name_client(address, name);
    HASH_FIND_STR(limit->clients, name, client);
    if (client != NULL && now_us - client->began_us >= settings->window_us) {
        forget(limit, client);
        client = NULL;
    }
    if (client == NULL)
        client = begin(limit, name, now_us);
    uint64_t left_us = client->began_us + settings->window_us - now_us;
    struct rate_limit_verdict verdict = {
        .is_allowed = client->used < settings->requests,
        .reset_s = (unsigned)((left_us + 999999) / 1000000),
    };
    client->used += verdict.is_allowed;
    verdict.remaining = settings->requests - client->used;
    return verdict;
}
