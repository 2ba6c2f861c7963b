/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>
#include <time.h>

#include "common/mem.h"
#include "common/sign_own.h"

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

bool sign_parse_hexadecimal(const char *text, unsigned char *ret_bytes, size_t length)
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

    return length > 0 && length <= SIGN_KEY_ID_MAX && text[length] == '\0';
}

const struct sign_key *sign_keys_first(const struct sign_keys *keys)
{
    return &keys->keys[0];
}

const struct sign_key *sign_keys_find(const struct sign_keys *keys, const char *id)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strcmp(keys->keys[i].id, id) == 0)
            return &keys->keys[i];
    return NULL;
}

/* RFC 3339 in UTC, whole seconds; NULL: it does not end. */
static bool parse_end(const char *text, int64_t *ret_until_wall_s)
{
    struct tm utc = {0};

    *ret_until_wall_s = INT64_MAX;
    if (text == NULL)
        return true;
    const char *end =
        strncmp(text, "until=", 6) == 0 ? strptime(text + 6, "%Y-%m-%dT%H:%M:%SZ", &utc) : NULL;
    if (end == NULL || *end != '\0')
        return false;
    *ret_until_wall_s = timegm(&utc);
    return true;
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
    if (!is_key_id(id) || secret == NULL ||
        !sign_parse_hexadecimal(secret, key->secret, sizeof key->secret))
        return err_set(err, ERR_FATAL, "sign", 0,
                       "expected \"<id> <%d lower-case hexadecimal digits>\", the id being 1 to %d "
                       "letters, digits, - or _",
                       2 * SIGN_KEY_BYTES, SIGN_KEY_ID_MAX);
    if (!parse_end(strtok_r(NULL, " \t\r\n", &rest), &key->until_wall_s) ||
        strtok_r(NULL, " \t\r\n", &rest) != NULL)
        return err_set(err, ERR_FATAL, "sign", 0,
                       "behind the key at most until=<time>, as until=2027-01-31T00:00:00Z");
    if (keys->count == 0 && key->until_wall_s != INT64_MAX)
        return err_set(err, ERR_FATAL, "sign", 0, "the first key signs and must not end");
    if (sign_keys_find(keys, id) != NULL)
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
    key->until_wall_s = INT64_MAX;
    keys->count = 1;
    return keys;
}
