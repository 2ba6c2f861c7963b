/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/init_request.h"

#include <inttypes.h>
#include <string.h>

#include "common/jsonread.h"
#include "gateway/request_fields.h"

static const char *const FIELDS[] = {"filename", "total_size",   "chunk_size_mb", "use_llm",
                                     "llm_mode", "webhook_url",  "language",      "prompt",
                                     "terms",    "content_type", "lock_language", "ramp",
                                     NULL};
static const char *const CONTENT_TYPES[] = {"auto", "speech", "music", "podcast", NULL};
static const char *const LLM_MODES[] = {"per_chunk", "post_process", NULL};

/* Printable names only: they come back in logs' neighbours such as pages and terminals. */
static bool read_filename(const struct json_object *object, struct init_request *request,
                          struct refusal *refusal)
{
    if (!request_fields_text(object, "filename", FIELD_REQUIRED, request->filename,
                             sizeof request->filename, refusal))
        return false;
    for (const char *c = request->filename; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return refusal_set(refusal, PROBLEM_INVALID_FIELD, "filename",
                               "filename must not hold control characters");
    }
    return media_formats_extension(request->filename, request->extension, refusal);
}

/* A ramp takes some more chunks, if any, than regular ones alone. */
static int64_t smallest_fitting_mb(int64_t total_size, int64_t first_chunk_bytes)
{
    int64_t per_chunk = (total_size + CHUNK_COUNT_MAX - 1) / CHUNK_COUNT_MAX;
    int64_t mb = (per_chunk + INIT_MIB - 1) / INIT_MIB;

    while (chunk_layout_count(total_size, mb * INIT_MIB, first_chunk_bytes) > CHUNK_COUNT_MAX)
        mb++;
    return mb;
}

static bool refuse_too_many_chunks(int64_t total_size, int64_t first_chunk_bytes,
                                   struct refusal *refusal)
{
    int64_t smallest_mb = smallest_fitting_mb(total_size, first_chunk_bytes);

    return refusal_set_range(refusal, PROBLEM_CHUNK_SIZE_OUT_OF_RANGE, "chunk_size_mb", smallest_mb,
                             INIT_CHUNK_MB_MAX,
                             "a job has at most %d chunks: for total_size %" PRId64
                             " chunk_size_mb must be at least %" PRId64,
                             CHUNK_COUNT_MAX, total_size, smallest_mb);
}

static bool read_layout(const struct json_object *object, int64_t max_total_size,
                        struct init_request *request, struct refusal *refusal)
{
    int64_t total_size = 0;
    double chunk_size_mb = INIT_CHUNK_MB_DEFAULT;
    bool has_ramp = false;

    if (!request_fields_int(
            object, "total_size",
            (struct field_bounds){1, max_total_size, PROBLEM_TOTAL_SIZE_OUT_OF_RANGE}, &total_size,
            refusal) ||
        !request_fields_number(object, "chunk_size_mb",
                               (struct field_bounds){INIT_CHUNK_MB_MIN, INIT_CHUNK_MB_MAX,
                                                     PROBLEM_CHUNK_SIZE_OUT_OF_RANGE},
                               &chunk_size_mb, refusal) ||
        !request_fields_bool(object, "ramp", &has_ramp, refusal))
        return false;
    int64_t chunk_size_bytes = (int64_t)(chunk_size_mb * (double)INIT_MIB);
    int64_t ramp_bytes = has_ramp ? media_formats_first_chunk_bytes(request->extension) : INT64_MAX;
    int64_t first_bytes = ramp_bytes < chunk_size_bytes ? ramp_bytes : chunk_size_bytes;
    if (chunk_layout_count(total_size, chunk_size_bytes, first_bytes) > CHUNK_COUNT_MAX)
        return refuse_too_many_chunks(total_size, ramp_bytes, refusal);
    request->layout = chunk_layout_of(total_size, chunk_size_bytes, first_bytes);
    return true;
}

static bool read_llm(const struct json_object *object, bool has_llm, struct init_request *request,
                     struct refusal *refusal)
{
    memcpy(request->llm_mode, "per_chunk", sizeof "per_chunk");
    if (!request_fields_bool(object, "use_llm", &request->use_llm, refusal) ||
        !request_fields_text(object, "llm_mode", FIELD_OPTIONAL, request->llm_mode,
                             sizeof request->llm_mode, refusal))
        return false;
    if (strcmp(request->llm_mode, LLM_MODES[0]) != 0 &&
        strcmp(request->llm_mode, LLM_MODES[1]) != 0) {
        refusal_set(refusal, PROBLEM_INVALID_FIELD, "llm_mode",
                    "llm_mode must be \"per_chunk\" or \"post_process\"");
        refusal->problem.allowed = LLM_MODES;
        return false;
    }
    if (request->use_llm && !has_llm)
        return refusal_set(refusal, PROBLEM_LLM_NOT_CONFIGURED, "use_llm",
                           "use_llm is true, but this server has no language model (its option "
                           "llm is not set): send use_llm false, or leave it out");
    return true;
}

static bool read_webhook(const struct json_object *object, const struct init_terms *terms,
                         struct init_request *request, struct refusal *refusal)
{
    struct webhook_url url;
    struct err err;

    if (!request_fields_text(object, "webhook_url", FIELD_OPTIONAL, request->webhook_url,
                             sizeof request->webhook_url, refusal))
        return false;
    if (request->webhook_url[0] == '\0')
        return true;
    if (!terms->has_webhooks)
        return refusal_set(refusal, PROBLEM_WEBHOOKS_NOT_CONFIGURED, "webhook_url",
                           "this server sends no webhooks (its option webhook-key-file is not set):"
                           " leave webhook_url out and follow the job's event stream");
    return webhook_url_parse(request->webhook_url, &terms->webhook_policy, &url, &err) ||
           refusal_set(refusal, PROBLEM_INVALID_FIELD, "webhook_url",
                       "webhook_url is not taken: %s", err.message);
}

static bool read_language(const struct json_object *object, struct init_request *request,
                          struct refusal *refusal)
{
    if (!request_fields_text(object, "language", FIELD_OPTIONAL, request->language,
                             sizeof request->language, refusal))
        return false;
    size_t length = strlen(request->language);
    if (length == 0 || ((length == 2 || length == 3) &&
                        strspn(request->language, "abcdefghijklmnopqrstuvwxyz") == length))
        return true;
    return refusal_set(refusal, PROBLEM_INVALID_FIELD, "language",
                       "language must be an ISO 639 code of 2 or 3 lower-case letters, as \"en\"");
}

static bool read_content_type(const struct json_object *object, struct init_request *request,
                              struct refusal *refusal)
{
    memcpy(request->content_type, "auto", sizeof "auto");
    if (!request_fields_text(object, "content_type", FIELD_OPTIONAL, request->content_type,
                             sizeof request->content_type, refusal))
        return false;
    for (size_t i = 0; CONTENT_TYPES[i] != NULL; i++) {
        if (strcmp(request->content_type, CONTENT_TYPES[i]) == 0)
            return true;
    }
    refusal_set(refusal, PROBLEM_INVALID_FIELD, "content_type",
                "content_type must be \"auto\", \"speech\", \"music\" or \"podcast\"");
    refusal->problem.allowed = CONTENT_TYPES;
    return false;
}

static bool refuse_terms(struct refusal *refusal)
{
    return refusal_set(refusal, PROBLEM_INVALID_FIELD, "terms",
                       "terms must be an array of up to %d texts of 1 to %d bytes, without control "
                       "characters",
                       INIT_TERMS_MAX, INIT_TERM_BYTES);
}

static bool is_term(const struct json_object *term)
{
    if (!json_object_is_type(term, json_type_string))
        return false;
    /* json-c's getters take no const, and change nothing of a string. */
    struct json_object *string = (struct json_object *)(uintptr_t)term;
    const char *text = json_object_get_string(string);
    size_t length = (size_t)json_object_get_string_len(string);
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
            return false;
    }
    return length >= 1 && length <= INIT_TERM_BYTES;
}

/* A prompt is text that might have come before: the terms are its last sentence. */
static bool read_prompt(const struct json_object *object, struct init_request *request,
                        struct refusal *refusal)
{
    struct json_object *terms = jsonread_member(object, "terms");
    struct buf prompt;

    if (!request_fields_text(object, "prompt", FIELD_OPTIONAL, request->prompt,
                             sizeof request->prompt, refusal))
        return false;
    if (terms == NULL)
        return true;
    if (!json_object_is_type(terms, json_type_array) ||
        json_object_array_length(terms) > INIT_TERMS_MAX)
        return refuse_terms(refusal);
    buf_init(&prompt, sizeof request->prompt);
    buf_append_string(&prompt, request->prompt);
    for (size_t i = 0; i < json_object_array_length(terms); i++) {
        const struct json_object *term = json_object_array_get_idx(terms, i);
        if (!is_term(term)) {
            buf_done(&prompt);
            return refuse_terms(refusal);
        }
        const char *before = i > 0 ? ", " : prompt.length > 0 ? " " : "";
        buf_append_format(&prompt, "%s%s", before,
                          json_object_get_string(json_object_array_get_idx(terms, i)));
    }
    buf_append_string(&prompt, json_object_array_length(terms) > 0 ? "." : "");
    bool fits = !buf_is_over(&prompt) && prompt.length < sizeof request->prompt;
    if (fits)
        memcpy(request->prompt, buf_string(&prompt), prompt.length + 1);
    buf_done(&prompt);
    return fits ||
           refusal_set(refusal, PROBLEM_INVALID_FIELD, "terms",
                       "prompt and terms must have at most %d bytes together", INIT_PROMPT_BYTES);
}

bool init_request_parse(const char *body, size_t length, const struct init_terms *terms,
                        struct init_request *ret_request, struct refusal *refusal)
{
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    struct init_request request = {.lock_language = true};

    if (!request_fields_parse(body, length, FIELDS, &object, refusal) ||
        !read_filename(object, &request, refusal) ||
        !read_layout(object, terms->max_total_size, &request, refusal) ||
        !read_llm(object, terms->has_llm, &request, refusal) ||
        !read_webhook(object, terms, &request, refusal) ||
        !read_language(object, &request, refusal) ||
        !request_fields_bool(object, "lock_language", &request.lock_language, refusal) ||
        !read_content_type(object, &request, refusal) || !read_prompt(object, &request, refusal))
        return false;
    *ret_request = request;
    return true;
}

void init_request_canonical(const struct init_request *request, struct buf *ret_json)
{
    CLEANUP(jsonread_put_at) struct json_object *object = json_object_new_object();

    json_object_object_add(object, "filename", json_object_new_string(request->filename));
    json_object_object_add(object, "total_size", json_object_new_int64(request->layout.total_size));
    json_object_object_add(object, "chunk_size_bytes",
                           json_object_new_int64(request->layout.chunk_size_bytes));
    json_object_object_add(object, "first_chunk_bytes",
                           json_object_new_int64(request->layout.first_chunk_bytes));
    json_object_object_add(object, "use_llm", json_object_new_boolean(request->use_llm));
    json_object_object_add(object, "llm_mode", json_object_new_string(request->llm_mode));
    json_object_object_add(object, "webhook_url", json_object_new_string(request->webhook_url));
    json_object_object_add(object, "language", json_object_new_string(request->language));
    json_object_object_add(object, "lock_language",
                           json_object_new_boolean(request->lock_language));
    json_object_object_add(object, "prompt", json_object_new_string(request->prompt));
    json_object_object_add(object, "content_type", json_object_new_string(request->content_type));
    buf_append_string(ret_json, json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
}
