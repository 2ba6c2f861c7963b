/* SPDX-License-Identifier: Apache-2.0 */
#include "common/pool.h"

/*
 * Jobs wait in `submitted`, are worked by the first free thread and go to `finished`, from where
 * the loop, woken by an eventfd, calls their done(). The pool wakes the loop by a descriptor of its
 * own and not by loop_post(), so that nothing of it is left on the loop once it is freed.
 */

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/mem.h"

struct pool_job {
    void (*work)(void *context);
    void (*done)(void *context);
    void *context;
    STAILQ_ENTRY(pool_job) entry;
};
STAILQ_HEAD(pool_job_list, pool_job);

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t changed;         /* a job was submitted, or closing began */
    struct pool_job_list submitted; /* owned; under lock */
    struct pool_job_list finished;  /* owned; under lock */
    bool closing;                   /* under lock */
    int finished_fd;                /* owned; an eventfd */
    struct event *on_finished;      /* owned */
    pthread_t *threads;             /* owned */
    unsigned thread_count;
};

/* The next job, or NULL once the pool is closing and nothing is left. */
static struct pool_job *wait_for_job(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (STAILQ_EMPTY(&pool->submitted) && !pool->closing)
        pthread_cond_wait(&pool->changed, &pool->lock);
    struct pool_job *job = STAILQ_FIRST(&pool->submitted);
    if (job != NULL)
        STAILQ_REMOVE_HEAD(&pool->submitted, entry);
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void finish_job(struct pool *pool, struct pool_job *job)
{
    uint64_t one = 1;

    pthread_mutex_lock(&pool->lock);
    STAILQ_INSERT_TAIL(&pool->finished, job, entry);
    pthread_mutex_unlock(&pool->lock);
    ssize_t length = write(pool->finished_fd, &one, sizeof one);
    assert(length == (ssize_t)sizeof one);
    (void)length;
}

/* Runs off the loop. */
static void *thread_main(void *context)
{
    struct pool *pool = context;
    struct pool_job *job;

    while ((job = wait_for_job(pool)) != NULL) {
        job->work(job->context);
        finish_job(pool, job);
    }
    return NULL;
}

/* done() may submit again, which takes the lock. */
static void call_done(struct pool *pool)
{
    struct pool_job_list taken = STAILQ_HEAD_INITIALIZER(taken);

    pthread_mutex_lock(&pool->lock);
    STAILQ_CONCAT(&taken, &pool->finished);
    pthread_mutex_unlock(&pool->lock);
    while (!STAILQ_EMPTY(&taken)) {
        struct pool_job *job = STAILQ_FIRST(&taken);
        STAILQ_REMOVE_HEAD(&taken, entry);
        job->done(job->context);
        free(job);
    }
}

static void on_finished(evutil_socket_t fd, short what UNUSED, void *context)
{
    uint64_t count;

    /* Emptied before the list is taken: what finishes later makes it readable again. */
    ssize_t length = read(fd, &count, sizeof count);
    assert(length == (ssize_t)sizeof count || errno == EAGAIN);
    (void)length;
    call_done(context);
}

static void start_thread(struct pool *pool)
{
    sigset_t all, before;

    /* Signals are for the loop's thread: work must not see its calls interrupted. */
    (void)sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&pool->threads[pool->thread_count], NULL, thread_main, pool) != 0)
        abort(); /* no threads at the very start: nothing could run */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pool->thread_count++;
}

struct pool *pool_new(struct loop *loop, unsigned thread_count)
{
    struct pool *pool = mem_new(sizeof *pool);

    assert(thread_count > 0);
    STAILQ_INIT(&pool->submitted);
    STAILQ_INIT(&pool->finished);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    pool->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pool->on_finished =
        event_new(loop_base(loop), pool->finished_fd, EV_READ | EV_PERSIST, on_finished, pool);
    if (pool->finished_fd < 0 || pool->on_finished == NULL)
        abort(); /* no descriptors at the very start: nothing could run */
    event_add(pool->on_finished, NULL);
    pool->threads = mem_array(thread_count, sizeof *pool->threads);
    while (pool->thread_count < thread_count)
        start_thread(pool);
    return pool;
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    call_done(pool);
    assert(STAILQ_EMPTY(&pool->submitted) && STAILQ_EMPTY(&pool->finished));
    event_free(pool->on_finished);
    close(pool->finished_fd);
    free(pool->threads);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void pool_submit(struct pool *pool, void (*work)(void *context), void (*done)(void *context),
                 void *context)
{
    struct pool_job *job = mem_new(sizeof *job);

    job->work = work;
    job->done = done;
    job->context = context;
    pthread_mutex_lock(&pool->lock);
    assert(!pool->closing);
    STAILQ_INSERT_TAIL(&pool->submitted, job, entry);
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}
