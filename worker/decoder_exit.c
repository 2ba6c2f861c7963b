/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/decoder_exit.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static void describe_signal(int number, int32_t cpu_seconds, struct err *ret_err)
{
    switch (number) {
    case SIGXCPU:
        (void)err_set(ret_err, ERR_REJECT, "decoder", number,
                      "decoding took more than %" PRId32 " s of CPU time", cpu_seconds);
        break;
    case SIGSYS:
        (void)err_set(ret_err, ERR_REJECT, "decoder", number,
                      "the decoder made a forbidden system call");
        break;
    case SIGKILL:
        (void)err_set(ret_err, ERR_RETRY, "decoder", number, "the decoder was killed");
        break;
    default:
        (void)err_set(ret_err, ERR_REJECT, "decoder", number,
                      "the decoder crashed on this audio (signal %d, %s)", number,
                      strsignal(number));
    }
}

void decoder_exit_describe(const struct decoder_exit *exit, int32_t cpu_seconds,
                           struct err *ret_err)
{
    if (exit->fork_errno != 0) {
        (void)err_set(ret_err, ERR_RETRY, "decoder", exit->fork_errno,
                      "no decoder could be started: %s", strerror(exit->fork_errno));
    } else if (WIFSIGNALED(exit->wait_status)) {
        describe_signal(WTERMSIG(exit->wait_status), cpu_seconds, ret_err);
    } else {
        (void)err_set(ret_err, ERR_RETRY, "decoder", WEXITSTATUS(exit->wait_status),
                      "the decoder ended without a result");
    }
}
