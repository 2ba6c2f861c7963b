# SPDX-License-Identifier: Apache-2.0
"""WebM with laced blocks, which ffmpeg reads and never writes: several packets share one block."""

CLUSTER, TIMESTAMP, SIMPLE_BLOCK = 0x1F43B675, 0xE7, 0xA3
XIPH, FIXED, EBML = 1, 2, 3
PACKETS_A_BLOCK = 3
UNKNOWN_SIZE = b"\x01" + b"\xff" * 7


def with_laced_blocks(data: bytes) -> bytes:
    """Of a file that ffmpeg wrote live, with one track: no size of anything around its clusters
    needs to change. The three kinds of lacing come in turn."""
    start = data.index(CLUSTER.to_bytes(4))
    out = bytearray(data[:start])
    offset, count = start, 0
    while offset < len(data):
        element, content, size = _header(data, offset)
        end = len(data) if size is None else content + size
        if element != CLUSTER:
            out += data[offset:end]
            offset = end
            continue
        out += CLUSTER.to_bytes(4) + UNKNOWN_SIZE
        offset, blocks = _cluster(data, content, end, out)
        for first in range(0, len(blocks), PACKETS_A_BLOCK):
            group = blocks[first:first + PACKETS_A_BLOCK]
            out += _laced(group[0][:3], [block[4:] for block in group], 1 + count % 3)
            count += 1
    return bytes(out)


def _cluster(data: bytes, offset: int, end: int, out: bytearray) -> tuple[int, list[bytes]]:
    """Copies what is no block; returns where the cluster ends, and its blocks."""
    blocks = []
    while offset < end:
        element, content, size = _header(data, offset)
        if element > 0xFFFFFF:  # of a higher level: a cluster of unknown size ends
            break
        if element == SIMPLE_BLOCK:
            blocks.append(data[content:content + size])
        else:
            out += data[offset:content + size]
        offset = content + size
    return offset, blocks


def _laced(head: bytes, packets: list[bytes], kind: int) -> bytes:
    if kind == FIXED and len({len(packet) for packet in packets}) > 1:
        kind = XIPH
    sizes = [len(packet) for packet in packets]
    lacing = b""
    if kind == XIPH:
        lacing = b"".join(b"\xff" * (size // 255) + bytes([size % 255]) for size in sizes[:-1])
    elif kind == EBML:
        steps = [after - before for before, after in zip(sizes[:-2], sizes[1:-1], strict=True)]
        lacing = _number(sizes[0], 2) + b"".join(_number(step + 0x1FFF, 2) for step in steps)
    flags = bytes([0x80 | kind << 1])
    body = head + flags + bytes([len(packets) - 1]) + lacing + b"".join(packets)
    return bytes([SIMPLE_BLOCK]) + _number(len(body), 4) + body


def _number(value: int, length: int) -> bytes:
    return (value | 1 << 7 * length).to_bytes(length)


def _header(data: bytes, offset: int) -> tuple[int, int, int | None]:
    """An element's id, where its content begins, and its size; None: unknown."""
    id_bytes = _length(data[offset])
    size_at = offset + id_bytes
    size_bytes = _length(data[size_at])
    mask = (1 << 7 * size_bytes) - 1
    size = int.from_bytes(data[size_at:size_at + size_bytes]) & mask
    return (int.from_bytes(data[offset:size_at]), size_at + size_bytes,
            None if size == mask else size)


def _length(first: int) -> int:
    return 9 - first.bit_length()
