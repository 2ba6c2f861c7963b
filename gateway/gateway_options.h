/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_GATEWAY_OPTIONS_H
#define GATEWAY_GATEWAY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/config.h"
#include "common/err.h"

struct gateway_options {
    struct config_common common; /* first: the common table fills it */
    char *database_url;
    int64_t database_connections;
    int64_t database_timeout_us;
    int64_t database_queue;
    char *blob_store;
    int64_t blob_store_max_bytes;
    int64_t blob_store_min_free_bytes;
    int64_t blob_store_count_every_us;
    char *signing_key_file;
    char *web_root;
    char *public_url;
    char *allowed_hosts;
    char *allowed_origins;
    int64_t max_concurrent_uploads;
    int64_t upload_url_lifetime_us;
    int64_t share_max_lifetime_us;
    int64_t max_total_size;
    int64_t max_retries;
    bool llm;
    char *webhook_key_file;
    bool webhook_allow_http;
    bool webhook_allow_private;
    int64_t publish_timeout_us;
    int64_t publish_queue_bytes;
    int64_t storage_threads;
    int64_t temporary_age_us;

    int64_t http_header_bytes;
    int64_t http_body_bytes;
    int64_t http_connections;
    int64_t http_address_connections;
    int64_t http_downloads;
    int64_t http_header_timeout_us;
    int64_t http_idle_timeout_us;
    int64_t http_min_bytes_per_s;

    int64_t rate_limit;
    int64_t rate_window_us;
    int64_t rate_clients;
    int64_t idempotency_lifetime_us;

    int64_t stream_waiting_bytes;
    int64_t stream_stall_us;
    int64_t stream_heartbeat_us;
};

extern const struct config_option GATEWAY_OPTIONS[];

#define LISTEN_HOST_SIZE 64
struct listen_address {
    char host[LISTEN_HOST_SIZE]; /* numeric */
    uint16_t port;
    bool is_loopback;
};

/* What the table can't say: the address, which without API keys must be the machine's own, and the
 * form of the public URL. The message is for standard error. Pure. */
bool gateway_options_check(const struct gateway_options *options, struct listen_address *ret_listen,
                           struct err *err) MUST_CHECK;

/* "localhost:8080", "127.0.0.1:8080", "[::1]:8080". Pure. */
bool listen_address_parse(const char *text, struct listen_address *ret_listen,
                          struct err *err) MUST_CHECK;

/* "a,b" as a NULL-terminated array that, with its strings, is one allocation; NULL for none. */
const char **gateway_options_list(const char *text);

#endif
