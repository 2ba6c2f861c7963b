/* SPDX-License-Identifier: Apache-2.0 */
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/mem.h"
#include "gateway/upload_reaper.h"

#define AGE_US UINT64_C(3600000000)
#define PART ".chunk.0.mp3.0123456789abcdef.part"

struct fixture {
    char root[32];
    struct loop *loop;
    struct pool *pool;
};

static char *path_of(const struct fixture *fixture, const char *name)
{
    return mem_format("%s/%s", fixture->root, name);
}

/* A file, or with a NULL name only the folder. */
static void make(const struct fixture *fixture, const char *job, const char *name, int age_s)
{
    CLEANUP(mem_free_at) char *folder = path_of(fixture, job);
    const struct timespec written = {.tv_sec = time(NULL) - age_s};
    const struct timespec times[] = {written, written};

    (void)mkdir(folder, 0700);
    if (name == NULL)
        return;
    CLEANUP(mem_free_at) char *path = mem_format("%s/%s", folder, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(futimens(fd, times), 0);
    assert_int_equal(close(fd), 0);
}

static bool is_there(const struct fixture *fixture, const char *name)
{
    CLEANUP(mem_free_at) char *path = path_of(fixture, name);
    struct stat facts;

    return lstat(path, &facts) == 0;
}

/* One look through the whole store. */
static uint64_t reap(struct fixture *fixture)
{
    fixture->loop = loop_new();
    fixture->pool = pool_new(fixture->loop, 1);
    struct upload_reaper *reaper =
        upload_reaper_new(fixture->loop, fixture->pool, fixture->root, AGE_US);
    /* Every turn of the loop is a piece at the most. */
    for (int turns = 0; turns < 200 && !upload_reaper_is_waiting(reaper); turns++)
        (void)event_base_loop(loop_base(fixture->loop), EVLOOP_ONCE);
    assert_true(upload_reaper_is_waiting(reaper));
    uint64_t count = upload_reaper_count(reaper);
    upload_reaper_stop(reaper);
    pool_free(fixture->pool);
    upload_reaper_free(reaper);
    loop_free(fixture->loop);
    return count;
}

static void start(struct fixture *fixture)
{
    (void)snprintf(fixture->root, sizeof fixture->root, "/tmp/reaper-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
}

static void finish(const struct fixture *fixture, const char *const *names)
{
    for (; *names != NULL; names++) {
        CLEANUP(mem_free_at) char *path = path_of(fixture, *names);

        assert_int_equal(remove(path), 0);
    }
    assert_int_equal(rmdir(fixture->root), 0);
}

static void test_upload_reaper__deletes_old_temporaries_only(void **state UNUSED)
{
    struct fixture fixture;
    static const char *const KEPT[] = {
        "a/chunk.0.mp3", "a/.chunk.1.mp3.00.part", "a/.hidden", "a", "c", NULL};

    start(&fixture);
    make(&fixture, "a", PART, 7200);
    make(&fixture, "a", ".chunk.1.mp3.00.part", 60); /* an upload that may be under way */
    make(&fixture, "a", "chunk.0.mp3", 7200);
    make(&fixture, "a", ".hidden", 7200);
    make(&fixture, "b", PART, 7200); /* and nothing else: its folder goes, too */
    make(&fixture, "c", NULL, 0);    /* one just made for an upload */
    assert_int_equal(reap(&fixture), 2);
    assert_false(is_there(&fixture, "a/" PART));
    assert_false(is_there(&fixture, "b"));
    for (size_t i = 0; KEPT[i] != NULL; i++)
        assert_true(is_there(&fixture, KEPT[i]));
    assert_int_equal(reap(&fixture), 0);
    finish(&fixture, KEPT);
}

static void test_upload_reaper__goes_piece_by_piece(void **state UNUSED)
{
    struct fixture fixture;
    static const char *const KEPT[] = {NULL};
    enum { JOBS = 50, FILES = 60 };

    start(&fixture);
    for (int job = 0; job < JOBS; job++) {
        for (int file = 0; file < FILES; file++) {
            CLEANUP(mem_free_at) char *folder = mem_format("job%d", job);
            CLEANUP(mem_free_at) char *name = mem_format(".chunk.%d.mp3.00.part", file);

            make(&fixture, folder, name, 7200);
        }
    }
    assert_int_equal(reap(&fixture), JOBS * FILES);
    finish(&fixture, KEPT);
}

static void test_upload_reaper__a_store_that_is_not_there_is_fine(void **state UNUSED)
{
    struct fixture fixture = {.root = "/tmp/reaper-test-nowhere"};

    assert_int_equal(reap(&fixture), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upload_reaper__deletes_old_temporaries_only),
        cmocka_unit_test(test_upload_reaper__goes_piece_by_piece),
        cmocka_unit_test(test_upload_reaper__a_store_that_is_not_there_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
