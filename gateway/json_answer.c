/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/json_answer.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/mem.h"
#include "common/pool.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_negotiate.h"
#include "gateway/http_request.h"

/* Shorter than a packet: nothing is won. */
#define GZIP_FROM_BYTES 1024
/* Up to here the loop does it by itself, in well under a millisecond. */
#define INLINE_BYTES 16384

#define ETAG_SIZE 37 /* W/"32 digits" and the NUL */

struct json_answer {
    struct http_request *request; /* to be released */
    int status;
    char *body; /* owned */
    size_t length;
    bool is_conditional;
    bool wants_gzip;
    bool is_compressed;
    bool is_known; /* the client has it already */
    char etag[ETAG_SIZE];
};

/* The same bytes compressed are another representation, so the tag is a weak one for both. */
static void make_etag(struct json_answer *answer)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    size_t used = (size_t)snprintf(answer->etag, sizeof answer->etag, "W/\"");

    if (EVP_Digest(answer->body, answer->length, digest, NULL, EVP_sha256(), NULL) != 1)
        abort(); /* SHA-256 over memory fails only when memory is out */
    for (size_t i = 0; i < 16; i++)
        used +=
            (size_t)snprintf(answer->etag + used, sizeof answer->etag - used, "%02x", digest[i]);
    (void)snprintf(answer->etag + used, sizeof answer->etag - used, "\"");
    answer->is_known = http_negotiate_is_known(
        http_request_header(answer->request, "If-None-Match"), answer->etag);
}

static void compress_body(struct json_answer *answer)
{
    z_stream stream = {.next_in = (Bytef *)answer->body, .avail_in = (uInt)answer->length};

    /* 15 bits of window, and 16 for gzip's frame instead of zlib's. */
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        abort(); /* only when memory is out */
    size_t bound = deflateBound(&stream, (uLong)answer->length);
    char *compressed = mem_array(bound, 1);
    stream.next_out = (Bytef *)compressed;
    stream.avail_out = (uInt)bound;
    int ended = deflate(&stream, Z_FINISH);
    (void)deflateEnd(&stream);
    if (ended != Z_STREAM_END)
        abort(); /* the bound was made for it */
    free(answer->body);
    answer->body = compressed;
    answer->length = stream.total_out;
    answer->is_compressed = true;
}

/* Perhaps on a thread of the pool. */
static void work(void *context)
{
    struct json_answer *answer = context;

    if (answer->is_conditional)
        make_etag(answer);
    if (answer->wants_gzip && !answer->is_known)
        compress_body(answer);
}

static void respond(void *context)
{
    struct json_answer *answer = context;
    struct http_header headers[4];
    size_t count = 0;

    if (answer->is_conditional) {
        headers[count++] = (struct http_header){"ETag", answer->etag};
        headers[count++] = (struct http_header){"Cache-Control", "private, no-cache"};
    }
    headers[count++] = (struct http_header){"Vary", "Accept-Encoding"};
    if (answer->is_compressed)
        headers[count++] = (struct http_header){"Content-Encoding", "gzip"};
    http_respond(answer->request, &(struct http_reply){
                                      .status = answer->is_known ? 304 : answer->status,
                                      .content_type = "application/json",
                                      .take_body = answer->body,
                                      .body_length = answer->length,
                                      .headers = headers,
                                      .header_count = count,
                                  });
    free(answer);
}

static bool is_json(const struct http_reply *reply)
{
    return reply->take_body != NULL && reply->header_count == 0 && reply->content_type != NULL &&
           strcmp(reply->content_type, "application/json") == 0;
}

static void on_respond(struct http_request *take_request, const struct http_reply *reply,
                       void *context)
{
    struct gateway *gateway = context;
    unsigned traits = http_request_route(take_request)->traits;
    bool is_conditional = (traits & API_CONDITIONAL) != 0 && reply->status == 200;
    bool wants_gzip = reply->body_length >= GZIP_FROM_BYTES &&
                      http_negotiate_gzip(http_request_header(take_request, "Accept-Encoding"));

    if (!is_json(reply) || (!is_conditional && !wants_gzip)) {
        http_respond(take_request, reply);
        return;
    }
    struct json_answer *answer = mem_new(sizeof *answer);
    *answer = (struct json_answer){
        .request = take_request,
        .status = reply->status,
        .body = reply->take_body,
        .length = reply->body_length,
        .is_conditional = is_conditional,
        .wants_gzip = wants_gzip,
    };
    if (answer->length > INLINE_BYTES) {
        pool_submit(gateway->pool, work, respond, answer);
    } else {
        work(answer);
        respond(answer);
    }
}

void json_answer_prepare(struct gateway *gateway, struct http_request *request)
{
    http_request_on_respond(request, on_respond, gateway);
}
