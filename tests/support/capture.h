/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_CAPTURE_H
#define TESTS_SUPPORT_CAPTURE_H

/* What is written to a descriptor, usually standard output or error, between start and end. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/mem.h"

struct capture {
    int fd;    /* the descriptor that is caught */
    int saved; /* what it was */
    int file;  /* where the bytes go meanwhile */
};

static inline struct capture capture_start(int fd)
{
    (void)fflush(NULL);
    struct capture capture = {fd, dup(fd), memfd_create("capture", MFD_CLOEXEC)};

    /* Only appending keeps writes of several threads apart: a memfd's position isn't locked. */
    if (capture.saved < 0 || capture.file < 0 || fcntl(capture.file, F_SETFL, O_APPEND) != 0 ||
        dup2(capture.file, fd) < 0)
        abort();
    return capture;
}

/* What was written, owned by the caller. */
static inline char *capture_end(struct capture capture)
{
    (void)fflush(NULL);
    off_t length = lseek(capture.file, 0, SEEK_END);
    char *text = mem_array((size_t)length + 1, 1);

    if (pread(capture.file, text, (size_t)length, 0) != length ||
        dup2(capture.saved, capture.fd) < 0)
        abort();
    (void)close(capture.saved);
    (void)close(capture.file);
    return text;
}

#endif
