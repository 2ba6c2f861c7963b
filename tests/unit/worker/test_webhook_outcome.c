/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "worker/webhook_outcome.h"

static void test_webhook_outcome__rows(void **state)
{
    static const struct {
        long status;
        int64_t retry_after_us;
        const char *type;
        bool is_permanent;
        int64_t retry_after_ms;
    } ROWS[] = {
        {0, -1, "webhook_unreachable", false, -1},
        {200, -1, "", false, -1},
        {204, 5000000, "", false, -1},
        {301, -1, "webhook_redirected", false, -1},
        {400, -1, "webhook_refused", false, -1},
        {410, 5000000, "webhook_gone", true, 5000},
        {429, -1, "webhook_throttled", false, 60000},
        {429, 5000000, "webhook_throttled", false, 60000},
        {429, 120000000, "webhook_throttled", false, 120000},
        {500, -1, "webhook_refused", false, -1},
        {502, -1, "webhook_throttled", false, 60000},
        {503, 7000000, "webhook_refused", false, 7000},
        {504, -1, "webhook_throttled", false, 60000},
        {1200, -1, "webhook_refused", false, -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct webhook_outcome outcome = webhook_outcome_of(ROWS[i].status, ROWS[i].retry_after_us);
        assert_int_equal(outcome.is_delivered, ROWS[i].type[0] == '\0');
        assert_string_equal(outcome.type, ROWS[i].type);
        assert_int_equal(outcome.is_permanent, ROWS[i].is_permanent);
        assert_int_equal(outcome.retry_after_ms, ROWS[i].retry_after_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_webhook_outcome__rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
