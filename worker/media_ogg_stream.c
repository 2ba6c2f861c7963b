/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_ogg_stream.h"

#include <string.h>

#include "worker/media_source.h"

/* How many pages a packet may span, and how many of other streams may lie between two. */
#define PAGES_BACK_MAX 16

static enum media_unit_status parse_at(struct media_source *source, int64_t offset, int64_t end,
                                       struct ogg_page *ret_page)
{
    if (end - offset < OGG_PAGE_HEADER_BYTES) {
        return MEDIA_UNIT_END;
    }
    const uint8_t *bytes = media_source_at(source, offset, OGG_PAGE_HEADER_BYTES);
    if (bytes == NULL) {
        return MEDIA_UNIT_UNKNOWN;
    }
    int32_t header_bytes = ogg_page_header_bytes(bytes);
    if (header_bytes == 0) {
        return MEDIA_UNIT_INVALID;
    }
    if (header_bytes > end - offset) {
        return MEDIA_UNIT_END;
    }
    bytes = media_source_at(source, offset, (size_t)header_bytes);
    if (bytes == NULL) {
        return MEDIA_UNIT_UNKNOWN;
    }
    ogg_page_parse(bytes, ret_page);
    ret_page->offset = offset;
    return MEDIA_UNIT_READY;
}

enum media_unit_status ogg_page_at(struct media_source *source, int64_t offset, int64_t end,
                                   struct ogg_page *ret_page)
{
    enum media_unit_status status = parse_at(source, offset, end, ret_page);
    if (status != MEDIA_UNIT_READY) {
        return status;
    }
    if (ret_page->length > end - offset) {
        return MEDIA_UNIT_END;
    }
    const uint8_t *bytes = media_source_at(source, offset, (size_t)ret_page->length);
    if (bytes == NULL) {
        return MEDIA_UNIT_UNKNOWN;
    }
    return ogg_page_is_sound(bytes, (size_t)ret_page->length) ? MEDIA_UNIT_READY
                                                              : MEDIA_UNIT_INVALID;
}

/* The page that ends at `end`. */
static bool page_ending_at(struct media_source *source, int64_t end, struct ogg_page *ret_page)
{
    int64_t there = end - media_source_available_start(source, end);
    int64_t length = there < OGG_PAGE_BYTES_MAX ? there : OGG_PAGE_BYTES_MAX;
    int64_t start = end - length;
    const uint8_t *bytes = length > 0 ? media_source_at(source, start, (size_t)length) : NULL;
    for (int64_t at = length - OGG_PAGE_HEADER_BYTES; bytes != NULL && at >= 0; at--) {
        const uint8_t *found = memrchr(bytes, 'O', (size_t)at + 1);
        if (found == NULL) {
            break;
        }
        at = found - bytes;
        int32_t header_bytes = ogg_page_header_bytes(found);
        if (header_bytes == 0 || header_bytes > length - at) {
            continue;
        }
        ogg_page_parse(found, ret_page);
        ret_page->offset = start + at;
        if (ret_page->length == length - at) {
            return true;
        }
    }
    return false;
}

bool ogg_page_before(struct media_source *source, const struct ogg_page *page,
                     struct ogg_page *ret_before)
{
    int64_t end = page->offset;
    for (int i = 0; i < PAGES_BACK_MAX && page_ending_at(source, end, ret_before); i++) {
        if (ret_before->serial == page->serial) {
            return true;
        }
        end = ret_before->offset;
    }
    return false;
}

/* The piece that goes on on the next page. */
static bool last_piece(const struct ogg_page *page, struct ogg_piece *ret_piece)
{
    int32_t segment = 0;
    struct ogg_piece piece = {0};
    bool has_any = false;
    while (ogg_page_next_piece(page, &segment, &piece)) {
        has_any = true;
    }
    *ret_piece = piece;
    return has_any && !piece.ends;
}

bool ogg_packet_gather_head(struct media_source *source, const struct ogg_page *page,
                            struct buf *packet)
{
    struct {
        int64_t offset;
        int32_t length;
    } parts[PAGES_BACK_MAX];
    int count = 0;
    struct ogg_page current = *page;
    struct ogg_piece piece = {0};
    while (!piece.begins) {
        struct ogg_page before;
        if (count == PAGES_BACK_MAX || !ogg_page_before(source, &current, &before) ||
            !last_piece(&before, &piece)) {
            return false;
        }
        parts[count].offset = before.offset + piece.offset;
        parts[count++].length = piece.length;
        current = before;
    }
    while (count-- > 0) {
        const uint8_t *bytes =
            media_source_at(source, parts[count].offset, (size_t)parts[count].length);
        if (bytes == NULL) {
            return false;
        }
        buf_append(packet, bytes, (size_t)parts[count].length);
    }
    return !buf_is_over(packet);
}
