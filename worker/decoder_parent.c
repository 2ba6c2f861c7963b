/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The worker starts me before it has threads, so that forking is safe here; I hold no secret, know
 * no network and keep one socket to the worker. Each order is given to a child of its own, each
 * child's end becomes a message. I end when the worker closes its socket or dies, and take my
 * children with me: I ignore the signals that a terminal or a supervisor sends to the whole group,
 * because the worker still needs me while it drains. Children die with me (PR_SET_PDEATHSIG).
 *
 * A fork and what follows it take longer than handing over an order, so one child is made ahead: at
 * the beginning, and whenever a child has ended. Orders that come faster have theirs made at once.
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

/* A child that waits for its order. */
struct spare {
    pid_t pid; /* 0: there is none */
    int socket;
};

struct parent {
    int signal_fd;                           /* SIGCHLD */
    struct media_resample_stock *resamplers; /* owned; each child has its copy */
    struct spare spare;
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

/* In the child. It keeps nothing but its socket, which takes the place of mine: the pipe of another
 * child, which an order may have brought, would never seem to end. */
NO_RETURN static void become_child(const struct parent *parent, pid_t parent_pid, int socket)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent_pid ||
        dup2(socket, DECODER_PARENT_FD) < 0 || close_range(DECODER_PARENT_FD + 1, ~0U, 0) != 0) {
        _exit(1);
    }
    decoder_child_run(DECODER_PARENT_FD, parent->resamplers);
}

/* 0 or an errno. */
static int make_spare(struct parent *parent)
{
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
        return errno;
    }
    pid_t parent_pid = getpid();
    pid_t pid = fork();
    int reason = errno;
    if (pid == 0) {
        become_child(parent, parent_pid, sockets[1]);
    }
    (void)close(sockets[1]);
    if (pid < 0) {
        (void)close(sockets[0]);
        return reason;
    }
    parent->spare = (struct spare){.pid = pid, .socket = sockets[0]};
    return 0;
}

static void forget_spare(struct parent *parent)
{
    (void)close(parent->spare.socket);
    parent->spare.pid = 0;
}

static void end_spare(struct parent *parent)
{
    if (parent->spare.pid == 0) {
        return;
    }
    (void)kill(parent->spare.pid, SIGKILL);
    (void)waitpid(parent->spare.pid, NULL, 0);
    forget_spare(parent);
}

/* 0 or an errno. */
static int hand_over(struct parent *parent, const struct decoder_order *order, const int *fds,
                     size_t fd_count)
{
    struct err err;
    int reason = parent->spare.pid == 0 ? make_spare(parent) : 0;
    if (reason != 0) {
        return reason;
    }
    return decoder_order_send(parent->spare.socket, order, fds, fd_count, &err) ? 0 : err.code;
}

static bool start_child(struct parent *parent, const struct decoder_order *order, const int *fds,
                        size_t fd_count)
{
    if (order->extent_count > MEDIA_EXTENTS_MAX || fd_count != 1 + order->extent_count) {
        return tell_exit(order->job_id, EINVAL, 0);
    }
    int reason = hand_over(parent, order, fds, fd_count);
    if (reason != 0) { /* the spare may have died while it waited */
        end_spare(parent);
        reason = hand_over(parent, order, fds, fd_count);
    }
    if (reason != 0) {
        return tell_exit(order->job_id, reason, 0);
    }
    struct child *child = mem_new(sizeof(*child));
    child->job_id = order->job_id;
    child->pid = parent->spare.pid;
    LIST_INSERT_HEAD(&parent->children, child, link);
    forget_spare(parent);
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

/* If it fails, the next order tries once more and tells. */
static void prepare_next(struct parent *parent)
{
    if (parent->spare.pid == 0) {
        (void)make_spare(parent);
    }
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
        if (pid == parent->spare.pid) {
            forget_spare(parent);
        }
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
        prepare_next(parent);
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
    end_spare(parent);
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
    parent.resamplers = media_resample_stock_new(MEDIA_PCM_RATE);
    prepare_next(&parent);
    while (serve(&parent)) {
    }
    end_children(&parent);
    media_resample_stock_free(parent.resamplers);
    (void)close(parent.signal_fd);
    return 0;
}
