/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
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

#include "common/blob_file.h"
#include "common/mem.h"

#define JOB "11111111-2222-4333-8444-555555555555"
#define KEY "uploads/" JOB "/chunk.3.wav"

/* A store in a directory of its own, which finish() takes away. */
struct fixture {
    char root[32];
    char *directory; /* two levels below the root, made by the store */
    struct blob_file *store;
};

static void start(struct fixture *fixture)
{
    struct err err;

    (void)snprintf(fixture->root, sizeof fixture->root, "/tmp/blob-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    fixture->directory = mem_format("%s/a/b", fixture->root);
    CLEANUP(mem_free_at) char *url = mem_format("file://%s//", fixture->directory);
    assert_true(blob_file_open(url, &fixture->store, &err));
}

static void finish(struct fixture *fixture)
{
    CLEANUP(mem_free_at) char *uploads = mem_format("%s/uploads", fixture->directory);
    CLEANUP(mem_free_at) char *middle = mem_format("%s/a", fixture->root);

    (void)rmdir(uploads); /* not every test makes it */
    assert_int_equal(rmdir(fixture->directory), 0);
    assert_int_equal(rmdir(middle), 0);
    assert_int_equal(rmdir(fixture->root), 0);
    blob_file_free(fixture->store);
    free(fixture->directory);
}

/* The path of KEY, whose directories now exist; owned by the caller. */
static char *make_place(const struct fixture *fixture)
{
    CLEANUP(mem_free_at) char *uploads = mem_format("%s/uploads", fixture->directory);
    CLEANUP(mem_free_at) char *job = mem_format("%s/" JOB, uploads);

    assert_int_equal(mkdir(uploads, 0700), 0);
    assert_int_equal(mkdir(job, 0700), 0);
    return blob_file_path(fixture->store, KEY);
}

static void write_blob(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

static void test_blob_file__only_absolute_file_urls(void **state UNUSED)
{
    static const char *const BAD[] = {
        "s3://bucket", "file://relative/path", "file:/tmp/x", "/tmp/x", "", "FILE:///tmp/x"};
    struct blob_file *store = NULL;
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        CLEANUP(mem_free_at) char *quoted = mem_format("\"%s\"", BAD[i]);
        assert_false(blob_file_open(BAD[i], &store, &err));
        assert_int_equal(err.kind, ERR_REJECT);
        assert_non_null(strstr(err.message, quoted));
    }
    assert_null(store);
}

static void test_blob_file__unusable_directory(void **state UNUSED)
{
    struct blob_file *store = NULL;
    struct err err;

    assert_false(blob_file_open("file:///dev/null", &store, &err));
    assert_string_equal(err.message, "blob store: /dev/null: Not a directory");
    assert_false(blob_file_open("file:///dev/null/below", &store, &err));
    assert_null(store);
}

static void test_blob_file__path_is_below_the_directory(void **state UNUSED)
{
    struct fixture fixture;

    start(&fixture);
    CLEANUP(mem_free_at) char *path = blob_file_path(fixture.store, KEY);
    CLEANUP(mem_free_at) char *expected = mem_format("%s/" KEY, fixture.directory);
    assert_string_equal(path, expected);
    finish(&fixture);
}

static void test_blob_file__reads_what_is_there(void **state UNUSED)
{
    struct fixture fixture;
    struct err err;
    int64_t size_bytes = -1;
    char bytes[8];
    int fd = -1;

    start(&fixture);
    CLEANUP(mem_free_at) char *path = make_place(&fixture);
    write_blob(path, "hello");
    assert_int_equal(blob_file_read(fixture.store, KEY, &fd, &size_bytes, &err), BLOB_PRESENT);
    assert_int_equal(size_bytes, 5);
    assert_int_equal(read(fd, bytes, sizeof bytes), 5);
    assert_memory_equal(bytes, "hello", 5);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(close(fd), 0);

    size_bytes = -1;
    assert_int_equal(blob_file_stat(fixture.store, KEY, &size_bytes, &err), BLOB_PRESENT);
    assert_int_equal(size_bytes, 5);
    assert_true(blob_file_delete(fixture.store, KEY, &err));
    assert_int_equal(blob_file_stat(fixture.store, KEY, &size_bytes, &err), BLOB_MISSING);
    finish(&fixture);
}

static void test_blob_file__missing_is_no_error(void **state UNUSED)
{
    struct fixture fixture;
    struct err err;
    int64_t size_bytes = -1;
    int fd = -1;

    start(&fixture);
    assert_int_equal(blob_file_read(fixture.store, KEY, &fd, &size_bytes, &err), BLOB_MISSING);
    assert_int_equal(blob_file_stat(fixture.store, KEY, &size_bytes, &err), BLOB_MISSING);
    assert_true(blob_file_delete(fixture.store, KEY, &err));
    assert_int_equal(fd, -1);
    assert_int_equal(size_bytes, -1);
    finish(&fixture);
}

static void test_blob_file__last_delete_takes_the_directory(void **state UNUSED)
{
    struct fixture fixture;
    struct err err;

    start(&fixture);
    CLEANUP(mem_free_at) char *path = make_place(&fixture);
    CLEANUP(mem_free_at) char *other = blob_file_path(fixture.store, "uploads/" JOB "/chunk.4.wav");
    CLEANUP(mem_free_at) char *job = mem_format("%s/uploads/" JOB, fixture.directory);
    write_blob(path, "one");
    write_blob(other, "two");
    assert_true(blob_file_delete(fixture.store, KEY, &err));
    assert_int_equal(access(other, F_OK), 0);
    assert_true(blob_file_delete(fixture.store, "uploads/" JOB "/chunk.4.wav", &err));
    assert_int_equal(access(job, F_OK), -1);
    finish(&fixture);
}

static void test_blob_file__foreign_keys_reach_no_file(void **state UNUSED)
{
    static const char *const BAD[] = {"", "../../etc/passwd", "/etc/passwd",
                                      "uploads/" JOB "/../chunk.3.wav",
                                      "uploads/" JOB "/.chunk.3.wav.0123456789abcdef.part"};
    struct fixture fixture;
    int64_t size_bytes = -1;
    int fd = -1;

    start(&fixture);
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct err err = {.kind = ERR_RETRY};
        assert_int_equal(blob_file_read(fixture.store, BAD[i], &fd, &size_bytes, &err),
                         BLOB_FAILED);
        assert_int_equal(err.kind, ERR_REJECT);
        assert_int_equal(blob_file_stat(fixture.store, BAD[i], &size_bytes, &err), BLOB_FAILED);
        assert_false(blob_file_delete(fixture.store, BAD[i], &err));
    }
    assert_int_equal(fd, -1);
    finish(&fixture);
}

/* Links, pipes and directories planted under a good name are refused, and at once. */
static void test_blob_file__only_plain_files(void **state UNUSED)
{
    struct fixture fixture;
    struct err err;
    int64_t size_bytes = -1;
    int fd = -1;

    start(&fixture);
    CLEANUP(mem_free_at) char *path = make_place(&fixture);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(blob_file_read(fixture.store, KEY, &fd, &size_bytes, &err), BLOB_FAILED);
    assert_int_equal(blob_file_stat(fixture.store, KEY, &size_bytes, &err), BLOB_FAILED);
    assert_int_equal(unlink(path), 0);

    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(blob_file_read(fixture.store, KEY, &fd, &size_bytes, &err), BLOB_FAILED);
    assert_int_equal(unlink(path), 0);

    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(blob_file_read(fixture.store, KEY, &fd, &size_bytes, &err), BLOB_FAILED);
    assert_false(blob_file_delete(fixture.store, KEY, &err));
    assert_int_equal(rmdir(path), 0);
    assert_true(blob_file_delete(fixture.store, KEY, &err));
    assert_int_equal(fd, -1);
    finish(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blob_file__only_absolute_file_urls),
        cmocka_unit_test(test_blob_file__unusable_directory),
        cmocka_unit_test(test_blob_file__path_is_below_the_directory),
        cmocka_unit_test(test_blob_file__reads_what_is_there),
        cmocka_unit_test(test_blob_file__missing_is_no_error),
        cmocka_unit_test(test_blob_file__last_delete_takes_the_directory),
        cmocka_unit_test(test_blob_file__foreign_keys_reach_no_file),
        cmocka_unit_test(test_blob_file__only_plain_files),
    };
    return cmocka_run_group_tests_name("blob_file", tests, NULL, NULL);
}
