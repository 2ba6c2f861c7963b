/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_OUTPUT_H
#define GATEWAY_HTTP_OUTPUT_H

/*
 * What a connection sends: written to the socket at once, only the rest that the kernel does not
 * take is kept. A connection that waits for nothing holds no buffer.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/attrs.h"

struct evbuffer;

struct http_output {
    int fd;                   /* borrowed */
    struct evbuffer *waiting; /* NULL while nothing waits */
};

enum http_output_body { HTTP_OUTPUT_COPIED, HTTP_OUTPUT_TAKEN, HTTP_OUTPUT_LASTS };

void http_output_init(struct http_output *output, int fd);
void http_output_done(struct http_output *output);

/* Sends the head, then the body (`take_body` is freed for HTTP_OUTPUT_TAKEN, in all outcomes).
 * False when the peer is gone. */
MUST_CHECK bool http_output_send(struct http_output *output, const void *head, size_t head_length,
                                 const void *take_body, size_t body_length,
                                 enum http_output_body kind);
/* Writes what waits; the bytes taken are given. False when the peer is gone. */
MUST_CHECK bool http_output_flush(struct http_output *output, size_t *ret_taken);
bool http_output_is_empty(const struct http_output *output);

#endif
