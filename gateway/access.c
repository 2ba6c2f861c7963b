/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/access.h"

#include <stddef.h>

static bool check_token(const struct sign_keys *keys, const struct access_claim *claim,
                        int64_t now_wall_s, struct refusal *refusal)
{
    enum sign_scope scope = SIGN_SCOPE_READ;
    const char *job_id = claim->job_id != NULL ? claim->job_id : "";

    switch (sign_verify_token(keys, claim->token, job_id, now_wall_s, &scope)) {
    case SIGN_INVALID:
        return refusal_set(refusal, PROBLEM_SIGNATURE_INVALID, "token",
                           "the token is not one that this server gave for this job");
    case SIGN_EXPIRED:
        return refusal_set(refusal, PROBLEM_SIGNATURE_EXPIRED, "token",
                           "the link has expired: ask whoever shared it for another");
    case SIGN_VALID:
        break;
    }
    return claim->wanted != ACCESS_LISTEN || scope == SIGN_SCOPE_LISTEN ||
           refusal_set(refusal, PROBLEM_FORBIDDEN, "token",
                       "the link was shared without the recording");
}

bool access_allows(const struct sign_keys *keys, const struct access_claim *claim,
                   int64_t now_wall_s, struct refusal *refusal)
{
    if (claim->wanted == ACCESS_NO_JOB)
        return true;
    if (claim->token == NULL)
        return claim->wanted != ACCESS_LISTEN ||
               refusal_set(refusal, PROBLEM_SIGNATURE_INVALID, "token",
                           "the recording needs a signed link: POST /jobs/{id}/share gives one");
    if (claim->wanted == ACCESS_CHANGE)
        return refusal_set(refusal, PROBLEM_FORBIDDEN, "token",
                           "a shared link only reads: leave the token out");
    return check_token(keys, claim, now_wall_s, refusal);
}
