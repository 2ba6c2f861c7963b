/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway_options.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define AT(member) offsetof(struct gateway_options, member)
#define MILLISECOND INT64_C(1000)
#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

const struct config_option GATEWAY_OPTIONS[] = {
    {.name = "listen",
     .type = CONFIG_STRING,
     .offset = AT(common.listen),
     .fallback = "127.0.0.1:8080",
     .flags = CONFIG_REQUIRED,
     .help = "Address of the HTTP server as host:port; without API keys only the machine's own."},
    {.name = "database-url",
     .type = CONFIG_STRING,
     .offset = AT(database_url),
     .flags = CONFIG_REQUIRED | CONFIG_SECRET,
     .help = "PostgreSQL as postgresql://user@host:port/database."},
    {.name = "database-connections",
     .type = CONFIG_INT,
     .offset = AT(database_connections),
     .fallback = "8",
     .minimum = 1,
     .maximum = 256,
     .help = "Connections to PostgreSQL."},
    {.name = "database-timeout",
     .type = CONFIG_TIME,
     .offset = AT(database_timeout_us),
     .fallback = "5s",
     .minimum = 100 * MILLISECOND,
     .maximum = 600 * SECOND,
     .help = "How long a statement may wait for a connection, and how long it may run."},
    {.name = "database-queue",
     .type = CONFIG_INT,
     .offset = AT(database_queue),
     .fallback = "20000",
     .minimum = 16,
     .maximum = 1000000,
     .help = "Statements that may wait for a connection."},
    {.name = "blob-store",
     .type = CONFIG_STRING,
     .offset = AT(blob_store),
     .flags = CONFIG_REQUIRED,
     .help = "Where uploaded chunks are kept, as file:///directory."},
    {.name = "blob-store-max-bytes",
     .type = CONFIG_SIZE,
     .offset = AT(blob_store_max_bytes),
     .fallback = "0",
     .minimum = 0,
     .maximum = MIB * GIB,
     .help = "The most that the blob store may hold, of all jobs; 0: no quota. What one job may "
             "hold is max-total-size."},
    {.name = "blob-store-min-free",
     .type = CONFIG_SIZE,
     .offset = AT(blob_store_min_free_bytes),
     .fallback = "256MiB",
     .minimum = 0,
     .maximum = MIB * GIB,
     .help = "Space that uploads must leave free on the blob store's disk; 0: none."},
    {.name = "blob-store-count-every",
     .type = CONFIG_TIME,
     .offset = AT(blob_store_count_every_us),
     .fallback = "60s",
     .minimum = 100 * MILLISECOND,
     .maximum = 24 * HOUR,
     .help = "How often the blob store's files are counted, where there is a quota."},
    {.name = "signing-key-file",
     .type = CONFIG_STRING,
     .offset = AT(signing_key_file),
     .help =
         "Keys that sign upload URLs and share links, shared by all gateways: lines of an id and "
         "64 "
         "hexadecimal digits. The first signs; others are taken, until=2027-01-31T00:00:00Z behind "
         "one says how long. Without a file a random one is made, good until this process ends."},
    {.name = "web-root",
     .type = CONFIG_STRING,
     .offset = AT(web_root),
     .help = "Folder of the page served at /; without it there is none."},
    {.name = "public-url",
     .type = CONFIG_STRING,
     .offset = AT(public_url),
     .fallback = "",
     .help = "Put before the paths in answers, as https://speech.example; without it they are "
             "relative."},
    {.name = "allowed-host",
     .type = CONFIG_STRING,
     .offset = AT(allowed_hosts),
     .help = "Names besides localhost that clients may use for this server, as a,b."},
    {.name = "allowed-origin",
     .type = CONFIG_STRING,
     .offset = AT(allowed_origins),
     .help =
         "Origins of web pages that may use this server, as https://a.example,https://b.example."},
    {.name = "max-concurrent-uploads",
     .type = CONFIG_INT,
     .offset = AT(max_concurrent_uploads),
     .fallback = "3",
     .minimum = 1,
     .maximum = 1000,
     .help = "How many chunks at a time clients are told to upload."},
    {.name = "upload-url-lifetime",
     .type = CONFIG_TIME,
     .offset = AT(upload_url_lifetime_us),
     .fallback = "24h",
     .minimum = SECOND,
     .maximum = 168 * HOUR,
     .help = "How long a signed upload URL can be used."},
    {.name = "share-max-lifetime",
     .type = CONFIG_TIME,
     .offset = AT(share_max_lifetime_us),
     .fallback = "30d",
     .minimum = 60 * SECOND,
     .maximum = 8784 * HOUR,
     .help = "The longest that a share link can be asked for."},
    {.name = "max-total-size",
     .type = CONFIG_SIZE,
     .offset = AT(max_total_size),
     .fallback = "20GiB",
     .minimum = 1,
     .maximum = 100 * MIB * 10000,
     .help = "The largest recording that is taken."},
    {.name = "max-retries",
     .type = CONFIG_INT,
     .offset = AT(max_retries),
     .fallback = "3",
     .minimum = 0,
     .maximum = 100,
     .help = "How often a chunk whose attempt failed is tried again; told to a job at its start."},
    {.name = "llm",
     .type = CONFIG_BOOL,
     .offset = AT(llm),
     .help = "The workers have a language model (their option llm-url), so that jobs may ask for "
             "use_llm."},
    {.name = "webhook-key-file",
     .type = CONFIG_STRING,
     .offset = AT(webhook_key_file),
     .help =
         "Keys that sign webhooks, the same as the workers': lines of whsec_<base64>, one secret "
         "for all jobs, or of job and 64 hexadecimal digits, from which each job's own is made "
         "and told at its start. Without it jobs cannot have webhooks."},
    {.name = "webhook-allow-http",
     .type = CONFIG_BOOL,
     .offset = AT(webhook_allow_http),
     .help = "A job's webhook_url may also be http://, as the workers' option of this name says."},
    {.name = "webhook-allow-private",
     .type = CONFIG_BOOL,
     .offset = AT(webhook_allow_private),
     .help = "A job's webhook_url may also name an address that is not on the public internet."},
    {.name = "publish-timeout",
     .type = CONFIG_TIME,
     .offset = AT(publish_timeout_us),
     .fallback = "10s",
     .minimum = 2 * SECOND,
     .maximum = 300 * SECOND,
     .help = "How long a completion waits for Kafka before it is answered 503."},
    {.name = "publish-queue",
     .type = CONFIG_SIZE,
     .offset = AT(publish_queue_bytes),
     .fallback = "64MiB",
     .minimum = MIB,
     .maximum = 2 * GIB,
     .help = "Records that may wait for Kafka."},
    {.name = "storage-threads",
     .type = CONFIG_INT,
     .offset = AT(storage_threads),
     .fallback = "4",
     .minimum = 1,
     .maximum = 64,
     .help = "Threads that sync uploads to disk."},
    {.name = "temporary-age",
     .type = CONFIG_TIME,
     .offset = AT(temporary_age_us),
     .fallback = "1h",
     .minimum = SECOND,
     .maximum = 8784 * HOUR,
     .help =
         "What an upload that died has left in the blob store is deleted when nothing was written "
         "to it for this long."},
    {.name = "http-header-bytes",
     .type = CONFIG_SIZE,
     .offset = AT(http_header_bytes),
     .fallback = "32KiB",
     .minimum = KIB,
     .maximum = MIB,
     .help = "The largest head of a request."},
    {.name = "http-body-bytes",
     .type = CONFIG_SIZE,
     .offset = AT(http_body_bytes),
     .fallback = "64KiB",
     .minimum = KIB,
     .maximum = 16 * MIB,
     .help = "The largest body of a JSON request."},
    {.name = "http-connections",
     .type = CONFIG_INT,
     .offset = AT(http_connections),
     .fallback = "10000",
     .minimum = 1,
     .maximum = 1000000,
     .help = "Open connections, streams included."},
    {.name = "http-address-connections",
     .type = CONFIG_INT,
     .offset = AT(http_address_connections),
     .fallback = "1024",
     .minimum = 0,
     .maximum = 1000000,
     .help = "Open connections of one address; 0: any number."},
    {.name = "http-downloads",
     .type = CONFIG_INT,
     .offset = AT(http_downloads),
     .fallback = "256",
     .minimum = 1,
     .maximum = 100000,
     .help = "Transcripts and recordings that are sent at the same time; more are answered 503."},
    {.name = "http-header-timeout",
     .type = CONFIG_TIME,
     .offset = AT(http_header_timeout_us),
     .fallback = "10s",
     .minimum = 100 * MILLISECOND,
     .maximum = 600 * SECOND,
     .help = "How long a request's head may take."},
    {.name = "http-idle-timeout",
     .type = CONFIG_TIME,
     .offset = AT(http_idle_timeout_us),
     .fallback = "60s",
     .minimum = 100 * MILLISECOND,
     .maximum = HOUR,
     .help = "How long a connection may be idle between two requests."},
    {.name = "http-min-bytes-per-s",
     .type = CONFIG_INT,
     .offset = AT(http_min_bytes_per_s),
     .fallback = "1024",
     .minimum = 1,
     .maximum = GIB,
     .help = "The slowest that a body may come, or an answer be taken."},
    {.name = "rate-limit",
     .type = CONFIG_INT,
     .offset = AT(rate_limit),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1000000000,
     .help = "Requests of one client in a rate-window, more are answered 429; 0: any number. A "
             "client is an address, or a network of 64 bits for IPv6; uploads, streams, the page "
             "and operators' pages do not count."},
    {.name = "rate-window",
     .type = CONFIG_TIME,
     .offset = AT(rate_window_us),
     .fallback = "60s",
     .minimum = SECOND,
     .maximum = 24 * HOUR,
     .help = "The time for which rate-limit holds, from a client's first request on."},
    {.name = "rate-clients",
     .type = CONFIG_INT,
     .offset = AT(rate_clients),
     .fallback = "65536",
     .minimum = 1,
     .maximum = 16777216,
     .help = "Clients whose requests are counted at the same time; of more the oldest is "
             "forgotten."},
    {.name = "idempotency-lifetime",
     .type = CONFIG_TIME,
     .offset = AT(idempotency_lifetime_us),
     .fallback = "24h",
     .minimum = SECOND,
     .maximum = 720 * HOUR,
     .help = "How long an Idempotency-Key is remembered."},
    {.name = "stream-waiting-bytes",
     .type = CONFIG_SIZE,
     .offset = AT(stream_waiting_bytes),
     .fallback = "256KiB",
     .minimum = 64 * KIB,
     .maximum = 64 * MIB,
     .help = "What may wait for a slow reader of an event stream before it is closed."},
    {.name = "stream-stall",
     .type = CONFIG_TIME,
     .offset = AT(stream_stall_us),
     .fallback = "10s",
     .minimum = 100 * MILLISECOND,
     .maximum = HOUR,
     .help = "How long a reader of an event stream may take nothing before it is closed."},
    {.name = "stream-heartbeat",
     .type = CONFIG_TIME,
     .offset = AT(stream_heartbeat_us),
     .fallback = "15s",
     .minimum = 100 * MILLISECOND,
     .maximum = HOUR,
     .help = "How often a quiet event stream gets a comment."},
    {.name = NULL},
};

static bool reject(struct err *err, const char *option, const char *value, const char *expected)
{
    return err_set(err, ERR_REJECT, "config", 0, "%s: \"%.60s\" %s", option, value, expected);
}

static bool parse_port(const char *text, uint16_t *ret_port)
{
    char *end = NULL;

    if (text[0] < '0' || text[0] > '9')
        return false;
    unsigned long port = strtoul(text, &end, 10);
    if (*end != '\0' || port > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool is_numeric(const char *host)
{
    struct in6_addr any;

    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

bool listen_address_parse(const char *text, struct listen_address *ret_listen, struct err *err)
{
    struct listen_address listen = {0};
    bool is_bracketed = text[0] == '[';
    const char *host = is_bracketed ? text + 1 : text;
    const char *end = is_bracketed ? strchr(host, ']') : strrchr(host, ':');
    size_t length = end == NULL ? 0 : (size_t)(end - host);

    if (length == 0 || length >= sizeof listen.host || (is_bracketed && end[1] != ':') ||
        !parse_port(end + (is_bracketed ? 2 : 1), &listen.port))
        return reject(err, "listen", text, "is not host:port");
    memcpy(listen.host, host, length);
    if (strcmp(listen.host, "localhost") == 0)
        memcpy(listen.host, "127.0.0.1", sizeof "127.0.0.1");
    if (!is_numeric(listen.host))
        return reject(err, "listen", text, "must name a numeric address or localhost");
    listen.is_loopback = is_loopback(listen.host);
    *ret_listen = listen;
    return true;
}

static bool check_public_url(const char *url, struct err *err)
{
    static const char ALLOWED[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-._~:/[]";
    size_t length = strlen(url);
    bool has_scheme = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;

    if (length == 0)
        return true;
    if (!has_scheme || strspn(url, ALLOWED) != length || url[length - 1] == '/')
        return reject(err, "public-url", url,
                      "must be http:// or https:// with a host, without a final slash or query");
    return true;
}

bool gateway_options_check(const struct gateway_options *options, struct listen_address *ret_listen,
                           struct err *err)
{
    if (!listen_address_parse(options->common.listen, ret_listen, err))
        return false;
    if (!ret_listen->is_loopback)
        return reject(err, "listen", options->common.listen,
                      "is not this machine's own address: without API keys a gateway serves "
                      "127.0.0.1 or [::1] only");
    return check_public_url(options->public_url, err);
}

/* The array first, its strings behind it. */
const char **gateway_options_list(const char *text)
{
    size_t count = 1;
    char *rest = NULL;

    if (text == NULL || text[0] == '\0')
        return NULL;
    for (const char *c = text; *c != '\0'; c++)
        count += *c == ',';
    size_t array_bytes = (count + 1) * sizeof(char *);
    const char **list = mem_array(array_bytes + strlen(text) + 1, 1);
    char *copy = (char *)list + array_bytes;
    memcpy(copy, text, strlen(text) + 1);
    count = 0;
    for (char *item = strtok_r(copy, ", ", &rest); item != NULL; item = strtok_r(NULL, ", ", &rest))
        list[count++] = item;
    return list;
}
