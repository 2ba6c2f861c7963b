/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_DOWNLOAD_H
#define GATEWAY_DOWNLOAD_H

/*
 * What long answers have in common: a slot of those that may run at a time (option http-downloads),
 * and a client that may leave while PostgreSQL or the pool is at work for it. It is the first
 * member of a handler's own struct. Loop thread only.
 */

#include <stdbool.h>

#include "common/attrs.h"

struct gateway;
struct http_reply;
struct http_request;

struct download {
    struct gateway *gateway;      /* borrowed */
    struct http_request *request; /* to be released */
    bool is_waiting;              /* a callback is to come */
    bool is_gone;                 /* the client is */
    /* Frees what the download is part of; the request has been released. */
    void (*on_end)(struct download *download);
};

/* False: too many run already, and the request was answered. Afterwards the request is released by
 * the download, or before download_end(). */
bool download_begin(struct download *download, struct gateway *gateway,
                    struct http_request *request,
                    void (*on_end)(struct download *download)) MUST_CHECK;
/* Sends the head of a body that is fed (http_feed.h); `on_room` gets the download. Where there is
 * nothing to feed the download has ended. */
void download_feed(struct download *download, const struct http_reply *reply,
                   void (*on_room)(void *download));
/* Before work whose callback is to come, and first thing in that callback. False: nobody waits for
 * it any more, and the download has ended. */
void download_wait(struct download *download);
bool download_wake(struct download *download) MUST_CHECK;
/* The body is complete. */
void download_finish(struct download *download);
/* The body cannot be completed: the client sees it cut off. */
void download_break(struct download *download, const char *why);
/* The request was released otherwise. */
void download_end(struct download *download);

#endif
