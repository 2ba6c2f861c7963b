/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_PARSER_H
#define GATEWAY_HTTP_PARSER_H

/*
 * Bytes of a connection to requests: llhttp with every leniency off, our own checks and limits.
 * Pure but for memory. The verdict never depends on how the bytes were cut into pieces.
 *
 *     feed -> MORE: give the next bytes
 *          -> HEAD: look at the head, then read_body(), or take the body's bytes yourself, then
 *                   next()
 *          -> END:  the body is complete; next() for the next request
 *          -> REFUSED: answer with the refusal and close
 */

#include <llhttp.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "gateway/http_head.h"

enum http_parse { HTTP_PARSE_MORE, HTTP_PARSE_HEAD, HTTP_PARSE_END, HTTP_PARSE_REFUSED };

struct http_parser {
    llhttp_t llhttp;
    struct http_head head;
    struct buf body;
    struct http_refusal refusal; /* set when REFUSED */
    size_t header_limit_bytes;
    unsigned header_limit_count;
    size_t taken_bytes; /* of this head, or of this body as sent, chunk framing included */
    size_t taken_limit_bytes;
    const char *feed_start; /* of the bytes being fed */
    size_t method_end;      /* where the method ended, in bytes of this request */
    uint32_t field_start;   /* where the header being read begins in head.text */
    uint32_t value_start;
    bool is_version_read;
    bool is_in_body;
    bool is_complete;
    bool is_refused;
};

void http_parser_init(struct http_parser *parser, size_t header_bytes, unsigned header_count);
void http_parser_done(struct http_parser *parser);

/* `ret_used` bytes were consumed; what is left belongs to the next step. After REFUSED the parser
 * only refuses. */
enum http_parse http_parser_feed(struct http_parser *parser, const char *data, size_t length,
                                 size_t *ret_used);

/* Whether bytes of a request that is not complete have been taken. */
bool http_parser_is_started(const struct http_parser *parser);

/* After HEAD: moves the head out; *ret_head need not be initialised and is the caller's to free. */
void http_parser_take_head(struct http_parser *parser, struct http_head *ret_head);

/* After HEAD: collect the body in `body`, refused over the limit. */
void http_parser_read_body(struct http_parser *parser, size_t limit_bytes);

/* Forgets this request: ready for the next. */
void http_parser_next(struct http_parser *parser);

#endif
