/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_OGG_STREAM_H
#define WORKER_MEDIA_OGG_STREAM_H

/*
 * Pages of an Ogg file and the packets that end on them, from whatever bytes are there. A packet
 * that began on an earlier page is put together by looking back. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "worker/media_framer.h"
#include "worker/media_ogg_page.h"

/* READY with a whole page whose checksum is right, else UNKNOWN, INVALID or END. */
enum media_unit_status ogg_page_at(struct media_source *source, int64_t offset, int64_t end,
                                   struct ogg_page *ret_page);

/* The page of the same logical stream that comes before; false: it is not there. */
bool ogg_page_before(struct media_source *source, const struct ogg_page *page,
                     struct ogg_page *ret_before) MUST_CHECK;

/* Appends the part of the page's first packet that lies on earlier pages; false: not all of it is
 * there. */
bool ogg_packet_gather_head(struct media_source *source, const struct ogg_page *page,
                            struct buf *packet) MUST_CHECK;

#endif
