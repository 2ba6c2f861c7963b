/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_UPLOAD_FILE_H
#define GATEWAY_UPLOAD_FILE_H

/*
 * The file of one blob while it is being uploaded: a temporary one beside it that becomes visible
 * whole or not at all, or the stored one if it is there already. No HTTP here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"

struct upload_file {
    char *path;      /* owned; of the blob */
    char *temporary; /* owned; NULL if the blob was stored before */
    int fd;          /* owned; -1 if closed */
};

enum upload_opening {
    UPLOAD_OPENING_NEW,    /* write, then commit or discard */
    UPLOAD_OPENING_STORED, /* a blob of this size is there: compare, then commit or discard */
    UPLOAD_OPENING_OTHER,  /* a blob of another size is there; nothing is open */
    UPLOAD_OPENING_FAILED, /* *err; nothing is open */
};

enum upload_opening upload_file_open(const char *path, uint64_t size_bytes,
                                     struct upload_file *ret_file, struct err *err) MUST_CHECK;
MUST_CHECK bool upload_file_append(struct upload_file *file, const void *data, size_t length,
                                   struct err *err);
/* Whether the stored bytes at `offset` are these; `scratch` has room for them. */
MUST_CHECK bool upload_file_is_same(const struct upload_file *file, uint64_t offset,
                                    const void *data, size_t length, void *scratch);

enum upload_commit {
    UPLOAD_COMMIT_STORED,
    UPLOAD_COMMIT_SAME,     /* the same bytes were stored before, or by somebody else meanwhile */
    UPLOAD_COMMIT_CONFLICT, /* other bytes were stored meanwhile */
    UPLOAD_COMMIT_FAILED,   /* *err */
};

/* Makes the blob visible and durable, and ends the file. Blocks: for the pool. */
enum upload_commit upload_file_commit(struct upload_file *file, struct err *err) MUST_CHECK;
/* Leaves nothing behind. Blocks. */
void upload_file_discard(struct upload_file *file);

#endif
