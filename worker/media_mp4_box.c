/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_mp4_box.h"

#include "worker/media_bytes.h"

/* Of one level: what has more is no recording. */
#define BOXES_MAX 4096

enum mp4_box_status mp4_box_at(struct media_source *source, int64_t offset, int64_t limit,
                               struct mp4_box *ret_box)
{
    if (limit - offset < MP4_BOX_HEADER_BYTES) {
        return MP4_BOX_INVALID;
    }
    const uint8_t *bytes = media_source_at(source, offset, MP4_BOX_HEADER_BYTES);
    if (bytes == NULL) {
        return MP4_BOX_UNKNOWN;
    }
    uint64_t size = be32(bytes);
    struct mp4_box box = {
        .type = be32(bytes + 4), .start = offset, .content = offset + MP4_BOX_HEADER_BYTES};
    if (size == 0) {
        size = (uint64_t)(limit - offset);
    } else if (size == 1) {
        if (limit - offset < MP4_BOX_LONG_HEADER_BYTES) {
            return MP4_BOX_INVALID;
        }
        bytes = media_source_at(source, offset, MP4_BOX_LONG_HEADER_BYTES);
        if (bytes == NULL) {
            return MP4_BOX_UNKNOWN;
        }
        size = be64(bytes + 8);
        box.content = offset + MP4_BOX_LONG_HEADER_BYTES;
    }
    if (size < (uint64_t)(box.content - offset) || size > (uint64_t)(limit - offset)) {
        return MP4_BOX_INVALID;
    }
    box.end = offset + (int64_t)size;
    *ret_box = box;
    return MP4_BOX_READY;
}

bool mp4_box_find(struct media_source *source, int64_t offset, int64_t limit, uint32_t type,
                  struct mp4_box *ret_box)
{
    for (int i = 0; i < BOXES_MAX; i++) {
        struct mp4_box box;
        if (mp4_box_at(source, offset, limit, &box) != MP4_BOX_READY) {
            return false;
        }
        if (box.type == type) {
            *ret_box = box;
            return true;
        }
        offset = box.end;
    }
    return false;
}

bool mp4_box_descend(struct media_source *source, const struct mp4_box *box, const uint32_t *types,
                     struct mp4_box *ret_box)
{
    struct mp4_box at = *box;
    for (; *types != 0; types++) {
        if (!mp4_box_find(source, at.content, at.end, *types, &at)) {
            return false;
        }
    }
    *ret_box = at;
    return true;
}
