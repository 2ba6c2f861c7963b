/* SPDX-License-Identifier: Apache-2.0 */
#include "common/ids.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#define UUID_BYTES 16
#define SHA1_BYTES 20

/* chunkscribe's own, made once at random: changing it changes every derived id. */
static const unsigned char NAMESPACE[UUID_BYTES] = {
    0xee, 0x05, 0x70, 0xe9, 0xf0, 0xfc, 0x48, 0x21, 0x9b, 0x63, 0x4c, 0x94, 0xe6, 0xea, 0xec, 0x67,
};

/* Sets version and variant and writes the 8-4-4-4-12 form. */
static struct id id_of_bytes(unsigned char bytes[static UUID_BYTES], unsigned version)
{
    static const char DIGITS[] = "0123456789abcdef";
    struct id id;
    char *out = id.text;

    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | (version << 4));
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = DIGITS[bytes[i] >> 4];
        *out++ = DIGITS[bytes[i] & 0x0f];
    }
    *out = '\0';
    return id;
}

struct id id_random(void)
{
    unsigned char bytes[UUID_BYTES];

    /* Requests of up to 256 bytes are never cut or interrupted once the kernel's pool is ready. */
    ssize_t length = getrandom(bytes, sizeof bytes, 0);
    assert(length == (ssize_t)sizeof bytes);
    (void)length;
    return id_of_bytes(bytes, 4);
}

static void sha1_of_name(const char *name, unsigned char ret_digest[static SHA1_BYTES])
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();

    if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha1(), NULL) != 1 ||
        EVP_DigestUpdate(digest, NAMESPACE, sizeof NAMESPACE) != 1 ||
        EVP_DigestUpdate(digest, name, strlen(name)) != 1 ||
        EVP_DigestFinal_ex(digest, ret_digest, NULL) != 1)
        abort(); /* only without memory or without SHA-1: no id could be right */
    EVP_MD_CTX_free(digest);
}

struct id id_from_name(const char *format, ...)
{
    unsigned char digest[SHA1_BYTES];
    char *name = NULL;
    va_list args;

    va_start(args, format);
    int length = vasprintf(&name, format, args);
    va_end(args);
    if (length < 0)
        abort(); /* out of memory */
    sha1_of_name(name, digest);
    free(name);
    return id_of_bytes(digest, 5);
}

struct id id_of_sub_job(const char *job_id, int32_t chunk_index)
{
    return id_from_name("%s/%d", job_id, (int)chunk_index);
}

/* The lower-case form of a hexadecimal digit, 0 for anything else. */
static char lower_digit(char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))
        return c;
    if (c >= 'A' && c <= 'F')
        return (char)(c - 'A' + 'a');
    return '\0';
}

bool id_parse(const char *text, struct id *ret_id)
{
    static const char FORM[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    static_assert(sizeof FORM == ID_SIZE, "the form of an id");
    struct id id = {.text = ""};

    for (size_t i = 0; FORM[i] != '\0'; i++) {
        id.text[i] = FORM[i] == '-' && text[i] == '-' ? '-' : '\0';
        if (FORM[i] == 'x')
            id.text[i] = lower_digit(text[i]);
        if (id.text[i] == '\0')
            return false;
    }
    if (text[ID_SIZE - 1] != '\0')
        return false;
    *ret_id = id;
    return true;
}
