/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/decoder_protocol.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Aligned room for the fds that travel with an order. */
union order_control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * DECODER_ORDER_FDS_MAX)];
};

bool decoder_order_send(int socket, const struct decoder_order *order, const int *fds,
                        size_t fd_count, struct err *err)
{
    assert(fd_count <= DECODER_ORDER_FDS_MAX);
    struct decoder_order copy = *order;
    struct iovec part = {.iov_base = &copy, .iov_len = sizeof(copy)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union order_control control = {0};
    if (fd_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *header = &control.header; /* CMSG_FIRSTHDR, which may be NULL for gcc */
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
    }
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        return err_set(err, ERR_RETRY, "decoder", errno, "the decoder process takes no orders: %s",
                       strerror(errno));
    }
    return true;
}

static size_t take_fds(struct msghdr *message, int ret_fds[static DECODER_ORDER_FDS_MAX])
{
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
        return 0;
    }
    size_t bytes = header->cmsg_len - CMSG_LEN(0);
    memcpy(ret_fds, CMSG_DATA(header), bytes);
    return bytes / sizeof(int);
}

bool decoder_order_receive(int socket, struct decoder_order *ret_order,
                           int ret_fds[static DECODER_ORDER_FDS_MAX], size_t *ret_fd_count)
{
    union order_control control;
    struct iovec part = {.iov_base = ret_order, .iov_len = sizeof(*ret_order)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t received;
    do {
        received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received != (ssize_t)sizeof(*ret_order)) {
        return false;
    }
    *ret_fd_count = take_fds(&message, ret_fds);
    return true;
}

static bool write_all(int pipe, struct iovec *parts, int count)
{
    while (count > 0) {
        ssize_t written = writev(pipe, parts, count);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        size_t done = (size_t)written;
        while (count > 0 && done >= parts->iov_len) {
            done -= parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            parts->iov_base = (char *)parts->iov_base + done;
            parts->iov_len -= done;
        }
    }
    return true;
}

bool decoder_frame_write(int pipe, enum decoder_frame_type type, const void *bytes, size_t length)
{
    assert(length <= DECODER_FRAME_BYTES_MAX);
    struct decoder_frame frame = {.type = type, .length = (uint32_t)length};
    struct iovec parts[] = {{.iov_base = &frame, .iov_len = sizeof(frame)},
                            {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length}};
    return write_all(pipe, parts, 2);
}
