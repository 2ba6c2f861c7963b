# SPDX-License-Identifier: Apache-2.0
"""MP3 with the tag that Fraunhofer's encoders put in front instead of a Xing tag."""

import struct

SAMPLE_RATES = (44100, 48000, 32000)
BIT_RATE_INDEX, BIT_RATE = 9, 128_000
VBRI_OFFSET = 4 + 32  # of the tag in its frame, whatever the frame's side information takes
VBRI = struct.Struct(">4sHHHIIHHHH")


def with_vbri_tag(data: bytes, seconds: int) -> bytes:
    """Of a file of MPEG-1 frames from the first byte on."""
    version_and_layer, rates, mode = data[1:4]
    sample_rate = SAMPLE_RATES[rates >> 2 & 3]
    header = bytes((0xFF, version_and_layer, BIT_RATE_INDEX << 4 | rates & 0x0C, mode))
    frames = seconds * sample_rate // 1152 + 1
    tag = VBRI.pack(b"VBRI", 1, 0, 75, len(data), frames, 0, 1, 2, 1)
    frame = bytearray(144 * BIT_RATE // sample_rate)
    frame[:len(header)] = header
    frame[VBRI_OFFSET:VBRI_OFFSET + len(tag)] = tag
    return bytes(frame) + data
