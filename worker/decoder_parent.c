/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The worker starts me before it has threads, so that forking is safe here; I hold no secret, know
 * no network and keep one socket to the worker. Each order becomes a child, each child's end a
 * message. I end when the worker closes its socket or dies, and take my children with me: I ignore
 * the signals that a terminal or a supervisor sends to the whole group, because the worker still
 * needs me while it drains. Children die with me (PR_SET_PDEATHSIG).
 */

#include "worker/decoder_parent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/decoder_child.h"
#include "worker/decoder_protocol.h"

enum { EXIT_START_FAILED = 3 };

struct child {
    LIST_ENTRY(child) link;
    uint64_t job_id;
    pid_t pid;
};

struct parent {
    int signal_fd; /* SIGCHLD */
    LIST_HEAD(, child) children;
};

bool decoder_parent_is_wanted(int argc, char **argv)
{
    return argc == 2 && strcmp(argv[1], DECODER_PARENT_ARGUMENT) == 0;
}

/* False: the worker is gone. */
static bool tell_exit(uint64_t job_id, int fork_errno, int wait_status)
{
    const struct decoder_exit message = {
        .job_id = job_id, .fork_errno = fork_errno, .wait_status = wait_status};
    ssize_t sent;
    do {
        sent = send(DECODER_PARENT_FD, &message, sizeof(message), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof(message);
}

/* In the child. What it must not keep is closed before it looks at any input. */
NO_RETURN static void become_child(const struct parent *parent, pid_t parent_pid,
                                   struct decoder_order *order, const int *fds)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent_pid) {
        _exit(1);
    }
    (void)close(parent->signal_fd);
    (void)close(DECODER_PARENT_FD);
    for (size_t i = 0; i < order->extent_count; i++) {
        order->extents[i].fd = fds[1 + i];
        order->extents[i].bytes = NULL;
    }
    decoder_child_run(order, fds[0]);
}

static bool start_child(struct parent *parent, struct decoder_order *order, const int *fds,
                        size_t fd_count)
{
    if (order->extent_count > MEDIA_EXTENTS_MAX || fd_count != 1 + order->extent_count) {
        return tell_exit(order->job_id, EINVAL, 0);
    }
    pid_t parent_pid = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        become_child(parent, parent_pid, order, fds);
    }
    if (pid < 0) {
        return tell_exit(order->job_id, errno, 0);
    }
    struct child *child = mem_new(sizeof(*child));
    child->job_id = order->job_id;
    child->pid = pid;
    LIST_INSERT_HEAD(&parent->children, child, link);
    return true;
}

/* A job that has ended in the meantime is no longer listed: its pid may be somebody else's. */
static void kill_child(const struct parent *parent, uint64_t job_id)
{
    const struct child *child;
    LIST_FOREACH(child, &parent->children, link)
    {
        if (child->job_id == job_id) {
            (void)kill(child->pid, SIGKILL);
        }
    }
}

static bool take_order(struct parent *parent)
{
    struct decoder_order order;
    int fds[DECODER_ORDER_FDS_MAX];
    size_t fd_count = 0;
    if (!decoder_order_receive(DECODER_PARENT_FD, &order, fds, &fd_count)) {
        return false;
    }
    bool goes_on = true;
    if (order.kind == DECODER_ORDER_KILL) {
        kill_child(parent, order.job_id);
    } else {
        goes_on = start_child(parent, &order, fds, fd_count);
    }
    for (size_t i = 0; i < fd_count; i++) {
        (void)close(fds[i]);
    }
    return goes_on;
}

static struct child *find_child(const struct parent *parent, pid_t pid)
{
    struct child *child;
    LIST_FOREACH(child, &parent->children, link)
    {
        if (child->pid == pid) {
            return child;
        }
    }
    return NULL;
}

static bool reap_children(struct parent *parent)
{
    struct signalfd_siginfo info; /* one signal may stand for many children */
    if (read(parent->signal_fd, &info, sizeof(info)) < 0 && errno != EAGAIN && errno != EINTR) {
        return false;
    }
    int status = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *child = find_child(parent, pid);
        if (child == NULL) {
            continue;
        }
        uint64_t job_id = child->job_id;
        LIST_REMOVE(child, link);
        free(child);
        if (!tell_exit(job_id, 0, status)) {
            return false;
        }
    }
    return true;
}

static void end_children(struct parent *parent)
{
    while (!LIST_EMPTY(&parent->children)) {
        struct child *child = LIST_FIRST(&parent->children);
        LIST_REMOVE(child, link);
        (void)kill(child->pid, SIGKILL);
        (void)waitpid(child->pid, NULL, 0);
        free(child);
    }
}

/* No fd of an order may take the place of a standard stream that the worker was started without:
 * children put their pipe there. */
static void fill_standard_streams(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd < DECODER_PARENT_FD);
}

static bool prepare(struct parent *parent)
{
    const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
        if (signal(ignored[i], SIG_IGN) == SIG_ERR) {
            return false;
        }
    }
    if (signal(SIGCHLD, SIG_DFL) == SIG_ERR) { /* ignored, it would leave nothing to wait for */
        return false;
    }
    fill_standard_streams();
    /* If I was started again while the worker has connections, none of them is mine. */
    if (close_range(DECODER_PARENT_FD + 1, ~0U, 0) != 0) {
        return false;
    }
    sigset_t child_signal;
    (void)sigemptyset(&child_signal);
    (void)sigaddset(&child_signal, SIGCHLD);
    (void)sigprocmask(SIG_SETMASK, &child_signal, NULL);
    parent->signal_fd = signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK);
    return parent->signal_fd >= 0;
}

/* True: something was done, false: the worker is gone. */
static bool serve(struct parent *parent)
{
    struct pollfd fds[] = {{.fd = parent->signal_fd, .events = POLLIN},
                           {.fd = DECODER_PARENT_FD, .events = POLLIN}};
    if (poll(fds, ARRAY_LEN(fds), -1) < 0) {
        return errno == EINTR;
    }
    if (fds[0].revents != 0 && !reap_children(parent)) {
        return false;
    }
    return fds[1].revents == 0 || take_order(parent);
}

int decoder_parent_run(void)
{
    struct parent parent = {.children = LIST_HEAD_INITIALIZER(parent.children)};
    if (!prepare(&parent)) {
        return EXIT_START_FAILED;
    }
    while (serve(&parent)) {
    }
    end_children(&parent);
    (void)close(parent.signal_fd);
    return 0;
}
