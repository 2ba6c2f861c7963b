/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/mem.h"
#include "worker/blob_delete.h"

#define JOB "11111111-2222-4333-8444-555555555555"

struct fixture {
    char root[32];
    struct loop *loop;
    struct pool *pool;
    struct blob_file *store;
    struct job_task_services services;
    struct job_task_end end; /* the answer */
    int end_count;
};

static struct fixture *fixture_new(void)
{
    struct fixture *fixture = mem_new(sizeof *fixture);
    struct err err;

    (void)snprintf(fixture->root, sizeof fixture->root, "/tmp/delete-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    CLEANUP(mem_free_at) char *url = mem_format("file://%s", fixture->root);
    assert_true(blob_file_open(url, &fixture->store, &err));
    CLEANUP(mem_free_at) char *job = mem_format("%s/uploads/" JOB, fixture->root);
    CLEANUP(mem_free_at) char *uploads = mem_format("%s/uploads", fixture->root);
    assert_int_equal(mkdir(uploads, 0700), 0);
    assert_int_equal(mkdir(job, 0700), 0);
    fixture->loop = loop_new();
    fixture->pool = pool_new(fixture->loop, 1);
    fixture->services = (struct job_task_services){
        .loop = fixture->loop, .pool = fixture->pool, .store = fixture->store};
    return fixture;
}

static void fixture_free(struct fixture *fixture)
{
    CLEANUP(mem_free_at) char *uploads = mem_format("%s/uploads", fixture->root);

    pool_free(fixture->pool);
    loop_free(fixture->loop);
    blob_file_free(fixture->store);
    free(fixture->end.result);
    free(fixture->end.failed.message);
    assert_int_equal(rmdir(uploads), 0); /* and the job's folder with the last blob */
    assert_int_equal(rmdir(fixture->root), 0);
    free(fixture);
}

static char *path_of(const struct fixture *fixture, int chunk)
{
    return mem_format("%s/uploads/" JOB "/chunk.%d.mp3", fixture->root, chunk);
}

static void store_blob(const struct fixture *fixture, int chunk)
{
    CLEANUP(mem_free_at) char *path = path_of(fixture, chunk);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static bool is_stored(const struct fixture *fixture, int chunk)
{
    CLEANUP(mem_free_at) char *path = path_of(fixture, chunk);

    return access(path, F_OK) == 0;
}

static void on_end(void *context, struct job_task_end take_end)
{
    struct fixture *fixture = context;

    fixture->end = take_end;
    fixture->end_count++;
    loop_stop(fixture->loop);
}

static void *begin(struct fixture *fixture, const char *payload)
{
    struct event task = {.type = EVENT_TASK_WORK, .task.payload = mem_copy_string(payload)};

    assert_true(id_parse(JOB, &task.job));
    void *work = BLOB_DELETE_HANDLER.start(
        &fixture->services, &task, (struct job_task_ending){.on_end = on_end, .context = fixture});
    event_done(&task); /* borrowed during the call only */
    return work;
}

static void run(struct fixture *fixture, const char *payload)
{
    void *work = begin(fixture, payload);

    loop_run(fixture->loop);
    assert_int_equal(fixture->end_count, 1);
    BLOB_DELETE_HANDLER.stop(work);
}

static void test_blob_delete__deletes_its_piece_and_nothing_else(void **state UNUSED)
{
    struct fixture *fixture = fixture_new();

    for (int chunk = 0; chunk < 5; chunk++)
        if (chunk != 2)
            store_blob(fixture, chunk);
    run(fixture, "{\"extension\":\"mp3\",\"from_chunk\":1,\"to_chunk\":4}");
    assert_true(fixture->end.is_done);
    assert_string_equal(fixture->end.result, "{\"chunks\":3}");
    for (int chunk = 0; chunk < 5; chunk++)
        assert_int_equal(is_stored(fixture, chunk), chunk == 0 || chunk == 4);
    free(fixture->end.result);
    fixture->end_count = 0;
    run(fixture, "{\"extension\":\"mp3\",\"from_chunk\":0,\"to_chunk\":5}");
    assert_true(fixture->end.is_done);
    fixture_free(fixture);
}

static void test_blob_delete__what_cannot_be_deleted_is_tried_again(void **state UNUSED)
{
    struct fixture *fixture = fixture_new();
    CLEANUP(mem_free_at) char *path = path_of(fixture, 0);

    assert_int_equal(mkdir(path, 0700), 0); /* no file */
    run(fixture, "{\"extension\":\"mp3\",\"from_chunk\":0,\"to_chunk\":1}");
    assert_false(fixture->end.is_done);
    assert_string_equal(fixture->end.failed.type, "blob");
    assert_false(fixture->end.failed.permanent);
    assert_non_null(strstr(fixture->end.failed.message, "chunk.0.mp3"));
    assert_int_equal(rmdir(path), 0);
    free(fixture->end.failed.message);
    fixture->end_count = 0;
    run(fixture, "{\"extension\":\"mp3\",\"from_chunk\":0,\"to_chunk\":1}");
    assert_true(fixture->end.is_done);
    fixture_free(fixture);
}

static void test_blob_delete__a_payload_that_makes_no_sense_is_final(void **state UNUSED)
{
    static const char *const PAYLOADS[] = {
        "{}",
        "{\"extension\":\"mp3\",\"from_chunk\":0}",
        "{\"extension\":\"../x\",\"from_chunk\":0,\"to_chunk\":1}",
        "{\"extension\":\"\",\"from_chunk\":0,\"to_chunk\":1}",
        "{\"extension\":\"mp3\",\"from_chunk\":4,\"to_chunk\":3}",
        "{\"extension\":\"mp3\",\"from_chunk\":0,\"to_chunk\":100000}",
    };

    for (size_t i = 0; i < ARRAY_LEN(PAYLOADS); i++) {
        struct fixture *fixture = fixture_new();

        store_blob(fixture, 0);
        run(fixture, PAYLOADS[i]);
        assert_false(fixture->end.is_done);
        assert_true(fixture->end.failed.permanent);
        assert_true(is_stored(fixture, 0));
        CLEANUP(mem_free_at) char *path = path_of(fixture, 0);
        assert_int_equal(unlink(path), 0);
        *strrchr(path, '/') = '\0';
        assert_int_equal(rmdir(path), 0);
        fixture_free(fixture);
    }
}

static void test_blob_delete__given_up_it_answers_no_more(void **state UNUSED)
{
    struct fixture *fixture = fixture_new();

    store_blob(fixture, 0);
    BLOB_DELETE_HANDLER.stop(
        begin(fixture, "{\"extension\":\"mp3\",\"from_chunk\":0,\"to_chunk\":1}"));
    pool_free(fixture->pool); /* waits for it */
    assert_int_equal(fixture->end_count, 0);
    fixture->pool = NULL;
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blob_delete__deletes_its_piece_and_nothing_else),
        cmocka_unit_test(test_blob_delete__what_cannot_be_deleted_is_tried_again),
        cmocka_unit_test(test_blob_delete__a_payload_that_makes_no_sense_is_final),
        cmocka_unit_test(test_blob_delete__given_up_it_answers_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
