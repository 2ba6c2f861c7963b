/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_IDEMPOTENCY_H
#define GATEWAY_IDEMPOTENCY_H

/*
 * Calls that may be repeated under an Idempotency-Key: the answer of the first one that succeeded
 * is kept and given again, while another body with the same key is refused. Keys belong to a route
 * and are forgotten after the option idempotency-lifetime.
 *
 * A key is claimed, with the body's digest, before the handler runs, and its answer (2xx) is stored
 * before the client gets it. In between, and after a refusal or a crash, a repetition simply runs
 * again: what the marked handlers do, they do once however often they are called. So this adds the
 * same answer, not the same effect, to what they promise. A route marked API_ANSWERS_ANEW keeps
 * only the claim: its answer tells how things are, and may hold megabytes of URLs that expire.
 *
 * /chunked-upload-stream keeps its keys in the same table, but with the job instead of an answer,
 * in the statement that creates it (jobs_create.h).
 */

struct gateway;
struct http_request;

/* Runs the handler of a route marked API_IDEMPOTENT. */
void idempotency_run(struct http_request *take_request, struct gateway *gateway);

#endif
