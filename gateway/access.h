/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_ACCESS_H
#define GATEWAY_ACCESS_H

/*
 * What the token of a share link (?token=...) allows: reading one job, and nothing else. A request
 * that carries one gets no more than it grants, whoever sends it. Pure, but for the signing keys.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/sign.h"
#include "gateway/refusal.h"

/* The mark of a route. */
enum access {
    ACCESS_NO_JOB, /* of no job: a token is not looked at */
    ACCESS_CHANGE, /* not with a token */
    ACCESS_READ,   /* with or without one */
    ACCESS_LISTEN, /* only with one that includes the recording */
};

struct access_claim {
    enum access wanted;
    const char *token;  /* NULL: none */
    const char *job_id; /* as it stands in the request; NULL: none */
};

/* False: `refusal` says why not. */
bool access_allows(const struct sign_keys *keys, const struct access_claim *claim,
                   int64_t now_wall_s, struct refusal *refusal) MUST_CHECK;

#endif
