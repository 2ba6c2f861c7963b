/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_UPLOAD_DIGEST_H
#define GATEWAY_UPLOAD_DIGEST_H

/* The checksums of an upload: those that the client sent, and the one that it is told. */

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

#define UPLOAD_SHA256_BYTES 32
#define UPLOAD_MD5_BYTES 16
/* Hexadecimal, two quotes and the NUL. */
#define UPLOAD_ETAG_BYTES (2 * UPLOAD_SHA256_BYTES + 3)

/* One that the client sent. All zeros: it sent none, and everything is right. */
struct upload_digest {
    EVP_MD_CTX *context; /* owned */
    unsigned char expected[UPLOAD_SHA256_BYTES];
    size_t length;
};

/* `expected` is base64 of exactly `length` bytes, or false. */
MUST_CHECK bool upload_digest_start(struct upload_digest *digest, const EVP_MD *type, size_t length,
                                    const char *expected);
void upload_digest_update(struct upload_digest *digest, const void *data, size_t length);
/* Whether the bytes are those that were announced. */
MUST_CHECK bool upload_digest_finish(struct upload_digest *digest);
void upload_digest_done(struct upload_digest *digest);

/* The ETag of a file's first `size` bytes: their SHA-256. Blocks. False: they cannot be read. */
MUST_CHECK bool upload_digest_etag(int fd, uint64_t size, char ret_etag[static UPLOAD_ETAG_BYTES]);

#endif
