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

struct http_output_body {
    const void *data; /* copied where it must wait, unless it `lasts` */
    size_t length;
    void *take; /* what `data` lies in: freed by free(), in all outcomes; or NULL */
    bool lasts;
};

void http_output_init(struct http_output *output, int fd);
void http_output_done(struct http_output *output);

/* Sends the head (copied where it must wait), then the body. False when the peer is gone. */
MUST_CHECK bool http_output_send(struct http_output *output, const void *head, size_t head_length,
                                 const struct http_output_body *body);
/* Writes what waits; the bytes taken are given. False when the peer is gone. */
MUST_CHECK bool http_output_flush(struct http_output *output, size_t *ret_taken);
bool http_output_is_empty(const struct http_output *output);

#endif
