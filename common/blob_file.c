/* SPDX-License-Identifier: Apache-2.0 */
#include "common/blob_file.h"

/* Keys are the only thing from outside that becomes part of a path, and chunk_object_key_parse()
 * lets none through that could leave the directory. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/chunk_layout.h"
#include "common/ids.h"
#include "common/mem.h"

#define SCHEME "file://"

struct blob_file {
    char *directory; /* owned; absolute, without a final slash */
};

void blob_file_free(struct blob_file *store)
{
    if (store == NULL)
        return;
    free(store->directory);
    free(store);
}

/* Like mkdir -p. */
static bool make_directories(const char *path, struct err *err)
{
    CLEANUP(mem_free_at) char *part = mem_copy_string(path);

    for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(part, 0750) != 0 && errno != EEXIST)
            return err_set_errno(err, errno, part);
        if (slash == NULL)
            return true;
        *slash = '/';
    }
}

static bool check_directory(const char *path, struct err *err)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return err_set_errno(err, errno, path);
    return S_ISDIR(status.st_mode) || err_set_errno(err, ENOTDIR, path);
}

bool blob_file_open(const char *url, struct blob_file **ret_store, struct err *err)
{
    if (strncmp(url, SCHEME "/", strlen(SCHEME "/")) != 0)
        return err_set(err, ERR_REJECT, "blob", 0,
                       "the blob store must be file:///an/absolute/directory, not \"%.80s\"", url);
    CLEANUP(mem_free_at) char *directory = mem_copy_string(url + strlen(SCHEME));
    size_t length = strlen(directory);
    while (length > 1 && directory[length - 1] == '/')
        directory[--length] = '\0';
    if (length >= PATH_MAX - CHUNK_KEY_SIZE - 1)
        return err_set_errno(err, ENAMETOOLONG, "blob store");
    if (!make_directories(directory, err) || !check_directory(directory, err))
        return err_wrap(err, "blob store");
    struct blob_file *store = mem_new(sizeof *store);
    store->directory = TAKE(directory);
    *ret_store = store;
    return true;
}

static bool is_key(const char *object_key)
{
    struct id job;
    int32_t chunk_index;
    const char *extension;

    return chunk_object_key_parse(object_key, &job, &chunk_index, &extension);
}

const char *blob_file_directory(const struct blob_file *store)
{
    return store->directory;
}

char *blob_file_path(const struct blob_file *store, const char *object_key)
{
    assert(is_key(object_key));
    return mem_format("%s/%s", store->directory, object_key);
}

char *blob_file_uploads(const struct blob_file *store)
{
    return mem_format("%s/uploads", store->directory);
}

static bool check_key(const char *object_key, struct err *err)
{
    return is_key(object_key) ||
           err_set(err, ERR_REJECT, "blob", 0, "\"%.80s\" is no object key", object_key);
}

/* A missing directory is a missing object too. */
static enum blob_presence absent_or_failed(int errno_value, const char *object_key, struct err *err)
{
    if (errno_value == ENOENT)
        return BLOB_MISSING;
    err_set_errno(err, errno_value, object_key);
    return BLOB_FAILED;
}

/* What stands there may only be a plain file: never a device, pipe or directory. */
static enum blob_presence size_of(const struct stat *status, const char *object_key,
                                  int64_t *ret_size_bytes, struct err *err)
{
    if (!S_ISREG(status->st_mode)) {
        err_set(err, ERR_REJECT, "blob", 0, "%s: not a regular file", object_key);
        return BLOB_FAILED;
    }
    *ret_size_bytes = status->st_size;
    return BLOB_PRESENT;
}

enum blob_presence blob_file_read(const struct blob_file *store, const char *object_key,
                                  int *ret_fd, int64_t *ret_size_bytes, struct err *err)
{
    struct stat status;

    if (!check_key(object_key, err))
        return BLOB_FAILED;
    CLEANUP(mem_free_at) char *path = blob_file_path(store, object_key);
    /* O_NONBLOCK: a pipe planted there would otherwise wait for a writer for ever. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return absent_or_failed(errno, object_key, err);
    enum blob_presence presence = fstat(fd, &status) == 0
                                      ? size_of(&status, object_key, ret_size_bytes, err)
                                      : absent_or_failed(errno, object_key, err);
    if (presence == BLOB_PRESENT)
        *ret_fd = fd;
    else
        (void)close(fd); /* only read */
    return presence;
}

enum blob_presence blob_file_stat(const struct blob_file *store, const char *object_key,
                                  int64_t *ret_size_bytes, struct err *err)
{
    struct stat status;

    if (!check_key(object_key, err))
        return BLOB_FAILED;
    CLEANUP(mem_free_at) char *path = blob_file_path(store, object_key);
    if (lstat(path, &status) != 0)
        return absent_or_failed(errno, object_key, err);
    return size_of(&status, object_key, ret_size_bytes, err);
}

bool blob_file_delete(const struct blob_file *store, const char *object_key, struct err *err)
{
    if (!check_key(object_key, err))
        return false;
    CLEANUP(mem_free_at) char *path = blob_file_path(store, object_key);
    if (unlink(path) != 0 && errno != ENOENT)
        return err_set_errno(err, errno, object_key);
    /* The job's directory goes with its last object; until then this fails, as it should. */
    *strrchr(path, '/') = '\0';
    (void)rmdir(path);
    return true;
}
