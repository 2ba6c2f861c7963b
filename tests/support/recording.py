# SPDX-License-Identifier: Apache-2.0
"""Recordings for tests, as bytes with the text that they say."""

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from support.tone_speech import text_of, write_wav

MIB = 1 << 20


@dataclass(frozen=True)
class Recording:
    filename: str
    data: bytes
    text: str

    def chunk_count(self, chunk_size_mb: int = 1) -> int:
        return -(-len(self.data) // (chunk_size_mb * MIB))


@cache
def wav(seconds: float, rate: int = 44100, channels: int = 2, first: int = 0,
        silences: tuple = ()) -> Recording:
    """44.1 kHz stereo: 1 MiB is 5.9 s."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recording.wav"
        words = write_wav(path, seconds, rate, channels, first, silences)
        return Recording("recording.wav", path.read_bytes(),
                         text_of(word["number"] for word in words))


@cache
def encoded(filename: str, seconds: float, options: tuple[str, ...] = ()) -> Recording:
    """The name's ending chooses the format, `options` are ffmpeg's."""
    source = wav(seconds)
    with TemporaryDirectory() as folder:
        path = Path(folder) / filename
        subprocess.run(["ffmpeg", "-v", "error", "-f", "wav", "-i", "pipe:0", *options, str(path)],
                       input=source.data, check=True)
        return Recording(filename, path.read_bytes(), source.text)


def with_rest(flac: Recording, rest_bytes: int) -> Recording:
    """Padding among the metadata (RFC 9639, 8.3) leaves so many bytes for the last of chunks of
    1 MiB."""
    head = 4 + 4 + 34  # "fLaC" and STREAMINFO
    length = (rest_bytes - len(flac.data) - 4) % MIB
    padding = bytes([1]) + length.to_bytes(3, "big") + bytes(length)
    return Recording(flac.filename, flac.data[:head] + padding + flac.data[head:], flac.text)


def silence(seconds: float, rate: int = 44100, channels: int = 2) -> Recording:
    """Digital silence with a WAV header."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "silence.wav"
        write_wav(path, seconds, rate, channels, silences=((0, seconds),))
        return Recording("silence.wav", path.read_bytes(), "")
