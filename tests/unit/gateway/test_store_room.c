/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/loop.h"
#include "common/mem.h"
#include "common/pool.h"
#include "gateway/store_room.h"

#define MIB INT64_C(1048576)
#define PATIENCE_US 10000000

struct fixture {
    char folder[64];
    struct loop *loop;
    struct pool *pool;
    struct store_room *room;
};

static void make_file(const struct fixture *fixture, const char *name, off_t bytes)
{
    CLEANUP(mem_free_at) char *path = mem_format("%s/%s", fixture->folder, name);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, bytes), 0);
    assert_int_equal(close(fd), 0);
}

static void make_folder(const struct fixture *fixture, const char *name)
{
    CLEANUP(mem_free_at) char *path = mem_format("%s/%s", fixture->folder, name);

    assert_int_equal(mkdir(path, 0700), 0);
}

/* Two blobs of a mebibyte each and what is none. */
static void set_up(struct fixture *fixture, int64_t max_bytes, int64_t min_free_bytes)
{
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/store-room-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    make_folder(fixture, "uploads");
    make_folder(fixture, "uploads/a");
    make_folder(fixture, "uploads/b");
    make_file(fixture, "uploads/a/chunk.0.wav", MIB);
    make_file(fixture, "uploads/b/chunk.0.wav", MIB);
    make_file(fixture, "uploads/b/.chunk.1.wav.0123.part", MIB);
    make_file(fixture, "elsewhere", MIB);
    fixture->loop = loop_new();
    fixture->pool = pool_new(fixture->loop, 1);
    fixture->room = store_room_new(&(struct store_room_settings){.loop = fixture->loop,
                                                                 .pool = fixture->pool,
                                                                 .directory = fixture->folder,
                                                                 .max_bytes = max_bytes,
                                                                 .min_free_bytes = min_free_bytes,
                                                                 .count_every_us = 20000});
}

static void tear_down(struct fixture *fixture)
{
    CLEANUP(mem_free_at) char *command = mem_format("rm -rf '%s'", fixture->folder);

    pool_free(fixture->pool);
    store_room_free(fixture->room);
    loop_free(fixture->loop);
    assert_int_equal(system(command), 0);
}

static void wait_used(const struct fixture *fixture, int64_t bytes)
{
    uint64_t end_us = clock_now_us() + PATIENCE_US;

    while (store_room_used_bytes(fixture->room) != bytes) {
        assert_true(clock_now_us() < end_us);
        event_base_loop(loop_base(fixture->loop), EVLOOP_ONCE);
    }
}

static void test_store_room__stored_files_are_counted_again_and_again(void **state UNUSED)
{
    struct fixture fixture;
    struct refusal refusal;

    set_up(&fixture, 4 * MIB, 0);
    wait_used(&fixture, 2 * MIB);
    assert_true(store_room_has(fixture.room, 2 * MIB, &refusal));
    assert_false(store_room_has(fixture.room, 2 * MIB + 1, &refusal));
    assert_int_equal(refusal.problem.type, PROBLEM_STORAGE_FULL);
    make_file(&fixture, "uploads/b/chunk.1.wav", MIB); /* another gateway's */
    wait_used(&fixture, 3 * MIB);
    tear_down(&fixture);
}

static void test_store_room__uploads_under_way_count_until_they_end(void **state UNUSED)
{
    struct fixture fixture;
    struct refusal refusal;

    set_up(&fixture, 4 * MIB, 0);
    wait_used(&fixture, 2 * MIB);
    store_room_take(fixture.room, MIB);
    store_room_take(fixture.room, MIB);
    assert_false(store_room_has(fixture.room, 1, &refusal));
    store_room_give(fixture.room, MIB, false);
    assert_true(store_room_has(fixture.room, MIB, &refusal));
    store_room_give(fixture.room, MIB, true);
    assert_int_equal(store_room_used_bytes(fixture.room), 3 * MIB);
    assert_false(store_room_has(fixture.room, MIB + 1, &refusal));
    tear_down(&fixture);
}

static void test_store_room__without_a_quota_anything_fits(void **state UNUSED)
{
    struct fixture fixture;
    struct refusal refusal;

    set_up(&fixture, 0, 0);
    store_room_take(fixture.room, MIB);
    store_room_give(fixture.room, MIB, true);
    assert_int_equal(store_room_used_bytes(fixture.room), 0);
    assert_true(store_room_has(fixture.room, INT64_C(1) << 50, &refusal));
    tear_down(&fixture);
}

static void test_store_room__the_disk_keeps_its_reserve(void **state UNUSED)
{
    struct fixture fixture;
    struct refusal refusal;

    set_up(&fixture, 0, INT64_C(1) << 60);
    assert_false(store_room_has(fixture.room, 1, &refusal));
    assert_int_equal(refusal.problem.type, PROBLEM_STORAGE_FULL);
    assert_int_equal(refusal.problem.retry_after_s, 60);
    assert_non_null(strstr(refusal.detail, "must stay free"));
    tear_down(&fixture);
    set_up(&fixture, 0, 1);
    assert_true(store_room_has(fixture.room, 1, &refusal));
    assert_false(store_room_has(fixture.room, INT64_C(1) << 60, &refusal));
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_room__stored_files_are_counted_again_and_again),
        cmocka_unit_test(test_store_room__uploads_under_way_count_until_they_end),
        cmocka_unit_test(test_store_room__without_a_quota_anything_fits),
        cmocka_unit_test(test_store_room__the_disk_keeps_its_reserve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
