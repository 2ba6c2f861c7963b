/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A full disk for one process, on machines where nobody may mount a small one: preloaded, it
 * refuses with ENOSPC to reserve space or to write, in the folder CHUNKSCRIBE_FULL_DISK, while that
 * holds a file ".full" with the name of the call ("fallocate" or "write").
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_BYTES 4096

typedef ssize_t write_function(int fd, const void *data, size_t length);
typedef int fallocate_function(int fd, int mode, off_t offset, off_t length);

static bool is_in_folder(int fd, const char *folder)
{
    char link[64];
    char name[NAME_MAX_BYTES];

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < 0)
        return false;
    name[length] = '\0';
    return strncmp(name, folder, strlen(folder)) == 0 && name[strlen(folder)] == '/';
}

static bool is_refused(const char *folder, const char *call)
{
    char name[NAME_MAX_BYTES];
    char refused[16] = "";

    (void)snprintf(name, sizeof name, "%s/.full", folder);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    (void)!read(fd, refused, sizeof refused - 1);
    (void)close(fd);
    return strcmp(refused, call) == 0;
}

static bool is_full(int fd, const char *call)
{
    const char *folder = getenv("CHUNKSCRIBE_FULL_DISK");

    return folder != NULL && is_in_folder(fd, folder) && is_refused(folder, call);
}

static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (function == NULL)
        abort();
    return function;
}

ssize_t write(int fd, const void *data, size_t length)
{
    write_function *real;
    void *found = next("write");

    if (is_full(fd, "write")) {
        errno = ENOSPC;
        return -1;
    }
    memcpy(&real, &found, sizeof real);
    return real(fd, data, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    fallocate_function *real;
    void *found = next("fallocate");

    if (is_full(fd, "fallocate")) {
        errno = ENOSPC;
        return -1;
    }
    memcpy(&real, &found, sizeof real);
    return real(fd, mode, offset, length);
}
