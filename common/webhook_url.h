/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WEBHOOK_URL_H
#define COMMON_WEBHOOK_URL_H

/*
 * The address that a job's webhooks go to, which somebody from outside has given us. Taken
 * strictly: what could mean one host to us and another one to the library that connects is refused.
 * Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"

#define WEBHOOK_URL_BYTES 2048
#define WEBHOOK_HOST_SIZE 254

struct webhook_url {
    char host[WEBHOOK_HOST_SIZE]; /* a name, or an address without brackets */
    uint16_t port;
    bool is_https;
    bool is_address;
};

/* What the deployment allows beyond https to the public internet. */
struct webhook_url_policy {
    bool http;
    bool private_targets;
};

/* ERR_REJECT, with what is wrong in words for whoever gave it. */
bool webhook_url_parse(const char *url, const struct webhook_url_policy *policy,
                       struct webhook_url *ret_url, struct err *err) MUST_CHECK;

#endif
