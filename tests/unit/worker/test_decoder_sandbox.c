/* SPDX-License-Identifier: Apache-2.0 */

/* What a process in the sandbox can still do: each case is tried in a process of its own. */

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/worker/media_fixture.h"
#include "worker/decoder_sandbox.h"

#define MEMORY_BYTES (INT64_C(256) << 20)

static char pipe_bytes[] = "x";

static bool write_to(int fd)
{
    const struct iovec part = {.iov_base = pipe_bytes, .iov_len = 1};
    return writev(fd, &part, 1) == 1;
}

/* Each returns whether it had its way; most are not meant to return. */
static bool do_open(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool do_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool do_fork(void)
{
    return fork() >= 0;
}

static bool do_exec(void)
{
    return execl("/bin/true", "true", (char *)NULL) == 0;
}

static bool do_kill_other(void)
{
    return kill(getppid(), SIGKILL) == 0;
}

static bool do_map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED;
}

static bool do_trace_others(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

static bool do_write_elsewhere(void)
{
    return write_to(2) || write(DECODER_PIPE_FD, pipe_bytes, 1) == 1;
}

static bool do_write_to_pipe(void)
{
    return write_to(DECODER_PIPE_FD);
}

static bool do_allocate(void)
{
    void *some = malloc(1 << 20);
    bool is_there = some != NULL;
    free(some);
    return is_there;
}

static bool do_allocate_too_much(void)
{
    return mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

static bool do_spin(void)
{
    struct timespec now;
    do {
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec >= 0);
    return true;
}

static bool do_abort(void)
{
    abort();
}

enum { HAD_ITS_WAY = 10, WAS_REFUSED = 11, NO_SANDBOX = 12 };

static int try_in_sandbox(bool (*act)(void))
{
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct decoder_sandbox sandbox;
        struct err err;
        (void)dup2(pipes[1], DECODER_PIPE_FD);
        if (!decoder_sandbox_prepare(&sandbox, &err) ||
            !decoder_sandbox_enter(&sandbox, MEMORY_BYTES, 1, &err)) {
            _exit(NO_SANDBOX);
        }
        _exit(act() ? HAD_ITS_WAY : WAS_REFUSED);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    return status;
}

static void test_decoder_sandbox__kills_at_forbidden_calls(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool (*act)(void);
    } CASES[] = {
        {"open", do_open},          {"socket", do_socket},   {"fork", do_fork},
        {"exec", do_exec},          {"kill", do_kill_other}, {"executable memory", do_map_code},
        {"prctl", do_trace_others},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        int status = try_in_sandbox(CASES[i].act);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS) {
            fail_msg("%s: status 0x%x", CASES[i].name, (unsigned)status);
        }
    }
}

static void test_decoder_sandbox__lets_decoding_happen(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(try_in_sandbox(do_write_to_pipe)), HAD_ITS_WAY);
    assert_int_equal(WEXITSTATUS(try_in_sandbox(do_allocate)), HAD_ITS_WAY);
    assert_int_equal(WEXITSTATUS(try_in_sandbox(do_write_elsewhere)), WAS_REFUSED);
}

static void test_decoder_sandbox__limits_cpu_and_memory(void **state)
{
    (void)state;
    int status = try_in_sandbox(do_spin);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGXCPU);
#ifndef __SANITIZE_ADDRESS__ /* which needs all address space */
    assert_int_equal(WEXITSTATUS(try_in_sandbox(do_allocate_too_much)), WAS_REFUSED);
#else
    (void)do_allocate_too_much;
#endif
}

/* So that a failed assertion is told apart from a forbidden call. */
static void test_decoder_sandbox__lets_abort_be_seen(void **state)
{
    (void)state;
    int status = try_in_sandbox(do_abort);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoder_sandbox__kills_at_forbidden_calls),
        cmocka_unit_test(test_decoder_sandbox__lets_decoding_happen),
        cmocka_unit_test(test_decoder_sandbox__limits_cpu_and_memory),
        cmocka_unit_test(test_decoder_sandbox__lets_abort_be_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
