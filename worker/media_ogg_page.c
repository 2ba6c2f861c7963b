/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_ogg_page.h"

#include <string.h>

#include "worker/media_bytes.h"

#define CRC_OFFSET 22
#define CRC_BYTES 4

enum { FLAG_CONTINUED = 1, FLAG_FIRST = 2, FLAG_LAST = 4, FLAGS_ALL = 7 };

int32_t ogg_page_header_bytes(const uint8_t bytes[static OGG_PAGE_HEADER_BYTES])
{
    bool is_page = memcmp(bytes, "OggS", 4) == 0 && bytes[4] == 0 && (bytes[5] & ~FLAGS_ALL) == 0;
    return is_page ? OGG_PAGE_HEADER_BYTES + bytes[26] : 0;
}

void ogg_page_parse(const uint8_t *bytes, struct ogg_page *ret_page)
{
    struct ogg_page page = {
        .header_bytes = OGG_PAGE_HEADER_BYTES + bytes[26],
        .serial = le32(bytes + 14),
        .granule = (int64_t)le64(bytes + 6),
        .is_continued = (bytes[5] & FLAG_CONTINUED) != 0,
        .is_first = (bytes[5] & FLAG_FIRST) != 0,
        .is_last = (bytes[5] & FLAG_LAST) != 0,
        .segment_count = bytes[26],
    };
    page.length = page.header_bytes;
    for (int32_t i = 0; i < page.segment_count; i++) {
        page.segments[i] = bytes[OGG_PAGE_HEADER_BYTES + i];
        page.length += page.segments[i];
    }
    *ret_page = page;
}

/* The polynomial 0x04C11DB7, most significant bit first, four bits at a time. */
static uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t length)
{
    static const uint32_t TABLE[16] = {0x00000000, 0x04C11DB7, 0x09823B6E, 0x0D4326D9,
                                       0x130476DC, 0x17C56B6B, 0x1A864DB2, 0x1E475005,
                                       0x2608EDB8, 0x22C9F00F, 0x2F8AD6D6, 0x2B4BCB61,
                                       0x350C9B64, 0x31CD86D3, 0x3C8EA00A, 0x384FBDBD};
    for (size_t i = 0; i < length; i++) {
        crc ^= (uint32_t)bytes[i] << 24;
        crc = crc << 4 ^ TABLE[crc >> 28];
        crc = crc << 4 ^ TABLE[crc >> 28];
    }
    return crc;
}

bool ogg_page_is_sound(const uint8_t *bytes, size_t length)
{
    static const uint8_t NO_CRC[CRC_BYTES] = {0};
    const size_t rest = CRC_OFFSET + CRC_BYTES;
    uint32_t crc = crc32(0, bytes, CRC_OFFSET);
    crc = crc32(crc, NO_CRC, sizeof(NO_CRC));
    crc = crc32(crc, bytes + rest, length - rest);
    return crc == le32(bytes + CRC_OFFSET);
}

bool ogg_page_next_piece(const struct ogg_page *page, int32_t *segment, struct ogg_piece *piece)
{
    if (*segment >= page->segment_count) {
        return false;
    }
    bool is_first = *segment == 0;
    *piece = (struct ogg_piece){
        .offset = is_first ? page->header_bytes : piece->offset + piece->length,
        .begins = !is_first || !page->is_continued,
    };
    while (*segment < page->segment_count && !piece->ends) {
        uint8_t length = page->segments[(*segment)++];
        piece->length += length;
        piece->ends = length < UINT8_MAX;
    }
    return true;
}
