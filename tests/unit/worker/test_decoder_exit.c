/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/decoder_exit.h"

static void test_decoder_exit__says_whose_fault_it_was(void **state)
{
    (void)state;
    static const struct {
        struct decoder_exit exit;
        enum err_kind kind;
        const char *part;
    } CASES[] = {
        {{.fork_errno = EAGAIN}, ERR_RETRY, "no decoder could be started"},
        {{.wait_status = SIGXCPU}, ERR_REJECT, "more than 7 s of CPU time"},
        {{.wait_status = SIGSYS}, ERR_REJECT, "forbidden system call"},
        {{.wait_status = SIGKILL}, ERR_RETRY, "was killed"},
        {{.wait_status = SIGSEGV}, ERR_REJECT, "crashed on this audio (signal 11"},
        {{.wait_status = SIGABRT}, ERR_REJECT, "crashed on this audio (signal 6"},
        {{.wait_status = SIGBUS | 0x80}, ERR_REJECT, "crashed"}, /* with a core dump */
        {{.wait_status = 0}, ERR_RETRY, "without a result"},
        {{.wait_status = 1 << 8}, ERR_RETRY, "without a result"},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct err err;
        decoder_exit_describe(&CASES[i].exit, 7, &err);
        assert_int_equal(err.kind, CASES[i].kind);
        assert_string_equal(err.domain, "decoder");
        assert_non_null(strstr(err.message, CASES[i].part));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoder_exit__says_whose_fault_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
