/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/download.h"

#include "common/log.h"
#include "gateway/gateway.h"
#include "gateway/http_feed.h"
#include "gateway/http_request.h"
#include "gateway/problem.h"

#define RETRY_AFTER_S 2

static void on_abort(struct http_request *request, void *context);

bool download_begin(struct download *download, struct gateway *gateway,
                    struct http_request *request, void (*on_end)(struct download *download))
{
    if (gateway->downloads >= gateway->options->http_downloads) {
        http_respond_problem(request, &(struct problem){.type = PROBLEM_OVERLOADED,
                                                        .detail = "too many downloads at a time",
                                                        .retry_after_s = RETRY_AFTER_S});
        return false;
    }
    gateway->downloads++;
    *download = (struct download){.gateway = gateway, .request = request, .on_end = on_end};
    return true;
}

void download_end(struct download *download)
{
    download->gateway->downloads--;
    download->on_end(download);
}

void download_feed(struct download *download, const struct http_reply *reply,
                   void (*on_room)(void *download))
{
    http_request_on_abort(download->request, on_abort, download);
    if (!http_feed_start(download->request, reply, on_room, download))
        download_end(download);
}

static void drop(struct download *download)
{
    http_request_drop(download->request);
    download_end(download);
}

void download_wait(struct download *download)
{
    download->is_waiting = true;
}

bool download_wake(struct download *download)
{
    download->is_waiting = false;
    if (!download->is_gone)
        return true;
    drop(download);
    return false;
}

void download_finish(struct download *download)
{
    http_feed_end(download->request);
    download_end(download);
}

void download_break(struct download *download, const char *why)
{
    log_warn("download_broken_off", "an answer could not be sent to its end",
             LOG_STR("request", http_request_id(download->request)),
             LOG_STR("path", http_request_path(download->request)), LOG_STR("reason", why));
    drop(download);
}

static void on_abort(struct http_request *request, void *context)
{
    struct download *download = context;

    (void)request;
    download->is_gone = true;
    if (!download->is_waiting)
        drop(download);
}
