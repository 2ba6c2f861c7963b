/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_opus.h"

#include <string.h>

#include "worker/media_bytes.h"

#define PACKET_SAMPLES_MAX 5760 /* 120 ms */

bool opus_head_parse(const uint8_t *bytes, size_t length, struct opus_head *ret_head)
{
    if (length < OPUS_HEAD_BYTES || memcmp(bytes, "OpusHead", 8) != 0 || (bytes[8] & 0xF0) != 0) {
        return false;
    }
    *ret_head = (struct opus_head){.channels = bytes[9], .pre_skip = le16(bytes + 10)};
    return true;
}

static int32_t frame_samples(uint32_t config)
{
    static const int32_t SILK[4] = {480, 960, 1920, 2880};
    if (config < 12) {
        return SILK[config & 3];
    }
    if (config < 16) {
        return 480 << (config & 1); /* hybrid */
    }
    return 120 << (config & 3); /* CELT */
}

int32_t opus_packet_samples(const uint8_t *bytes, size_t length)
{
    if (length < 1) {
        return 0;
    }
    int32_t samples = frame_samples(bytes[0] >> 3);
    switch (bytes[0] & 3) {
    case 0:
        break;
    case 1:
    case 2:
        samples *= 2;
        break;
    default:
        samples *= length < 2 ? 0 : bytes[1] & 63;
        break;
    }
    return samples <= PACKET_SAMPLES_MAX ? samples : 0;
}
