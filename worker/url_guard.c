/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/url_guard.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "common/mem.h"
#include "common/public_address.h"

static bool is_public(const struct sockaddr *address)
{
    uint8_t bytes[16];

    if (address->sa_family == AF_INET) {
        memcpy(bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
        return public_address_is_v4(bytes);
    }
    if (address->sa_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
        return public_address_is_v6(bytes);
    }
    return false;
}

static void print(const struct sockaddr *address, struct url_guard_address *ret_address)
{
    const void *bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;

    ret_address->is_v6 = address->sa_family == AF_INET6;
    if (ret_address->is_v6)
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    (void)inet_ntop(address->sa_family, bytes, ret_address->text, sizeof ret_address->text);
}

static bool judge_all(const struct addrinfo *found, bool allow_private, struct err *err)
{
    struct url_guard_address address;

    for (const struct addrinfo *each = found; each != NULL && !allow_private;
         each = each->ai_next) {
        if (is_public(each->ai_addr))
            continue;
        print(each->ai_addr, &address);
        return err_set(err, ERR_RETRY, "webhook_target", 0,
                       "the host leads to %s, which is not on the public internet", address.text);
    }
    return true;
}

bool url_guard_resolve(const struct webhook_url *url, bool allow_private,
                       struct url_guard_address *ret_address, struct err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = url->is_address ? AI_NUMERICHOST : 0};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(url->host, NULL, &hints, &found);

    if (code != 0)
        return err_set(err, ERR_RETRY, "webhook", code, "the host cannot be resolved: %s",
                       gai_strerror(code));
    bool ok = judge_all(found, allow_private, err);
    if (ok)
        print(found->ai_addr, ret_address);
    freeaddrinfo(found);
    return ok;
}

/* Called by curl with what it is about to connect to. */
static curl_socket_t open_public_socket(void *context, curlsocktype purpose UNUSED,
                                        struct curl_sockaddr *address)
{
    const bool *allow_private = context;

    if (!*allow_private && !is_public(&address->addr))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void url_guard_pin(CURL *easy, const struct url_guard_address *address, bool allow_private,
                   struct curl_slist **ret_connect_to)
{
    static const bool ALLOWED[] = {false, true};
    CLEANUP(mem_free_at)
    char *line = mem_format(address->is_v6 ? "::[%s]:" : "::%s:", address->text);

    *ret_connect_to = curl_slist_append(NULL, line);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECT_TO, *ret_connect_to);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_public_socket);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA,
                           (void *)(uintptr_t)&ALLOWED[allow_private]);
    (void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}
