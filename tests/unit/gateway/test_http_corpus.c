/* SPDX-License-Identifier: Apache-2.0 */
/* Runs tests/http/corpus.json against the server, each request whole and cut at each byte. */
#include <json-c/json.h>

#include "gateway/http_parser.h"
#include "tests/unit/gateway/http_loopback.h"

#define BODY_LIMIT ((size_t)128 * 1024)

/* Vectors longer than this are cut at some places only: near both ends and every so often. */
#define CUT_EACH_BYTE_UP_TO 400

struct vector {
    const char *name;
    struct buf request;
    struct json_object *expect;
    bool closes;
};

static void handle_accepted(struct http_request *request, void *context)
{
    (void)context;
    http_respond_json(request, 200, mem_copy_string("{\"type\":\"accepted\"}"), 19);
}

static bool on_sink_data(void *context, const void *data, size_t length)
{
    (void)context;
    (void)data;
    (void)length;
    return true;
}

static void on_sink_end(void *context)
{
    handle_accepted(context, NULL);
}

static void on_sink_abort(void *context)
{
    http_request_drop(context);
}

static void handle_upload(struct http_request *request, void *context)
{
    static const struct http_sink SINK = {on_sink_data, on_sink_end, on_sink_abort};
    (void)context;
    http_request_take_body(request, &SINK, request);
}

static const struct route ROUTES[] = {
    {HTTP_METHOD_GET, "/healthz", ROUTE_BODY_NONE, 0, handle_accepted, 0, 0},
    {HTTP_METHOD_POST, "/chunk-upload-complete", ROUTE_BODY_JSON, BODY_LIMIT, handle_accepted, 0,
     0},
    {HTTP_METHOD_PUT, "/uploads/{path*}", ROUTE_BODY_SINK, 0, handle_upload, 0, 0},
};

static const struct http_server_settings SETTINGS = {
    .routes = ROUTES,
    .route_count = ARRAY_LEN(ROUTES),
    .limits = {
        .header_bytes = (size_t)32 * 1024,
        .header_count = 100,
        .connections = 10000,
        .header_ms = 10000,
        .idle_ms = 60000,
        .window_ms = 5000,
        .min_bytes_per_s = 1024,
        .linger_ms = 5000,
        .linger_bytes = (uint64_t)128 * 1024 * 1024,
        .user_timeout_ms = 30000,
    }};

/* --- vectors --- */

static struct json_object *load_corpus(void)
{
    struct json_object *corpus = json_object_from_file(CHUNKSCRIBE_HTTP_CORPUS);
    assert_non_null(corpus);
    return corpus;
}

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, name, &value);
    return value;
}

/* Latin-1 characters, which JSON holds as UTF-8 of one or two bytes, back to bytes. */
static void append_bytes(struct buf *bytes, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0xc0 && i + 1 < length)
            byte = (unsigned char)(byte << 6 | ((unsigned char)text[++i] & 0x3f));
        buf_append(bytes, &byte, 1);
    }
}

static void append_fill(struct buf *bytes, struct json_object *fill)
{
    const char *text = json_object_get_string(member(fill, "text"));
    for (int i = json_object_get_int(member(fill, "times")); i > 0; i--)
        buf_append_string(bytes, text);
}

static struct vector read_vector(struct json_object *object)
{
    static const char MARK[] = "{fill}";
    struct vector vector = {
        .name = json_object_get_string(member(object, "name")),
        .expect = member(object, "expect"),
        .closes = json_object_get_boolean(member(object, "closes")),
    };
    struct json_object *request = member(object, "request");
    const char *text = json_object_get_string(request);
    size_t length = (size_t)json_object_get_string_len(request);
    const char *mark = member(object, "fill") != NULL ? strstr(text, MARK) : NULL;
    buf_init(&vector.request, (size_t)4 * 1024 * 1024);
    if (mark == NULL) {
        append_bytes(&vector.request, text, length);
        return vector;
    }
    append_bytes(&vector.request, text, (size_t)(mark - text));
    append_fill(&vector.request, member(object, "fill"));
    append_bytes(&vector.request, mark + sizeof MARK - 1,
                 length - (size_t)(mark - text) - (sizeof MARK - 1));
    return vector;
}

/* --- verdicts --- */

/* All wrong verdicts are told, not only the first. */
static unsigned wrong_verdicts;

static void tell_wrong(const struct vector *vector, size_t cut, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void tell_wrong(const struct vector *vector, size_t cut, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    wrong_verdicts++;
    print_error("%s, cut at %zu: %s\n", vector->name, cut, text);
}

/* What an answer says, in the corpus's words; the type's last part for a problem. */
static void describe(const struct buf *answer, int status, char *text, size_t size)
{
    static const char REFERENCE[] = "\"type\":\"/problems/";
    const char *type = answer->data != NULL ? strstr(answer->data, REFERENCE) : NULL;
    if (status == 100)
        snprintf(text, size, "continue");
    else if (type == NULL)
        snprintf(text, size, status >= 200 && status < 300 ? "accepted" : "status %d", status);
    else
        snprintf(text, size, "%.*s", (int)strcspn(type + sizeof REFERENCE - 1, "\""),
                 type + sizeof REFERENCE - 1);
}

static bool is_head_request(const struct vector *vector)
{
    return strncmp(vector->request.data, "HEAD ", 5) == 0;
}

static void expect_answers(struct client *client, const struct vector *vector, size_t cut)
{
    struct buf answer;
    char found[80];
    buf_init(&answer, (size_t)1024 * 1024);
    for (size_t i = 0; i < json_object_array_length(vector->expect); i++) {
        const char *wanted = json_object_get_string(json_object_array_get_idx(vector->expect, i));
        int status = 200;
        if (is_head_request(vector)) {
            assert_true(client_wait_for(client, "\r\n\r\n"));
            buf_clear(&client->received);
        } else {
            status = client_take_answer(client, &answer);
        }
        describe(&answer, status, found, sizeof found);
        if (strcmp(found, wanted) != 0)
            tell_wrong(vector, cut, "answer %zu is \"%s\", not \"%s\"", i, found, wanted);
    }
    buf_done(&answer);
}

static void expect_no_more(struct client *client, const struct vector *vector, size_t cut)
{
    if (vector->closes)
        client_wait_for_end(client);
    for (int turn = 0; turn < 3; turn++)
        client_turn(client);
    if (client->is_reset || client->is_closed != vector->closes)
        tell_wrong(vector, cut, "the connection was %s",
                   client->is_reset    ? "reset"
                   : client->is_closed ? "closed"
                                       : "kept open");
    if (client->received.length > 0)
        tell_wrong(vector, cut, "one answer too many: %.60s", client->received.data);
}

static void run_cut(struct loopback *loopback, const struct vector *vector, size_t cut)
{
    struct client client;
    client_connect(&client, loopback);
    client_send(&client, vector->request.data, cut);
    loopback_turn(loopback);
    client_send(&client, vector->request.data + cut, vector->request.length - cut);
    expect_answers(&client, vector, cut);
    expect_no_more(&client, vector, cut);
    client_close(&client);
}

static bool is_cut_here(const struct vector *vector, size_t cut)
{
    size_t length = vector->request.length;
    return length <= CUT_EACH_BYTE_UP_TO || cut < 100 || cut + 30 > length ||
           cut % (length / 16) == 0;
}

static void for_each_vector(void (*run)(struct loopback *loopback, const struct vector *vector))
{
    struct loopback loopback;
    struct json_object *corpus = load_corpus();
    loopback_start(&loopback, &SETTINGS);
    assert_true(json_object_array_length(corpus) >= 100);
    wrong_verdicts = 0;
    for (size_t i = 0; i < json_object_array_length(corpus); i++) {
        struct vector vector = read_vector(json_object_array_get_idx(corpus, i));
        run(&loopback, &vector);
        buf_done(&vector.request);
    }
    loopback_stop(&loopback);
    json_object_put(corpus);
    assert_int_equal(wrong_verdicts, 0);
}

static void run_whole(struct loopback *loopback, const struct vector *vector)
{
    run_cut(loopback, vector, vector->request.length);
}

static void run_each_cut(struct loopback *loopback, const struct vector *vector)
{
    for (size_t cut = 1; cut < vector->request.length; cut++) {
        if (is_cut_here(vector, cut))
            run_cut(loopback, vector, cut);
    }
}

static void test_http_corpus__each_request_gets_its_verdict(void **state)
{
    (void)state;
    for_each_vector(run_whole);
}

static void test_http_corpus__the_verdict_is_the_same_for_every_cut(void **state)
{
    (void)state;
    for_each_vector(run_each_cut);
}

/* Straight to the parser, a byte at a time: no cut is left out. */
static void feed_bytes(struct loopback *loopback, const struct vector *vector)
{
    struct http_parser parser;
    enum http_parse whole = HTTP_PARSE_MORE, bytewise = HTTP_PARSE_MORE;
    size_t used = 0;
    (void)loopback;
    http_parser_init(&parser, SETTINGS.limits.header_bytes, SETTINGS.limits.header_count);
    whole = http_parser_feed(&parser, vector->request.data, vector->request.length, &used);
    http_parser_done(&parser);
    size_t used_whole = used, used_bytewise = 0;
    http_parser_init(&parser, SETTINGS.limits.header_bytes, SETTINGS.limits.header_count);
    while (bytewise == HTTP_PARSE_MORE && used_bytewise < vector->request.length) {
        bytewise = http_parser_feed(&parser, vector->request.data + used_bytewise, 1, &used);
        used_bytewise += used;
    }
    http_parser_done(&parser);
    if (whole != bytewise || (whole != HTTP_PARSE_REFUSED && used_whole != used_bytewise))
        tell_wrong(vector, 1, "whole %d after %zu bytes, bytewise %d after %zu", (int)whole,
                   used_whole, (int)bytewise, used_bytewise);
}

static void test_http_parser__bytes_one_by_one_give_the_same_head(void **state)
{
    (void)state;
    for_each_vector(feed_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_parser__bytes_one_by_one_give_the_same_head),
        cmocka_unit_test(test_http_corpus__each_request_gets_its_verdict),
        cmocka_unit_test(test_http_corpus__the_verdict_is_the_same_for_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
