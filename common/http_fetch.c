/* SPDX-License-Identifier: Apache-2.0 */

/*
 * curl's multi interface tells which sockets it wants watched and when it wants to be called; the
 * loop tells curl what happened. Requests end in take_finished(), never inside a callback of curl's
 * own, so that whoever gets the reply may start and cancel others.
 */

#include "common/http_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

/* curl announces large bodies with "Expect: 100-continue"; many servers don't know it and would
 * cost a second each. */
#define EXPECT_WAIT_MS 100L

struct http_fetch {
    struct loop *loop;
    CURLM *multi;
    struct event *timer;
    struct http_fetch_request *requests; /* list of those in flight */
};

struct http_fetch_request {
    struct http_fetch_request *prev;
    struct http_fetch_request *next;
    struct http_fetch *fetch;
    CURL *easy; /* owned */
    http_fetch_on_reply on_reply;
    void *context;
    uint64_t started_us;
    struct buf body;
    char error_text[CURL_ERROR_SIZE];
};

/* The end of a request */

static const CURLcode REJECTED[] = {
    CURLE_UNSUPPORTED_PROTOCOL,
    CURLE_URL_MALFORMAT,
    CURLE_BAD_FUNCTION_ARGUMENT,
    CURLE_ABORTED_BY_CALLBACK,
};

bool http_fetch_err(struct err *err, CURLcode code, const char *detail)
{
    enum err_kind kind = ERR_RETRY;

    for (size_t i = 0; i < ARRAY_LEN(REJECTED); i++)
        if (REJECTED[i] == code)
            kind = ERR_REJECT;
    return err_set(err, kind, "curl", (int)code, "%s", detail);
}

static void set_error(const struct http_fetch_request *request, CURLcode code,
                      struct http_fetch_reply *reply)
{
    if (buf_is_over(&request->body))
        (void)err_set(&reply->err, ERR_RETRY, "curl", (int)code, "the answer is over %zu bytes",
                      request->body.limit_bytes);
    else
        (void)http_fetch_err(&reply->err, code,
                             request->error_text[0] != '\0' ? request->error_text
                                                            : curl_easy_strerror(code));
    /* "Unsupported protocol" is also an answer that is not HTTP. */
    if (reply->was_sent)
        reply->err.kind = ERR_RETRY;
}

/* curl gives 0 for "at once", for a date gone by, and for no such header. */
static int64_t retry_after_us(CURL *easy)
{
    struct curl_header *header;
    curl_off_t seconds = 0;

    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return -1;
    (void)curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
    return seconds > 0 ? (int64_t)seconds * 1000000 : 0;
}

static void read_head(CURL *easy, struct http_fetch_reply *reply)
{
    const char *content_type = NULL;

    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply->status);
    (void)curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &content_type);
    if (content_type != NULL)
        (void)snprintf(reply->content_type, sizeof reply->content_type, "%s", content_type);
    reply->retry_after_us = retry_after_us(easy);
}

static void detach(struct http_fetch_request *request)
{
    DL_DELETE(request->fetch->requests, request);
    (void)curl_multi_remove_handle(request->fetch->multi, request->easy);
    curl_easy_cleanup(request->easy);
    request->easy = NULL;
}

static void finish(struct http_fetch_request *request, CURLcode code)
{
    struct http_fetch_reply reply = {.retry_after_us = -1};
    long sent_bytes = 0;

    (void)curl_easy_getinfo(request->easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
    reply.was_sent = sent_bytes > 0;
    reply.duration_us = clock_now_us() - request->started_us;
    if (code == CURLE_OK)
        read_head(request->easy, &reply);
    else
        set_error(request, code, &reply);
    detach(request); /* before the reply: curl refers to the caller's mime and headers */

    reply.body = request->body;
    request->on_reply(request->context, &reply);
    buf_done(&reply.body);
    free(request);
}

static void take_finished(struct http_fetch *fetch)
{
    const CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(fetch->multi, &left)) != NULL) {
        struct http_fetch_request *request = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        /* The message is gone once its handle is removed. */
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
        finish(request, code);
    }
}

/* Between curl and the loop */

static void on_socket_event(evutil_socket_t fd, short events, void *context)
{
    struct http_fetch *fetch = context;
    int actions =
        ((events & EV_READ) ? CURL_CSELECT_IN : 0) | ((events & EV_WRITE) ? CURL_CSELECT_OUT : 0);
    int running;

    (void)curl_multi_socket_action(fetch->multi, fd, actions, &running);
    take_finished(fetch);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct http_fetch *fetch = context;
    int running;

    (void)fd;
    (void)events;
    (void)curl_multi_socket_action(fetch->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_finished(fetch);
}

/* curl's callbacks */

static int on_watch_socket(CURL *easy, curl_socket_t fd, int what, void *context,
                           void *socket_context)
{
    struct http_fetch *fetch = context;
    struct event *event = socket_context;
    int events = EV_PERSIST | ((what & CURL_POLL_IN) ? EV_READ : 0) |
                 ((what & CURL_POLL_OUT) ? EV_WRITE : 0);

    (void)easy;
    if (event != NULL)
        event_free(event);
    event = NULL;
    if (what != CURL_POLL_REMOVE) {
        event = event_new(loop_base(fetch->loop), fd, (short)events, on_socket_event, fetch);
        (void)event_add(event, NULL);
    }
    (void)curl_multi_assign(fetch->multi, fd, event);
    return 0;
}

static int on_set_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct http_fetch *fetch = context;

    (void)multi;
    if (timeout_ms < 0)
        (void)event_del(fetch->timer);
    else
        loop_start_timer(fetch->timer, (uint64_t)timeout_ms * 1000);
    return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct http_fetch_request *request = context;

    buf_append(&request->body, data, size * count);
    return buf_is_over(&request->body) ? 0 : size * count;
}

/* Public */

struct http_fetch *http_fetch_new(struct loop *loop, size_t max_connections)
{
    struct http_fetch *fetch = mem_new(sizeof *fetch);

    (void)curl_global_init(CURL_GLOBAL_DEFAULT); /* counted; undone in http_fetch_free() */
    fetch->loop = loop;
    fetch->timer = evtimer_new(loop_base(loop), on_timer, fetch);
    fetch->multi = curl_multi_init();
    if (fetch->multi == NULL)
        abort();
    (void)curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETFUNCTION, on_watch_socket);
    (void)curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETDATA, fetch);
    (void)curl_multi_setopt(fetch->multi, CURLMOPT_TIMERFUNCTION, on_set_timer);
    (void)curl_multi_setopt(fetch->multi, CURLMOPT_TIMERDATA, fetch);
    (void)curl_multi_setopt(fetch->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)max_connections);
    (void)curl_multi_setopt(fetch->multi, CURLMOPT_MAXCONNECTS, (long)max_connections);
    return fetch;
}

void http_fetch_free(struct http_fetch *fetch)
{
    if (fetch == NULL)
        return;
    while (fetch->requests != NULL)
        http_fetch_cancel(fetch->requests);
    (void)curl_multi_cleanup(fetch->multi);
    event_free(fetch->timer);
    free(fetch);
    curl_global_cleanup();
}

static void set_options(struct http_fetch_request *request,
                        const struct http_fetch_options *options)
{
    CURL *easy = request->easy;

    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error_text);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_NOPROXY, "*"); /* nor from the environment */
    (void)curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_EXPECT_100_TIMEOUT_MS, EXPECT_WAIT_MS);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)(options->connect_timeout_us / 1000));
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(options->total_timeout_us / 1000));
}

struct http_fetch_request *http_fetch_start(struct http_fetch *fetch, CURL *take_easy,
                                            const struct http_fetch_options *options,
                                            http_fetch_on_reply on_reply, void *context)
{
    struct http_fetch_request *request = mem_new(sizeof *request);

    request->fetch = fetch;
    request->easy = take_easy;
    request->on_reply = on_reply;
    request->context = context;
    request->started_us = clock_now_us();
    buf_init(&request->body, options->body_limit_bytes);
    set_options(request, options);
    DL_APPEND(fetch->requests, request);
    /* Only sets the timer: curl starts from the loop. */
    if (curl_multi_add_handle(fetch->multi, take_easy) != CURLM_OK)
        abort();
    return request;
}

void http_fetch_cancel(struct http_fetch_request *request)
{
    detach(request);
    buf_done(&request->body);
    free(request);
}
