/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "worker/header_cache.h"

static struct id job_of(int number)
{
    struct id job = {"00000000-0000-4000-8000-000000000000"};

    job.text[ID_SIZE - 2] = (char)('0' + number);
    return job;
}

static void put(struct header_cache *cache, int number, int32_t sample_rate)
{
    struct header_facts facts = {.stretch_count = 1};
    struct id job = job_of(number);

    facts.header.sample_rate = sample_rate;
    header_cache_put(cache, &job, &facts);
}

/* 0: not there. */
static int32_t rate_of(struct header_cache *cache, int number)
{
    struct id job = job_of(number);
    const struct header_facts *facts = header_cache_find(cache, &job);

    return facts == NULL ? 0 : facts->header.sample_rate;
}

static void test_header_cache__forgets_the_least_recently_used(void **state)
{
    (void)state;
    struct header_cache *cache = header_cache_new(2);

    put(cache, 1, 8000);
    put(cache, 2, 16000);
    assert_int_equal(rate_of(cache, 1), 8000);
    put(cache, 3, 44100);
    assert_int_equal(rate_of(cache, 2), 0);
    assert_int_equal(rate_of(cache, 1), 8000);
    assert_int_equal(rate_of(cache, 3), 44100);
    header_cache_free(cache);
}

static void test_header_cache__replaces_what_it_knew(void **state)
{
    (void)state;
    struct header_cache *cache = header_cache_new(2);

    put(cache, 1, 8000);
    put(cache, 1, 11025);
    assert_int_equal(rate_of(cache, 1), 11025);
    header_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_cache__forgets_the_least_recently_used),
        cmocka_unit_test(test_header_cache__replaces_what_it_knew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
