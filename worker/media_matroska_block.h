/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_MATROSKA_BLOCK_H
#define WORKER_MEDIA_MATROSKA_BLOCK_H

/* Clusters and blocks of Matroska and WebM (RFC 9559). Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "worker/media_ebml.h"
#include "worker/media_framer.h"

#define MATROSKA_FRAMES_MAX 256

enum matroska_id {
    MATROSKA_EBML = 0x1A45DFA3,
    MATROSKA_SEGMENT = 0x18538067,
    MATROSKA_SEEK_HEAD = 0x114D9B74,
    MATROSKA_INFO = 0x1549A966,
    MATROSKA_TRACKS = 0x1654AE6B,
    MATROSKA_CLUSTER = 0x1F43B675,
    MATROSKA_CUES = 0x1C53BB6B,
    MATROSKA_ATTACHMENTS = 0x1941A469,
    MATROSKA_CHAPTERS = 0x1043A770,
    MATROSKA_TAGS = 0x1254C367,
    MATROSKA_TIMESTAMP = 0xE7,
    MATROSKA_SIMPLE_BLOCK = 0xA3,
    MATROSKA_BLOCK_GROUP = 0xA0,
    MATROSKA_BLOCK = 0xA1
};

/* What a unit begins with. */
enum matroska_kind {
    MATROSKA_IS_CLUSTER, /* its head, up to the first block */
    MATROSKA_IS_BLOCK,   /* or a group with one */
    MATROSKA_IS_OTHER    /* passed over */
};

struct matroska_piece {
    enum matroska_kind kind;
    int64_t end;
    int64_t told_by; /* >= end: behind the bytes that tell it */
    bool is_whole;   /* all of its bytes are there */
    /* Of a cluster's head. */
    bool has_time;
    int64_t time; /* in ticks */
    /* Of a block. */
    uint32_t track;
    int32_t relative_time;
    uint8_t lacing;
    int64_t frames; /* where they begin, behind the block's header */
    int64_t frames_end;
};

/* A frame's place. */
struct matroska_frame {
    int64_t offset;
    int64_t size;
};

/* What begins at `offset`. UNKNOWN: too few bytes to tell; INVALID: nothing does. */
enum media_unit_status matroska_piece_at(struct media_source *source, int64_t offset, int64_t limit,
                                         struct matroska_piece *ret_piece);

/* Takes a whole block's lacing apart; 0: it is damaged. */
int matroska_frames(struct media_source *source, const struct matroska_piece *block,
                    struct matroska_frame ret_frames[static MATROSKA_FRAMES_MAX]);

/* Whether a block, a cluster or an element of the top level begins at `offset` and others follow
 * it; `all_tracks` are the file's, a bit for each. */
bool matroska_begins(struct media_source *source, int64_t offset, int64_t limit,
                     uint64_t all_tracks);

/* The next place from `offset` on, before `limit`, where such a thing could begin by its first
 * byte; `limit` if none, as far as the bytes reach. */
int64_t matroska_next_candidate(struct media_source *source, int64_t offset, int64_t limit);

#endif
