/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/upload_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fault_point.h"
#include "common/mem.h"
#include "gateway/upload_put.h"

#define FOLDER_MODE 0750
#define BLOB_MODE 0640

/* A blob's folder and those above it that an upload may just have made: <store>/uploads/<job>. */
#define FOLDERS_TO_SYNC 3

#define COMPARE_BYTES ((size_t)64 * 1024)

static bool make_folders(const char *path, struct err *err)
{
    CLEANUP(mem_free_at) char *copy = mem_copy_string(path);
    for (char *at = strchr(copy + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(copy, FOLDER_MODE) != 0 && errno != EEXIST)
            return err_set_errno(err, errno, "mkdir");
        *at = '/';
    }
    return true;
}

static char *temporary_name(const char *path)
{
    uint64_t random = 0;
    const char *name = strrchr(path, '/') + 1;
    (void)!getrandom(&random, sizeof random, 0); /* a clash is met by O_EXCL */
    return mem_format("%.*s.%s.%016llx" UPLOAD_PUT_TEMPORARY_SUFFIX, (int)(name - path), path, name,
                      (unsigned long long)random);
}

static int create(const char *path)
{
    return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, BLOB_MODE);
}

static enum upload_opening open_new(struct upload_file *file, uint64_t size_bytes, struct err *err)
{
    file->temporary = temporary_name(file->path);
    file->fd = create(file->temporary);
    if (file->fd < 0 && errno == ENOENT) {
        if (!make_folders(file->path, err)) {
            upload_file_discard(file);
            return UPLOAD_OPENING_FAILED;
        }
        file->fd = create(file->temporary);
    }
    /* Reserving the space now refuses an upload that cannot fit before it is sent. Not every file
     * system can. */
    if (file->fd < 0 || (fallocate(file->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size_bytes) != 0 &&
                         (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))) {
        (void)err_set_errno(err, errno, "making a temporary file");
        upload_file_discard(file);
        return UPLOAD_OPENING_FAILED;
    }
    return UPLOAD_OPENING_NEW;
}

enum upload_opening upload_file_open(const char *path, uint64_t size_bytes,
                                     struct upload_file *ret_file, struct err *err)
{
    struct stat facts;
    *ret_file = (struct upload_file){.path = mem_copy_string(path)};
    ret_file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (ret_file->fd < 0 && errno == ENOENT)
        return open_new(ret_file, size_bytes, err);
    enum upload_opening opening = UPLOAD_OPENING_STORED;
    if (ret_file->fd < 0 || fstat(ret_file->fd, &facts) != 0) {
        (void)err_set_errno(err, errno, "opening a stored blob");
        opening = UPLOAD_OPENING_FAILED;
    } else if (!S_ISREG(facts.st_mode) || (uint64_t)facts.st_size != size_bytes) {
        opening = UPLOAD_OPENING_OTHER;
    }
    if (opening != UPLOAD_OPENING_STORED)
        upload_file_discard(ret_file);
    return opening;
}

bool upload_file_append(struct upload_file *file, const void *data, size_t length, struct err *err)
{
    const char *at = data;
    if (fault_point(FAULT_BLOB_WRITE, NULL))
        return err_set_errno(err, ENOSPC, "writing a blob");
    while (length > 0) {
        ssize_t written = write(file->fd, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_set_errno(err, errno, "writing a blob");
        at += written;
        length -= (size_t)written;
    }
    return true;
}

/* False at an error or the end, too. */
static bool read_at(int fd, uint64_t offset, void *data, size_t length)
{
    for (size_t used = 0; used < length;) {
        ssize_t part = pread(fd, (char *)data + used, length - used, (off_t)(offset + used));
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0)
            return false;
        used += (size_t)part;
    }
    return true;
}

bool upload_file_is_same(const struct upload_file *file, uint64_t offset, const void *data,
                         size_t length, void *scratch)
{
    return read_at(file->fd, offset, scratch, length) && memcmp(scratch, data, length) == 0;
}

/* --- ending --- */

static void end(struct upload_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd); /* what matters was synced */
    free(file->path);
    free(file->temporary);
    *file = (struct upload_file){.fd = -1};
}

void upload_file_discard(struct upload_file *file)
{
    if (file->temporary != NULL && file->fd >= 0)
        (void)unlink(file->temporary); /* the reaper takes what stays */
    end(file);
}

static bool sync_folder(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    int reason = errno;
    if (fd >= 0)
        (void)close(fd);
    return is_synced || err_set_errno(err, reason, "syncing a folder");
}

/* Another upload may have made the folders above and not have synced them yet, so each does. */
static bool sync_folders(const char *path, struct err *err)
{
    CLEANUP(mem_free_at) char *folder = mem_copy_string(path);
    if (fault_point(FAULT_FOLDER_SYNC, NULL))
        return err_set_errno(err, EIO, "syncing a folder");
    for (unsigned i = 0; i < FOLDERS_TO_SYNC; i++) {
        char *slash = strrchr(folder, '/');
        if (slash == NULL || slash == folder)
            break;
        *slash = '\0';
        if (!sync_folder(folder, err))
            return false;
    }
    return true;
}

static bool have_same_bytes(int left, int right, uint64_t size, char *scratch)
{
    for (uint64_t offset = 0; offset < size; offset += COMPARE_BYTES) {
        size_t part = size - offset < COMPARE_BYTES ? (size_t)(size - offset) : COMPARE_BYTES;
        if (!read_at(left, offset, scratch, part) ||
            !read_at(right, offset, scratch + COMPARE_BYTES, part) ||
            memcmp(scratch, scratch + COMPARE_BYTES, part) != 0)
            return false;
    }
    return true;
}

/* Somebody else stored the blob first: is it the same? */
static enum upload_commit compare_with_stored(const struct upload_file *file)
{
    struct stat own, stored;
    CLEANUP(mem_free_at) char *scratch = mem_array(COMPARE_BYTES, 2);
    int left = open(file->temporary, O_RDONLY | O_CLOEXEC);
    int right = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool is_same = left >= 0 && right >= 0 && fstat(left, &own) == 0 &&
                   fstat(right, &stored) == 0 && own.st_size == stored.st_size &&
                   have_same_bytes(left, right, (uint64_t)own.st_size, scratch);
    if (left >= 0)
        (void)close(left);
    if (right >= 0)
        (void)close(right);
    return is_same ? UPLOAD_COMMIT_SAME : UPLOAD_COMMIT_CONFLICT;
}

/* link() never takes the place of an existing file, unlike rename(): a blob is written once. */
static enum upload_commit publish(const struct upload_file *file, struct err *err)
{
    if (fault_point(FAULT_BLOB_LINK, NULL))
        errno = EIO;
    else if (link(file->temporary, file->path) == 0)
        return UPLOAD_COMMIT_STORED;
    if (errno == EEXIST)
        return compare_with_stored(file);
    (void)err_set_errno(err, errno, "linking a blob");
    return UPLOAD_COMMIT_FAILED;
}

enum upload_commit upload_file_commit(struct upload_file *file, struct err *err)
{
    enum upload_commit commit = UPLOAD_COMMIT_FAILED;
    if (fault_point(FAULT_BLOB_SYNC, NULL))
        (void)err_set_errno(err, EIO, "syncing a blob");
    else if (fsync(file->fd) != 0)
        (void)err_set_errno(err, errno, "syncing a blob");
    else
        commit = file->temporary != NULL ? publish(file, err) : UPLOAD_COMMIT_SAME;
    if (file->temporary != NULL && !fault_point(FAULT_BLOB_UNLINK, NULL))
        (void)unlink(file->temporary);
    bool is_there = commit == UPLOAD_COMMIT_STORED || commit == UPLOAD_COMMIT_SAME;
    if (is_there && !sync_folders(file->path, err))
        commit = UPLOAD_COMMIT_FAILED;
    end(file);
    return commit;
}
