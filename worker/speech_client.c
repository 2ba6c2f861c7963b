/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A call waits in `waiting` until a request may be made for it, is in `sent` while the request is
 * in flight, and comes back to the front of `waiting` when the service holds us back. All calls
 * that are given back are given back from the timer or from a request's end, so a caller is never
 * called back from within speech_client_call().
 */

#include "worker/speech_client.h"

#include <utlist.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/fault_point.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/retry_policy.h"
#include "worker/speech_hold.h"
#include "worker/worker_metrics.h"

/* How often the waiting calls are looked at while the service holds us back or is tried again. */
#define LOOK_AGAIN_US UINT64_C(1000000)
/* A deferred chunk comes back when the service has been tried by others. */
#define DEFER_MIN_US INT64_C(5000000)

struct speech_client {
    struct loop *loop;
    struct http_fetch *fetch;
    struct metrics *metrics;
    struct speech_client_options options;
    void (*on_change)(void *context);
    void *context;
    struct speech_hold hold;
    struct speech_call *waiting; /* utlist */
    struct speech_call *sent;    /* utlist */
    size_t sent_count;
    struct event *timer; /* owned */
};

struct speech_call {
    struct speech_call *prev, *next;
    struct speech_client *client;
    struct speech_audio audio;
    speech_on_result on_result;
    void *context;
    struct speech_request *request;          /* owned; NULL while waiting */
    struct http_fetch_request *http_request; /* NULL while waiting */
    bool was_resent;
    uint64_t held_since_us; /* 0: not held back yet */
    int32_t requests;
    uint64_t duration_us;
};

static void pump(struct speech_client *client);

/* Calls */

static void call_free(struct speech_call *call)
{
    speech_request_free(call->request);
    free(call);
}

static void end_request(struct speech_call *call)
{
    struct speech_client *client = call->client;

    DL_DELETE(client->sent, call);
    client->sent_count--;
    call->http_request = NULL;
    speech_request_free(call->request);
    call->request = NULL;
    metrics_set(client->metrics, WORKER_METRIC_SPEECH_IN_FLIGHT, 0, (int64_t)client->sent_count);
}

/* `call` is in no list any more. */
static void give_back(struct speech_call *call, struct speech_result *result)
{
    result->requests = call->requests;
    result->duration_us = call->duration_us;
    call->on_result(call->context, result);
    if (result->outcome == SPEECH_HEARD)
        speech_reply_done(&result->reply);
    call_free(call);
}

/* Being held back */

static bool waits_too_long(const struct speech_call *call, uint64_t now_us)
{
    int64_t waited_us = (int64_t)(now_us - call->held_since_us);

    return waited_us + (int64_t)speech_hold_left_us(&call->client->hold, now_us) >
           SPEECH_WAIT_MAX_US;
}

/* libevent counts from when it began to call us back, so the timer can come before the hold's end:
 * it is set again until the hold is over, or those who wait for that would never be told. */
static void look_again(struct speech_client *client)
{
    uint64_t left_us = speech_hold_left_us(&client->hold, clock_now_us());

    if (left_us == 0 && (client->hold.rounds == 0 || client->waiting == NULL))
        return;
    loop_start_timer(client->timer,
                     left_us > 0 && left_us < LOOK_AGAIN_US ? left_us : LOOK_AGAIN_US);
}

/* One call that has waited, or would have to wait, too long. */
static struct speech_call *overdue_call(struct speech_client *client, uint64_t now_us)
{
    struct speech_call *call;

    DL_FOREACH(client->waiting, call)
    {
        if (call->held_since_us == 0)
            call->held_since_us = now_us;
        if (waits_too_long(call, now_us))
            return call;
    }
    return NULL;
}

/* While the service holds us back. A callback may cancel other calls, so each look starts anew. */
static void defer_overdue(struct speech_client *client)
{
    uint64_t now_us = clock_now_us();
    struct speech_call *call;

    while (client->hold.rounds > 0 && (call = overdue_call(client, now_us)) != NULL) {
        int64_t left_us = (int64_t)speech_hold_left_us(&client->hold, now_us);
        struct speech_result result = {
            .outcome = SPEECH_DEFERRED,
            .type = client->hold.reason,
            .until_us = left_us > DEFER_MIN_US ? left_us : DEFER_MIN_US,
        };
        DL_DELETE(client->waiting, call);
        give_back(call, &result);
    }
}

static void log_hold(const struct speech_client *client)
{
    log_warn(
        "speech_held", "the speech service holds us back, nothing is sent until then",
        LOG_STR("reason", client->hold.reason), LOG_INT("round", client->hold.rounds),
        LOG_INT("wait_ms", (int64_t)speech_hold_left_us(&client->hold, clock_now_us()) / 1000));
}

/* The next hold counts its own time. */
static void forget_waits(struct speech_client *client)
{
    struct speech_call *call;

    DL_FOREACH(client->waiting, call)
    call->held_since_us = 0;
    DL_FOREACH(client->sent, call)
    call->held_since_us = 0;
}

static void note(struct speech_client *client, struct retry_decision decision,
                 int64_t retry_after_us)
{
    uint64_t now_us = clock_now_us();
    unsigned rounds = client->hold.rounds;

    speech_hold_note(&client->hold, decision, retry_after_us, now_us, backoff_random());
    metrics_set(client->metrics, WORKER_METRIC_SPEECH_HELD, 0, client->hold.rounds > 0);
    if (client->hold.rounds > rounds)
        log_hold(client);
    if (client->hold.rounds > 0)
        look_again(client);
    else if (rounds > 0) {
        log_info("speech_released", "the speech service answers again");
        forget_waits(client);
        client->on_change(client->context);
    }
}

/* Answers */

static void set_failure(const struct http_fetch_reply *reply, const struct err *err,
                        struct speech_result *result, bool is_permanent)
{
    enum err_kind kind = is_permanent ? ERR_REJECT : ERR_RETRY;

    result->outcome = SPEECH_FAILED;
    result->retry_after_us = reply->retry_after_us;
    if (reply->status == 0 || reply->status / 100 == 2) {
        result->err = *err;
        result->err.kind = kind;
        return;
    }
    CLEANUP(mem_free_at)
    char *complaint = speech_reply_complaint(buf_string(&reply->body), reply->body.length);
    (void)err_set(&result->err, kind, "speech", (int)reply->status,
                  "the speech service answered %ld%s%s", reply->status,
                  complaint[0] == '\0' ? "" : ": ", complaint);
}

static struct retry_decision decide(struct speech_call *call, const struct http_fetch_reply *reply,
                                    struct speech_result *result, struct err *err)
{
    struct retry_facts facts = {
        .status = reply->status,
        .was_sent = reply->was_sent,
        .was_resent = call->was_resent,
        .is_in_outage = call->client->hold.rounds > 0 && call->client->hold.is_outage,
    };

    *err = reply->err;
    if (reply->status / 100 == 2)
        facts.is_unreadable = !speech_reply_parse(buf_string(&reply->body), reply->body.length,
                                                  (int64_t)call->audio.count, &result->reply, err);
    return retry_policy_decide(&facts);
}

static void count(struct speech_call *call, const struct http_fetch_reply *reply,
                  enum retry_verdict verdict)
{
    struct metrics *metrics = call->client->metrics;

    call->duration_us += reply->duration_us;
    metrics_add(metrics, WORKER_METRIC_SPEECH_REQUESTS, (size_t)verdict, 1);
    metrics_observe_us(metrics, WORKER_METRIC_SPEECH_SECONDS, 0, reply->duration_us);
}

static void on_reply(void *context, struct http_fetch_reply *reply)
{
    struct speech_call *call = context;
    struct speech_client *client = call->client;
    struct speech_result result = {.outcome = SPEECH_HEARD, .retry_after_us = -1};
    struct err err;

    if (fault_point(FAULT_SPEECH_REPLY, NULL)) {
        reply->status = 0;
        (void)err_set(&reply->err, ERR_RETRY, "speech", 0, "the answer was lost");
    }
    struct retry_decision decision = decide(call, reply, &result, &err);

    result.type = decision.type;
    count(call, reply, decision.verdict);
    end_request(call);
    note(client, decision, reply->retry_after_us);
    switch (decision.verdict) {
    case RETRY_USE:
        give_back(call, &result);
        break;
    case RETRY_RESEND:
        call->was_resent = true;
        DL_PREPEND(client->waiting, call);
        break;
    case RETRY_HOLD:
        DL_PREPEND(client->waiting, call);
        break;
    case RETRY_FAIL:
    case RETRY_PERMANENT:
    case RETRY_VERDICT_COUNT:
        set_failure(reply, &err, &result, decision.verdict == RETRY_PERMANENT);
        give_back(call, &result);
        break;
    }
    defer_overdue(client);
    pump(client);
}

/* Requests */

static void send_request(struct speech_call *call)
{
    struct speech_client *client = call->client;
    const struct http_fetch_options options = {
        .connect_timeout_us = client->options.connect_timeout_us,
        .total_timeout_us = client->options.total_timeout_us,
        .body_limit_bytes = SPEECH_REPLY_BYTES_MAX,
    };

    DL_DELETE(client->waiting, call);
    DL_APPEND(client->sent, call);
    client->sent_count++;
    call->requests++;
    (void)fault_point(FAULT_SPEECH_SEND, NULL);
    call->request = speech_request_new(&client->options.service, &call->audio);
    call->http_request = http_fetch_start(client->fetch, speech_request_take_easy(call->request),
                                          &options, on_reply, call);
    metrics_set(client->metrics, WORKER_METRIC_SPEECH_IN_FLIGHT, 0, (int64_t)client->sent_count);
}

static void pump(struct speech_client *client)
{
    size_t allowed = speech_client_allowed(client, client->options.max_requests);

    while (client->waiting != NULL && client->sent_count < allowed)
        send_request(client->waiting);
    if (!event_pending(client->timer, EV_TIMEOUT, NULL))
        look_again(client);
}

static void on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct speech_client *client = context;

    defer_overdue(client);
    pump(client);
    if (!speech_hold_is_held(&client->hold, clock_now_us()))
        client->on_change(client->context);
}

/* Public */

struct speech_client *speech_client_new(struct loop *loop, struct http_fetch *fetch,
                                        struct metrics *metrics,
                                        const struct speech_client_options *options,
                                        void (*on_change)(void *context), void *context)
{
    struct speech_client *client = mem_new(sizeof *client);

    client->loop = loop;
    client->fetch = fetch;
    client->metrics = metrics;
    client->options = *options;
    client->on_change = on_change;
    client->context = context;
    client->timer = evtimer_new(loop_base(loop), on_timer, client);
    speech_hold_init(&client->hold);
    return client;
}

void speech_client_free(struct speech_client *client)
{
    if (client == NULL)
        return;
    client->options.max_requests = 0; /* nothing follows what is cancelled */
    while (client->waiting != NULL)
        speech_call_cancel(client->waiting);
    while (client->sent != NULL)
        speech_call_cancel(client->sent);
    event_free(client->timer);
    free(client);
}

struct speech_call *speech_client_call(struct speech_client *client,
                                       const struct speech_audio *audio, speech_on_result on_result,
                                       void *context)
{
    struct speech_call *call = mem_new(sizeof *call);

    call->client = client;
    call->audio = *audio;
    call->on_result = on_result;
    call->context = context;
    DL_APPEND(client->waiting, call);
    pump(client);
    return call;
}

void speech_call_cancel(struct speech_call *call)
{
    struct speech_client *client = call->client;

    if (call->http_request != NULL) {
        http_fetch_cancel(call->http_request);
        end_request(call);
    } else {
        DL_DELETE(client->waiting, call);
    }
    call_free(call);
    pump(client);
}

const char *speech_client_held(const struct speech_client *client)
{
    return client->hold.rounds > 0 ? client->hold.reason : NULL;
}

size_t speech_client_allowed(const struct speech_client *client, size_t max)
{
    return speech_hold_allowed(&client->hold, clock_now_us(), max);
}
