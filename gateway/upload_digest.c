/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/upload_digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"

#define READ_BYTES ((size_t)256 * 1024)

/* Standard base64 of exactly `length` bytes. */
static bool decode_base64(const char *text, unsigned char *bytes, size_t length)
{
    unsigned char decoded[UPLOAD_SHA256_BYTES + 4];
    size_t encoded_length = (length + 2) / 3 * 4;
    if (strlen(text) != encoded_length)
        return false;
    if (EVP_DecodeBlock(decoded, (const unsigned char *)text, (int)encoded_length) < (int)length)
        return false;
    size_t padding = (3 - length % 3) % 3;
    if (strspn(text + encoded_length - padding, "=") != padding ||
        (padding < 2 && text[encoded_length - padding - 1] == '='))
        return false;
    memcpy(bytes, decoded, length);
    return true;
}

bool upload_digest_start(struct upload_digest *digest, const EVP_MD *type, size_t length,
                         const char *expected)
{
    digest->length = length;
    if (!decode_base64(expected, digest->expected, length))
        return false;
    digest->context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(digest->context, type, NULL);
    return true;
}

void upload_digest_update(struct upload_digest *digest, const void *data, size_t length)
{
    if (digest->context != NULL)
        EVP_DigestUpdate(digest->context, data, length);
}

bool upload_digest_finish(struct upload_digest *digest)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    if (digest->context == NULL)
        return true;
    EVP_DigestFinal_ex(digest->context, bytes, NULL);
    return CRYPTO_memcmp(bytes, digest->expected, digest->length) == 0;
}

void upload_digest_done(struct upload_digest *digest)
{
    EVP_MD_CTX_free(digest->context);
    digest->context = NULL;
}

static void free_context(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static bool hash_file(int fd, uint64_t size, unsigned char ret_bytes[static UPLOAD_SHA256_BYTES])
{
    CLEANUP(mem_free_at) char *part = mem_array(READ_BYTES, 1);
    CLEANUP(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    for (uint64_t done = 0; done < size;) {
        size_t wanted = size - done < READ_BYTES ? (size_t)(size - done) : READ_BYTES;
        ssize_t got = pread(fd, part, wanted, (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        EVP_DigestUpdate(context, part, (size_t)got);
        done += (uint64_t)got;
    }
    EVP_DigestFinal_ex(context, ret_bytes, NULL);
    return true;
}

bool upload_digest_etag(int fd, uint64_t size, char ret_etag[static UPLOAD_ETAG_BYTES])
{
    unsigned char sha256[UPLOAD_SHA256_BYTES];
    if (!hash_file(fd, size, sha256))
        return false;
    char *at = ret_etag;
    *at++ = '"';
    for (size_t i = 0; i < sizeof sha256; i++)
        at += sprintf(at, "%02x", sha256[i]);
    *at++ = '"';
    *at = '\0';
    return true;
}
