/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/idempotency_key.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX 255

bool idempotency_key_check(const char *key, struct refusal *refusal)
{
    size_t length = key == NULL ? 1 : strlen(key);

    for (size_t i = 0; key != NULL && i < length; i++) {
        if (key[i] < 0x20 || key[i] > 0x7E)
            length = 0;
    }
    if (length >= 1 && length <= KEY_MAX)
        return true;
    return refusal_set_range(refusal, PROBLEM_INVALID_FIELD, "Idempotency-Key", 1, KEY_MAX,
                             "Idempotency-Key must have 1 to %d printable ASCII characters",
                             KEY_MAX);
}

void idempotency_key_digest(const void *data, size_t length,
                            char ret_text[static IDEMPOTENCY_DIGEST_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};

    if (EVP_Digest(data, length, digest, NULL, EVP_sha256(), NULL) != 1)
        abort(); /* SHA-256 over memory fails only when memory is out */
    ret_text[0] = '\\';
    ret_text[1] = 'x';
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(ret_text + 2 + 2 * i, 3, "%02x", digest[i]);
}

bool idempotency_key_refuse(struct refusal *refusal)
{
    return refusal_set(refusal, PROBLEM_IDEMPOTENCY_CONFLICT, "Idempotency-Key",
                       "this Idempotency-Key was used for a request that asked for something else");
}
