/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_OGG_PAGE_H
#define WORKER_MEDIA_OGG_PAGE_H

/* A page of Ogg (RFC 3533): its header, its checksum, and the pieces of packets on it. Bytes in,
 * values out; no source, no state. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

#define OGG_PAGE_HEADER_BYTES 27
#define OGG_SEGMENTS_MAX 255
#define OGG_PAGE_HEADER_BYTES_MAX (OGG_PAGE_HEADER_BYTES + OGG_SEGMENTS_MAX)
#define OGG_PAGE_BYTES_MAX (OGG_PAGE_HEADER_BYTES_MAX + OGG_SEGMENTS_MAX * 255)

struct ogg_page {
    int64_t offset; /* in the recording: the caller's */
    int32_t header_bytes;
    int32_t length; /* with the header */
    uint32_t serial;
    int64_t granule; /* -1: no packet ends here */
    bool is_continued;
    bool is_first; /* of its logical stream */
    bool is_last;
    int32_t segment_count;
    uint8_t segments[OGG_SEGMENTS_MAX];
};

/* A packet's part on one page. */
struct ogg_piece {
    int32_t offset; /* in the page */
    int32_t length;
    bool begins; /* the packet does so here */
    bool ends;
};

/* Of how many bytes the header is that begins so: OGG_PAGE_HEADER_BYTES of it are there. 0: it is
 * none. */
int32_t ogg_page_header_bytes(const uint8_t bytes[static OGG_PAGE_HEADER_BYTES]);
/* The whole header is there. */
void ogg_page_parse(const uint8_t *bytes, struct ogg_page *ret_page);
/* The whole page is there. */
bool ogg_page_is_sound(const uint8_t *bytes, size_t length);

/* Gives the first piece to one that is zeroed, then the next one; false: there are no more. */
bool ogg_page_next_piece(const struct ogg_page *page, int32_t *segment,
                         struct ogg_piece *piece) MUST_CHECK;

#endif
