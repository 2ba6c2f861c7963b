/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sign.h"

/*
 * What is signed is one line a value, in a fixed order and after a line that names this format, so
 * that no other text that is ever signed with the same key can pass for an upload. No value can
 * hold a newline: the method and key are ours, the rest are numbers.
 */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#include "common/mem.h"

#define KEY_BYTES 32
#define KEY_ID_MAX 16
#define SIGNATURE_BYTES 32
#define SIGNATURE_SIZE (2 * SIGNATURE_BYTES + 1)
/* Enough for any size and any expiry, far from overflow. */
#define NUMBER_DIGITS_MAX 15

struct sign_key {
    char id[KEY_ID_MAX + 1];
    unsigned char secret[KEY_BYTES];
};

struct sign_keys {
    struct sign_key keys[SIGN_KEYS_MAX]; /* the first one signs */
    size_t count;
};

void sign_keys_free(struct sign_keys *keys)
{
    if (keys == NULL)
        return;
    OPENSSL_cleanse(keys, sizeof *keys);
    free(keys);
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly `length` bytes of lower-case hexadecimal digits. */
static bool parse_hexadecimal(const char *text, unsigned char *ret_bytes, size_t length)
{
    if (strlen(text) != 2 * length)
        return false;
    for (size_t i = 0; i < length; i++) {
        int high = digit_value(text[2 * i]);
        int low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret_bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool is_key_id(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "-_");

    return length > 0 && length <= KEY_ID_MAX && text[length] == '\0';
}

static const struct sign_key *find_key(const struct sign_keys *keys, const char *id)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strcmp(keys->keys[i].id, id) == 0)
            return &keys->keys[i];
    return NULL;
}

/* Never quotes the line: it holds a secret. */
static bool add_line(struct sign_keys *keys, char *line, struct err *err)
{
    char *rest = NULL;
    const char *id = strtok_r(line, " \t\r\n", &rest);
    const char *secret = strtok_r(NULL, " \t\r\n", &rest);

    if (id == NULL || *id == '#')
        return true;
    if (keys->count == SIGN_KEYS_MAX)
        return err_set(err, ERR_FATAL, "sign", 0, "more than %d keys", SIGN_KEYS_MAX);
    struct sign_key *key = &keys->keys[keys->count];
    if (!is_key_id(id) || secret == NULL || strtok_r(NULL, " \t\r\n", &rest) != NULL ||
        !parse_hexadecimal(secret, key->secret, sizeof key->secret))
        return err_set(err, ERR_FATAL, "sign", 0,
                       "expected \"<id> <%d lower-case hexadecimal digits>\", the id being 1 to %d "
                       "letters, digits, - or _",
                       2 * KEY_BYTES, KEY_ID_MAX);
    if (find_key(keys, id) != NULL)
        return err_set(err, ERR_FATAL, "sign", 0, "a second key \"%s\"", id);
    memcpy(key->id, id, strlen(id) + 1);
    keys->count++;
    return true;
}

static bool read_keys(struct sign_keys *keys, FILE *file, struct err *err)
{
    char line[256];
    bool is_good = true;

    for (int number = 1; is_good && fgets(line, sizeof line, file) != NULL; number++)
        if (!add_line(keys, line, err))
            is_good = err_wrap(err, "line %d", number);
    OPENSSL_cleanse(line, sizeof line);
    if (is_good && keys->count == 0)
        return err_set(err, ERR_FATAL, "sign", 0, "no key in it");
    return is_good;
}

bool sign_keys_load(const char *path, struct sign_keys **ret_keys, struct err *err)
{
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return err_set_errno(err, errno, path);
    struct sign_keys *keys = mem_new(sizeof *keys);
    bool is_read = read_keys(keys, file, err);
    (void)fclose(file); /* only read */
    if (!is_read) {
        OPENSSL_cleanse(keys, sizeof *keys);
        free(keys);
        return err_wrap(err, "%s", path);
    }
    *ret_keys = keys;
    return true;
}

struct sign_keys *sign_keys_random(void)
{
    struct sign_keys *keys = mem_new(sizeof *keys);
    struct sign_key *key = &keys->keys[0];

    /* Requests of up to 256 bytes are never cut or interrupted once the kernel's pool is ready. */
    if (getrandom(key->secret, sizeof key->secret, 0) != (ssize_t)sizeof key->secret)
        abort(); /* no key would be worse */
    (void)snprintf(key->id, sizeof key->id, "random");
    keys->count = 1;
    return keys;
}

static void signature_of(const struct sign_key *key, const struct sign_upload *upload,
                         unsigned char ret_signature[static SIGNATURE_BYTES])
{
    CLEANUP(mem_free_at)
    char *text =
        mem_format("chunkscribe-upload-1\n%s\n%s\n%" PRId64 "\n%" PRId64 "\n", upload->method,
                   upload->object_key, upload->size_bytes, upload->expires_wall_s);
    unsigned length = 0;

    if (HMAC(EVP_sha256(), key->secret, sizeof key->secret, (const unsigned char *)text,
             strlen(text), ret_signature, &length) == NULL ||
        length != SIGNATURE_BYTES)
        abort(); /* only without memory or without SHA-256 */
}

char *sign_upload_query(const struct sign_keys *keys, const struct sign_upload *upload)
{
    static const char DIGITS[] = "0123456789abcdef";
    unsigned char signature[SIGNATURE_BYTES];
    char text[SIGNATURE_SIZE];

    assert(upload->size_bytes >= 0 && upload->expires_wall_s >= 0);
    signature_of(&keys->keys[0], upload, signature);
    for (size_t i = 0; i < SIGNATURE_BYTES; i++) {
        text[2 * i] = DIGITS[signature[i] >> 4];
        text[2 * i + 1] = DIGITS[signature[i] & 0x0f];
    }
    text[sizeof text - 1] = '\0';
    return mem_format("expires=%" PRId64 "&size=%" PRId64 "&key=%s&signature=%s",
                      upload->expires_wall_s, upload->size_bytes, keys->keys[0].id, text);
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
    unsigned char expected[SIGNATURE_BYTES], given[SIGNATURE_BYTES];

    if (claim->expires == NULL || claim->size == NULL || claim->key_id == NULL ||
        claim->signature == NULL || !parse_number(claim->expires, &upload.expires_wall_s) ||
        !parse_number(claim->size, &upload.size_bytes) ||
        !parse_hexadecimal(claim->signature, given, sizeof given))
        return SIGN_INVALID;
    const struct sign_key *key = find_key(keys, claim->key_id);
    if (key == NULL)
        return SIGN_INVALID;
    signature_of(key, &upload, expected);
    if (CRYPTO_memcmp(expected, given, sizeof expected) != 0)
        return SIGN_INVALID;
    *ret_size_bytes = upload.size_bytes;
    return now_wall_s < upload.expires_wall_s ? SIGN_VALID : SIGN_EXPIRED;
}
