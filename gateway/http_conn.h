/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_CONN_H
#define GATEWAY_HTTP_CONN_H

/*
 * One connection of a client, from accept to close. Requests are taken one after the other: the
 * next one is not read before the kernel has taken the answer to the present one, which bounds what
 * pipelining can make us hold. Only http_*.c include this.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "gateway/http_env.h"
#include "gateway/http_output.h"
#include "gateway/http_parser.h"
#include "gateway/http_request.h"

struct event;
struct http_stream_callbacks;

enum http_conn_state {
    HTTP_CONN_HEAD,       /* reading a request's head; also just accepted */
    HTTP_CONN_BODY,       /* reading a body that is collected for the handler */
    HTTP_CONN_SINK,       /* moving a body of known length to the handler's sink */
    HTTP_CONN_HANDLER,    /* the handler has the request and will answer */
    HTTP_CONN_FLUSH,      /* the answer waits for the client to take it */
    HTTP_CONN_FEED,       /* the handler makes the next piece of its answer */
    HTTP_CONN_FEED_FLUSH, /* a piece waits for the client to take it */
    HTTP_CONN_IDLE,       /* between two requests */
    HTTP_CONN_LINGER,     /* closing: the client may still be sending and must see the answer */
    HTTP_CONN_STREAM,     /* an event stream owns the socket */
    HTTP_CONN_CLOSED,
    HTTP_CONN_STATE_COUNT
};

/* An answer that is made while it is sent (http_feed.h). */
struct http_feed {
    void (*on_room)(void *context);
    void *context;
    uint64_t sent_bytes; /* of the body */
    int status;
    bool is_chunked;
    bool closes;
};

struct http_conn {
    struct http_env *env; /* borrowed; outlives the open connection */
    int fd;               /* owned */
    enum http_conn_state state;
    bool is_phase_new;      /* the state was entered since its deadline was last set */
    bool is_processing;     /* inside a read callback, which settles what handlers do */
    bool is_body_pending;   /* bytes of the present request's body have not been read */
    bool closes_after;      /* FLUSH goes on to LINGER */
    struct event *readable; /* owned, as the next three */
    struct event *writable;
    struct event *hangup;
    struct event *deadline;
    struct http_parser parser;
    struct http_output output;
    struct buf unread;            /* received, but belongs to the next request */
    struct http_request *request; /* the one in work: see http_request_own.h */
    const struct http_sink *sink;
    void *sink_context;
    uint64_t body_left;      /* in SINK */
    uint64_t progress_bytes; /* since the deadline was last looked at */
    uint64_t linger_left;
    struct http_feed feed; /* in FEED and FEED_FLUSH */
    const struct http_stream_callbacks *stream;
    void *stream_context;
    char address[INET6_ADDRSTRLEN];
    TAILQ_ENTRY(http_conn) entry; /* in env->conns while open */
};

/* Takes the socket. The connection frees itself. */
void http_conn_start(struct http_env *env, int take_fd, const char *address);
/* Answers with the problem and closes: for one that is over a limit. */
void http_conn_refuse(struct http_env *env, int take_fd, const char *address,
                      const struct problem *problem);
/* Now. A request in work sees on_abort, a stream on_closed. */
void http_conn_close(struct http_conn *conn);
/* Closes an idle connection; others close after their answer. */
void http_conn_drain(struct http_conn *conn);

/* For the request in work, which the caller then frees; the reply's take_body is consumed. */
void http_conn_answer(struct http_conn *conn, const struct http_reply *reply);

/* --- for http_receive.c --- */

/* The one place where the state changes; the table of states is in http_conn.c. */
void http_conn_set_state(struct http_conn *conn, enum http_conn_state state);
/* Watches what the state needs; does nothing while is_processing. */
void http_conn_settle(struct http_conn *conn);
/* Answers what is no request, and closes. */
void http_conn_answer_problem(struct http_conn *conn, const struct problem *problem);

/* --- for http_feed.c --- */

/* All of the answer was given: the rest is flushed, then the next request is read, or not. */
void http_conn_end_answer(struct http_conn *conn, bool closes);

/* --- for http_stream.c --- */

/* The socket passes to a stream. False, and the connection closed, if the head can't be sent. */
MUST_CHECK bool http_conn_become_stream(struct http_conn *conn, const struct buf *head,
                                        const struct http_stream_callbacks *callbacks,
                                        void *context);

#endif
