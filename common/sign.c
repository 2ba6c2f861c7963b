/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sign.h"

/*
 * What is signed is one line a value, in a fixed order and after a line that names its format, so
 * that what was signed for one purpose never passes for another. No value can hold a newline: they
 * are ours, or numbers, or ids.
 */

#include <assert.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "common/mem.h"
#include "common/sign_own.h"

#define SIGNATURE_BYTES 32
#define SIGNATURE_SIZE (2 * SIGNATURE_BYTES + 1)
/* Enough for any size and any expiry, far from overflow. */
#define NUMBER_DIGITS_MAX 15

static const char *const SCOPES[] = {[SIGN_SCOPE_READ] = "read", [SIGN_SCOPE_LISTEN] = "listen"};
static_assert(ARRAY_LEN(SCOPES) == SIGN_SCOPE_COUNT, "every scope has its name");

static void signature_of(const struct sign_key *key, const char *text,
                         unsigned char ret_signature[static SIGNATURE_BYTES])
{
    unsigned length = 0;

    if (HMAC(EVP_sha256(), key->secret, sizeof key->secret, (const unsigned char *)text,
             strlen(text), ret_signature, &length) == NULL ||
        length != SIGNATURE_BYTES)
        abort(); /* only without memory or without SHA-256 */
}

/* Hexadecimal, by the key that signs. */
static void sign(const struct sign_keys *keys, const char *text,
                 char ret_signature[static SIGNATURE_SIZE])
{
    static const char DIGITS[] = "0123456789abcdef";
    unsigned char signature[SIGNATURE_BYTES];

    signature_of(sign_keys_first(keys), text, signature);
    for (size_t i = 0; i < SIGNATURE_BYTES; i++) {
        ret_signature[2 * i] = DIGITS[signature[i] >> 4];
        ret_signature[2 * i + 1] = DIGITS[signature[i] & 0x0f];
    }
    ret_signature[SIGNATURE_SIZE - 1] = '\0';
}

/* Whether the text was signed by the key of this id, and its time and the key's are not over. */
static enum sign_verdict verify(const struct sign_keys *keys, const char *key_id, const char *text,
                                const char *signature, int64_t expires_wall_s, int64_t now_wall_s)
{
    unsigned char expected[SIGNATURE_BYTES], given[SIGNATURE_BYTES];
    const struct sign_key *key = sign_keys_find(keys, key_id);

    if (key == NULL || !sign_parse_hexadecimal(signature, given, sizeof given))
        return SIGN_INVALID;
    signature_of(key, text, expected);
    if (CRYPTO_memcmp(expected, given, sizeof expected) != 0)
        return SIGN_INVALID;
    return now_wall_s < expires_wall_s && now_wall_s < key->until_wall_s ? SIGN_VALID
                                                                         : SIGN_EXPIRED;
}

/* --- uploads --- */

static char *upload_text(const struct sign_upload *upload)
{
    return mem_format("chunkscribe-upload-1\n%s\n%s\n%" PRId64 "\n%" PRId64 "\n", upload->method,
                      upload->object_key, upload->size_bytes, upload->expires_wall_s);
}

char *sign_upload_query(const struct sign_keys *keys, const struct sign_upload *upload)
{
    CLEANUP(mem_free_at) char *text = upload_text(upload);
    char signature[SIGNATURE_SIZE];

    assert(upload->size_bytes >= 0 && upload->expires_wall_s >= 0);
    sign(keys, text, signature);
    return mem_format("expires=%" PRId64 "&size=%" PRId64 "&key=%s&signature=%s",
                      upload->expires_wall_s, upload->size_bytes, sign_keys_first(keys)->id,
                      signature);
}

/* One spelling for each number: no sign, no leading zero, no space. */
static bool parse_number(const char *text, int64_t *ret_number)
{
    size_t length = strspn(text, "0123456789");
    int64_t number = 0;

    if (length == 0 || length > NUMBER_DIGITS_MAX || text[length] != '\0' ||
        (length > 1 && text[0] == '0'))
        return false;
    for (const char *digit = text; *digit != '\0'; digit++)
        number = number * 10 + (*digit - '0');
    *ret_number = number;
    return true;
}

enum sign_verdict sign_verify_upload(const struct sign_keys *keys, const struct sign_claim *claim,
                                     int64_t now_wall_s, int64_t *ret_size_bytes)
{
    struct sign_upload upload = {.method = claim->method, .object_key = claim->object_key};

    if (claim->expires == NULL || claim->size == NULL || claim->key_id == NULL ||
        claim->signature == NULL || !parse_number(claim->expires, &upload.expires_wall_s) ||
        !parse_number(claim->size, &upload.size_bytes))
        return SIGN_INVALID;
    CLEANUP(mem_free_at) char *text = upload_text(&upload);
    enum sign_verdict verdict =
        verify(keys, claim->key_id, text, claim->signature, upload.expires_wall_s, now_wall_s);
    if (verdict != SIGN_INVALID)
        *ret_size_bytes = upload.size_bytes;
    return verdict;
}

/* --- grants --- */

static char *grant_text(const struct sign_grant *grant)
{
    return mem_format("chunkscribe-job-1\n%s\n%s\n%" PRId64 "\n", SCOPES[grant->scope],
                      grant->job_id, grant->expires_wall_s);
}

char *sign_token(const struct sign_keys *keys, const struct sign_grant *grant)
{
    CLEANUP(mem_free_at) char *text = grant_text(grant);
    char signature[SIGNATURE_SIZE];

    assert(grant->expires_wall_s >= 0);
    sign(keys, text, signature);
    return mem_format("%s.%" PRId64 ".%s.%s", SCOPES[grant->scope], grant->expires_wall_s,
                      sign_keys_first(keys)->id, signature);
}

static bool parse_scope(const char *text, enum sign_scope *ret_scope)
{
    for (int i = 0; i < SIGN_SCOPE_COUNT; i++) {
        if (strcmp(text, SCOPES[i]) == 0) {
            *ret_scope = (enum sign_scope)i;
            return true;
        }
    }
    return false;
}

enum sign_verdict sign_verify_token(const struct sign_keys *keys, const char *token,
                                    const char *job_id, int64_t now_wall_s,
                                    enum sign_scope *ret_scope)
{
    CLEANUP(mem_free_at) char *copy = mem_copy_string(token);
    struct sign_grant grant = {.job_id = job_id};
    char *rest = copy;
    const char *scope = strsep(&rest, ".");
    const char *expires = strsep(&rest, ".");
    const char *key_id = strsep(&rest, ".");

    if (expires == NULL || key_id == NULL || rest == NULL || !parse_scope(scope, &grant.scope) ||
        !parse_number(expires, &grant.expires_wall_s))
        return SIGN_INVALID;
    CLEANUP(mem_free_at) char *text = grant_text(&grant);
    enum sign_verdict verdict = verify(keys, key_id, text, rest, grant.expires_wall_s, now_wall_s);
    if (verdict == SIGN_VALID)
        *ret_scope = grant.scope;
    return verdict;
}
