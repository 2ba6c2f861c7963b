/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_MP4_BOX_H
#define WORKER_MEDIA_MP4_BOX_H

/* Boxes of ISO/IEC 14496-12, which QuickTime calls atoms. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "worker/media_source.h"

#define MP4_BOX_HEADER_BYTES 8
#define MP4_BOX_LONG_HEADER_BYTES 16

/* A box's type, as a number that a switch can take. */
#define MP4_TYPE(a, b, c, d)                                                                       \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

struct mp4_box {
    uint32_t type;
    int64_t start;
    int64_t content; /* behind size and type */
    int64_t end;     /* start < content <= end */
};

enum mp4_box_status {
    MP4_BOX_READY,
    MP4_BOX_UNKNOWN, /* its header is not there */
    MP4_BOX_INVALID, /* no box, or not within `limit` */
};

/* The box that begins at `offset` and ends at `limit` at the latest. One that goes on to the end of
 * the file says so by a size of 0. */
enum mp4_box_status mp4_box_at(struct media_source *source, int64_t offset, int64_t limit,
                               struct mp4_box *ret_box) MUST_CHECK;

/* The first box of the type among those from `offset` to `limit`; false: none is there. */
bool mp4_box_find(struct media_source *source, int64_t offset, int64_t limit, uint32_t type,
                  struct mp4_box *ret_box) MUST_CHECK;

/* The same inside a box, one level further down for each type; ends with 0. */
bool mp4_box_descend(struct media_source *source, const struct mp4_box *box, const uint32_t *types,
                     struct mp4_box *ret_box) MUST_CHECK;

#endif
