/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Limits, then no_new_privs, then a seccomp allow-list.
 *
 * Anything that is not on the list kills the process instead of failing with EPERM: decoding needs
 * none of it, so an attempt is either an exploit at work, which must get no second try, or a bug of
 * ours, which must not hide as an odd decoding. The parent sees SIGSYS and the job fails with a
 * clear error.
 */

#include "worker/decoder_sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

/* The last is what AddressSanitizer does before a process ends. */
static const int ALLOWED[] = {
    SCMP_SYS(pread64),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(brk),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(getrandom),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(sigaltstack),
};

static bool limit(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit value = {.rlim_cur = soft, .rlim_max = hard};
    return setrlimit((__rlimit_resource_t)resource, &value) == 0;
}

static bool set_limits(int64_t memory_bytes, int32_t cpu_seconds)
{
    /* Sanitizers reserve terabytes of address space. */
    rlim_t memory = IS_SANITIZED ? RLIM_INFINITY : (rlim_t)memory_bytes;
    rlim_t cpu = (rlim_t)cpu_seconds;
    return limit(RLIMIT_AS, memory, memory) && limit(RLIMIT_CPU, cpu, cpu + 1) &&
           limit(RLIMIT_FSIZE, 0, 0) && limit(RLIMIT_NOFILE, 0, 0) && limit(RLIMIT_NPROC, 0, 0) &&
           limit(RLIMIT_CORE, 0, 0);
}

/* The calls that are allowed with some arguments only. 0 or a negative errno, as libseccomp. */
static int add_conditional_rules(scmp_filter_ctx filter)
{
    /* The third argument of mmap and mprotect, the first of writev. */
    const struct scmp_arg_cmp not_executable = {
        .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0};
    const struct scmp_arg_cmp is_pipe = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = DECODER_PIPE_FD};
    const struct scmp_arg_cmp is_not_pipe = {
        .arg = 0, .op = SCMP_CMP_NE, .datum_a = DECODER_PIPE_FD};
    const struct scmp_arg_cmp is_this_process = {
        .arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)getpid()};
    const struct scmp_arg_cmp is_abort = {.arg = 2, .op = SCMP_CMP_EQ, .datum_a = SIGABRT};
    int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_executable);
    if (result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_executable);
    }
    if (result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(writev), 1, is_pipe);
    }
    /* A failed assertion's message gets no further, its abort() must. */
    if (result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EBADF), SCMP_SYS(writev), 1, is_not_pipe);
    }
    if (result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EBADF), SCMP_SYS(write), 0);
    }
    if (result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2, is_this_process,
                                  is_abort);
    }
    return result;
}

static int add_rules(scmp_filter_ctx filter)
{
    int result = 0;
    for (size_t i = 0; i < ARRAY_LEN(ALLOWED) && result == 0; i++) {
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, ALLOWED[i], 0);
    }
    return result == 0 ? add_conditional_rules(filter) : result;
}

static bool filter_err(struct err *err, int result)
{
    return err_set(err, ERR_RETRY, "decoder", -result, "the system call filter: %s",
                   strerror(-result));
}

bool decoder_sandbox_prepare(struct decoder_sandbox *ret_sandbox, struct err *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int result = filter == NULL ? -ENOMEM : add_rules(filter);
    if (result != 0) {
        seccomp_release(filter);
        return filter_err(err, result);
    }
    ret_sandbox->filter = filter;
    return true;
}

static bool confine(scmp_filter_ctx filter, int64_t memory_bytes, int32_t cpu_seconds,
                    struct err *err)
{
    if (!set_limits(memory_bytes, cpu_seconds)) {
        return err_set_errno(err, errno, "the decoder's limits");
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return err_set_errno(err, errno, "no_new_privs");
    }
    int result = seccomp_load(filter);
    return result == 0 || filter_err(err, result);
}

bool decoder_sandbox_enter(struct decoder_sandbox *take_sandbox, int64_t memory_bytes,
                           int32_t cpu_seconds, struct err *err)
{
    bool is_confined = confine(take_sandbox->filter, memory_bytes, cpu_seconds, err);
    seccomp_release(take_sandbox->filter);
    return is_confined;
}
