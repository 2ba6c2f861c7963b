/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/decoder_child.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "worker/decoder_sandbox.h"
#include "worker/media_decode.h"

#define SAMPLES_PER_FRAME (DECODER_FRAME_BYTES_MAX / sizeof(int16_t))

/* Nobody reads what a child returns once its pipe is closed: it just ends. */
static void send_frame(enum decoder_frame_type type, const void *bytes, size_t length)
{
    if (!decoder_frame_write(DECODER_PIPE_FD, type, bytes, length)) {
        _exit(0);
    }
}

static void send_error(const struct err *err)
{
    struct decoder_error error = {.kind = err->kind, .code = err->code};
    (void)snprintf(error.message, sizeof(error.message), "%s", err->message);
    send_frame(DECODER_FRAME_ERROR, &error, sizeof(error));
}

/* Gathers the short pieces that units decode to: the worker is woken once a frame. */
struct gathered {
    size_t count;
    int16_t samples[SAMPLES_PER_FRAME];
};

static void flush(struct gathered *gathered)
{
    if (gathered->count > 0) {
        send_frame(DECODER_FRAME_PCM, gathered->samples, gathered->count * sizeof(int16_t));
    }
    gathered->count = 0;
}

static void on_start(void *context UNUSED, const struct media_report *report)
{
    send_frame(DECODER_FRAME_REPORT, report, sizeof(*report));
}

static bool on_pcm(void *context, const int16_t *samples, size_t count)
{
    struct gathered *gathered = context;

    while (count > 0) {
        size_t space = SAMPLES_PER_FRAME - gathered->count;
        size_t part = count < space ? count : space;

        memcpy(gathered->samples + gathered->count, samples, part * sizeof(*samples));
        gathered->count += part;
        samples += part;
        count -= part;
        if (gathered->count == SAMPLES_PER_FRAME) {
            flush(gathered);
        }
    }
    return true;
}

static void decode(const struct decoder_order *order, struct media_resample_stock *resamplers)
{
    const struct media_decode_options options = {.range = order->range,
                                                 .max_seconds = order->limits.max_seconds,
                                                 .pcm_rate = MEDIA_PCM_RATE,
                                                 .resamplers = resamplers};
    struct gathered gathered = {.count = 0};
    const struct media_sink sink = {.on_start = on_start, .on_pcm = on_pcm, .context = &gathered};
    struct media_source *source =
        media_source_new(order->total_size, order->extents, order->extent_count);
    struct media_decode_result result;
    struct err err;
    switch (media_decode(source, &options, &sink, &result, &err)) {
    case MEDIA_READY: {
        struct decoder_done done = {.pcm_samples = result.pcm_samples,
                                    .undecodable_units = result.undecodable_units};
        flush(&gathered);
        send_frame(DECODER_FRAME_DONE, &done, sizeof(done));
        break;
    }
    case MEDIA_NEED:
        send_frame(DECODER_FRAME_NEED, &result.need, sizeof(result.need));
        break;
    case MEDIA_REFUSED:
        send_error(&err);
        break;
    }
    media_source_free(source);
}

/* False: there will be no order. */
static bool take_order(int socket, struct decoder_order *ret_order)
{
    int fds[DECODER_ORDER_FDS_MAX];
    size_t fd_count = 0;
    if (!decoder_order_receive(socket, ret_order, fds, &fd_count)) {
        return false;
    }
    for (size_t i = 0; i < ret_order->extent_count; i++) {
        ret_order->extents[i].fd = fds[1 + i];
        ret_order->extents[i].bytes = NULL;
    }
    (void)close(socket);
    return dup2(fds[0], DECODER_PIPE_FD) >= 0;
}

void decoder_child_run(int socket, struct media_resample_stock *resamplers)
{
    struct decoder_sandbox sandbox;
    struct decoder_order order;
    struct err err;
    bool is_prepared = decoder_sandbox_prepare(&sandbox, &err);
    if (!take_order(socket, &order)) {
        _exit(1);
    }
    (void)close(STDIN_FILENO);
    (void)close(STDERR_FILENO);
    if (is_prepared && decoder_sandbox_enter(&sandbox, order.limits.memory_bytes,
                                             order.limits.cpu_seconds, &err)) {
        decode(&order, resamplers);
    } else {
        err.kind = ERR_RETRY; /* the machine's fault, not the file's */
        send_error(&err);
    }
    _exit(0);
}
