# SPDX-License-Identifier: Apache-2.0
"""Turns AAC-LC in ADTS frames into HE-AAC, which no encoder of the distribution makes: each frame
gets an SBR element without parameters, at which a decoder doubles the sample rate."""

ID_FILL, ID_END = "110", "111"
EXTENSION = "0001" + "1101" + "0000"  # one byte: SBR data, no header


def with_sbr(data: bytes) -> bytes:
    out = bytearray()
    offset = 0
    while offset < len(data):
        length = (data[offset + 3] & 3) << 11 | data[offset + 4] << 3 | data[offset + 5] >> 5
        header_bytes = 7 if data[offset + 1] & 1 else 9
        block = data[offset + header_bytes:offset + length]
        out += _frame(data[offset:offset + header_bytes], block)
        offset += length
    return bytes(out)


def _frame(header: bytes, block: bytes) -> bytes:
    bits = bin(int.from_bytes(b"\1" + block))[3:].rstrip("0")
    assert bits.endswith(ID_END)
    bits = bits[:-len(ID_END)] + ID_FILL + EXTENSION + ID_END
    bits += "0" * (-len(bits) % 8)
    block = int(bits, 2).to_bytes(len(bits) // 8)
    length = len(header) + len(block)
    header = bytearray(header)
    header[3] = header[3] & 0xFC | length >> 11
    header[4] = length >> 3 & 0xFF
    header[5] = header[5] & 0x1F | (length & 7) << 5
    return bytes(header) + block
