/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/decoder_link.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/decoder_parent.h"

#define THIS_PROGRAM "/proc/self/exe"

struct decoder_link {
    struct event_base *base; /* borrowed */
    struct decoder_link_callbacks callbacks;
    void *context;         /* borrowed */
    char *executable;      /* owned */
    pid_t process;         /* 0: none */
    int socket;            /* owned; -1: none */
    struct event *message; /* owned; of the socket */
};

static void on_message(evutil_socket_t socket, short what, void *context);

struct decoder_link *decoder_link_new(struct event_base *base, const char *executable,
                                      const struct decoder_link_callbacks *callbacks, void *context)
{
    struct decoder_link *link = mem_new(sizeof(*link));
    link->base = base;
    link->callbacks = *callbacks;
    link->context = context;
    link->executable = mem_copy_string(executable == NULL ? THIS_PROGRAM : executable);
    link->socket = -1;
    return link;
}

static void end_process(struct decoder_link *link)
{
    if (link->process == 0) {
        return;
    }
    event_free(link->message);
    link->message = NULL;
    (void)close(link->socket);
    link->socket = -1;
    (void)kill(link->process, SIGKILL);
    (void)waitpid(link->process, NULL, 0);
    link->process = 0;
}

void decoder_link_free(struct decoder_link *link)
{
    if (link == NULL) {
        return;
    }
    end_process(link);
    free(link->executable);
    free(link);
}

static bool spawn(struct decoder_link *link, int child_socket, struct err *err)
{
    char argument[] = DECODER_PARENT_ARGUMENT;
    char *const arguments[] = {link->executable, argument, NULL};
    char *const environment[] = {NULL}; /* ours may hold secrets */
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, child_socket, DECODER_PARENT_FD);
    int result =
        posix_spawn(&link->process, link->executable, &actions, NULL, arguments, environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (result != 0) {
        link->process = 0;
        return err_set(err, ERR_RETRY, "decoder", result, "starting the decoder process: %s",
                       strerror(result));
    }
    return true;
}

bool decoder_link_start(struct decoder_link *link, struct err *err)
{
    if (link->process != 0) {
        return true;
    }
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
        return err_set(err, ERR_RETRY, "decoder", errno, "the decoder's socket: %s",
                       strerror(errno));
    }
    bool is_spawned = spawn(link, sockets[1], err);
    (void)close(sockets[1]);
    if (!is_spawned) {
        (void)close(sockets[0]);
        return false;
    }
    link->socket = sockets[0];
    (void)evutil_make_socket_nonblocking(link->socket);
    link->message = event_new(link->base, link->socket, EV_READ | EV_PERSIST, on_message, link);
    (void)event_add(link->message, NULL);
    return true;
}

bool decoder_link_send(struct decoder_link *link, const struct decoder_order *order, const int *fds,
                       size_t fd_count, struct err *err)
{
    return decoder_order_send(link->socket, order, fds, fd_count, err);
}

void decoder_link_kill_child(struct decoder_link *link, uint64_t job_id)
{
    const struct decoder_order order = {.kind = DECODER_ORDER_KILL, .job_id = job_id};
    struct err err;
    if (link->process != 0 && !decoder_order_send(link->socket, &order, NULL, 0, &err)) {
        (void)kill(link->process, SIGKILL); /* its end is noticed as any other */
    }
}

static void on_message(evutil_socket_t socket, short what UNUSED, void *context)
{
    struct decoder_link *link = context;
    struct decoder_exit message;
    ssize_t got = recv(socket, &message, sizeof(message), 0);
    if (got == (ssize_t)sizeof(message)) {
        link->callbacks.on_exit(link->context, &message);
    } else if (got >= 0 || (errno != EAGAIN && errno != EINTR)) {
        end_process(link);
        link->callbacks.on_lost(link->context);
    }
}
