/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/kafka_stats.h"

static void test_stats__is_up_when_a_broker_is(void **state)
{
    static const struct {
        const char *json;
        bool is_up;
    } ROWS[] = {
        {"{\"brokers\":{\"a:1/1\":{\"state\":\"UP\"}}}", true},
        {"{\"brokers\":{\"a:1/1\":{\"state\":\"DOWN\"},\"b:1/2\":{\"state\":\"UP\"}}}", true},
        {"{\"brokers\":{\"a:1/1\":{\"state\":\"DOWN\"},\"b:1/2\":{\"state\":\"CONNECT\"}}}", false},
        {"{\"brokers\":{\"a:1/1\":{\"name\":\"UP\"}}}", false},
        {"{\"brokers\":{\"a:1/1\":{\"state\":null}}}", false},
        {"{\"brokers\":{\"a:1/1\":7}}", false},
        {"{\"brokers\":{}}", false},
        {"{\"brokers\":[]}", false},
        {"{\"topics\":{\"t\":{\"state\":\"UP\"}}}", false},
        {"{\"brokers\":{\"a:1/1\":{\"state\":\"UP\"", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++)
        if (kafka_stats_is_up(ROWS[i].json, strlen(ROWS[i].json)) != ROWS[i].is_up)
            fail_msg("wrong for %s", ROWS[i].json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats__is_up_when_a_broker_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
