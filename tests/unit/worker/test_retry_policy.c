/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "worker/retry_policy.h"
#include "worker/speech_hold.h"

#define SECOND UINT64_C(1000000)

static const struct {
    struct retry_facts facts;
    enum retry_verdict verdict;
    enum retry_health health;
    const char *type;
} ROWS[] = {
    {{.status = 200, .was_sent = true}, RETRY_USE, RETRY_HEALTHY, ""},
    {{.status = 200, .was_sent = true, .is_unreadable = true},
     RETRY_FAIL,
     RETRY_SUSPECT,
     "speech_bad_reply"},
    {{.status = 201, .was_sent = true}, RETRY_USE, RETRY_HEALTHY, ""},
    {{.status = 302, .was_sent = true}, RETRY_HOLD, RETRY_UNHEALTHY, "speech_misconfigured"},
    {{.status = 400, .was_sent = true}, RETRY_PERMANENT, RETRY_UNKNOWN, "speech_rejected"},
    {{.status = 401, .was_sent = true}, RETRY_HOLD, RETRY_UNHEALTHY, "speech_unauthorized"},
    {{.status = 402, .was_sent = true}, RETRY_HOLD, RETRY_UNHEALTHY, "speech_unauthorized"},
    {{.status = 403, .was_sent = true}, RETRY_HOLD, RETRY_UNHEALTHY, "speech_unauthorized"},
    {{.status = 404, .was_sent = true}, RETRY_HOLD, RETRY_UNHEALTHY, "speech_misconfigured"},
    {{.status = 405, .was_sent = true}, RETRY_HOLD, RETRY_UNHEALTHY, "speech_misconfigured"},
    {{.status = 408, .was_sent = true}, RETRY_FAIL, RETRY_UNKNOWN, "speech_unavailable"},
    {{.status = 413, .was_sent = true}, RETRY_PERMANENT, RETRY_UNKNOWN, "speech_rejected"},
    {{.status = 415, .was_sent = true}, RETRY_PERMANENT, RETRY_UNKNOWN, "speech_rejected"},
    {{.status = 418, .was_sent = true}, RETRY_PERMANENT, RETRY_UNKNOWN, "speech_rejected"},
    {{.status = 422, .was_sent = true}, RETRY_PERMANENT, RETRY_UNKNOWN, "speech_rejected"},
    {{.status = 425, .was_sent = true}, RETRY_FAIL, RETRY_UNKNOWN, "speech_unavailable"},
    {{.status = 429, .was_sent = true}, RETRY_HOLD, RETRY_LIMITED, "speech_limited"},
    {{.status = 500, .was_sent = true}, RETRY_FAIL, RETRY_SUSPECT, "speech_unavailable"},
    {{.status = 503, .was_sent = true}, RETRY_FAIL, RETRY_SUSPECT, "speech_unavailable"},
    {{.status = 529, .was_sent = true}, RETRY_FAIL, RETRY_SUSPECT, "speech_unavailable"},
    {{.status = 500, .was_sent = true, .is_in_outage = true},
     RETRY_HOLD,
     RETRY_UNHEALTHY,
     "speech_unavailable"},
    {{.status = 400, .was_sent = true, .is_in_outage = true},
     RETRY_PERMANENT,
     RETRY_UNKNOWN,
     "speech_rejected"},
    {{.was_sent = false}, RETRY_RESEND, RETRY_UNKNOWN, "speech_unreachable"},
    {{.was_sent = false, .was_resent = true}, RETRY_HOLD, RETRY_UNHEALTHY, "speech_unreachable"},
    {{.was_sent = false, .is_in_outage = true}, RETRY_HOLD, RETRY_UNHEALTHY, "speech_unreachable"},
    {{.was_sent = true}, RETRY_FAIL, RETRY_SUSPECT, "speech_unavailable"},
    {{.was_sent = true, .is_in_outage = true}, RETRY_HOLD, RETRY_UNHEALTHY, "speech_unavailable"},
};

static void test_retry_policy__row_by_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct retry_decision decision = retry_policy_decide(&ROWS[i].facts);
        assert_int_equal(decision.verdict, ROWS[i].verdict);
        assert_int_equal(decision.health, ROWS[i].health);
        assert_string_equal(decision.type, ROWS[i].type);
    }
}

static void test_retry_policy__decides_every_status(void **state)
{
    (void)state;
    for (long status = 100; status < 600; status++) {
        const struct retry_facts facts = {.status = status, .was_sent = true};
        struct retry_decision decision = retry_policy_decide(&facts);
        assert_int_equal(decision.verdict == RETRY_USE, status / 100 == 2);
        assert_int_not_equal(decision.verdict, RETRY_RESEND);
    }
}

static struct retry_decision decision_of(long status)
{
    return retry_policy_decide(&(struct retry_facts){.status = status, .was_sent = true});
}

static void test_speech_hold__waits_for_retry_after(void **state)
{
    (void)state;
    struct speech_hold hold;

    speech_hold_init(&hold);
    assert_int_equal(speech_hold_allowed(&hold, 0, 16), 16);
    speech_hold_note(&hold, decision_of(429), 7 * (int64_t)SECOND, SECOND, 0);
    assert_true(speech_hold_is_held(&hold, 8 * SECOND - 1));
    assert_int_equal(speech_hold_allowed(&hold, 8 * SECOND - 1, 16), 0);
    assert_int_equal(speech_hold_allowed(&hold, 8 * SECOND, 16), 1);
    assert_string_equal(hold.reason, "speech_limited");
    assert_false(hold.is_outage);
    speech_hold_note(&hold, decision_of(200), -1, 8 * SECOND, 0);
    assert_int_equal(speech_hold_allowed(&hold, 8 * SECOND, 16), 16);
}

/* What was sent before the wait and succeeds during it does not end it. */
static void test_speech_hold__a_late_success_ends_no_wait(void **state)
{
    (void)state;
    struct speech_hold hold;

    speech_hold_init(&hold);
    speech_hold_note(&hold, decision_of(429), 10 * (int64_t)SECOND, 0, 0);
    speech_hold_note(&hold, decision_of(200), -1, SECOND, 0);
    assert_true(speech_hold_is_held(&hold, 10 * SECOND - 1));
}

static void test_speech_hold__the_longest_retry_after_counts(void **state)
{
    (void)state;
    struct speech_hold hold;

    speech_hold_init(&hold);
    speech_hold_note(&hold, decision_of(429), 10 * (int64_t)SECOND, 0, 0);
    speech_hold_note(&hold, decision_of(429), 2 * (int64_t)SECOND, 0, 0);
    speech_hold_note(&hold, decision_of(429), -1, 0, UINT64_MAX);
    assert_int_equal(hold.until_us, 10 * SECOND);
    assert_int_equal(hold.rounds, 1);
}

static void test_speech_hold__waits_grow_up_to_a_minute(void **state)
{
    (void)state;
    struct speech_hold hold;
    uint64_t now_us = 0;
    uint64_t longest_us = 0;

    speech_hold_init(&hold);
    for (uint64_t round = 0; round < 40; round++) {
        uint64_t random = round * UINT64_C(0x9E3779B97F4A7C15);
        speech_hold_note(&hold, decision_of(401), -1, now_us, random);
        assert_in_range(hold.until_us, now_us + SECOND / 2, now_us + 61 * SECOND);
        longest_us = hold.until_us - now_us > longest_us ? hold.until_us - now_us : longest_us;
        now_us = hold.until_us;
        assert_int_equal(speech_hold_allowed(&hold, now_us, 16), 1);
    }
    assert_true(longest_us > 40 * SECOND);
    assert_true(hold.is_outage);
}

static void test_speech_hold__several_failures_in_a_row_are_an_outage(void **state)
{
    (void)state;
    struct speech_hold hold;

    speech_hold_init(&hold);
    for (int i = 1; i < SPEECH_HOLD_SUSPECTS; i++)
        speech_hold_note(&hold, decision_of(500), -1, 0, 0);
    assert_false(speech_hold_is_held(&hold, 0));
    speech_hold_note(&hold, decision_of(200), -1, 0, 0);
    for (int i = 1; i < SPEECH_HOLD_SUSPECTS; i++)
        speech_hold_note(&hold, decision_of(500), -1, 0, 0);
    assert_false(speech_hold_is_held(&hold, 0));
    speech_hold_note(&hold, decision_of(500), -1, 0, 0);
    assert_true(speech_hold_is_held(&hold, 0));
}

/* One bad recording is nobody else's matter. */
static void test_speech_hold__a_rejected_recording_holds_nobody(void **state)
{
    (void)state;
    struct speech_hold hold;

    speech_hold_init(&hold);
    for (int i = 0; i < 50; i++)
        speech_hold_note(&hold, decision_of(400), -1, 0, 0);
    assert_int_equal(speech_hold_allowed(&hold, 0, 16), 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_policy__row_by_row),
        cmocka_unit_test(test_retry_policy__decides_every_status),
        cmocka_unit_test(test_speech_hold__waits_for_retry_after),
        cmocka_unit_test(test_speech_hold__a_late_success_ends_no_wait),
        cmocka_unit_test(test_speech_hold__the_longest_retry_after_counts),
        cmocka_unit_test(test_speech_hold__waits_grow_up_to_a_minute),
        cmocka_unit_test(test_speech_hold__several_failures_in_a_row_are_an_outage),
        cmocka_unit_test(test_speech_hold__a_rejected_recording_holds_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
