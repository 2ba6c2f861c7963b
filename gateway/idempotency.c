/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/idempotency.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fault_point.h"
#include "common/mem.h"
#include "common/pg.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/idempotency_key.h"

/* A key that two calls claim at the same moment is seen by the loser's next try. */
#define TRIES_MAX 3

/* Columns: same request?, and of the answer, if there is one, status and body. */
static const char CLAIM_SQL[] =
    "WITH claim AS ("
    " INSERT INTO idempotency_keys AS known (operation, key, request_digest) VALUES ($1, $2, $3)"
    " ON CONFLICT (operation, key) DO UPDATE SET request_digest = excluded.request_digest,"
    "  status = NULL, answer = NULL, created_at = now()"
    "  WHERE known.created_at <= now() - $4::bigint * interval '1 microsecond'"
    " RETURNING request_digest, status, answer"
    ") SELECT true, status, answer FROM claim UNION ALL"
    " SELECT request_digest = $3, status, answer FROM idempotency_keys"
    " WHERE operation = $1 AND key = $2 AND NOT EXISTS (SELECT FROM claim)";

/* The first answer is the one, also for a call that ran beside it. No row: the key's time was over
 * meanwhile. */
static const char STORE_SQL[] =
    "UPDATE idempotency_keys SET status = coalesce(status, $4::smallint),"
    " answer = coalesce(answer, $5) "
    "WHERE operation = $1 AND key = $2 AND request_digest = $3 RETURNING status, answer";

struct call {
    struct gateway *gateway;      /* borrowed */
    struct http_request *request; /* to be released */
    const struct route *route;    /* borrowed */
    char *operation;              /* owned, as the next */
    char *key;
    char digest[IDEMPOTENCY_DIGEST_SIZE];
    unsigned tries;
    int status; /* of the answer that is being stored */
    char *body; /* owned */
    size_t length;
};

static void call_free(struct call *call)
{
    free(call->operation);
    free(call->key);
    free(call->body);
    free(call);
}

static void fail(struct call *call, const struct err *err)
{
    api_fail(call->request, PROBLEM_DATABASE_UNAVAILABLE, err);
    call_free(call);
}

static void respond(struct http_request *take_request, const PGresult *result, int status_column)
{
    static const struct http_header REPLAYED = {"Idempotency-Replayed", "true"};
    int status = (int)strtol(PQgetvalue(result, 0, status_column), NULL, 10);
    size_t length = (size_t)PQgetlength(result, 0, status_column + 1);

    http_request_add_header(take_request, REPLAYED.name, REPLAYED.value);
    http_respond_json(take_request, status,
                      mem_copy(PQgetvalue(result, 0, status_column + 1), length), length);
}

/* --- the answer --- */

static void on_stored(void *context, PGresult *result, const struct err *err)
{
    struct call *call = context;

    if (result == NULL) {
        fail(call, err);
        return;
    }
    bool is_ours = PQntuples(result) == 0 || strcmp(PQgetvalue(result, 0, 1), call->body) == 0;
    if (is_ours)
        http_respond_json(call->request, call->status, TAKE(call->body), call->length);
    else
        respond(call->request, result, 0);
    call_free(call);
}

static void store(struct call *call, const struct http_reply *reply)
{
    char status[16];
    struct err err;

    call->status = reply->status;
    call->body = reply->take_body;
    call->length = reply->body_length;
    (void)snprintf(status, sizeof status, "%d", call->status);
    if (fault_point(FAULT_IDEMPOTENCY_STORE, NULL)) {
        (void)err_set(&err, ERR_RETRY, "gateway", 0, "idempotency_store: not sent");
        fail(call, &err);
        return;
    }
    struct pg_params params = {
        .count = 5, .values = {call->operation, call->key, call->digest, status, call->body}};
    pg_query(call->gateway->pg, "idempotency_store", STORE_SQL, &params, on_stored, call);
}

static void on_respond(struct http_request *take_request, const struct http_reply *reply,
                       void *context)
{
    struct call *call = context;

    if (reply->status / 100 == 2 && reply->take_body != NULL) {
        store(call, reply);
        return;
    }
    http_respond(take_request, reply);
    call_free(call);
}

/* --- the claim --- */

static void on_claimed(void *context, PGresult *result, const struct err *err);

static void claim(struct call *call)
{
    char lifetime[24];

    call->tries++;
    (void)snprintf(lifetime, sizeof lifetime, "%" PRId64,
                   call->gateway->options->idempotency_lifetime_us);
    struct pg_params params = {.count = 4,
                               .values = {call->operation, call->key, call->digest, lifetime}};
    pg_query(call->gateway->pg, "idempotency_claim", CLAIM_SQL, &params, on_claimed, call);
}

static void decide(struct call *call, const PGresult *result)
{
    struct refusal refusal;

    if (*PQgetvalue(result, 0, 0) != 't') {
        (void)idempotency_key_refuse(&refusal);
        http_respond_problem(call->request, &refusal.problem);
    } else if (!PQgetisnull(result, 0, 1)) {
        respond(call->request, result, 1);
    } else if (call->route->traits & API_ANSWERS_ANEW) {
        call->route->handle(call->request, call->gateway);
    } else {
        http_request_on_respond(call->request, on_respond, call);
        call->route->handle(call->request, call->gateway);
        return;
    }
    call_free(call);
}

static void on_claimed(void *context, PGresult *result, const struct err *err)
{
    struct call *call = context;
    struct err busy;

    if (result == NULL) {
        fail(call, err);
    } else if (PQntuples(result) > 0) {
        decide(call, result);
    } else if (call->tries < TRIES_MAX) {
        claim(call);
    } else {
        (void)err_set(&busy, ERR_RETRY, "postgres", 0, "the key comes and goes");
        fail(call, &busy);
    }
}

void idempotency_run(struct http_request *take_request, struct gateway *gateway)
{
    const struct route *route = http_request_route(take_request);
    const char *key = http_request_header(take_request, "Idempotency-Key");
    struct refusal refusal;
    size_t length = 0;
    const char *body = http_request_body(take_request, &length);

    if (!idempotency_key_check(key, &refusal)) {
        http_respond_problem(take_request, &refusal.problem);
        return;
    }
    if (key == NULL) {
        route->handle(take_request, gateway);
        return;
    }
    struct call *call = mem_new(sizeof *call);
    call->gateway = gateway;
    call->request = take_request;
    call->route = route;
    call->operation = mem_copy_string(http_request_path(take_request));
    call->key = mem_copy_string(key);
    idempotency_key_digest(body, length, call->digest);
    claim(call);
}
