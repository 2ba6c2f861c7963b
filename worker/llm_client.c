/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A call waits in `waiting` until a request may be made for it and is in `sent` while one is in
 * flight. It is given back from the timer or from a request's end, so a caller is never called back
 * from within llm_client_call().
 */

#include "worker/llm_client.h"

#include <string.h>
#include <utlist.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/fault_point.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/llm_message.h"
#include "worker/retry_policy.h"
#include "worker/speech_hold.h"
#include "worker/worker_metrics.h"

#define PATH "/chat/completions"
#define REQUESTS_MAX 3
/* A hold that lasts longer is not waited for. */
#define PATIENCE_US UINT64_C(10000000)
#define LOOK_AGAIN_US UINT64_C(1000000)

struct llm_client {
    struct loop *loop;
    struct http_fetch *fetch; /* owned: its connections are not those of the speech service */
    struct metrics *metrics;
    struct llm_client_options options;
    char *url; /* owned */
    struct curl_slist *headers;
    struct speech_hold hold;
    struct llm_call *waiting; /* utlist */
    struct llm_call *sent;    /* utlist */
    size_t sent_count;
    struct event *timer; /* owned */
};

struct llm_call {
    struct llm_call *prev, *next;
    struct llm_client *client;
    char *body; /* owned */
    llm_on_answer on_answer;
    void *context;
    struct http_fetch_request *request; /* NULL while waiting */
    bool was_resent;
    int32_t requests;
};

static void pump(struct llm_client *client);

/* `call` is in no list any more; the answer's text is consumed. */
static void give_back(struct llm_call *call, struct llm_answer answer)
{
    answer.requests = call->requests;
    call->on_answer(call->context, &answer);
    free(answer.text);
    free(call->body);
    free(call);
}

/* Being held back */

static bool is_out_of_patience(const struct llm_client *client)
{
    return client->hold.until_us > clock_now_us() + PATIENCE_US;
}

static enum llm_verdict hold_verdict(const struct llm_client *client)
{
    return client->hold.is_outage ? LLM_UNAVAILABLE : LLM_LIMITED;
}

/* A callback may cancel other calls, so each look starts anew. */
static void give_up_waiting(struct llm_client *client)
{
    while (client->waiting != NULL && is_out_of_patience(client)) {
        struct llm_call *call = client->waiting;

        DL_DELETE(client->waiting, call);
        give_back(call, (struct llm_answer){.verdict = hold_verdict(client)});
    }
}

static void note(struct llm_client *client, struct retry_decision decision, int64_t retry_after_us)
{
    unsigned rounds = client->hold.rounds;

    speech_hold_note(&client->hold, decision, retry_after_us, clock_now_us(), backoff_random());
    if (client->hold.rounds > rounds)
        log_warn("llm_held", "the language model holds us back, texts stay as they were heard",
                 LOG_STR("reason", llm_verdict_name(hold_verdict(client))),
                 LOG_INT("round", client->hold.rounds));
    else if (rounds > 0 && client->hold.rounds == 0)
        log_info("llm_released", "the language model answers again");
}

/* Answers */

static enum llm_verdict failure_verdict(const struct http_fetch_reply *reply,
                                        enum retry_verdict verdict)
{
    if (verdict == RETRY_PERMANENT)
        return LLM_REQUEST_REFUSED;
    if (reply->status == 0 && reply->err.code == CURLE_WRITE_ERROR)
        return LLM_TOO_LARGE;
    if (reply->status == 0 && reply->err.code == CURLE_OPERATION_TIMEDOUT && reply->was_sent)
        return LLM_TIMED_OUT;
    return reply->status == 429 ? LLM_LIMITED : LLM_UNAVAILABLE;
}

static struct retry_decision decide(const struct llm_call *call,
                                    const struct http_fetch_reply *reply)
{
    const struct retry_facts facts = {
        .status = reply->status,
        .was_sent = reply->was_sent,
        .was_resent = call->was_resent,
        .is_in_outage = call->client->hold.rounds > 0 && call->client->hold.is_outage,
    };

    return retry_policy_decide(&facts);
}

static void end_request(struct llm_call *call)
{
    DL_DELETE(call->client->sent, call);
    call->client->sent_count--;
    call->request = NULL;
}

/* True: it waits for another request. */
static bool tries_again(struct llm_call *call, enum retry_verdict verdict, enum llm_verdict failure)
{
    bool is_worth_it = verdict == RETRY_RESEND || verdict == RETRY_HOLD ||
                       (verdict == RETRY_FAIL && failure == LLM_UNAVAILABLE);

    if (!is_worth_it || call->requests >= REQUESTS_MAX)
        return false;
    call->was_resent = verdict == RETRY_RESEND;
    DL_PREPEND(call->client->waiting, call);
    return true;
}

static void on_reply(void *context, struct http_fetch_reply *reply)
{
    struct llm_call *call = context;
    struct llm_client *client = call->client;

    if (fault_point(FAULT_LLM_REPLY, NULL)) {
        reply->status = 0;
        (void)err_set(&reply->err, ERR_RETRY, "llm", 0, "the answer was lost");
    }
    struct retry_decision decision = decide(call, reply);

    metrics_add(client->metrics, WORKER_METRIC_LLM_REQUESTS, (size_t)decision.verdict, 1);
    metrics_observe_us(client->metrics, WORKER_METRIC_LLM_SECONDS, 0, reply->duration_us);
    end_request(call);
    note(client, decision, reply->retry_after_us);
    if (decision.verdict == RETRY_USE) {
        struct llm_answer answer = {.text = NULL};
        answer.verdict =
            llm_message_parse(buf_string(&reply->body), reply->body.length, &answer.text);
        give_back(call, answer);
    } else {
        enum llm_verdict failure = failure_verdict(reply, decision.verdict);
        if (!tries_again(call, decision.verdict, failure))
            give_back(call, (struct llm_answer){.verdict = failure});
    }
    give_up_waiting(client);
    pump(client);
}

/* Requests */

static CURL *make_easy(const struct llm_call *call)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL)
        abort();
    (void)curl_easy_setopt(easy, CURLOPT_URL, call->client->url);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->client->headers);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "chunkscribe-worker");
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(call->body));
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
    return easy;
}

static void send_request(struct llm_call *call)
{
    struct llm_client *client = call->client;
    const struct http_fetch_options options = {
        .connect_timeout_us = client->options.connect_timeout_us,
        .total_timeout_us = client->options.total_timeout_us,
        .body_limit_bytes = client->options.answer_limit_bytes,
    };

    DL_DELETE(client->waiting, call);
    DL_APPEND(client->sent, call);
    client->sent_count++;
    call->requests++;
    (void)fault_point(FAULT_LLM_SEND, NULL);
    call->request = http_fetch_start(client->fetch, make_easy(call), &options, on_reply, call);
}

static void pump(struct llm_client *client)
{
    uint64_t now_us = clock_now_us();
    size_t allowed = speech_hold_allowed(&client->hold, now_us, client->options.max_requests);

    while (client->waiting != NULL && client->sent_count < allowed)
        send_request(client->waiting);
    if (client->waiting != NULL && client->hold.rounds > 0 &&
        !event_pending(client->timer, EV_TIMEOUT, NULL)) {
        uint64_t left_us = speech_hold_left_us(&client->hold, now_us);

        loop_start_timer(client->timer, left_us > 0 ? left_us : LOOK_AGAIN_US);
    }
}

static void on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct llm_client *client = context;

    give_up_waiting(client);
    pump(client);
}

/* Public */

static struct curl_slist *make_headers(const char *key)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");

    headers = curl_slist_append(headers, "Accept: application/json");
    if (key != NULL && key[0] != '\0') {
        CLEANUP(mem_free_at) char *line = mem_format("Authorization: Bearer %s", key);
        headers = curl_slist_append(headers, line);
    }
    return headers;
}

struct llm_client *llm_client_new(struct loop *loop, struct metrics *metrics,
                                  const struct llm_client_options *options)
{
    struct llm_client *client = mem_new(sizeof *client);
    size_t url_length = strlen(options->service.url);

    if (url_length > 0 && options->service.url[url_length - 1] == '/')
        url_length--;
    client->loop = loop;
    client->metrics = metrics;
    client->options = *options;
    client->url = mem_format("%.*s" PATH, (int)url_length, options->service.url);
    client->headers = make_headers(options->service.key);
    client->fetch = http_fetch_new(loop, options->max_requests);
    client->timer = evtimer_new(loop_base(loop), on_timer, client);
    speech_hold_init(&client->hold);
    return client;
}

void llm_client_free(struct llm_client *client)
{
    if (client == NULL)
        return;
    client->options.max_requests = 0; /* nothing follows what is cancelled */
    while (client->waiting != NULL)
        llm_call_cancel(client->waiting);
    while (client->sent != NULL)
        llm_call_cancel(client->sent);
    http_fetch_free(client->fetch);
    event_free(client->timer);
    curl_slist_free_all(client->headers);
    free(client->url);
    free(client);
}

const char *llm_client_model(const struct llm_client *client)
{
    return client->options.service.model;
}

struct llm_call *llm_client_call(struct llm_client *client, const char *text,
                                 llm_on_answer on_answer, void *context)
{
    struct llm_call *call = mem_new(sizeof *call);

    call->client = client;
    call->body = llm_message_request(client->options.service.model, text);
    call->on_answer = on_answer;
    call->context = context;
    DL_APPEND(client->waiting, call);
    if (is_out_of_patience(client))
        loop_start_timer(client->timer, 0);
    else
        pump(client);
    return call;
}

void llm_call_cancel(struct llm_call *call)
{
    struct llm_client *client = call->client;

    if (call->request != NULL) {
        http_fetch_cancel(call->request);
        end_request(call);
    } else {
        DL_DELETE(client->waiting, call);
    }
    free(call->body);
    free(call);
    pump(client);
}
