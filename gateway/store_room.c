/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/store_room.h"

#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/mem.h"
#include "common/pool.h"

#define MIB INT64_C(1048576)

struct store_room {
    struct store_room_settings settings;
    char *directory;          /* owned */
    char *uploads;            /* owned: the folder of the jobs' folders */
    struct event *timer;      /* owned; NULL without a quota */
    int64_t used_bytes;       /* as counted last, and stored since then */
    int64_t pending_bytes;    /* of uploads under way */
    int64_t stored_meanwhile; /* during the count that is under way */
    int64_t counted_bytes;    /* the pool's, while it counts */
    bool is_counting;
};

static void on_timer(evutil_socket_t fd, short what, void *context);

void store_room_free(struct store_room *room)
{
    if (room == NULL)
        return;
    if (room->timer != NULL)
        event_free(room->timer);
    free(room->directory);
    free(room->uploads);
    free(room);
}

struct store_room *store_room_new(const struct store_room_settings *settings)
{
    struct store_room *room = mem_new(sizeof *room);

    room->settings = *settings;
    room->directory = mem_copy_string(settings->directory);
    room->uploads = mem_format("%s/uploads", settings->directory);
    if (settings->max_bytes == 0)
        return room;
    room->timer = event_new(loop_base(settings->loop), -1, EV_PERSIST, on_timer, room);
    loop_start_timer(room->timer, settings->count_every_us);
    event_active(room->timer, EV_TIMEOUT, 0);
    return room;
}

int64_t store_room_used_bytes(const struct store_room *room)
{
    return room->used_bytes;
}

static int64_t mib(int64_t bytes)
{
    return bytes / MIB;
}

static bool check_quota(const struct store_room *room, int64_t bytes, struct refusal *refusal)
{
    int64_t max_bytes = room->settings.max_bytes;
    int64_t used_bytes = room->used_bytes + room->pending_bytes;

    return max_bytes == 0 || used_bytes + bytes <= max_bytes ||
           refusal_set(refusal, PROBLEM_STORAGE_FULL, NULL,
                       "the blob store's quota of %" PRId64 " MiB has no room for %" PRId64
                       " bytes more: %" PRId64 " MiB are in use; room comes back as finished "
                       "recordings are deleted",
                       mib(max_bytes), bytes, mib(used_bytes));
}

/* A file system that cannot be asked is not said to be full. What uploads under way will take is
 * reserved by their files already (upload_file.c), where the file system can do that. */
static bool check_disk(const struct store_room *room, int64_t bytes, struct refusal *refusal)
{
    struct statvfs disk;

    if (room->settings.min_free_bytes == 0 || statvfs(room->directory, &disk) != 0)
        return true;
    int64_t free_bytes = (int64_t)(disk.f_bavail * disk.f_frsize);
    return free_bytes - bytes >= room->settings.min_free_bytes ||
           refusal_set(refusal, PROBLEM_STORAGE_FULL, NULL,
                       "the blob store's disk has %" PRId64 " MiB left, of which %" PRId64
                       " MiB must stay free",
                       mib(free_bytes), mib(room->settings.min_free_bytes));
}

bool store_room_has(const struct store_room *room, int64_t bytes, struct refusal *refusal)
{
    if (check_quota(room, bytes, refusal) && check_disk(room, bytes, refusal))
        return true;
    refusal->problem.retry_after_s = 60;
    return false;
}

void store_room_take(struct store_room *room, int64_t bytes)
{
    room->pending_bytes += bytes;
}

void store_room_give(struct store_room *room, int64_t bytes, bool is_stored)
{
    room->pending_bytes -= bytes;
    if (!is_stored || room->settings.max_bytes == 0)
        return;
    room->used_bytes += bytes;
    room->stored_meanwhile += bytes;
}

/* --- counting, on a thread of the pool --- */

static void close_folder(DIR **folder)
{
    if (*folder != NULL)
        (void)closedir(*folder);
}

/* Files that are still being written have names with a dot. */
static int64_t count_job(int uploads_fd, const char *name)
{
    int fd = openat(uploads_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP(close_folder) DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *item;
    struct stat facts;
    int64_t bytes = 0;

    if (folder == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return 0; /* deleted meanwhile */
    }
    while ((item = readdir(folder)) != NULL)
        if (item->d_name[0] != '.' && fstatat(fd, item->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(facts.st_mode))
            bytes += facts.st_size;
    return bytes;
}

static void count(void *context)
{
    struct store_room *room = context;
    CLEANUP(close_folder) DIR *folder = opendir(room->uploads);
    const struct dirent *item;

    room->counted_bytes = 0;
    while (folder != NULL && (item = readdir(folder)) != NULL)
        if (item->d_name[0] != '.')
            room->counted_bytes += count_job(dirfd(folder), item->d_name);
}

/* Whether a blob that was stored meanwhile has been counted is not known: rather once too often. */
static void on_counted(void *context)
{
    struct store_room *room = context;

    room->is_counting = false;
    room->used_bytes = room->counted_bytes + room->stored_meanwhile;
}

static void on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct store_room *room = context;

    if (room->is_counting)
        return;
    room->is_counting = true;
    room->stored_meanwhile = 0;
    pool_submit(room->settings.pool, count, on_counted, room);
}
