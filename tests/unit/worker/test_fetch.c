/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/mem.h"
#include "worker/fetch.h"

/* A WAV file of 8 kHz, 16 bits: 16,000 bytes a second, cut into chunks of CHUNK bytes. */
#define CHUNK INT64_C(40000)
#define CHUNKS 4
#define CHUNKS_MAX 1024 /* of the smallest that a test cuts */
#define TOTAL (CHUNK * CHUNKS - 1000)
#define JOB "6a8b3f5e-52a1-4c3d-9b1f-0d6a3c1e2f40"

struct fixture {
    char directory[64];
    struct blob_file *store;
    struct header_cache *headers;
    struct media_need stored; /* as the record of the work has it */
    uint8_t file[TOTAL];
};

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void put_text(uint8_t *at, const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++)
        at[i] = (uint8_t)text[i];
}

static void make_wav(uint8_t *file)
{
    for (size_t i = 44; i < TOTAL; i++)
        file[i] = (uint8_t)(i * 7 % 251);
    put_text(file, "RIFF....WAVEfmt ");
    put_u32(file + 4, TOTAL - 8);
    put_u32(file + 16, 16);
    put_u32(file + 20, 1 | 1U << 16);
    put_u32(file + 24, 8000);
    put_u32(file + 28, 16000);
    put_u32(file + 32, 2 | 16U << 16);
    put_text(file + 36, "data");
    put_u32(file + 40, TOTAL - 44);
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_new(sizeof *fixture);
    struct err err;

    (void)snprintf(fixture->directory, sizeof fixture->directory, "/tmp/test-fetch-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    CLEANUP(mem_free_at) char *url = mem_format("file://%s", fixture->directory);
    assert_true(blob_file_open(url, &fixture->store, &err));
    CLEANUP(mem_free_at) char *uploads = mem_format("%s/uploads", fixture->directory);
    CLEANUP(mem_free_at) char *job = mem_format("%s/" JOB, uploads);
    (void)mkdir(uploads, 0700);
    assert_int_equal(mkdir(job, 0700), 0);
    fixture->headers = header_cache_new(4);
    make_wav(fixture->file);
    *state = fixture;
    return 0;
}

static char *path_of(const struct fixture *fixture, int32_t chunk_index)
{
    char key[CHUNK_KEY_SIZE];

    chunk_object_key(JOB, chunk_index, "wav", key);
    return blob_file_path(fixture->store, key);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    for (int32_t i = 0; i < CHUNKS_MAX; i++) {
        CLEANUP(mem_free_at) char *path = path_of(fixture, i);
        (void)unlink(path);
    }
    CLEANUP(mem_free_at) char *job = mem_format("%s/uploads/" JOB, fixture->directory);
    CLEANUP(mem_free_at) char *uploads = mem_format("%s/uploads", fixture->directory);
    (void)rmdir(job);
    (void)rmdir(uploads);
    (void)rmdir(fixture->directory);
    header_cache_free(fixture->headers);
    blob_file_free(fixture->store);
    free(fixture);
    return 0;
}

static void store(const struct fixture *fixture, int32_t chunk_index, size_t start, size_t length)
{
    CLEANUP(mem_free_at) char *path = path_of(fixture, chunk_index);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, fixture->file + start, length), length);
    (void)close(fd);
}

static size_t rest_at(size_t start, int64_t chunk_bytes)
{
    return TOTAL - start < (size_t)chunk_bytes ? TOTAL - start : (size_t)chunk_bytes;
}

/* As many bytes less as `missing`. */
static void upload(const struct fixture *fixture, int32_t chunk_index, size_t missing)
{
    size_t start = (size_t)chunk_index * CHUNK;

    store(fixture, chunk_index, start, rest_at(start, CHUNK) - missing);
}

static void upload_all_in(const struct fixture *fixture, int64_t chunk_bytes)
{
    for (int32_t i = 0; i < TOTAL / chunk_bytes + 1; i++) {
        size_t start = (size_t)(i * chunk_bytes);
        store(fixture, i, start, rest_at(start, chunk_bytes));
    }
}

static enum fetch_result fetch_in(struct fixture *fixture, int64_t chunk_bytes, int32_t chunk_index,
                                  struct fetch_files *ret_files, struct media_need *ret_missing,
                                  struct err *err)
{
    const struct fetch_source source = {
        .store = fixture->store,
        .headers = fixture->headers,
        .overlap_us = 1000000,
        .window_us = 5500000,
    };
    struct event work = {.type = EVENT_CHUNK_WORK, .job = {JOB}, .chunk_index = chunk_index};

    work.work.stored_from = fixture->stored.start;
    work.work.stored_to = fixture->stored.end;
    work.work.layout = chunk_layout_of(TOTAL, chunk_bytes, chunk_bytes);
    (void)snprintf(work.work.extension, sizeof work.work.extension, "wav");
    return fetch_open(&source, &work, ret_files, ret_missing, err);
}

static enum fetch_result fetch(struct fixture *fixture, int32_t chunk_index,
                               struct fetch_files *ret_files, struct media_need *ret_missing,
                               struct err *err)
{
    return fetch_in(fixture, CHUNK, chunk_index, ret_files, ret_missing, err);
}

/* Whatever is handed on is what the recording has at that place. */
static void assert_true_bytes(const struct fixture *fixture, const struct fetch_files *files)
{
    for (size_t i = 0; i < files->extent_count; i++) {
        const struct media_extent *extent = &files->extents[i];
        static uint8_t bytes[CHUNK];
        assert_in_range(extent->length, 1, CHUNK);
        assert_int_equal(pread(extent->fd, bytes, (size_t)extent->length, (off_t)extent->fd_offset),
                         extent->length);
        assert_memory_equal(bytes, fixture->file + extent->offset, (size_t)extent->length);
    }
}

static bool covers(const struct fetch_files *files, int64_t byte)
{
    for (size_t i = 0; i < files->extent_count; i++) {
        const struct media_extent *extent = &files->extents[i];
        if (byte >= extent->offset && byte < extent->offset + extent->length)
            return true;
    }
    return false;
}

static void test_fetch__has_header_chunk_and_what_is_stored_of_the_neighbours(void **state)
{
    struct fixture *fixture = *state;
    struct fetch_files files;
    struct media_need missing;
    struct err err;

    upload(fixture, 0, 0);
    upload(fixture, 2, 0);
    upload(fixture, 3, 0);
    assert_int_equal(fetch(fixture, 2, &files, &missing, &err), FETCH_READY);
    assert_true_bytes(fixture, &files);
    assert_true(covers(&files, 0));
    assert_true(covers(&files, 2 * CHUNK));
    assert_true(covers(&files, 3 * CHUNK - 1));
    assert_true(covers(&files, 3 * CHUNK + 15999));
    assert_false(covers(&files, 4 * CHUNK - 2000));
    assert_false(covers(&files, 2 * CHUNK - 1));
    fetch_close(&files);

    upload(fixture, 1, 0);
    assert_int_equal(fetch(fixture, 2, &files, &missing, &err), FETCH_READY);
    assert_true_bytes(fixture, &files);
    assert_true(covers(&files, 2 * CHUNK - 16000));
    assert_false(covers(&files, CHUNK));
    assert_int_equal(files.bytes_per_second, 16000);
    fetch_close(&files);
}

/* A chunk of 2.5 s, a second of the next one, and a window of 5.5 s. */
static void test_fetch__has_more_of_the_previous_chunk_where_a_window_has_room(void **state)
{
    struct fixture *fixture = *state;
    struct fetch_files files;
    struct media_need missing;
    struct err err;

    for (int32_t i = 0; i < 3; i++)
        upload(fixture, i, 0);
    assert_int_equal(fetch(fixture, 2, &files, &missing, &err), FETCH_READY);
    assert_true(covers(&files, 2 * CHUNK - 40000));
    fetch_close(&files);

    upload(fixture, 3, 0);
    assert_int_equal(fetch(fixture, 2, &files, &missing, &err), FETCH_READY);
    assert_true(covers(&files, 2 * CHUNK - 24000));
    assert_false(covers(&files, 2 * CHUNK - 24100));
    fetch_close(&files);
}

static void test_fetch__waits_for_the_header(void **state)
{
    struct fixture *fixture = *state;
    struct fetch_files files;
    struct media_need missing = {-1, -1};
    struct err err;

    upload(fixture, 2, 0);
    assert_int_equal(fetch(fixture, 2, &files, &missing, &err), FETCH_WAITING);
    assert_int_equal(missing.start, 0);
    assert_in_range(missing.end, 44, CHUNK);
}

/* The header's bytes are needed for decoding, known or not. */
static void test_fetch__waits_for_a_header_that_it_knows_but_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct fetch_files files;
    struct media_need missing;
    struct err err;

    upload(fixture, 0, 0);
    upload(fixture, 1, 0);
    assert_int_equal(fetch(fixture, 1, &files, &missing, &err), FETCH_READY);
    fetch_close(&files);
    CLEANUP(mem_free_at) char *path = path_of(fixture, 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(fetch(fixture, 1, &files, &missing, &err), FETCH_WAITING);
}

/* Waiting for what has been there already would have no end. */
static void test_fetch__fails_without_a_header_that_was_stored(void **state)
{
    struct fixture *fixture = *state;
    struct fetch_files files;
    struct media_need missing;
    struct err err;

    upload(fixture, 1, 0);
    fixture->stored = (struct media_need){.start = 0, .end = 44};
    assert_int_equal(fetch(fixture, 1, &files, &missing, &err), FETCH_FAILED);
    assert_int_equal(err.kind, ERR_RETRY);
    assert_string_equal(err.domain, "blob");
    assert_non_null(strstr(err.message, "chunk 0 "));

    fixture->stored = (struct media_need){.start = CHUNK, .end = 2 * CHUNK};
    assert_int_equal(fetch(fixture, 1, &files, &missing, &err), FETCH_WAITING);
    assert_int_equal(missing.start, 0);
}

/* A header that begins where nobody looks first: behind 20,000 bytes of padding. */
static void pad_header(struct fixture *fixture)
{
    static const uint8_t PADDING[8] = {'J', 'U', 'N', 'K', 0x20, 0x4e};

    memmove(fixture->file + 12 + 8 + 20000, fixture->file + 12, 32);
    memcpy(fixture->file + 12, PADDING, sizeof PADDING);
}

/* What a chunk holds of the header by itself is missing to the next one. */
static void test_fetch__keeps_all_of_the_header_for_the_next_chunk(void **state)
{
    struct fixture *fixture = *state;
    struct fetch_files files;
    struct media_need missing;
    struct err err;

    pad_header(fixture);
    upload(fixture, 0, 0);
    upload(fixture, 3, 0);
    assert_int_equal(fetch(fixture, 0, &files, &missing, &err), FETCH_READY);
    fetch_close(&files);
    assert_int_equal(fetch(fixture, 3, &files, &missing, &err), FETCH_READY);
    assert_true_bytes(fixture, &files);
    assert_true(covers(&files, 12 + 8 + 20000));
    assert_true(covers(&files, 12 + 8 + 20000 + 31));
    fetch_close(&files);
}

/* As many chunks as a decoder can be given, and no more. */
static void test_fetch__takes_a_header_from_many_chunks(void **state)
{
    struct fixture *fixture = *state;
    struct fetch_files files;
    struct media_need missing;
    struct err err;
    const int64_t small = MEDIA_HEADER_FIRST_BYTES / (MEDIA_EXTENTS_MAX - 4);

    upload_all_in(fixture, small);
    assert_int_equal(fetch_in(fixture, small, 60, &files, &missing, &err), FETCH_READY);
    assert_true_bytes(fixture, &files);
    assert_true(covers(&files, MEDIA_HEADER_FIRST_BYTES - 1));
    assert_in_range(files.extent_count, MEDIA_EXTENTS_MAX - 3, MEDIA_EXTENTS_MAX);
    fetch_close(&files);

    upload_all_in(fixture, small / 2);
    header_cache_free(fixture->headers);
    fixture->headers = header_cache_new(4);
    assert_int_equal(fetch_in(fixture, small / 2, 60, &files, &missing, &err), FETCH_FAILED);
    assert_int_equal(err.kind, ERR_REJECT);
    assert_non_null(strstr(err.message, "larger chunks"));
}

static void test_fetch__fails_without_the_chunk_itself(void **state)
{
    struct fixture *fixture = *state;
    struct fetch_files files;
    struct media_need missing;
    struct err err;

    upload(fixture, 0, 0);
    assert_int_equal(fetch(fixture, 1, &files, &missing, &err), FETCH_FAILED);
    assert_int_equal(err.kind, ERR_RETRY);
}

static void test_fetch__refuses_a_chunk_of_another_size(void **state)
{
    struct fixture *fixture = *state;
    struct fetch_files files;
    struct media_need missing;
    struct err err;

    upload(fixture, 0, 0);
    upload(fixture, 1, 1);
    assert_int_equal(fetch(fixture, 1, &files, &missing, &err), FETCH_FAILED);
    assert_int_equal(err.kind, ERR_REJECT);
}

/* One bad chunk changes nothing for another. */
static void test_fetch__leaves_a_bad_neighbour_out(void **state)
{
    struct fixture *fixture = *state;
    struct fetch_files files;
    struct media_need missing;
    struct err err;

    upload(fixture, 0, 0);
    upload(fixture, 1, 0);
    upload(fixture, 2, 100);
    assert_int_equal(fetch(fixture, 1, &files, &missing, &err), FETCH_READY);
    assert_false(covers(&files, 2 * CHUNK));
    assert_int_equal(files.blob_count, 2); /* it takes no place */
    fetch_close(&files);
}

static void test_fetch__refuses_what_is_no_audio(void **state)
{
    struct fixture *fixture = *state;
    struct fetch_files files;
    struct media_need missing;
    struct err err;

    memset(fixture->file, '#', TOTAL);
    for (int32_t i = 0; i < CHUNKS; i++)
        upload(fixture, i, 0);
    assert_int_equal(fetch(fixture, 0, &files, &missing, &err), FETCH_FAILED);
    assert_int_equal(err.kind, ERR_REJECT);
    assert_string_equal(err.domain, "media");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fetch__has_header_chunk_and_what_is_stored_of_the_neighbours),
        TEST(test_fetch__has_more_of_the_previous_chunk_where_a_window_has_room),
        TEST(test_fetch__waits_for_the_header),
        TEST(test_fetch__waits_for_a_header_that_it_knows_but_is_gone),
        TEST(test_fetch__fails_without_a_header_that_was_stored),
        TEST(test_fetch__keeps_all_of_the_header_for_the_next_chunk),
        TEST(test_fetch__takes_a_header_from_many_chunks),
        TEST(test_fetch__fails_without_the_chunk_itself),
        TEST(test_fetch__refuses_a_chunk_of_another_size),
        TEST(test_fetch__leaves_a_bad_neighbour_out),
        TEST(test_fetch__refuses_what_is_no_audio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
