/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The worker's side of decoding. A job ends by the first of: a final frame on its pipe; the pipe's
 * end together with the parent's word how the child ended (they come in any order, so both are
 * waited for); its time limit; the parent's death. Whatever the cause, the parent is told to kill
 * the child unless it has said that it is gone.
 */

#include "worker/decoder_client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/mem.h"
#include "worker/decoder_exit.h"
#include "worker/decoder_link.h"
#include "worker/decoder_protocol.h"
#include "worker/decoder_stream.h"

/* A short chunk's samples fit in: its child need not wait for our turn of the loop. The kernel may
 * grant less. */
#define PIPE_BYTES (256 * 1024)

struct decoder_job {
    LIST_ENTRY(decoder_job) link;
    struct decoder_client *client; /* borrowed */
    uint64_t id;
    struct decoder_limits limits;
    struct decoder_callbacks callbacks;
    void *context; /* borrowed */

    int pipe;               /* owned, as all below */
    struct event *readable; /* of the pipe */
    struct event *deadline;
    struct decoder_stream *stream;
    int64_t time_left_us; /* when it was last paused, or began */
    int64_t running_since_us;

    struct media_report report;
    int64_t pcm_samples;
    bool is_paused;
    bool is_in_callback;
    bool is_over; /* cancelled or done: freed as soon as no callback runs */
    bool pipe_ended;
    bool child_ended; /* how: */
    struct decoder_exit exit;
};

LIST_HEAD(decoder_job_list, decoder_job);

struct decoder_client {
    struct event_base *base;   /* borrowed */
    struct decoder_link *link; /* owned */
    struct decoder_job_list jobs;
    size_t running;
    uint64_t last_job_id;
};

static void on_exit_message(void *context, const struct decoder_exit *message);
static void on_parent_lost(void *context);
static void on_readable(evutil_socket_t pipe, short what, void *context);
static void on_deadline(evutil_socket_t none, short what, void *context);

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- the end of a job ---- */

static void free_job(struct decoder_job *job)
{
    if (job->readable != NULL) {
        event_free(job->readable);
    }
    if (job->deadline != NULL) {
        event_free(job->deadline);
    }
    if (job->pipe >= 0) {
        (void)close(job->pipe);
    }
    decoder_stream_free(job->stream);
    free(job);
}

/* From here on the job calls nobody. */
static void leave(struct decoder_job *job)
{
    if (!job->child_ended) {
        decoder_link_kill_child(job->client->link, job->id);
    }
    (void)event_del(job->readable);
    (void)event_del(job->deadline);
    LIST_REMOVE(job, link);
    job->client->running--;
    job->is_over = true;
}

static void finish(struct decoder_job *job, struct decoder_outcome *outcome)
{
    outcome->report = job->report;
    outcome->pcm_samples = job->pcm_samples;
    leave(job);
    bool was_in_callback = job->is_in_callback;
    job->is_in_callback = true;
    job->callbacks.on_done(job->context, outcome);
    job->is_in_callback = was_in_callback;
    if (!was_in_callback) {
        free_job(job);
    }
}

static void fail(struct decoder_job *job, enum err_kind kind, const char *message)
{
    struct decoder_outcome outcome = {.result = DECODER_FAILED};
    (void)err_set(&outcome.err, kind, "decoder", 0, "%s", message);
    finish(job, &outcome);
}

static void finish_if_ended(struct decoder_job *job)
{
    if (!job->pipe_ended || !job->child_ended) {
        return;
    }
    struct decoder_outcome outcome = {.result = DECODER_FAILED};
    decoder_exit_describe(&job->exit, job->limits.cpu_seconds, &outcome.err);
    finish(job, &outcome);
}

/* ---- a child's frames ---- */

/* True: there may be more to take. */
static bool take_event(struct decoder_job *job, enum decoder_stream_result result,
                       const struct decoder_stream_event *event)
{
    struct decoder_outcome outcome = {0};
    switch (result) {
    case DECODER_STREAM_INCOMPLETE:
        return false;
    case DECODER_STREAM_REPORT:
        job->report = event->report;
        job->callbacks.on_start(job->context, &job->report);
        return true;
    case DECODER_STREAM_PCM:
        job->pcm_samples += (int64_t)event->count;
        job->callbacks.on_pcm(job->context, event->samples, event->count);
        return true;
    case DECODER_STREAM_DONE:
        outcome.result = DECODER_DONE;
        outcome.undecodable_units = event->done.undecodable_units;
        break;
    case DECODER_STREAM_NEED:
        outcome.result = DECODER_NEED;
        outcome.need = event->need;
        break;
    case DECODER_STREAM_ERROR:
    case DECODER_STREAM_INVALID:
        outcome.result = DECODER_FAILED;
        outcome.err = event->err;
        break;
    }
    finish(job, &outcome);
    return false;
}

/* Hands out what has arrived, until the job is paused or over. */
static void take_frames(struct decoder_job *job)
{
    struct decoder_stream_event event;
    bool goes_on = true;
    while (goes_on && !job->is_paused && !job->is_over) {
        enum decoder_stream_result result = decoder_stream_next(job->stream, &event);
        goes_on = take_event(job, result, &event);
    }
}

static void fill_stream(struct decoder_job *job)
{
    size_t space = 0;
    uint8_t *bytes = decoder_stream_space(job->stream, &space);
    ssize_t got = space == 0 ? -1 : read(job->pipe, bytes, space);
    if (got > 0) {
        decoder_stream_filled(job->stream, (size_t)got);
    } else if (got == 0) {
        job->pipe_ended = true;
        (void)event_del(job->readable);
    }
}

/* One read per turn of the loop: other jobs have theirs. */
static void on_readable(evutil_socket_t pipe UNUSED, short what UNUSED, void *context)
{
    struct decoder_job *job = context;
    job->is_in_callback = true;
    take_frames(job); /* what a pause has left */
    if (!job->is_paused && !job->is_over) {
        fill_stream(job);
        take_frames(job);
    }
    if (!job->is_paused && !job->is_over) {
        finish_if_ended(job);
    }
    job->is_in_callback = false;
    if (job->is_over) {
        free_job(job);
    }
}

static void on_deadline(evutil_socket_t none UNUSED, short what UNUSED, void *context)
{
    struct decoder_job *job = context;
    char message[64];
    (void)snprintf(message, sizeof(message), "decoding took more than %" PRId64 " ms",
                   job->limits.wall_ms);
    fail(job, ERR_RETRY, message);
}

/* ---- the parent's messages ---- */

static struct decoder_job *find_job(struct decoder_client *client, uint64_t id)
{
    struct decoder_job *job;
    LIST_FOREACH(job, &client->jobs, link)
    {
        if (job->id == id) {
            return job;
        }
    }
    return NULL;
}

static void on_exit_message(void *context, const struct decoder_exit *message)
{
    struct decoder_job *job = find_job(context, message->job_id);
    if (job == NULL) {
        return; /* it had its result */
    }
    job->child_ended = true;
    job->exit = *message;
    if (!job->is_paused) {
        finish_if_ended(job);
    }
}

static void on_parent_lost(void *context)
{
    struct decoder_client *client = context;
    /* A callback may begin new jobs, with a new parent: they are none of these. */
    struct decoder_job_list lost = client->jobs;
    LIST_INIT(&client->jobs);
    if (!LIST_EMPTY(&lost)) {
        LIST_FIRST(&lost)->link.le_prev = &LIST_FIRST(&lost);
    }
    while (!LIST_EMPTY(&lost)) {
        struct decoder_job *job = LIST_FIRST(&lost);
        job->child_ended = true;
        fail(job, ERR_RETRY, "the decoder process ended");
    }
}

/* ---- life ---- */

struct decoder_client *decoder_client_new(struct event_base *base, const char *executable)
{
    const struct decoder_link_callbacks callbacks = {.on_exit = on_exit_message,
                                                     .on_lost = on_parent_lost};
    struct decoder_client *client = mem_new(sizeof(*client));
    client->base = base;
    client->link = decoder_link_new(base, executable, &callbacks, client);
    LIST_INIT(&client->jobs);
    return client;
}

void decoder_client_free(struct decoder_client *client)
{
    if (client == NULL) {
        return;
    }
    while (!LIST_EMPTY(&client->jobs)) {
        struct decoder_job *job = LIST_FIRST(&client->jobs);
        assert(!job->is_in_callback);
        leave(job);
        free_job(job);
    }
    decoder_link_free(client->link);
    free(client);
}

bool decoder_client_start(struct decoder_client *client, struct err *err)
{
    return decoder_link_start(client->link, err);
}

size_t decoder_client_running(const struct decoder_client *client)
{
    return client->running;
}

static bool send_start(struct decoder_client *client, const struct decoder_request *request,
                       uint64_t job_id, int write_end, struct err *err)
{
    struct decoder_order order = {.kind = DECODER_ORDER_START,
                                  .job_id = job_id,
                                  .total_size = request->total_size,
                                  .range = request->range,
                                  .limits = request->limits,
                                  .extent_count = request->extent_count};
    int fds[DECODER_ORDER_FDS_MAX] = {write_end};
    for (size_t i = 0; i < request->extent_count; i++) {
        assert(request->extents[i].fd >= 0 && request->extents[i].bytes == NULL);
        order.extents[i] = request->extents[i];
        fds[1 + i] = request->extents[i].fd;
    }
    return decoder_link_send(client->link, &order, fds, 1 + request->extent_count, err);
}

/* Starts to read and to count time. */
static void run(struct decoder_job *job)
{
    job->running_since_us = now_us();
    loop_start_timer(job->deadline, (uint64_t)job->time_left_us);
    if (!job->pipe_ended) {
        (void)event_add(job->readable, NULL);
    }
}

static struct decoder_job *new_job(struct decoder_client *client,
                                   const struct decoder_request *request, int take_pipe)
{
    struct decoder_job *job = mem_new(sizeof(*job));
    job->client = client;
    job->id = client->last_job_id;
    job->limits = request->limits;
    job->pipe = take_pipe;
    job->stream = decoder_stream_new(request->total_size, request->limits.max_seconds);
    job->readable = event_new(client->base, take_pipe, EV_READ | EV_PERSIST, on_readable, job);
    job->deadline = event_new(client->base, -1, 0, on_deadline, job);
    job->time_left_us = request->limits.wall_ms * 1000;
    LIST_INSERT_HEAD(&client->jobs, job, link);
    client->running++;
    return job;
}

struct decoder_job *decoder_client_decode(struct decoder_client *client,
                                          const struct decoder_request *request,
                                          const struct decoder_callbacks *callbacks, void *context,
                                          struct err *err)
{
    assert(request->extent_count <= MEDIA_EXTENTS_MAX);
    if (!decoder_client_start(client, err)) {
        return NULL;
    }
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        (void)err_set(err, ERR_RETRY, "decoder", errno, "the decoder's pipe: %s", strerror(errno));
        return NULL;
    }
    bool is_sent = send_start(client, request, ++client->last_job_id, pipes[1], err);
    (void)close(pipes[1]);
    if (!is_sent) {
        (void)close(pipes[0]);
        return NULL;
    }
    (void)evutil_make_socket_nonblocking(pipes[0]);
    (void)fcntl(pipes[0], F_SETPIPE_SZ, PIPE_BYTES);
    struct decoder_job *job = new_job(client, request, pipes[0]);
    job->callbacks = *callbacks;
    job->context = context;
    run(job);
    return job;
}

void decoder_job_pause(struct decoder_job *job)
{
    if (job->is_paused || job->is_over) {
        return;
    }
    job->is_paused = true;
    job->time_left_us -= now_us() - job->running_since_us;
    if (job->time_left_us < 1) {
        job->time_left_us = 1;
    }
    (void)event_del(job->deadline);
    (void)event_del(job->readable);
}

void decoder_job_resume(struct decoder_job *job)
{
    if (!job->is_paused || job->is_over) {
        return;
    }
    job->is_paused = false;
    run(job);
    event_active(job->readable, EV_READ, 0); /* what has been read already comes first */
}

void decoder_job_cancel(struct decoder_job *job)
{
    assert(!job->is_over);
    leave(job);
    if (!job->is_in_callback) {
        free_job(job);
    }
}
