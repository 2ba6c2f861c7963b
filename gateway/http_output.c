/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_output.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "gateway/io_part.h"

void http_output_init(struct http_output *output, int fd)
{
    *output = (struct http_output){.fd = fd};
}

void http_output_done(struct http_output *output)
{
    if (output->waiting != NULL)
        evbuffer_free(output->waiting);
    output->waiting = NULL;
}

bool http_output_is_empty(const struct http_output *output)
{
    return output->waiting == NULL;
}

/* The bytes the kernel took at once; -1 when the peer is gone. */
static ssize_t send_now(const struct http_output *output, const void *head, size_t head_length,
                        const struct http_output_body *body)
{
    if (!http_output_is_empty(output))
        return 0;
    struct iovec parts[] = {io_part(head, head_length), io_part(body->data, body->length)};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = body->length > 0 ? 2 : 1};
    ssize_t sent = sendmsg(output->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return sent;
}

static void free_body(const void *data, size_t length, void *body)
{
    (void)data;
    (void)length;
    free(body);
}

static void keep_body(struct http_output *output, const struct http_output_body *body, size_t sent)
{
    const char *rest = (const char *)body->data + sent;
    if (body->take != NULL)
        evbuffer_add_reference(output->waiting, rest, body->length - sent, free_body, body->take);
    else if (body->lasts)
        evbuffer_add_reference(output->waiting, rest, body->length - sent, NULL, NULL);
    else
        evbuffer_add(output->waiting, rest, body->length - sent);
}

bool http_output_send(struct http_output *output, const void *head, size_t head_length,
                      const struct http_output_body *body)
{
    ssize_t result = send_now(output, head, head_length, body);
    size_t sent = result > 0 ? (size_t)result : 0;
    bool has_rest = result >= 0 && sent < head_length + body->length;
    if (has_rest && output->waiting == NULL)
        output->waiting = evbuffer_new();
    if (has_rest && sent < head_length)
        evbuffer_add(output->waiting, (const char *)head + sent, head_length - sent);
    if (has_rest && body->length > 0)
        keep_body(output, body, sent > head_length ? sent - head_length : 0);
    else
        free(body->take);
    return result >= 0;
}

bool http_output_flush(struct http_output *output, size_t *ret_taken)
{
    *ret_taken = 0;
    if (output->waiting == NULL)
        return true;
    int written = evbuffer_write(output->waiting, output->fd);
    if (written < 0 && errno != EAGAIN && errno != EINTR)
        return false;
    *ret_taken = written > 0 ? (size_t)written : 0;
    if (evbuffer_get_length(output->waiting) == 0)
        http_output_done(output);
    return true;
}
