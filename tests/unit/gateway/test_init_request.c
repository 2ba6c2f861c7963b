/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/init_request.h"

#define MAX_TOTAL_SIZE (INT64_C(2) * 1024 * 1024 * 1024 * 1024)

static bool parse(const char *body, struct init_request *request, struct refusal *refusal)
{
    static const struct init_terms TERMS = {.max_total_size = MAX_TOTAL_SIZE, .has_webhooks = true};

    return init_request_parse(body, strlen(body), &TERMS, request, refusal);
}

static const struct {
    const char *body;
    int64_t chunk_size_bytes;
    int32_t total_chunks;
    const char *extension;
} GOOD[] = {
    {"{\"filename\":\"a.mp3\",\"total_size\":1}", 5242880, 1, "mp3"},
    {"{\"filename\":\"a.b.WAV\",\"total_size\":10485761,\"chunk_size_mb\":5}", 5242880, 3, "wav"},
    {"{\"filename\":\"a.wav\",\"total_size\":2097152,\"chunk_size_mb\":1}", 1048576, 2, "wav"},
    {"{\"filename\":\"a.wav\",\"total_size\":2097152,\"chunk_size_mb\":1.5}", 1572864, 2, "wav"},
    {"{\"filename\":\"a.wav\",\"total_size\":2097152,\"chunk_size_mb\":100}", 104857600, 1, "wav"},
    {"{\"filename\":\"\xC3\xBC.wav\",\"total_size\":9,\"use_llm\":false,\"webhook_url\":null,"
     "\"llm_mode\":\"post_process\",\"language\":\"de\",\"prompt\":\"names\"}",
     5242880, 1, "wav"},
    /* exactly the largest number of chunks */
    {"{\"filename\":\"a.wav\",\"total_size\":10485760000,\"chunk_size_mb\":1}", 1048576, 10000,
     "wav"},
};

static void test_init_request__takes_what_the_contract_allows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
        struct init_request request;
        struct refusal refusal;

        assert_true(parse(GOOD[i].body, &request, &refusal));
        assert_int_equal(request.layout.chunk_size_bytes, GOOD[i].chunk_size_bytes);
        assert_int_equal(request.layout.total_chunks, GOOD[i].total_chunks);
        assert_string_equal(request.extension, GOOD[i].extension);
    }
}

static const struct {
    const char *body;
    enum problem_type type;
    const char *field;  /* NULL: none */
    const char *detail; /* a part of it */
} BAD[] = {
    {"", PROBLEM_INVALID_JSON, NULL, "ends too early"},
    {"{", PROBLEM_INVALID_JSON, NULL, "ends too early"},
    {"[]", PROBLEM_INVALID_JSON, NULL, "object"},
    {"{} x", PROBLEM_INVALID_JSON, NULL, "follows"},
    {"{\"filename\":\"\xFF.wav\",\"total_size\":1}", PROBLEM_INVALID_JSON, NULL, "UTF-8"},
    {"{\"total_size\":1}", PROBLEM_MISSING_FIELD, "filename", "filename is required"},
    {"{\"filename\":null,\"total_size\":1}", PROBLEM_MISSING_FIELD, "filename", "required"},
    {"{\"filename\":7,\"total_size\":1}", PROBLEM_INVALID_FIELD, "filename", "string"},
    {"{\"filename\":\"\",\"total_size\":1}", PROBLEM_INVALID_FIELD, "filename", "1 to 255"},
    {"{\"filename\":\"a\\u0000.wav\",\"total_size\":1}", PROBLEM_INVALID_FIELD, "filename",
     "U+0000"},
    {"{\"filename\":\"a\\n.wav\",\"total_size\":1}", PROBLEM_INVALID_FIELD, "filename", "control"},
    {"{\"filename\":\"a.amr\",\"total_size\":1}", PROBLEM_INVALID_FIELD, "filename",
     "AMR is not supported: filename must end in .wav, "},
    {"{\"filename\":\"a.txt\",\"total_size\":1}", PROBLEM_INVALID_FIELD, "filename",
     "filename must end in .wav, .mp3"},
    {"{\"filename\":\"wav\",\"total_size\":1}", PROBLEM_INVALID_FIELD, "filename", "must end in"},
    {"{\"filename\":\"a.wav\"}", PROBLEM_MISSING_FIELD, "total_size", "required"},
    {"{\"filename\":\"a.wav\",\"total_size\":\"1\"}", PROBLEM_INVALID_FIELD, "total_size",
     "integer from 1"},
    {"{\"filename\":\"a.wav\",\"total_size\":1.5}", PROBLEM_INVALID_FIELD, "total_size", "integer"},
    {"{\"filename\":\"a.wav\",\"total_size\":0}", PROBLEM_TOTAL_SIZE_OUT_OF_RANGE, "total_size",
     "from 1 to 2199023255552"},
    {"{\"filename\":\"a.wav\",\"total_size\":-4}", PROBLEM_TOTAL_SIZE_OUT_OF_RANGE, "total_size",
     "from 1"},
    {"{\"filename\":\"a.wav\",\"total_size\":99999999999999999999}",
     PROBLEM_TOTAL_SIZE_OUT_OF_RANGE, "total_size", "from 1"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"chunk_size_mb\":0.99}",
     PROBLEM_CHUNK_SIZE_OUT_OF_RANGE, "chunk_size_mb", "from 1 to 100"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"chunk_size_mb\":101}",
     PROBLEM_CHUNK_SIZE_OUT_OF_RANGE, "chunk_size_mb", "from 1 to 100"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"chunk_size_mb\":\"5\"}", PROBLEM_INVALID_FIELD,
     "chunk_size_mb", "number from 1"},
    {"{\"filename\":\"a.wav\",\"total_size\":10485760001,\"chunk_size_mb\":1}",
     PROBLEM_CHUNK_SIZE_OUT_OF_RANGE, "chunk_size_mb", "at least 2"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"use_llm\":true}", PROBLEM_LLM_NOT_CONFIGURED,
     "use_llm", "no language model"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"use_llm\":\"yes\"}", PROBLEM_INVALID_FIELD,
     "use_llm", "true or false"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"llm_mode\":\"both\"}", PROBLEM_INVALID_FIELD,
     "llm_mode", "per_chunk"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"webhook_url\":\"http://example.com\"}",
     PROBLEM_INVALID_FIELD, "webhook_url", "must be https"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"webhook_url\":\"https://10.0.0.1\"}",
     PROBLEM_INVALID_FIELD, "webhook_url", "public"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"webhook_url\":5}", PROBLEM_INVALID_FIELD,
     "webhook_url", "string"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"language\":\"EN\"}", PROBLEM_INVALID_FIELD,
     "language", "lower-case"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"content_type\":\"song\"}", PROBLEM_INVALID_FIELD,
     "content_type", "\"podcast\""},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"lock_language\":1}", PROBLEM_INVALID_FIELD,
     "lock_language", "true or false"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"terms\":\"Ada\"}", PROBLEM_INVALID_FIELD, "terms",
     "array of up to 100"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"terms\":[\"Ada\",\"\"]}", PROBLEM_INVALID_FIELD,
     "terms", "1 to 100 bytes"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"terms\":[\"A\\nda\"]}", PROBLEM_INVALID_FIELD,
     "terms", "control"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"terms\":[\"A\\u0000da\"]}", PROBLEM_INVALID_FIELD,
     "terms", "control"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"terms\":[7]}", PROBLEM_INVALID_FIELD, "terms",
     "array"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"chunk_size_md\":5}", PROBLEM_UNKNOWN_FIELD,
     "chunk_size_md", "did you mean \"chunk_size_mb\"?"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"chunk_size\":5}", PROBLEM_UNKNOWN_FIELD,
     "chunk_size", "did you mean \"chunk_size_mb\"?"},
    {"{\"filename\":\"a.wav\",\"total_size\":1,\"colour\":5}", PROBLEM_UNKNOWN_FIELD, "colour",
     "\"colour\" is not known"},
};

static void test_init_request__refusal_names_field_and_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct init_request request;
        struct refusal refusal;

        if (parse(BAD[i].body, &request, &refusal))
            fail_msg("taken: %s", BAD[i].body);
        if (refusal.problem.type != BAD[i].type ||
            strstr(refusal.problem.detail, BAD[i].detail) == NULL)
            fail_msg("%s: %s", BAD[i].body, refusal.problem.detail);
        if (BAD[i].field == NULL)
            assert_null(refusal.problem.field);
        else
            assert_string_equal(refusal.problem.field, BAD[i].field);
    }
}

static void test_init_request__too_many_chunks_names_the_smallest_fitting_size(void **state)
{
    (void)state;
    static const int64_t SIZES[] = {10485760001, 20971520000, 20971520001, 1048576000000};

    for (size_t i = 0; i < ARRAY_LEN(SIZES); i++) {
        struct init_request request;
        struct refusal refusal;
        char body[160];

        (void)snprintf(body, sizeof body,
                       "{\"filename\":\"a.wav\",\"total_size\":%lld,\"chunk_size_mb\":1}",
                       (long long)SIZES[i]);
        assert_false(parse(body, &request, &refusal));
        int64_t smallest = refusal.problem.minimum;
        (void)snprintf(body, sizeof body,
                       "{\"filename\":\"a.wav\",\"total_size\":%lld,\"chunk_size_mb\":%lld}",
                       (long long)SIZES[i], (long long)smallest);
        assert_true(parse(body, &request, &refusal));
        assert_true((SIZES[i] - 1) / ((smallest - 1) * INIT_MIB) >= CHUNK_COUNT_MAX);
    }
}

static const struct {
    const char *body;
    int64_t first_chunk_bytes;
    int32_t total_chunks;
} RAMPS[] = {
    {"{\"filename\":\"a.mp3\",\"total_size\":20971520,\"ramp\":false}", 5242880, 4},
    {"{\"filename\":\"a.mp3\",\"total_size\":20971520,\"ramp\":null}", 5242880, 4},
    /* 1/4, 1/2, 1, 2, 4, 5, 5, 2 1/4 MiB */
    {"{\"filename\":\"a.mp3\",\"total_size\":20971520,\"ramp\":true}", 262144, 8},
    {"{\"filename\":\"a.wav\",\"total_size\":20971520,\"ramp\":true}", 1048576, 6},
    {"{\"filename\":\"a.mp4\",\"total_size\":20971520,\"ramp\":true}", 1048576, 6},
    {"{\"filename\":\"a.mp3\",\"total_size\":100000,\"ramp\":true}", 262144, 1},
    /* never larger than the others */
    {"{\"filename\":\"a.wav\",\"total_size\":2097152,\"chunk_size_mb\":1,\"ramp\":true}", 1048576,
     2},
};

static void test_init_request__a_ramp_begins_where_the_format_allows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(RAMPS); i++) {
        struct init_request request;
        struct refusal refusal;

        assert_true(parse(RAMPS[i].body, &request, &refusal));
        assert_int_equal(request.layout.first_chunk_bytes, RAMPS[i].first_chunk_bytes);
        assert_int_equal(request.layout.total_chunks, RAMPS[i].total_chunks);
    }
}

/* 10,000 chunks of 1 MiB are just too many with a ramp of two more. */
static void test_init_request__the_smallest_chunk_size_counts_the_ramp(void **state)
{
    static const int64_t SIZES[] = {10485760000, 20971520000, 524288000000};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(SIZES); i++) {
        struct init_request request;
        struct refusal refusal;
        char body[160];
        int64_t too_small = SIZES[i] / CHUNK_COUNT_MAX / INIT_MIB;

        for (int64_t mb = too_small; mb <= too_small + 1; mb++) {
            (void)snprintf(
                body, sizeof body,
                "{\"filename\":\"a.mp3\",\"total_size\":%lld,\"chunk_size_mb\":%lld,\"ramp\":true}",
                (long long)SIZES[i], (long long)mb);
            assert_int_equal(parse(body, &request, &refusal), mb > too_small);
        }
        (void)snprintf(
            body, sizeof body,
            "{\"filename\":\"a.mp3\",\"total_size\":%lld,\"chunk_size_mb\":1,\"ramp\":true}",
            (long long)SIZES[i]);
        assert_false(parse(body, &request, &refusal));
        assert_int_equal(refusal.problem.minimum, too_small + 1);
    }
}

static void canonical(const char *body, struct buf *text)
{
    struct init_request request;
    struct refusal refusal;

    assert_true(parse(body, &request, &refusal));
    init_request_canonical(&request, text);
}

static void test_init_request__canonical_form_depends_on_meaning_alone(void **state)
{
    (void)state;
    struct buf plain, same, other, ramped;
    buf_init(&plain, 4096);
    buf_init(&same, 4096);
    buf_init(&other, 4096);
    buf_init(&ramped, 4096);

    canonical("{\"filename\":\"a.wav\",\"total_size\":7}", &plain);
    canonical("{ \"chunk_size_mb\":5.0, \"total_size\":7, \"use_llm\":false,"
              "\"filename\":\"\\u0061.wav\", \"language\":null}",
              &same);
    canonical("{\"filename\":\"a.wav\",\"total_size\":7,\"language\":\"en\"}", &other);
    canonical("{\"filename\":\"a.wav\",\"total_size\":7,\"ramp\":true}", &ramped);
    assert_string_equal(buf_string(&plain), buf_string(&same));
    assert_string_not_equal(buf_string(&plain), buf_string(&other));
    assert_string_not_equal(buf_string(&plain), buf_string(&ramped));
    buf_done(&plain);
    buf_done(&same);
    buf_done(&other);
    buf_done(&ramped);
}

static void test_init_request__terms_end_the_prompt(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        const char *prompt;
    } ROWS[] = {
        {"\"prompt\":\"A talk.\",\"terms\":[\"Ada Lovelace\",\"Babbage\"]",
         "A talk. Ada Lovelace, Babbage."},
        {"\"terms\":[\"Ada\"]", "Ada."},
        {"\"terms\":[]", ""},
        {"\"prompt\":\"A talk.\",\"terms\":null", "A talk."},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct init_request request;
        struct refusal refusal;
        char body[256];

        (void)snprintf(body, sizeof body, "{\"filename\":\"a.wav\",\"total_size\":1,%s}",
                       ROWS[i].members);
        assert_true(parse(body, &request, &refusal));
        assert_string_equal(request.prompt, ROWS[i].prompt);
    }
}

static void test_init_request__prompt_and_terms_have_one_limit(void **state)
{
    (void)state;
    struct init_request request;
    struct refusal refusal;
    char body[2048];
    char prompt[1020];

    memset(prompt, 'p', sizeof prompt - 1);
    prompt[sizeof prompt - 1] = '\0';
    (void)snprintf(body, sizeof body,
                   "{\"filename\":\"a.wav\",\"total_size\":1,\"prompt\":\"%s\",\"terms\":[\"%s\"]}",
                   prompt, "abc");
    assert_true(parse(body, &request, &refusal));
    assert_int_equal(strlen(request.prompt), 1024);
    (void)snprintf(body, sizeof body,
                   "{\"filename\":\"a.wav\",\"total_size\":1,\"prompt\":\"%s\",\"terms\":[\"%s\"]}",
                   prompt, "abcd");
    assert_false(parse(body, &request, &refusal));
    assert_string_equal(refusal.problem.field, "terms");
}

static void test_init_request__looks_and_locks_unless_told(void **state)
{
    (void)state;
    struct init_request request;
    struct refusal refusal;

    assert_true(parse("{\"filename\":\"a.wav\",\"total_size\":1}", &request, &refusal));
    assert_string_equal(request.content_type, "auto");
    assert_true(request.lock_language);
    assert_true(parse("{\"filename\":\"a.wav\",\"total_size\":1,\"content_type\":\"podcast\","
                      "\"lock_language\":false}",
                      &request, &refusal));
    assert_string_equal(request.content_type, "podcast");
    assert_false(request.lock_language);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_request__takes_what_the_contract_allows),
        cmocka_unit_test(test_init_request__refusal_names_field_and_bound),
        cmocka_unit_test(test_init_request__too_many_chunks_names_the_smallest_fitting_size),
        cmocka_unit_test(test_init_request__a_ramp_begins_where_the_format_allows),
        cmocka_unit_test(test_init_request__the_smallest_chunk_size_counts_the_ramp),
        cmocka_unit_test(test_init_request__canonical_form_depends_on_meaning_alone),
        cmocka_unit_test(test_init_request__terms_end_the_prompt),
        cmocka_unit_test(test_init_request__prompt_and_terms_have_one_limit),
        cmocka_unit_test(test_init_request__looks_and_locks_unless_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
