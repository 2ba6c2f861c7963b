/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <openssl/evp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/pool.h"
#include "gateway/store_room.h"
#include "gateway/upload_put.h"
#include "tests/unit/gateway/http_loopback.h"

#define BLOB_BYTES ((size_t)1000000)
/* Room for two blobs, but not for three. */
#define STORE_BYTES ((int64_t)2500000)

struct fixture {
    struct loopback loopback;
    struct pool *pool;
    struct store_room *room;
    struct upload_put *uploads;
    struct client client;
    char folder[64];
    char path[128]; /* of the blob */
    uint64_t signed_bytes;
    char *bytes;
};

static void handle_put(struct http_request *request, void *context)
{
    struct fixture *fixture = context;
    const struct upload_target target = {.path = fixture->path,
                                         .size_bytes = fixture->signed_bytes};
    upload_put_start(fixture->uploads, request, &target);
}

static const struct route ROUTES[] = {
    {HTTP_METHOD_PUT, "/uploads/{path*}", ROUTE_BODY_SINK, 0, handle_put, 0, 0},
};

static void set_up(struct fixture *fixture)
{
    const struct http_server_settings settings = {.routes = ROUTES,
                                                  .route_count = ARRAY_LEN(ROUTES),
                                                  .context = fixture,
                                                  .limits = http_limits_default};
    *fixture = (struct fixture){.signed_bytes = BLOB_BYTES};
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/upload-put-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof fixture->path, "%s/uploads/job/chunk.0.wav", fixture->folder);
    fixture->bytes = mem_array(BLOB_BYTES, 1);
    for (size_t i = 0; i < BLOB_BYTES; i++)
        fixture->bytes[i] = (char)(i * 2654435761U >> 13);
    loopback_start(&fixture->loopback, &settings);
    fixture->pool = pool_new(fixture->loopback.loop, 2);
    fixture->room = store_room_new(&(struct store_room_settings){
        .loop = fixture->loopback.loop,
        .pool = fixture->pool,
        .directory = fixture->folder,
        .max_bytes = STORE_BYTES,
        .count_every_us = 3600000000,
    });
    fixture->uploads = upload_put_new(fixture->pool, fixture->room);
    client_connect(&fixture->client, &fixture->loopback);
}

static void remove_tree(const char *path)
{
    char *command = mem_format("rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
    free(command);
}

static void tear_down(struct fixture *fixture)
{
    client_close(&fixture->client);
    http_server_free(fixture->loopback.server);
    pool_free(fixture->pool);
    upload_put_free(fixture->uploads);
    store_room_free(fixture->room);
    loop_free(fixture->loopback.loop);
    remove_tree(fixture->folder);
    free(fixture->bytes);
}

/* What is in the blob's folder, "" if nothing: names joined by spaces. */
static void list_folder(const struct fixture *fixture, char *names, size_t size)
{
    char folder[128];
    size_t used = 0;
    snprintf(folder, sizeof folder, "%s/uploads/job", fixture->folder);
    names[0] = '\0';
    DIR *directory = opendir(folder);
    if (directory == NULL)
        return;
    const struct dirent *item;
    while ((item = readdir(directory)) != NULL) {
        if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0)
            used += (size_t)snprintf(names + used, size - used, "%s%s", used > 0 ? " " : "",
                                     item->d_name);
    }
    closedir(directory);
}

/* Deleting is the pool's work, so it is waited for. */
static void expect_folder(struct fixture *fixture, const char *wanted)
{
    char names[512];
    uint64_t end_us = clock_now_us() + LOOPBACK_PATIENCE_US;
    do {
        client_wait(&fixture->client);
        list_folder(fixture, names, sizeof names);
    } while (strcmp(names, wanted) != 0 && clock_now_us() < end_us);
    assert_string_equal(names, wanted);
}

static void expect_blob(const struct fixture *fixture)
{
    char *stored = mem_array(BLOB_BYTES + 1, 1);
    FILE *file = fopen(fixture->path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(stored, 1, BLOB_BYTES + 1, file), BLOB_BYTES);
    assert_memory_equal(stored, fixture->bytes, BLOB_BYTES);
    fclose(file);
    free(stored);
}

static void say_head(struct client *client, size_t length, const char *headers)
{
    char head[512];
    snprintf(head, sizeof head,
             "PUT /uploads/job/chunk.0.wav HTTP/1.1\r\nHost: localhost\r\n"
             "Content-Length: %zu\r\n%s\r\n",
             length, headers);
    assert_true(client_say(client, head));
}

/* One whole PUT of the fixture's bytes; its status. */
static int put(struct fixture *fixture, const char *headers, struct buf *ret_answer)
{
    say_head(&fixture->client, BLOB_BYTES, headers);
    assert_true(client_send(&fixture->client, fixture->bytes, BLOB_BYTES));
    return client_take_answer(&fixture->client, ret_answer);
}

static const struct upload_put_stats *stats_of(const struct fixture *fixture)
{
    return upload_put_stats(fixture->uploads);
}

static void test_upload_put__stores_the_bytes_and_tells_their_sha256(void **state)
{
    struct fixture fixture;
    struct buf answer;
    unsigned char digest[32];
    char etag[80] = "ETag: \"";
    (void)state;
    set_up(&fixture);
    buf_init(&answer, 65536);
    assert_int_equal(put(&fixture, "", &answer), 200);
    EVP_Digest(fixture.bytes, BLOB_BYTES, digest, NULL, EVP_sha256(), NULL);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(etag + strlen(etag), 3, "%02x", digest[i]);
    strcat(etag, "\"\r\n");
    assert_non_null(strstr(answer.data, etag));
    expect_blob(&fixture);
    expect_folder(&fixture, "chunk.0.wav");
    assert_int_equal(stats_of(&fixture)->stored, 1);
    assert_int_equal(stats_of(&fixture)->bytes, BLOB_BYTES);
    assert_int_equal(stats_of(&fixture)->active, 0);
    buf_done(&answer);
    tear_down(&fixture);
}

static void test_upload_put__an_empty_blob_is_one_too(void **state)
{
    struct fixture fixture;
    struct stat facts;
    (void)state;
    set_up(&fixture);
    fixture.signed_bytes = 0;
    say_head(&fixture.client, 0, "");
    assert_int_equal(client_take_answer(&fixture.client, NULL), 200);
    assert_int_equal(stat(fixture.path, &facts), 0);
    assert_int_equal(facts.st_size, 0);
    tear_down(&fixture);
}

static void test_upload_put__the_signed_size_is_enforced_before_the_body(void **state)
{
    static const size_t LENGTHS[] = {0, BLOB_BYTES - 1, BLOB_BYTES + 1, 2 * BLOB_BYTES};
    struct buf answer;
    (void)state;
    buf_init(&answer, 65536);
    for (size_t i = 0; i < ARRAY_LEN(LENGTHS); i++) {
        struct fixture fixture;
        set_up(&fixture);
        /* The answer does not wait for the body, which never comes. */
        say_head(&fixture.client, LENGTHS[i], "");
        assert_int_equal(client_take_answer(&fixture.client, &answer), 400);
        assert_non_null(strstr(answer.data, "/problems/size-mismatch"));
        assert_non_null(strstr(answer.data, "\"minimum\":1000000"));
        expect_folder(&fixture, "");
        tear_down(&fixture);
    }
    buf_done(&answer);
}

static void test_upload_put__the_same_bytes_again_are_fine(void **state)
{
    struct fixture fixture;
    struct buf first, second;
    (void)state;
    set_up(&fixture);
    buf_init(&first, 65536);
    buf_init(&second, 65536);
    assert_int_equal(put(&fixture, "", &first), 200);
    assert_int_equal(put(&fixture, "", &second), 200);
    assert_string_equal(strstr(first.data, "ETag"), strstr(second.data, "ETag"));
    assert_int_equal(stats_of(&fixture)->repeated, 1);
    expect_folder(&fixture, "chunk.0.wav");
    buf_done(&first);
    buf_done(&second);
    tear_down(&fixture);
}

static void test_upload_put__other_bytes_never_take_the_place_of_stored_ones(void **state)
{
    static const size_t PLACES[] = {0, BLOB_BYTES / 2, BLOB_BYTES - 1};
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    assert_int_equal(put(&fixture, "", NULL), 200);
    for (size_t i = 0; i < ARRAY_LEN(PLACES); i++) {
        fixture.bytes[PLACES[i]] ^= 1;
        assert_int_equal(put(&fixture, "", NULL), 409);
        fixture.bytes[PLACES[i]] ^= 1;
        expect_blob(&fixture);
        client_close(&fixture.client);
        client_connect(&fixture.client, &fixture.loopback);
    }
    assert_int_equal(stats_of(&fixture)->conflicts, 3);
    expect_folder(&fixture, "chunk.0.wav");
    tear_down(&fixture);
}

static void test_upload_put__a_stored_blob_of_another_size_is_a_conflict(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    assert_int_equal(put(&fixture, "", NULL), 200);
    fixture.signed_bytes = BLOB_BYTES - 1;
    say_head(&fixture.client, BLOB_BYTES - 1, "");
    assert_int_equal(client_take_answer(&fixture.client, NULL), 409);
    expect_blob(&fixture);
    tear_down(&fixture);
}

/* Two clients that both find nothing stored: one wins, and the other is right only if its bytes are
 * the same. */
static void race(bool is_same, int status)
{
    struct fixture fixture;
    struct client second;
    set_up(&fixture);
    client_connect(&second, &fixture.loopback);
    say_head(&fixture.client, BLOB_BYTES, "");
    say_head(&second, BLOB_BYTES, "");
    char *others = mem_array(BLOB_BYTES, 1);
    memcpy(others, fixture.bytes, BLOB_BYTES);
    if (!is_same)
        others[BLOB_BYTES - 1] ^= 1;
    assert_true(client_send(&second, others, BLOB_BYTES / 2));
    assert_true(client_send(&fixture.client, fixture.bytes, BLOB_BYTES));
    assert_int_equal(client_take_answer(&fixture.client, NULL), 200);
    assert_true(client_send(&second, others + BLOB_BYTES / 2, BLOB_BYTES - BLOB_BYTES / 2));
    assert_int_equal(client_take_answer(&second, NULL), status);
    expect_blob(&fixture);
    expect_folder(&fixture, "chunk.0.wav");
    free(others);
    client_close(&second);
    tear_down(&fixture);
}

static void test_upload_put__of_two_at_once_the_first_to_end_is_stored(void **state)
{
    (void)state;
    race(true, 200);
    race(false, 409);
}

static void test_upload_put__an_aborted_upload_leaves_nothing(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    say_head(&fixture.client, BLOB_BYTES, "");
    assert_true(client_send(&fixture.client, fixture.bytes, BLOB_BYTES / 2));
    assert_int_equal(stats_of(&fixture)->active, 1);
    assert_int_not_equal(access(fixture.path, F_OK), 0);
    client_close(&fixture.client);
    client_connect(&fixture.client, &fixture.loopback);
    expect_folder(&fixture, "");
    while (stats_of(&fixture)->active > 0)
        client_wait(&fixture.client);
    assert_int_equal(stats_of(&fixture)->aborted, 1);
    tear_down(&fixture);
}

static void test_upload_put__a_checksum_that_is_sent_is_checked(void **state)
{
    struct fixture fixture;
    unsigned char digest[32], text[64];
    char right[256], wrong[256];
    (void)state;
    set_up(&fixture);
    EVP_Digest(fixture.bytes, BLOB_BYTES, digest, NULL, EVP_sha256(), NULL);
    EVP_EncodeBlock(text, digest, 32);
    int used = snprintf(right, sizeof right, "x-amz-checksum-sha256: %s\r\n", (char *)text);
    EVP_Digest(fixture.bytes, BLOB_BYTES, digest, NULL, EVP_md5(), NULL);
    EVP_EncodeBlock(text, digest, 16);
    snprintf(right + used, sizeof right - (size_t)used, "Content-MD5: %s\r\n", (char *)text);
    for (size_t i = 0; i < 2; i++) {
        /* A flipped first character of the one, then of the other. */
        strcpy(wrong, right);
        char *value = strchr(i == 0 ? wrong : wrong + used, ':') + 2;
        *value = *value == 'A' ? 'B' : 'A';
        assert_int_equal(put(&fixture, wrong, NULL), 400);
        expect_folder(&fixture, "");
    }
    assert_int_equal(put(&fixture, right, NULL), 200);
    expect_blob(&fixture);
    tear_down(&fixture);
}

static void test_upload_put__a_checksum_that_is_none_is_refused_before_the_body(void **state)
{
    static const char *const HEADERS[] = {
        "Content-MD5: abc\r\n",
        "Content-MD5:\r\n",
        "Content-MD5: ABEiM0RVZneImaq7zN3u/!==\r\n",
        "Content-MD5: ABEiM0RVZneImaq7zN3u/xAB\r\n",
        "x-amz-checksum-sha256: ABEiM0RVZneImaq7zN3u/w==\r\n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(HEADERS); i++) {
        struct fixture fixture;
        set_up(&fixture);
        say_head(&fixture.client, BLOB_BYTES, HEADERS[i]);
        assert_int_equal(client_take_answer(&fixture.client, NULL), 422);
        expect_folder(&fixture, "");
        tear_down(&fixture);
    }
}

/* Writing beyond RLIMIT_FSIZE fails as a full disk does. */
static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_upload_put__a_full_disk_is_507_and_leaves_nothing(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    signal(SIGXFSZ, SIG_IGN);
    limit_file_size(BLOB_BYTES / 2);
    int status = put(&fixture, "", NULL);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(status, 507);
    expect_folder(&fixture, "");
    assert_int_equal(stats_of(&fixture)->failed, 1);
    assert_true(client_wait_for_end(&fixture.client));
    assert_false(fixture.client.is_reset);
    /* Space is there again: so is the service. */
    client_close(&fixture.client);
    client_connect(&fixture.client, &fixture.loopback);
    assert_int_equal(put(&fixture, "", NULL), 200);
    expect_blob(&fixture);
    tear_down(&fixture);
}

static void test_upload_put__a_store_that_cannot_be_written_is_503(void **state)
{
    struct fixture fixture;
    struct buf answer;
    char path[128];
    (void)state;
    set_up(&fixture);
    buf_init(&answer, 65536);
    /* A file where a folder has to be. */
    snprintf(path, sizeof path, "%s/uploads", fixture.folder);
    fclose(fopen(path, "w"));
    say_head(&fixture.client, BLOB_BYTES, "");
    assert_int_equal(client_take_answer(&fixture.client, &answer), 503);
    assert_non_null(strstr(answer.data, "Retry-After: "));
    buf_done(&answer);
    tear_down(&fixture);
}

static void test_upload_put__a_link_in_the_blobs_place_is_not_followed(void **state)
{
    struct fixture fixture;
    char path[128];
    struct stat facts;
    (void)state;
    set_up(&fixture);
    snprintf(path, sizeof path, "%s/uploads", fixture.folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/uploads/job", fixture.folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/target", fixture.folder);
    assert_int_equal(symlink(path, fixture.path), 0);
    assert_int_equal(put(&fixture, "", NULL), 503);
    assert_int_not_equal(lstat(path, &facts), 0);
    tear_down(&fixture);
}

static void name_blob(struct fixture *fixture, int index)
{
    snprintf(fixture->path, sizeof fixture->path, "%s/uploads/job/chunk.%d.wav", fixture->folder,
             index);
}

static void test_upload_put__a_full_quota_is_507_before_the_body(void **state)
{
    struct fixture fixture;
    struct buf answer;
    (void)state;
    set_up(&fixture);
    buf_init(&answer, 65536);
    for (int index = 0; index < 2; index++) {
        name_blob(&fixture, index);
        assert_int_equal(put(&fixture, "", NULL), 200);
    }
    assert_int_equal(store_room_used_bytes(fixture.room), 2 * BLOB_BYTES);
    assert_int_equal(put(&fixture, "", NULL), 200); /* the same again takes no room */
    assert_int_equal(store_room_used_bytes(fixture.room), 2 * BLOB_BYTES);
    name_blob(&fixture, 2);
    say_head(&fixture.client, BLOB_BYTES, "");
    assert_int_equal(client_take_answer(&fixture.client, &answer), 507);
    assert_non_null(strstr(answer.data, "quota of 2 MiB"));
    assert_non_null(strstr(answer.data, "Retry-After: 60"));
    assert_int_not_equal(access(fixture.path, F_OK), 0);
    assert_int_equal(stats_of(&fixture)->active, 0);
    buf_done(&answer);
    tear_down(&fixture);
}

static void test_upload_put__what_was_not_stored_gives_its_room_back(void **state)
{
    struct fixture fixture;
    struct refusal refusal;
    (void)state;
    set_up(&fixture);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(put(&fixture, "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==\r\n", NULL), 400);
        expect_folder(&fixture, "");
        while (stats_of(&fixture)->active > 0)
            client_wait(&fixture.client);
    }
    assert_true(store_room_has(fixture.room, STORE_BYTES, &refusal));
    assert_false(store_room_has(fixture.room, STORE_BYTES + 1, &refusal));
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upload_put__stores_the_bytes_and_tells_their_sha256),
        cmocka_unit_test(test_upload_put__an_empty_blob_is_one_too),
        cmocka_unit_test(test_upload_put__the_signed_size_is_enforced_before_the_body),
        cmocka_unit_test(test_upload_put__the_same_bytes_again_are_fine),
        cmocka_unit_test(test_upload_put__other_bytes_never_take_the_place_of_stored_ones),
        cmocka_unit_test(test_upload_put__a_stored_blob_of_another_size_is_a_conflict),
        cmocka_unit_test(test_upload_put__of_two_at_once_the_first_to_end_is_stored),
        cmocka_unit_test(test_upload_put__an_aborted_upload_leaves_nothing),
        cmocka_unit_test(test_upload_put__a_checksum_that_is_sent_is_checked),
        cmocka_unit_test(test_upload_put__a_checksum_that_is_none_is_refused_before_the_body),
        cmocka_unit_test(test_upload_put__a_full_disk_is_507_and_leaves_nothing),
        cmocka_unit_test(test_upload_put__a_full_quota_is_507_before_the_body),
        cmocka_unit_test(test_upload_put__what_was_not_stored_gives_its_room_back),
        cmocka_unit_test(test_upload_put__a_store_that_cannot_be_written_is_503),
        cmocka_unit_test(test_upload_put__a_link_in_the_blobs_place_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
