/* SPDX-License-Identifier: Apache-2.0 */

/*
 * glibc's C11 threads in terms of its POSIX threads, for ThreadSanitizer only: gcc 12's knows
 * nothing of the former, which librdkafka uses, and crashes in a thread that it has not seen begin.
 * The executable's definitions win over glibc's.
 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "a mutex has room");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "a condition has room");

struct start {
    thrd_start_t run;
    void *argument;
};

static void *run(void *context)
{
    struct start start = *(struct start *)context;

    free(context);
    (void)start.run(start.argument);
    return NULL;
}

static int outcome(int result)
{
    if (result == 0)
        return thrd_success;
    return result == ETIMEDOUT ? thrd_timedout : thrd_error;
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument)
{
    struct start *start = malloc(sizeof *start);

    *start = (struct start){.run = function, .argument = argument};
    return outcome(pthread_create(thread, NULL, run, start));
}

int thrd_join(thrd_t thread, int *ret_result)
{
    if (ret_result != NULL)
        *ret_result = 0;
    return outcome(pthread_join(thread, NULL));
}

int thrd_detach(thrd_t thread)
{
    return outcome(pthread_detach(thread));
}

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;

    (void)pthread_mutexattr_init(&attributes);
    if ((type & mtx_recursive) != 0)
        (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    int result = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    return outcome(result);
}

int mtx_lock(mtx_t *mutex)
{
    return outcome(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_trylock(mtx_t *mutex)
{
    return pthread_mutex_trylock((pthread_mutex_t *)mutex) == 0 ? thrd_success : thrd_busy;
}

int mtx_unlock(mtx_t *mutex)
{
    return outcome(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

void mtx_destroy(mtx_t *mutex)
{
    (void)pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int cnd_init(cnd_t *condition)
{
    return outcome(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return outcome(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
    return outcome(
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

int cnd_signal(cnd_t *condition)
{
    return outcome(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
    return outcome(pthread_cond_broadcast((pthread_cond_t *)condition));
}

void cnd_destroy(cnd_t *condition)
{
    (void)pthread_cond_destroy((pthread_cond_t *)condition);
}
