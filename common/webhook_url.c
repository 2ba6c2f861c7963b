/* SPDX-License-Identifier: Apache-2.0 */
#include "common/webhook_url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/public_address.h"

#define LABEL_BYTES_MAX 63
#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define DIGITS "0123456789"

static bool reject(struct err *err, const char *what)
{
    return err_set(err, ERR_REJECT, "webhook", 0, "%s", what);
}

static bool check_characters(const char *url, struct err *err)
{
    if (strlen(url) > WEBHOOK_URL_BYTES)
        return err_set(err, ERR_REJECT, "webhook", 0, "it must be at most %d bytes long",
                       WEBHOOK_URL_BYTES);
    for (const char *c = url; *c != '\0'; c++)
        if (*c <= 0x20 || *c >= 0x7F || strchr("\\\"<>^`{|}", *c) != NULL)
            return reject(err, "it must be written in printable ASCII, with anything else as %XX");
    return strchr(url, '#') == NULL || reject(err, "it must not have a fragment (#)");
}

static bool read_scheme(const char **at, const struct webhook_url_policy *policy,
                        struct webhook_url *url, struct err *err)
{
    if (strncasecmp(*at, "https://", 8) == 0) {
        url->is_https = true;
        *at += 8;
        return true;
    }
    if (strncasecmp(*at, "http://", 7) != 0)
        return reject(err, "it must begin with https://");
    *at += 7;
    return policy->http || reject(err, "it must be https: this server sends nothing by http");
}

static bool read_port(const char *text, size_t length, struct webhook_url *url, struct err *err)
{
    if (length == 0 || length > 5 || strspn(text, DIGITS) < length)
        return reject(err, "its port must be a number from 1 to 65535");
    unsigned long port = strtoul(text, NULL, 10);
    if (port < 1 || port > 65535)
        return reject(err, "its port must be a number from 1 to 65535");
    url->port = (uint16_t)port;
    return true;
}

static bool check_v4(const struct webhook_url *url, const struct webhook_url_policy *policy,
                     struct err *err)
{
    uint8_t address[4];

    /* Other spellings (decimal, octal, hexadecimal, fewer parts) mean addresses to some. */
    if (inet_pton(AF_INET, url->host, address) != 1)
        return reject(err, "its host is neither a name nor an address of four plain numbers");
    return policy->private_targets || public_address_is_v4(address) ||
           reject(err, "its host is not on the public internet");
}

static bool check_v6(const struct webhook_url *url, const struct webhook_url_policy *policy,
                     struct err *err)
{
    uint8_t address[16];

    if (inet_pton(AF_INET6, url->host, address) != 1)
        return reject(err, "its host is not an IPv6 address");
    return policy->private_targets || public_address_is_v6(address) ||
           reject(err, "its host is not on the public internet");
}

static bool check_label(const char *label, size_t length)
{
    return length > 0 && length <= LABEL_BYTES_MAX && strspn(label, ALNUM "-") >= length &&
           label[0] != '-' && label[length - 1] != '-';
}

static bool check_name(const struct webhook_url *url, struct err *err)
{
    for (const char *label = url->host;; label++) {
        size_t length = strcspn(label, ".");

        if (!check_label(label, length))
            return reject(err, "its host is not a name of letters, digits, hyphens and dots");
        label += length;
        if (*label == '\0')
            return true;
    }
}

/* A last label that begins with a digit is no top-level domain but an address in some spelling. */
static bool looks_like_address(const char *host)
{
    const char *last = strrchr(host, '.');

    last = last == NULL ? host : last + 1;
    return *last == '\0' ? strspn(host, DIGITS ".") == strlen(host) : strspn(last, DIGITS) > 0;
}

static bool read_host(const char *text, size_t length, const struct webhook_url_policy *policy,
                      struct webhook_url *url, struct err *err)
{
    bool is_v6 = length > 0 && text[0] == '[';

    if (is_v6) {
        if (text[length - 1] != ']')
            return reject(err, "its host is not an IPv6 address");
        text++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof url->host)
        return reject(err, "it has no host");
    memcpy(url->host, text, length);
    url->host[length] = '\0';
    url->is_address = is_v6 || looks_like_address(url->host);
    if (is_v6)
        return check_v6(url, policy, err);
    return url->is_address ? check_v4(url, policy, err) : check_name(url, err);
}

bool webhook_url_parse(const char *url, const struct webhook_url_policy *policy,
                       struct webhook_url *ret_url, struct err *err)
{
    struct webhook_url parsed = {0};
    const char *at = url;

    if (!check_characters(url, err) || !read_scheme(&at, policy, &parsed, err))
        return false;
    size_t length = strcspn(at, "/?");
    if (memchr(at, '@', length) != NULL)
        return reject(err, "it must not hold a user name or password");
    size_t host_length =
        at[0] == '[' ? strcspn(at, "]/?") + (at[strcspn(at, "]/?")] == ']') : strcspn(at, ":/?");
    parsed.port = parsed.is_https ? 443 : 80;
    if (host_length < length &&
        (at[host_length] != ':' ||
         !read_port(at + host_length + 1, length - host_length - 1, &parsed, err)))
        return at[host_length] == ':' ? false : reject(err, "its host is not an IPv6 address");
    if (!read_host(at, host_length, policy, &parsed, err))
        return false;
    *ret_url = parsed;
    return true;
}
