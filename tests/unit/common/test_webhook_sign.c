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
#include "common/webhook_sign.h"

#define JOB "11111111-2222-4333-8444-555555555555"
#define OTHER_JOB "11111111-2222-4333-8444-666666666666"
#define ROOT_LINE "job 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"

/* The example of the specification's own libraries. */
#define SECRET_LINE "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"
static const struct webhook_message EXAMPLE = {
    .id = "msg_p5jXN8AQM9LWM0D4loKWxJek", .wall_s = 1614265330, .body = "{\"test\": 2432232314}"};
#define EXAMPLE_SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static bool load(const char *text, struct webhook_keys **ret_keys, struct err *err)
{
    char path[] = "/tmp/webhook-keys-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    bool ok = webhook_keys_load(path, ret_keys, err);
    (void)unlink(path);
    return ok;
}

static struct webhook_keys *loaded(const char *text)
{
    struct webhook_keys *keys = NULL;
    struct err err;

    if (!load(text, &keys, &err))
        fail_msg("%s", err.message);
    return keys;
}

static void test_webhook_sign__signs_as_the_specification_says(void **state)
{
    struct webhook_keys *keys = loaded("# the only one\n\n" SECRET_LINE);
    CLEANUP(mem_free_at) char *signature = webhook_sign(keys, JOB, &EXAMPLE);

    (void)state;
    assert_string_equal(signature, EXAMPLE_SIGNATURE);
    assert_null(webhook_keys_job_secret(keys, JOB));
    webhook_keys_free(keys);
}

/* With the secret that the job's owner was told as the only key, the signature is the same. */
static void test_webhook_sign__a_job_has_its_own_secret(void **state)
{
    struct webhook_keys *keys = loaded(ROOT_LINE);
    CLEANUP(mem_free_at) char *secret = webhook_keys_job_secret(keys, JOB);
    CLEANUP(mem_free_at) char *again = webhook_keys_job_secret(keys, JOB);
    CLEANUP(mem_free_at) char *other = webhook_keys_job_secret(keys, OTHER_JOB);
    CLEANUP(mem_free_at) char *line = mem_format("%s\n", secret);
    struct webhook_keys *told = loaded(line);
    CLEANUP(mem_free_at) char *sent = webhook_sign(keys, JOB, &EXAMPLE);
    CLEANUP(mem_free_at) char *expected = webhook_sign(told, JOB, &EXAMPLE);
    CLEANUP(mem_free_at) char *others = webhook_sign(keys, OTHER_JOB, &EXAMPLE);

    (void)state;
    assert_string_equal(secret, again);
    assert_string_not_equal(secret, other);
    assert_string_equal(sent, expected);
    assert_string_not_equal(sent, others);
    webhook_keys_free(told);
    webhook_keys_free(keys);
}

static void test_webhook_sign__each_key_signs_while_one_replaces_the_other(void **state)
{
    struct webhook_keys *keys = loaded(ROOT_LINE SECRET_LINE);
    CLEANUP(mem_free_at) char *signatures = webhook_sign(keys, JOB, &EXAMPLE);
    const char *space = strchr(signatures, ' ');

    (void)state;
    assert_non_null(space);
    assert_string_equal(space + 1, EXAMPLE_SIGNATURE);
    assert_memory_equal(signatures, "v1,", 3);
    webhook_keys_free(keys);
}

static void test_webhook_sign__bad_files_are_told_by_line(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } FILES[] = {
        {"", "no key"},
        {"# nothing\n", "no key"},
        {SECRET_LINE "whsec_short\n", "line 2"},
        {"whsec_AAAA\n", "line 1"},
        {"whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!\n", "line 1"},
        {"job 00\n", "line 1"},
        {"job zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n", "line 1"},
        {"secret\n", "line 1"},
        {SECRET_LINE SECRET_LINE SECRET_LINE SECRET_LINE SECRET_LINE, "more than 4"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        struct webhook_keys *keys = NULL;
        struct err err;

        assert_false(load(FILES[i].text, &keys, &err));
        assert_null(keys);
        if (strstr(err.message, FILES[i].why) == NULL)
            fail_msg("%zu: %s", i, err.message);
        assert_null(strstr(err.message, "zz01"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_webhook_sign__signs_as_the_specification_says),
        cmocka_unit_test(test_webhook_sign__a_job_has_its_own_secret),
        cmocka_unit_test(test_webhook_sign__each_key_signs_while_one_replaces_the_other),
        cmocka_unit_test(test_webhook_sign__bad_files_are_told_by_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
