/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/static_files.h"

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
#include "gateway/http_negotiate.h"
#include "gateway/http_request.h"
#include "gateway/problem.h"

#define FILES_MAX 64
#define FILE_LIMIT_BYTES ((size_t)1024 * 1024)
#define NAME_BYTES 64

/* '"', 16 bytes in hex, '"' and the NUL. */
#define ETAG_BYTES 35

/* The page needs nothing from elsewhere and is in nobody's frame. Uploads may go to an object store
 * of any https origin, or of the same machine. */
#define CONTENT_SECURITY_POLICY                                                                    \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "media-src 'self' blob:; connect-src 'self' https: http://127.0.0.1:* http://localhost:*; "    \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

struct static_file {
    char name[NAME_BYTES];
    char etag[ETAG_BYTES];
    const char *content_type;
    char *data; /* owned */
    size_t length;
};

struct static_files {
    struct static_file files[FILES_MAX];
    size_t count;
};

static const struct {
    const char *suffix;
    const char *type;
} TYPES[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".txt", "text/plain; charset=utf-8"},
    {".json", "application/json"},
};

static const char *content_type_of(const char *name)
{
    const char *suffix = strrchr(name, '.');
    for (size_t i = 0; suffix != NULL && i < ARRAY_LEN(TYPES); i++) {
        if (strcmp(suffix, TYPES[i].suffix) == 0)
            return TYPES[i].type;
    }
    return "application/octet-stream";
}

static void make_etag(struct static_file *file)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t used = 0;
    EVP_Digest(file->data, file->length, digest, NULL, EVP_sha256(), NULL);
    used += (size_t)snprintf(file->etag, sizeof file->etag, "\"");
    for (size_t i = 0; i < 16; i++)
        used += (size_t)snprintf(file->etag + used, sizeof file->etag - used, "%02x", digest[i]);
    snprintf(file->etag + used, sizeof file->etag - used, "\"");
}

static bool read_whole(int fd, char *data, size_t length)
{
    size_t used = 0;
    while (used < length) {
        ssize_t part = read(fd, data + used, length - used);
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0)
            return false;
        used += (size_t)part;
    }
    return true;
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static bool add_file(struct static_files *files, int folder_fd, const char *name, struct err *err)
{
    CLEANUP(close_fd) int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat facts;
    if (fd < 0 || fstat(fd, &facts) != 0)
        return err_set_errno(err, errno, name);
    if (!S_ISREG(facts.st_mode))
        return true;
    if (files->count == FILES_MAX || (size_t)facts.st_size > FILE_LIMIT_BYTES ||
        strlen(name) >= NAME_BYTES)
        return err_set(err, ERR_REJECT, "os", 0, "%s: too large, or too many files", name);
    struct static_file *file = &files->files[files->count++];
    snprintf(file->name, sizeof file->name, "%s", name);
    file->content_type = content_type_of(name);
    file->length = (size_t)facts.st_size;
    file->data = mem_array(file->length + 1, 1);
    if (!read_whole(fd, file->data, file->length))
        return err_set(err, ERR_REJECT, "os", 0, "%s: could not be read whole", name);
    make_etag(file);
    return true;
}

static void close_folder(DIR **folder)
{
    if (*folder != NULL)
        closedir(*folder);
}

static bool add_all(struct static_files *files, const char *path, struct err *err)
{
    CLEANUP(close_folder) DIR *folder = opendir(path);
    if (folder == NULL)
        return err_set_errno(err, errno, path);
    const struct dirent *item;
    while ((item = readdir(folder)) != NULL) {
        if (item->d_name[0] != '.' && !add_file(files, dirfd(folder), item->d_name, err))
            return false;
    }
    return true;
}

bool static_files_load(const char *folder, struct static_files **ret_files, struct err *err)
{
    struct static_files *files = mem_new(sizeof *files);
    if (!add_all(files, folder, err)) {
        static_files_free(files);
        return false;
    }
    *ret_files = files;
    return true;
}

void static_files_free(struct static_files *files)
{
    if (files == NULL)
        return;
    for (size_t i = 0; i < files->count; i++)
        free(files->files[i].data);
    free(files);
}

static const struct static_file *find(const struct static_files *files, const char *name)
{
    if (name == NULL || name[0] == '\0')
        name = "index.html";
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->files[i].name, name) == 0)
            return &files->files[i];
    }
    return NULL;
}

/* Asked for each time, sent only when changed: a new version of the page is seen at once. */
void static_files_serve(const struct static_files *files, struct http_request *take_request,
                        const char *name)
{
    const struct static_file *file = find(files, name);
    if (file == NULL) {
        http_respond_problem(take_request, &(struct problem){.type = PROBLEM_NOT_FOUND});
        return;
    }
    bool is_known =
        http_negotiate_is_known(http_request_header(take_request, "If-None-Match"), file->etag);
    const struct http_header headers[] = {
        {"ETag", file->etag},
        {"Cache-Control", "no-cache"},
        {"Content-Security-Policy", CONTENT_SECURITY_POLICY},
        {"Referrer-Policy", "no-referrer"},
    };
    http_respond(take_request, &(struct http_reply){.status = is_known ? 304 : 200,
                                                    .content_type = file->content_type,
                                                    .body = file->data,
                                                    .body_length = file->length,
                                                    .body_lasts = true,
                                                    .headers = headers,
                                                    .header_count = ARRAY_LEN(headers)});
}
