/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_IO_PART_H
#define GATEWAY_IO_PART_H

/* struct iovec serves reading too and so has no const; sending changes nothing. */

#include <stddef.h>
#include <sys/uio.h>

static inline struct iovec io_part(const void *data, size_t length)
{
    const union {
        const void *data;
        void *base;
    } either = {.data = data};
    return (struct iovec){.iov_base = either.base, .iov_len = length};
}

#endif
