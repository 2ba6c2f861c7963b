/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_DECODER_PROTOCOL_H
#define WORKER_DECODER_PROTOCOL_H

/*
 * What the worker, the decoder parent and its children say to each other. They are one binary on
 * one machine, so messages are plain structs.
 *
 *     worker ──order, fds──▶ parent       SOCK_SEQPACKET: one message each
 *     worker ◀──exit──────── parent
 *     worker ◀──frames────── child        a pipe: header, then `length` bytes
 *
 * A child's frames are REPORT PCM* DONE, or NEED, or ERROR, which may also come after others. The
 * reader trusts nothing in them: a hostile file may have taken the child over.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "worker/decoder_client.h"

#define DECODER_ORDER_FDS_MAX (1 + MEDIA_EXTENTS_MAX)
#define DECODER_FRAME_BYTES_MAX 32768

enum decoder_order_kind {
    DECODER_ORDER_START, /* fds: the pipe's write end, then one for each extent */
    DECODER_ORDER_KILL
};

struct decoder_order {
    enum decoder_order_kind kind;
    uint64_t job_id;
    int64_t total_size;
    struct media_range range;
    struct decoder_limits limits;
    struct media_extent extents[MEDIA_EXTENTS_MAX]; /* their fds are filled in by the receiver */
    size_t extent_count;
};

struct decoder_exit {
    uint64_t job_id;
    int32_t fork_errno;  /* not 0: there never was a child */
    int32_t wait_status; /* as waitpid() tells */
};

enum decoder_frame_type {
    DECODER_FRAME_REPORT, /* struct media_report */
    DECODER_FRAME_PCM,    /* int16_t[] */
    DECODER_FRAME_DONE,   /* struct decoder_done */
    DECODER_FRAME_NEED,   /* struct media_need */
    DECODER_FRAME_ERROR,  /* struct decoder_error */
    DECODER_FRAME_TYPE_COUNT
};

struct decoder_frame {
    uint32_t type;
    uint32_t length; /* <= DECODER_FRAME_BYTES_MAX */
};

struct decoder_done {
    int64_t pcm_samples;
    int64_t undecodable_units;
};

/* struct err without its pointer. */
struct decoder_error {
    enum err_kind kind;
    int code;
    char message[sizeof(((struct err *)NULL)->message)];
};

/* Never blocks. ERR_RETRY: the parent is gone or takes no orders at the moment. */
bool decoder_order_send(int socket, const struct decoder_order *order, const int *fds,
                        size_t fd_count, struct err *err) MUST_CHECK;

/* Blocks. The caller owns the fds. False: the worker is gone. */
bool decoder_order_receive(int socket, struct decoder_order *ret_order,
                           int ret_fds[static DECODER_ORDER_FDS_MAX],
                           size_t *ret_fd_count) MUST_CHECK;

/* Blocks until all is written. False: nobody reads any more. */
bool decoder_frame_write(int pipe, enum decoder_frame_type type, const void *bytes,
                         size_t length) MUST_CHECK;

#endif
