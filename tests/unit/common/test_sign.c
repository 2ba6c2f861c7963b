/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/sign.h"

#define FIRST_SECRET "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OTHER_SECRET "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY "uploads/11111111-2222-4333-8444-555555555555/chunk.3.wav"
/* HMAC-SHA256 of the five lines, from Python's hmac. */
#define SIGNATURE "cf5d22a3c07ccded315b498c8cf5d8161c5a17e19349b6da0605f60c5f37f27a"
#define JOB "11111111-2222-4333-8444-555555555555"
/* Likewise of four lines. */
#define TOKEN_END ".2000000000.k1.6d18e2fb940045b85119b07f522b34c6a0c2aad115ce711a127b10c17a51d977"
#define TOKEN "listen" TOKEN_END
#define NOW INT64_C(1999999000)

static const struct sign_upload UPLOAD = {
    .method = "PUT", .object_key = KEY, .size_bytes = 1000, .expires_wall_s = 2000000000};

/* Loads a key file with this text. */
static bool load(const char *text, struct sign_keys **ret_keys, struct err *err)
{
    char path[] = "/tmp/sign-test-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
    bool is_loaded = sign_keys_load(path, ret_keys, err);
    assert_int_equal(unlink(path), 0);
    return is_loaded;
}

static struct sign_keys *keys_of(const char *text)
{
    struct sign_keys *keys = NULL;
    struct err err;

    assert_true(load(text, &keys, &err));
    return keys;
}

/* `values`: expires, size, key and signature. */
static struct sign_claim claim_of(const char *const values[4])
{
    return (struct sign_claim){.method = "PUT",
                               .object_key = KEY,
                               .expires = values[0],
                               .size = values[1],
                               .key_id = values[2],
                               .signature = values[3]};
}

static enum sign_verdict verify(const struct sign_keys *keys, const char *const values[4])
{
    struct sign_claim claim = claim_of(values);
    int64_t size_bytes = -1;
    enum sign_verdict verdict = sign_verify_upload(keys, &claim, NOW, &size_bytes);

    assert_int_equal(size_bytes, verdict == SIGN_INVALID ? -1 : 1000);
    return verdict;
}

static const char *const GOOD[4] = {"2000000000", "1000", "k1", SIGNATURE};

static void test_sign__known_answer(void **state UNUSED)
{
    struct sign_keys *keys = keys_of("# keys\n\n  k1  " FIRST_SECRET "\n");
    CLEANUP(mem_free_at) char *query = sign_upload_query(keys, &UPLOAD);

    assert_string_equal(query, "expires=2000000000&size=1000&key=k1&signature=" SIGNATURE);
    assert_int_equal(verify(keys, GOOD), SIGN_VALID);
    sign_keys_free(keys);
}

static void test_sign__expiry_is_exclusive(void **state UNUSED)
{
    struct sign_keys *keys = keys_of("k1 " FIRST_SECRET);
    static const struct {
        int64_t now;
        enum sign_verdict verdict;
    } ROWS[] = {{1999999999, SIGN_VALID}, {2000000000, SIGN_EXPIRED}, {2000000001, SIGN_EXPIRED}};

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct sign_claim claim = claim_of(GOOD);
        int64_t size_bytes;
        assert_int_equal(sign_verify_upload(keys, &claim, ROWS[i].now, &size_bytes),
                         ROWS[i].verdict);
        assert_int_equal(size_bytes, 1000);
    }
    sign_keys_free(keys);
}

static void test_sign__anything_changed_is_invalid(void **state UNUSED)
{
    struct sign_keys *keys = keys_of("k1 " FIRST_SECRET "\nk2 " OTHER_SECRET "\n");
    static const char *const BAD[][4] = {
        {"2000000001", "1000", "k1", SIGNATURE},
        {"2000000000", "1001", "k1", SIGNATURE},
        {"2000000000", "1000", "k2", SIGNATURE},
        {"2000000000", "1000", "k3", SIGNATURE},
        {"2000000000", "1000", "", SIGNATURE},
        {"2000000000", "1000", "k1", ""},
        {"2000000000", "1000", "k1",
         "df5d22a3c07ccded315b498c8cf5d8161c5a17e19349b6da0605f60c5f37f27a"},
        {"2000000000", "1000", "k1",
         "CF5D22A3C07CCDED315B498C8CF5D8161C5A17E19349B6DA0605F60C5F37F27A"},
        {"2000000000", "1000", "k1", SIGNATURE "00"},
        {NULL, "1000", "k1", SIGNATURE},
        {"2000000000", NULL, "k1", SIGNATURE},
        {"2000000000", "1000", NULL, SIGNATURE},
        {"2000000000", "1000", "k1", NULL},
        /* The same numbers, otherwise spelt. */
        {"02000000000", "1000", "k1", SIGNATURE},
        {"+2000000000", "1000", "k1", SIGNATURE},
        {" 2000000000", "1000", "k1", SIGNATURE},
        {"2000000000", "1000 ", "k1", SIGNATURE},
        {"2000000000", "1e3", "k1", SIGNATURE},
        {"2000000000", "", "k1", SIGNATURE},
        {"2000000000", "-1000", "k1", SIGNATURE},
        {"2000000000", "99999999999999999999999999", "k1", SIGNATURE},
    };
    int64_t size_bytes;

    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        assert_int_equal(verify(keys, BAD[i]), SIGN_INVALID);
    struct sign_claim claim = claim_of(GOOD);
    claim.method = "GET";
    assert_int_equal(sign_verify_upload(keys, &claim, NOW, &size_bytes), SIGN_INVALID);
    claim = claim_of(GOOD);
    claim.object_key = KEY "x";
    assert_int_equal(sign_verify_upload(keys, &claim, NOW, &size_bytes), SIGN_INVALID);
    sign_keys_free(keys);
}

/* The old key still verifies while the new one signs. */
static void test_sign__keys_can_be_replaced(void **state UNUSED)
{
    struct sign_keys *old_keys = keys_of("k1 " FIRST_SECRET);
    struct sign_keys *both = keys_of("k2 " OTHER_SECRET "\nk1 " FIRST_SECRET);
    struct sign_keys *new_keys = keys_of("k2 " OTHER_SECRET);
    CLEANUP(mem_free_at) char *query = sign_upload_query(both, &UPLOAD);

    assert_int_equal(verify(old_keys, GOOD), SIGN_VALID);
    assert_int_equal(verify(both, GOOD), SIGN_VALID);
    assert_int_equal(verify(new_keys, GOOD), SIGN_INVALID);
    const char *signature = strstr(query, "&key=k2&signature=") + strlen("&key=k2&signature=");
    assert_int_equal(
        verify(new_keys, (const char *const[4]){"2000000000", "1000", "k2", signature}),
        SIGN_VALID);
    sign_keys_free(new_keys);
    sign_keys_free(both);
    sign_keys_free(old_keys);
}

/* A key that ends on 2033-05-18T03:33:19Z, a second before what it has signed. */
static void test_sign__a_replaced_key_ends_with_its_window(void **state UNUSED)
{
    struct sign_keys *keys =
        keys_of("k2 " OTHER_SECRET "\nk1 " FIRST_SECRET " until=2033-05-18T03:33:19Z\n");
    enum sign_scope scope;
    int64_t size_bytes;

    for (int64_t now = 1999999998; now <= 1999999999; now++) {
        struct sign_claim claim = claim_of(GOOD);
        enum sign_verdict expected = now == 1999999998 ? SIGN_VALID : SIGN_EXPIRED;
        assert_int_equal(sign_verify_upload(keys, &claim, now, &size_bytes), expected);
        assert_int_equal(sign_verify_token(keys, TOKEN, JOB, now, &scope), expected);
    }
    sign_keys_free(keys);
}

static void test_sign__token_known_answer(void **state UNUSED)
{
    struct sign_keys *keys = keys_of("k1 " FIRST_SECRET);
    CLEANUP(mem_free_at)
    char *token = sign_token(keys, &(struct sign_grant){SIGN_SCOPE_LISTEN, JOB, 2000000000});
    enum sign_scope scope = SIGN_SCOPE_COUNT;

    assert_string_equal(token, TOKEN);
    assert_int_equal(sign_verify_token(keys, TOKEN, JOB, 1999999999, &scope), SIGN_VALID);
    assert_int_equal(scope, SIGN_SCOPE_LISTEN);
    assert_int_equal(sign_verify_token(keys, TOKEN, JOB, 2000000000, &scope), SIGN_EXPIRED);
    sign_keys_free(keys);
}

/* Each byte in each of its bits, and left out. */
static void test_sign__any_byte_of_a_token_or_its_job_counts(void **state UNUSED)
{
    struct sign_keys *keys = keys_of("k1 " FIRST_SECRET "\nk2 " OTHER_SECRET "\n");
    enum sign_scope scope;

    for (size_t i = 0; i < strlen(TOKEN); i++) {
        char changed[] = TOKEN;
        for (unsigned bit = 0; bit < 8; bit++) {
            changed[i] = (char)(TOKEN[i] ^ (char)(1U << bit));
            assert_int_equal(sign_verify_token(keys, changed, JOB, NOW, &scope), SIGN_INVALID);
        }
        memmove(changed + i, &TOKEN[i + 1], strlen(TOKEN) - i);
        assert_int_equal(sign_verify_token(keys, changed, JOB, NOW, &scope), SIGN_INVALID);
    }
    for (size_t i = 0; i < strlen(JOB); i++) {
        char job[] = JOB;
        job[i] = job[i] == '9' ? '8' : '9';
        assert_int_equal(sign_verify_token(keys, TOKEN, job, NOW, &scope), SIGN_INVALID);
    }
    assert_int_equal(sign_verify_token(keys, "", JOB, NOW, &scope), SIGN_INVALID);
    assert_int_equal(sign_verify_token(keys, TOKEN ".", JOB, NOW, &scope), SIGN_INVALID);
    sign_keys_free(keys);
}

/* The same for the four values of an upload URL. */
static void test_sign__any_byte_of_an_upload_url_counts(void **state UNUSED)
{
    struct sign_keys *keys = keys_of("k1 " FIRST_SECRET "\nk2 " OTHER_SECRET "\n");

    for (size_t value = 0; value < 4; value++) {
        for (size_t i = 0; i < 8 * strlen(GOOD[value]); i++) {
            CLEANUP(mem_free_at) char *changed = mem_copy_string(GOOD[value]);
            const char *values[4] = {GOOD[0], GOOD[1], GOOD[2], GOOD[3]};
            changed[i / 8] = (char)(changed[i / 8] ^ (char)(1U << i % 8));
            values[value] = changed;
            assert_int_equal(verify(keys, values), SIGN_INVALID);
        }
    }
    sign_keys_free(keys);
}

/* What was signed for one purpose never passes for another. */
static void test_sign__purposes_are_apart(void **state UNUSED)
{
    struct sign_keys *keys = keys_of("k1 " FIRST_SECRET);
    enum sign_scope scope;

    assert_int_equal(sign_verify_token(keys, "listen.2000000000.k1." SIGNATURE, JOB, NOW, &scope),
                     SIGN_INVALID);
    assert_int_equal(sign_verify_token(keys, "read" TOKEN_END, JOB, NOW, &scope), SIGN_INVALID);
    sign_keys_free(keys);
}

static void test_sign__random_keys_differ(void **state UNUSED)
{
    struct sign_keys *first = sign_keys_random();
    struct sign_keys *second = sign_keys_random();
    CLEANUP(mem_free_at) char *by_first = sign_upload_query(first, &UPLOAD);
    CLEANUP(mem_free_at) char *by_second = sign_upload_query(second, &UPLOAD);

    assert_string_not_equal(by_first, by_second);
    sign_keys_free(second);
    sign_keys_free(first);
}

static void test_sign__bad_key_files_name_the_line_but_no_secret(void **state UNUSED)
{
    static const struct {
        const char *text, *said;
    } ROWS[] = {
        {"", "no key in it"},
        {"# only a comment\n", "no key in it"},
        {"k1 " FIRST_SECRET "\nk2\n", "line 2: expected"},
        {"k1 " FIRST_SECRET "00\n", "line 1: expected"},
        {"k1 0001\n", "line 1: expected"},
        {"k1 " FIRST_SECRET " more\n", "line 1: behind the key at most until="},
        {"k1 " FIRST_SECRET " until=2027-01-31\n", "line 1: behind the key at most until="},
        {"k1 " FIRST_SECRET "\nk2 " OTHER_SECRET " until=2027-01-31T00:00:00Z more\n",
         "line 2: behind the key at most until="},
        {"k1 " FIRST_SECRET " until=2027-01-31T00:00:00Z\n", "line 1: the first key signs"},
        {"much-too-long-a-key-id " FIRST_SECRET, "line 1: expected"},
        {"k&1 " FIRST_SECRET, "line 1: expected"},
        {"k1 " FIRST_SECRET "\nk1 " OTHER_SECRET "\n", "line 2: a second key \"k1\""},
        {"a " FIRST_SECRET "\nb " FIRST_SECRET "\nc " FIRST_SECRET "\nd " FIRST_SECRET
         "\ne " FIRST_SECRET "\n",
         "line 5: more than 4 keys"},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct sign_keys *keys = NULL;
        struct err err;
        assert_false(load(ROWS[i].text, &keys, &err));
        assert_non_null(strstr(err.message, ROWS[i].said));
        assert_null(strstr(err.message, "0001"));
    }
}

static void test_sign__missing_file(void **state UNUSED)
{
    struct sign_keys *keys = NULL;
    struct err err;

    assert_false(sign_keys_load("/nowhere/keys", &keys, &err));
    assert_string_equal(err.message, "/nowhere/keys: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign__known_answer),
        cmocka_unit_test(test_sign__expiry_is_exclusive),
        cmocka_unit_test(test_sign__anything_changed_is_invalid),
        cmocka_unit_test(test_sign__keys_can_be_replaced),
        cmocka_unit_test(test_sign__a_replaced_key_ends_with_its_window),
        cmocka_unit_test(test_sign__token_known_answer),
        cmocka_unit_test(test_sign__any_byte_of_a_token_or_its_job_counts),
        cmocka_unit_test(test_sign__any_byte_of_an_upload_url_counts),
        cmocka_unit_test(test_sign__purposes_are_apart),
        cmocka_unit_test(test_sign__random_keys_differ),
        cmocka_unit_test(test_sign__bad_key_files_name_the_line_but_no_secret),
        cmocka_unit_test(test_sign__missing_file),
    };
    return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
