# SPDX-License-Identifier: Apache-2.0
"""Ogg as old encoders wrote it: pages are cut wherever they are full, also inside a packet."""

import struct

CONTINUED, FIRST, LAST = 1, 2, 4
HEADER = struct.Struct("<4sBBqIIIB")
SAMPLES_A_PACKET = 960  # ffmpeg's Opus: 20 ms


def with_spanning_packets(data: bytes, segments_a_page: int) -> bytes:
    """Of a file with one stream of Opus; its two header packets keep their pages."""
    pages = list(_pages(data))
    serial = pages[0][1]
    packets = _packets(pages[2:])
    segments = [(size, body, number) for number, packet in enumerate(packets, start=1)
                for size, body in _segments(packet)]
    out = data[:pages[2][0]]
    for count, start in enumerate(range(0, len(segments), segments_a_page), start=2):
        part = segments[start:start + segments_a_page]
        flags = CONTINUED if start > 0 and segments[start - 1][0] == 255 else 0
        flags |= LAST if start + segments_a_page >= len(segments) else 0
        ended = [number for size, _, number in part if size < 255]
        granule = ended[-1] * SAMPLES_A_PACKET if ended else -1
        lacing = bytes(size for size, _, _ in part)
        out += _page(flags, granule, serial, count, lacing, b"".join(body for _, body, _ in part))
    return out


def _pages(data: bytes):
    offset = 0
    while offset < len(data):
        _, _, _, _, serial, _, _, count = HEADER.unpack_from(data, offset)
        lacing = data[offset + HEADER.size:offset + HEADER.size + count]
        start = offset + HEADER.size + count
        yield offset, serial, lacing, data[start:start + sum(lacing)]
        offset = start + sum(lacing)


def _packets(pages) -> list[bytes]:
    packets, packet = [], b""
    for _, _, lacing, body in pages:
        for size in lacing:
            packet, body = packet + body[:size], body[size:]
            if size < 255:
                packets.append(packet)
                packet = b""
    return packets


def _segments(packet: bytes):
    while len(packet) >= 255:
        yield 255, packet[:255]
        packet = packet[255:]
    yield len(packet), packet


def _page(flags: int, granule: int, serial: int, number: int, lacing: bytes, body: bytes) -> bytes:
    def page(crc: int) -> bytes:
        return HEADER.pack(b"OggS", 0, flags, granule, serial, number, crc, len(lacing)) + \
            lacing + body

    return page(_crc(page(0)))


def _crc(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xFFFFFFFF) ^ TABLE[crc >> 24 ^ byte]
    return crc


def _table_entry(crc: int) -> int:
    for _ in range(8):
        crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return crc


TABLE = [_table_entry(index << 24) for index in range(256)]
