/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SHARE_REQUEST_H
#define GATEWAY_SHARE_REQUEST_H

/* The body and the answer of POST /jobs/{id}/share. Pure, but for the signing keys. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/sign.h"
#include "gateway/refusal.h"

struct share_request {
    int64_t expires_in_s;
    bool has_audio;
};

/* `max_s` bounds the time; it is also the default, if that is less than a week. */
bool share_request_parse(const char *body, size_t length, int64_t max_s,
                         struct share_request *ret_request, struct refusal *refusal) MUST_CHECK;

struct share_terms {
    const struct sign_keys *keys;
    const char *public_url; /* put before each path; "" for none */
    const char *job_id;
    int64_t now_wall_s;
};

size_t share_bytes_max(const char *public_url);
void share_format(const struct share_request *request, const struct share_terms *terms,
                  struct buf *ret_json);

#endif
