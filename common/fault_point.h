/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_FAULT_POINT_H
#define COMMON_FAULT_POINT_H

/*
 * Places where a process may die, hang or be refused between two steps that belong together: each
 * is named here, and tests/faults provokes each. Only in builds with CHUNKSCRIBE_FAULT_POINTS; in
 * any other a point is the constant `false`.
 *
 * Such a build reads CHUNKSCRIBE_FAULT=POINT:ACTION[:PASSAGE], more of them separated by commas. At
 * that passage of the point (from 1, the default), once:
 *
 *   kill    the process ends by SIGKILL
 *   delay   it stands still for FAULT_DELAY_MS
 *   error   fault_point() is true: its caller takes it for the failure of what follows the point,
 *           or for the loss of the answer to what comes before it
 *
 * A point that exists for each topic is named POINT.TOPIC. What happened is told on standard error.
 */

#include <stdbool.h>

#define FAULT_DELAY_MS 700

enum fault_owner {
    FAULT_OF_GATEWAY = 1,
    FAULT_OF_WORKER = 2,
    FAULT_OF_ASSEMBLER = 4,
    FAULT_OF_PRODUCERS = FAULT_OF_GATEWAY | FAULT_OF_WORKER | FAULT_OF_ASSEMBLER,
};

/* X(identifier, name, owners, whether it is one point for each topic) */
#define FAULT_POINTS(X)                                                                            \
    X(PRODUCE, "produce", FAULT_OF_PRODUCERS, true)   /* before a record is handed over */         \
    X(DELIVERY, "delivery", FAULT_OF_PRODUCERS, true) /* its acknowledgement has come */           \
    X(OFFSET_STORE, "offset_store", FAULT_OF_WORKER, false)                                        \
    X(JOB_CREATE, "job_create", FAULT_OF_GATEWAY, false)   /* before the statement is sent */      \
    X(JOB_CREATED, "job_created", FAULT_OF_GATEWAY, false) /* committed, not answered */           \
    X(BLOB_WRITE, "blob_write", FAULT_OF_GATEWAY, false)   /* error: the disk is full */           \
    X(BLOB_SYNC, "blob_sync", FAULT_OF_GATEWAY, false)                                             \
    X(BLOB_LINK, "blob_link", FAULT_OF_GATEWAY, false)     /* synced, not in its place */          \
    X(BLOB_UNLINK, "blob_unlink", FAULT_OF_GATEWAY, false) /* in its place, by two names */        \
    X(FOLDER_SYNC, "folder_sync", FAULT_OF_GATEWAY, false)                                         \
    X(COMPLETE_ANSWER, "complete_answer", FAULT_OF_GATEWAY, false)                                 \
    X(IDEMPOTENCY_STORE, "idempotency_store", FAULT_OF_GATEWAY, false) /* done, not kept */        \
    X(STREAM_SEND, "stream_send", FAULT_OF_GATEWAY, false)                                         \
    X(DECODE, "decode", FAULT_OF_WORKER, false) /* before the decoder's child */                   \
    X(SPEECH_SEND, "speech_send", FAULT_OF_WORKER, false)                                          \
    X(SPEECH_REPLY, "speech_reply", FAULT_OF_WORKER, false)                                        \
    X(WEBHOOK_SEND, "webhook_send", FAULT_OF_WORKER, false)                                        \
    X(WEBHOOK_REPLY, "webhook_reply", FAULT_OF_WORKER, false)                                      \
    X(LLM_SEND, "llm_send", FAULT_OF_WORKER, false)                                                \
    X(LLM_REPLY, "llm_reply", FAULT_OF_WORKER, false)                                              \
    X(TASK_BEGIN, "task_begin", FAULT_OF_WORKER, false)      /* its start is acknowledged */       \
    X(BLOB_DELETE, "blob_delete", FAULT_OF_WORKER, false)    /* before some blobs go */            \
    X(CLAIM, "claim", FAULT_OF_ASSEMBLER, false)             /* before a partition is claimed */   \
    X(COMMIT, "commit", FAULT_OF_ASSEMBLER, false)           /* written, not committed */          \
    X(COMMITTED, "committed", FAULT_OF_ASSEMBLER, false)     /* error: the outcome is unknown */   \
    X(RELAY_WRITE, "relay_write", FAULT_OF_ASSEMBLER, false) /* relayed, not written down */       \
    X(TASK_FINISH, "task_finish", FAULT_OF_ASSEMBLER, false) /* produced, not written down */      \
    X(PURGE, "purge", FAULT_OF_ASSEMBLER, false)             /* some rows of a job are deleted */  \
    X(MIGRATE, "migrate", FAULT_OF_ASSEMBLER, false)         /* before a migration commits */

enum fault_point {
#define FAULT_POINT_NAME(identifier, name, owners, by_topic) FAULT_##identifier,
    FAULT_POINTS(FAULT_POINT_NAME)
#undef FAULT_POINT_NAME
        FAULT_POINT_COUNT
};

#ifdef CHUNKSCRIBE_FAULT_POINTS

/* `topic` (without prefix): of a point that exists for each topic, else NULL. Any thread. */
bool fault_point(enum fault_point point, const char *topic);
/* Prints the owner's points if the only argument is --list-fault-points. `topics`: NULL-terminated,
 * those it writes. False: not asked for. */
bool fault_points_listed(int argc, char **argv, enum fault_owner owner, const char *const *topics);

#else

static inline bool fault_point(enum fault_point point, const char *topic)
{
    (void)point;
    (void)topic;
    return false;
}

static inline bool fault_points_listed(int argc, char **argv, enum fault_owner owner,
                                       const char *const *topics)
{
    (void)argc;
    (void)argv;
    (void)owner;
    (void)topics;
    return false;
}

#endif

#endif
