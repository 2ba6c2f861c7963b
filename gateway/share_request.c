/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/share_request.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/jsonread.h"
#include "common/mem.h"
#include "gateway/request_fields.h"

#define MIN_S 60
#define WEEK_S INT64_C(604800)
#define ANSWER_BYTES 2048
#define LINKS 5

static const char *const FIELDS[] = {"expires_in_s", "audio", NULL};

bool share_request_parse(const char *body, size_t length, int64_t max_s,
                         struct share_request *ret_request, struct refusal *refusal)
{
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    struct share_request request = {.expires_in_s = max_s < WEEK_S ? max_s : WEEK_S,
                                    .has_audio = true};
    const struct field_bounds bounds = {MIN_S, max_s, PROBLEM_INVALID_FIELD};

    if (!request_fields_parse(body, length, FIELDS, &object, refusal))
        return false;
    if (jsonread_member(object, "expires_in_s") != NULL &&
        !request_fields_int(object, "expires_in_s", bounds, &request.expires_in_s, refusal))
        return false;
    if (!request_fields_bool(object, "audio", &request.has_audio, refusal))
        return false;
    *ret_request = request;
    return true;
}

size_t share_bytes_max(const char *public_url)
{
    return ANSWER_BYTES + LINKS * strlen(public_url);
}

static void append_time(struct buf *json, int64_t wall_s)
{
    char text[32];
    struct tm utc;
    time_t time = wall_s;

    gmtime_r(&time, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &utc);
    buf_append_format(json, "\"expires_at\":\"%s\"", text);
}

/* Ids and tokens hold no character that JSON or a URL escapes. The page takes its job and token
 * from the fragment, which browsers send to nobody. */
void share_format(const struct share_request *request, const struct share_terms *terms,
                  struct buf *ret_json)
{
    const char *url = terms->public_url;
    const char *job = terms->job_id;
    const struct sign_grant grant = {
        .scope = request->has_audio ? SIGN_SCOPE_LISTEN : SIGN_SCOPE_READ,
        .job_id = job,
        .expires_wall_s = terms->now_wall_s + request->expires_in_s,
    };
    CLEANUP(mem_free_at) char *token = sign_token(terms->keys, &grant);

    buf_append_format(ret_json, "{\"parent_job_id\":\"%s\",\"token\":\"%s\",", job, token);
    append_time(ret_json, grant.expires_wall_s);
    buf_append_format(ret_json, ",\"share_url\":\"%s/#%s&token=%s\"", url, job, token);
    buf_append_format(ret_json, ",\"stream_url\":\"%s/chunked-stream/%s?token=%s\"", url, job,
                      token);
    buf_append_format(ret_json,
                      ",\"status_url\":\"%s/chunked-upload-status?parent_job_id=%s&token=%s\"", url,
                      job, token);
    buf_append_format(ret_json,
                      ",\"transcript_url\":\"%s/chunked-transcript?parent_job_id=%s&token=%s\"",
                      url, job, token);
    if (request->has_audio)
        buf_append_format(ret_json,
                          ",\"audio_url\":\"%s/chunked-audio?parent_job_id=%s&token=%s\"}", url,
                          job, token);
    else
        buf_append_string(ret_json, ",\"audio_url\":null}");
}
