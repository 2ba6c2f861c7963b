/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/upload_reaper.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "gateway/upload_put.h"

/* What one piece of work may look at. */
#define PIECE_ENTRIES 1000
/* Between two looks through the store: a tenth of the age, but not all the time. */
#define EVERY_MIN_US 1000000
#define EVERY_MAX_US 3600000000

struct upload_reaper {
    struct pool *pool; /* borrowed */
    char *directory;   /* owned */
    uint64_t age_us;
    struct event *timer; /* owned */
    bool is_stopped;
    uint64_t count;

    /* Between the pieces of one look; touched by the pool's thread while a piece is under way. */
    DIR *jobs;               /* owned; NULL: no look is under way */
    DIR *job;                /* owned; the folder that is being looked through, or NULL */
    char name[NAME_MAX + 1]; /* of that folder */
    bool has_reaped;         /* something in it */
    uint64_t piece_count;    /* deleted by this piece */
};

/* In the pool */

static bool is_temporary(const char *name)
{
    size_t length = strlen(name);
    size_t suffix = strlen(UPLOAD_PUT_TEMPORARY_SUFFIX);

    return name[0] == '.' && length > suffix &&
           strcmp(name + length - suffix, UPLOAD_PUT_TEMPORARY_SUFFIX) == 0;
}

/* By the time of its last write. */
static bool is_old(const struct upload_reaper *reaper, const struct stat *facts)
{
    int64_t written_us = (int64_t)facts->st_mtim.tv_sec * 1000000 + facts->st_mtim.tv_nsec / 1000;

    return clock_wall_us() - written_us > (int64_t)reaper->age_us;
}

static void look_at(struct upload_reaper *reaper, const char *name)
{
    int folder = dirfd(reaper->job);
    struct stat facts;

    if (!is_temporary(name) || fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(facts.st_mode) || !is_old(reaper, &facts) || unlinkat(folder, name, 0) != 0)
        return;
    reaper->has_reaped = true;
    reaper->piece_count++;
}

/* With its last file a folder is of no use; with another one in it this fails, as it should. */
static void leave_job(struct upload_reaper *reaper)
{
    (void)closedir(reaper->job);
    reaper->job = NULL;
    if (reaper->has_reaped)
        (void)unlinkat(dirfd(reaper->jobs), reaper->name, AT_REMOVEDIR);
}

static void enter_job(struct upload_reaper *reaper, const struct dirent *entry)
{
    int folder =
        openat(dirfd(reaper->jobs), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (folder < 0)
        return; /* no folder, or gone by now */
    reaper->job = fdopendir(folder);
    if (reaper->job == NULL)
        (void)close(folder);
    memcpy(reaper->name, entry->d_name, strlen(entry->d_name) + 1);
    reaper->has_reaped = false;
}

/* False: there is nothing left to look at. */
static bool look_further(struct upload_reaper *reaper)
{
    DIR *at = reaper->job != NULL ? reaper->job : reaper->jobs;
    const struct dirent *entry = readdir(at);

    if (entry == NULL && reaper->job == NULL)
        return false;
    if (entry == NULL)
        leave_job(reaper);
    else if (reaper->job != NULL)
        look_at(reaper, entry->d_name);
    else if (entry->d_name[0] != '.')
        enter_job(reaper, entry);
    return true;
}

static void close_all(struct upload_reaper *reaper)
{
    if (reaper->job != NULL)
        (void)closedir(reaper->job);
    if (reaper->jobs != NULL)
        (void)closedir(reaper->jobs);
    reaper->job = NULL;
    reaper->jobs = NULL;
}

static void work(void *context)
{
    struct upload_reaper *reaper = context;

    reaper->piece_count = 0;
    if (reaper->jobs == NULL)
        reaper->jobs = opendir(reaper->directory);
    if (reaper->jobs == NULL)
        return; /* nothing has been uploaded yet */
    for (unsigned i = 0; i < PIECE_ENTRIES; i++) {
        if (!look_further(reaper)) {
            close_all(reaper);
            return;
        }
    }
}

/* On the loop */

static void wait_for_next(struct upload_reaper *reaper)
{
    uint64_t every_us = reaper->age_us / 10;

    if (every_us < EVERY_MIN_US)
        every_us = EVERY_MIN_US;
    if (every_us > EVERY_MAX_US)
        every_us = EVERY_MAX_US;
    loop_start_timer(reaper->timer, (uint64_t)every_us);
}

static void on_done(void *context)
{
    struct upload_reaper *reaper = context;

    reaper->count += reaper->piece_count;
    if (reaper->piece_count > 0)
        log_info("temporaries_reaped", "of uploads whose gateway died",
                 LOG_INT("files", reaper->piece_count));
    if (reaper->is_stopped)
        return;
    if (reaper->jobs != NULL)
        pool_submit(reaper->pool, work, on_done, reaper);
    else
        wait_for_next(reaper);
}

static void on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct upload_reaper *reaper = context;

    pool_submit(reaper->pool, work, on_done, reaper);
}

struct upload_reaper *upload_reaper_new(struct loop *loop, struct pool *pool, const char *directory,
                                        uint64_t age_us)
{
    struct upload_reaper *reaper = mem_new(sizeof *reaper);

    reaper->pool = pool;
    reaper->directory = mem_copy_string(directory);
    reaper->age_us = age_us;
    reaper->timer = evtimer_new(loop_base(loop), on_timer, reaper);
    pool_submit(pool, work, on_done, reaper);
    return reaper;
}

void upload_reaper_stop(struct upload_reaper *reaper)
{
    reaper->is_stopped = true;
    (void)event_del(reaper->timer);
}

void upload_reaper_free(struct upload_reaper *reaper)
{
    if (reaper == NULL)
        return;
    event_free(reaper->timer);
    close_all(reaper);
    free(reaper->directory);
    free(reaper);
}

uint64_t upload_reaper_count(const struct upload_reaper *reaper)
{
    return reaper->count;
}

bool upload_reaper_is_waiting(const struct upload_reaper *reaper)
{
    return evtimer_pending(reaper->timer, NULL) != 0;
}
