/* SPDX-License-Identifier: Apache-2.0 */
#include "common/webhook_sign.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"

#define PREFIX "whsec_"
#define LINE_SIZE 256
#define SECRET_BYTES_MIN 24
#define SECRET_BYTES_MAX 64
#define ROOT_BYTES 32
#define MAC_BYTES 32
#define BASE64_SIZE(bytes) (((bytes) + 2) / 3 * 4 + 1)

struct key {
    unsigned char bytes[SECRET_BYTES_MAX];
    size_t length;
    bool is_root; /* of the jobs' own secrets */
};

struct webhook_keys {
    struct key keys[WEBHOOK_KEYS_MAX];
    size_t count;
};

void webhook_keys_free(struct webhook_keys *keys)
{
    if (keys == NULL)
        return;
    OPENSSL_cleanse(keys, sizeof *keys);
    free(keys);
}

/* Reading */

static bool decode_base64(const char *text, struct key *key)
{
    unsigned char bytes[LINE_SIZE];
    size_t length = strlen(text);
    size_t padding = length - strcspn(text, "=");

    if (length % 4 != 0 || length >= LINE_SIZE || padding > 2)
        return false;
    int decoded = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
    if (decoded < 0)
        return false;
    key->length = (size_t)decoded - padding;
    if (key->length < SECRET_BYTES_MIN || key->length > SECRET_BYTES_MAX)
        return false;
    memcpy(key->bytes, bytes, key->length);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return true;
}

static bool decode_root(const char *text, struct key *key)
{
    key->is_root = true;
    return OPENSSL_hexstr2buf_ex(key->bytes, sizeof key->bytes, &key->length, text, '\0') == 1 &&
           key->length == ROOT_BYTES;
}

static bool read_key(char *line, struct key *ret_key)
{
    *ret_key = (struct key){0};
    line[strcspn(line, "\r\n")] = '\0';
    if (strncmp(line, PREFIX, strlen(PREFIX)) == 0)
        return decode_base64(line + strlen(PREFIX), ret_key);
    return strncmp(line, "job ", 4) == 0 && decode_root(line + 4, ret_key);
}

static bool read_keys(FILE *file, const char *path, struct webhook_keys *keys, struct err *err)
{
    char line[LINE_SIZE];

    for (int number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        if (line[0] == '#' || line[strspn(line, " \t\r\n")] == '\0')
            continue;
        if (keys->count == WEBHOOK_KEYS_MAX)
            return err_set(err, ERR_REJECT, "webhook", 0, "%s: more than %d keys", path,
                           WEBHOOK_KEYS_MAX);
        /* Never the line: it is a secret. */
        if (!read_key(line, &keys->keys[keys->count]))
            return err_set(err, ERR_REJECT, "webhook", 0,
                           "%s, line %d: neither whsec_<base64 of 24 to 64 bytes> nor job <64 "
                           "hexadecimal digits>",
                           path, number);
        keys->count++;
    }
    OPENSSL_cleanse(line, sizeof line);
    return keys->count > 0 || err_set(err, ERR_REJECT, "webhook", 0, "%s: no key", path);
}

bool webhook_keys_load(const char *path, struct webhook_keys **ret_keys, struct err *err)
{
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return err_set_errno(err, errno, path);
    struct webhook_keys *keys = mem_new(sizeof *keys);
    bool ok = read_keys(file, path, keys, err);
    (void)fclose(file);
    if (ok)
        *ret_keys = keys;
    else
        webhook_keys_free(keys);
    return ok;
}

/* Signing */

static void mac(const unsigned char *key, size_t key_length, const char *text, size_t length,
                unsigned char ret_mac[static MAC_BYTES])
{
    unsigned mac_length = MAC_BYTES;

    if (HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)text, length, ret_mac,
             &mac_length) == NULL)
        abort(); /* fails only when memory is out */
}

static void derive(const struct key *root, const char *job_id,
                   unsigned char ret_secret[static MAC_BYTES])
{
    CLEANUP(mem_free_at) char *label = mem_format("webhook secret of job %s", job_id);

    mac(root->bytes, root->length, label, strlen(label), ret_secret);
}

char *webhook_keys_job_secret(const struct webhook_keys *keys, const char *job_id)
{
    unsigned char secret[MAC_BYTES];
    char text[BASE64_SIZE(MAC_BYTES)];

    if (!keys->keys[0].is_root)
        return NULL;
    derive(&keys->keys[0], job_id, secret);
    (void)EVP_EncodeBlock((unsigned char *)text, secret, sizeof secret);
    return mem_format(PREFIX "%s", text);
}

static void append_signature(struct buf *header, const struct key *key, const char *job_id,
                             const char *signed_text)
{
    unsigned char secret[MAC_BYTES];
    unsigned char signature[MAC_BYTES];
    char text[BASE64_SIZE(MAC_BYTES)];

    if (key->is_root) {
        derive(key, job_id, secret);
        mac(secret, sizeof secret, signed_text, strlen(signed_text), signature);
        OPENSSL_cleanse(secret, sizeof secret);
    } else {
        mac(key->bytes, key->length, signed_text, strlen(signed_text), signature);
    }
    (void)EVP_EncodeBlock((unsigned char *)text, signature, sizeof signature);
    buf_append_format(header, "%sv1,%s", header->length > 0 ? " " : "", text);
}

char *webhook_sign(const struct webhook_keys *keys, const char *job_id,
                   const struct webhook_message *message)
{
    CLEANUP(mem_free_at)
    char *signed_text =
        mem_format("%s.%" PRId64 ".%s", message->id, message->wall_s, message->body);
    struct buf header;

    buf_init(&header, (size_t)WEBHOOK_KEYS_MAX * (BASE64_SIZE(MAC_BYTES) + 4));
    for (size_t i = 0; i < keys->count; i++)
        append_signature(&header, &keys->keys[i], job_id, signed_text);
    return buf_take(&header);
}
