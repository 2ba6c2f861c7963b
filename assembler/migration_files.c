/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/migration_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

#define NUMBER_LENGTH 4
#define FILE_BYTES_MAX ((off_t)16 * 1024 * 1024)
#define SHA256_SIZE 32

void migration_files_done(struct migration_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].name);
        free(files->items[i].sql);
    }
    free(files->items);
    *files = (struct migration_files){0};
}

static void close_at(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static bool read_whole(const char *path, char **ret_text, struct err *err)
{
    CLEANUP(close_at) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) != 0)
        return err_set_errno(err, errno, path);
    if (!S_ISREG(status.st_mode) || status.st_size > FILE_BYTES_MAX)
        return err_set(err, ERR_REJECT, "migrations", 0, "%s: no file of a sensible size", path);
    size_t size = (size_t)status.st_size;
    CLEANUP(mem_free_at) char *text = mem_new(size + 1);
    for (size_t got = 0; got < size;) {
        ssize_t count = read(fd, text + got, size - got);

        if (count <= 0)
            return err_set_errno(err, count < 0 ? errno : EIO, path);
        got += (size_t)count;
    }
    *ret_text = TAKE(text);
    return true;
}

static void digest(const char *text, char ret_hex[static MIGRATION_DIGEST_SIZE])
{
    unsigned char hash[SHA256_SIZE] = {0};

    (void)EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL);
    for (size_t i = 0; i < sizeof hash; i++)
        (void)snprintf(ret_hex + 2 * i, 3, "%02x", hash[i]);
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name);
    size_t end_length = strlen(end);

    return length >= end_length && strcmp(name + length - end_length, end) == 0;
}

static int is_sql(const struct dirent *entry)
{
    return ends_with(entry->d_name, ".sql");
}

static bool load_one(const char *directory, const char *name, int32_t version,
                     struct migration_file *ret_file, struct err *err)
{
    CLEANUP(mem_free_at) char *path = mem_format("%s/%s", directory, name);
    char *end;
    long number = strtol(name, &end, 10);

    if (end - name != NUMBER_LENGTH || *end != '_' || number != version)
        return err_set(err, ERR_REJECT, "migrations", 0, "%s: %04d_... is expected", path, version);
    if (!read_whole(path, &ret_file->sql, err))
        return false;
    ret_file->version = version;
    ret_file->name = mem_copy_string(name);
    digest(ret_file->sql, ret_file->digest);
    return true;
}

struct names {
    struct dirent **items;
    int count;
};

static void names_done(struct names *names)
{
    for (int i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

static bool load_all(const char *directory, const struct names *names,
                     struct migration_files *files, struct err *err)
{
    files->items = mem_array((size_t)names->count, sizeof *files->items);
    for (int i = 0; i < names->count; i++) {
        if (!load_one(directory, names->items[i]->d_name, i + 1, &files->items[i], err))
            return false;
        files->count++;
    }
    return true;
}

bool migration_files_load(const char *directory, struct migration_files *ret_files, struct err *err)
{
    CLEANUP(names_done) struct names names = {0};

    names.count = scandir(directory, &names.items, is_sql, alphasort);
    if (names.count < 0) {
        names.count = 0;
        return err_set_errno(err, errno, directory);
    }
    if (names.count == 0)
        return err_set(err, ERR_REJECT, "migrations", 0, "%s: no .sql file", directory);
    *ret_files = (struct migration_files){0};
    if (load_all(directory, &names, ret_files, err))
        return true;
    migration_files_done(ret_files);
    return false;
}
