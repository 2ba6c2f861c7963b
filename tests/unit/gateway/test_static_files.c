/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "gateway/static_files.h"
#include "tests/unit/gateway/http_loopback.h"

struct fixture {
    char folder[64];
    struct static_files *files;
    struct loopback loopback;
    struct client client;
};

static void handle_file(struct http_request *request, void *context)
{
    const struct fixture *fixture = context;
    static_files_serve(fixture->files, request, http_request_capture(request));
}

static const struct route ROUTES[] = {
    {HTTP_METHOD_GET, "/", ROUTE_BODY_NONE, 0, handle_file, 0, 0},
    {HTTP_METHOD_GET, "/{name}", ROUTE_BODY_NONE, 0, handle_file, 0, 0},
};

static void write_file(const struct fixture *fixture, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", fixture->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void set_up(struct fixture *fixture)
{
    const struct http_server_settings settings = {.routes = ROUTES,
                                                  .route_count = ARRAY_LEN(ROUTES),
                                                  .context = fixture,
                                                  .limits = http_limits_default};
    struct err err;
    *fixture = (struct fixture){0};
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/static-files-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    write_file(fixture, "index.html", "<p>hello</p>");
    write_file(fixture, "app.js", "1");
    write_file(fixture, ".hidden", "secret");
    assert_true(static_files_load(fixture->folder, &fixture->files, &err));
    loopback_start(&fixture->loopback, &settings);
    client_connect(&fixture->client, &fixture->loopback);
}

static void tear_down(struct fixture *fixture)
{
    client_close(&fixture->client);
    loopback_stop(&fixture->loopback);
    static_files_free(fixture->files);
    char *command = mem_format("rm -rf '%s'", fixture->folder);
    assert_int_equal(system(command), 0);
    free(command);
}

static int get(struct fixture *fixture, const char *path, const char *headers,
               struct buf *ret_answer)
{
    char *head = mem_format("GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, headers);
    assert_true(client_say(&fixture->client, head));
    free(head);
    return client_take_answer(&fixture->client, ret_answer);
}

static void test_static_files__serves_what_was_there_at_the_start(void **state)
{
    struct fixture fixture;
    struct buf answer;
    (void)state;
    set_up(&fixture);
    buf_init(&answer, 65536);
    assert_int_equal(get(&fixture, "/", "", &answer), 200);
    assert_non_null(strstr(answer.data, "\r\n\r\n<p>hello</p>"));
    assert_non_null(strstr(answer.data, "Content-Type: text/html; charset=utf-8\r\n"));
    assert_non_null(strstr(answer.data, "Content-Security-Policy: default-src 'none'"));
    assert_int_equal(get(&fixture, "/app.js", "", &answer), 200);
    assert_non_null(strstr(answer.data, "Content-Type: text/javascript"));
    write_file(&fixture, "later.js", "2");
    assert_int_equal(get(&fixture, "/later.js", "", NULL), 404);
    buf_done(&answer);
    tear_down(&fixture);
}

static void test_static_files__nothing_else_can_be_named(void **state)
{
    static const char *const PATHS[] = {
        "/.hidden", "/..%2f..%2fetc%2fpasswd", "/%2e%2e", "/app.js%20", "/APP.JS", "/x"};
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    for (size_t i = 0; i < ARRAY_LEN(PATHS); i++)
        assert_int_equal(get(&fixture, PATHS[i], "", NULL), 404);
    tear_down(&fixture);
}

static void test_static_files__an_unchanged_file_is_not_sent_again(void **state)
{
    struct fixture fixture;
    struct buf answer;
    char header[128];
    (void)state;
    set_up(&fixture);
    buf_init(&answer, 65536);
    assert_int_equal(get(&fixture, "/", "", &answer), 200);
    const char *etag = strstr(answer.data, "ETag: ") + 6;
    snprintf(header, sizeof header, "If-None-Match: %.*s\r\n", (int)strcspn(etag, "\r"), etag);
    assert_int_equal(get(&fixture, "/", header, &answer), 304);
    assert_null(strstr(answer.data, "Content-Length"));
    assert_int_equal(get(&fixture, "/", "If-None-Match: \"other\"\r\n", NULL), 200);
    buf_done(&answer);
    tear_down(&fixture);
}

static void test_static_files__an_unusable_folder_is_named(void **state)
{
    struct static_files *files;
    struct err err;
    (void)state;
    assert_false(static_files_load("/nowhere/at/all", &files, &err));
    assert_non_null(strstr(err.message, "/nowhere/at/all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_static_files__serves_what_was_there_at_the_start),
        cmocka_unit_test(test_static_files__nothing_else_can_be_named),
        cmocka_unit_test(test_static_files__an_unchanged_file_is_not_sent_again),
        cmocka_unit_test(test_static_files__an_unusable_folder_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
