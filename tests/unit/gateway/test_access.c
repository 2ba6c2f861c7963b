/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/mem.h"
#include "gateway/access.h"

#define JOB "6a8b3f5e-52a1-4c3d-9b1f-0d6a3c1e2f40"
#define OTHER "6a8b3f5e-52a1-4c3d-9b1f-0d6a3c1e2f41"
#define NOW 1000
#define ALLOWED PROBLEM_TYPE_COUNT

enum token { TOKEN_NONE, TOKEN_BAD, TOKEN_OLD, TOKEN_READ, TOKEN_LISTEN, TOKEN_COUNT };

/* What comes of it: ALLOWED or the problem. */
static const enum problem_type EXPECTED[][TOKEN_COUNT] = {
    [ACCESS_NO_JOB] = {ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED},
    [ACCESS_CHANGE] = {ALLOWED, PROBLEM_FORBIDDEN, PROBLEM_FORBIDDEN, PROBLEM_FORBIDDEN,
                       PROBLEM_FORBIDDEN},
    [ACCESS_READ] = {ALLOWED, PROBLEM_SIGNATURE_INVALID, PROBLEM_SIGNATURE_EXPIRED, ALLOWED,
                     ALLOWED},
    [ACCESS_LISTEN] = {PROBLEM_SIGNATURE_INVALID, PROBLEM_SIGNATURE_INVALID,
                       PROBLEM_SIGNATURE_EXPIRED, PROBLEM_FORBIDDEN, ALLOWED},
};

static char *token_of(const struct sign_keys *keys, enum token kind)
{
    struct sign_grant grant = {.job_id = JOB, .expires_wall_s = kind == TOKEN_OLD ? NOW : NOW + 1};

    if (kind == TOKEN_NONE)
        return NULL;
    if (kind == TOKEN_BAD)
        return mem_copy_string("listen.1001.random.00");
    grant.scope = kind == TOKEN_READ ? SIGN_SCOPE_READ : SIGN_SCOPE_LISTEN;
    return sign_token(keys, &grant);
}

static void test_access__table(void **state UNUSED)
{
    struct sign_keys *keys = sign_keys_random();

    for (unsigned wanted = 0; wanted < ARRAY_LEN(EXPECTED); wanted++) {
        for (unsigned kind = 0; kind < TOKEN_COUNT; kind++) {
            CLEANUP(mem_free_at) char *token = token_of(keys, (enum token)kind);
            const struct access_claim claim = {(enum access)wanted, token, JOB};
            struct refusal refusal;
            bool is_allowed = access_allows(keys, &claim, NOW, &refusal);

            assert_int_equal(is_allowed ? ALLOWED : refusal.problem.type, EXPECTED[wanted][kind]);
        }
    }
    sign_keys_free(keys);
}

static void test_access__a_token_is_for_one_job(void **state UNUSED)
{
    struct sign_keys *keys = sign_keys_random();
    CLEANUP(mem_free_at) char *token = token_of(keys, TOKEN_LISTEN);
    const char *const others[] = {OTHER, "", NULL};
    struct refusal refusal;

    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(access_allows(keys, &(struct access_claim){ACCESS_READ, token, others[i]}, NOW,
                                   &refusal));
    sign_keys_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_access__table),
        cmocka_unit_test(test_access__a_token_is_for_one_job),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
