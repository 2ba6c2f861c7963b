/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_ENV_H
#define GATEWAY_HTTP_ENV_H

/* What all connections of one server share. Only http_*.c include it. */

#include <sys/queue.h>
#include <sys/time.h>

#include "common/loop.h"
#include "gateway/http_server.h"

struct http_conn;

/* The phases that have a deadline; a row of the common time-outs each. */
enum http_timer {
    HTTP_TIMER_NONE,
    HTTP_TIMER_HEADER,
    HTTP_TIMER_IDLE,
    HTTP_TIMER_WINDOW,
    HTTP_TIMER_LINGER,
    HTTP_TIMER_COUNT
};

/* One buffer for all reads: what is in it is valid until the present callback returns. */
#define HTTP_RECEIVE_BYTES ((size_t)256 * 1024)

TAILQ_HEAD(http_conns, http_conn);

struct http_env {
    struct loop *loop;
    struct http_server_settings settings;
    struct http_stats stats;
    const struct timeval *timers[HTTP_TIMER_COUNT]; /* owned by the base; NULL for NONE */
    char *receive_buffer;                           /* owned */
    struct http_conns conns;                        /* open ones */
    bool is_draining;
    /* A connection has closed: its address's count, and the end of a drain. */
    void (*on_conn_closed)(struct http_env *env, const char *address);
};

#endif
