/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/progress_view.h"

static const struct {
    const char *data;
    int64_t rank;
} RANKS[] = {
    {"{\"uploaded_chunks\":3,\"completed_chunks\":2,\"failed_chunks\":1}", 6},
    {"{\"failed_chunks\" : 0, \"uploaded_chunks\" : 10000, \"completed_chunks\" : 999}", 10999},
    {"{\"uploaded_chunks\":3}", 3},
    {"{\"uploaded_chunks\":", 0},
    {"{}", 0},
    {"", 0},
};

static void test_progress_view__rank_is_the_steps_done(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(RANKS); i++)
        assert_int_equal(progress_view_rank(RANKS[i].data, strlen(RANKS[i].data)), RANKS[i].rank);
}

static void test_progress_view__reads_nothing_behind_the_data(void **state)
{
    (void)state;
    static const char DATA[] = "{\"uploaded_chunks\":12";

    assert_int_equal(progress_view_rank(DATA, sizeof DATA - 2), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress_view__rank_is_the_steps_done),
        cmocka_unit_test(test_progress_view__reads_nothing_behind_the_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
