# SPDX-License-Identifier: Apache-2.0
"""Recordings in which every half second "says" one word whose number can be read back from the
sound, wherever a window is cut: what was lost, doubled, moved or reordered shows in the text.

A word is a burst of eight tones at once, one from each of eight bands of four frequencies, which
makes 16 bits: the word's number. It lasts 0.3 s and begins 0.1 s after its half second. All
frequencies are multiples of 100 Hz below 3.5 kHz, so that they survive an 8 kHz recording and a
lossy codec, and one period of any burst is 10 ms.

    PYTHONPATH=tests python3 -m support.tone_speech --seconds 60 out.wav   # prints the words
"""

import argparse
import json
import math
import struct
import sys
import wave
from array import array
from operator import mul

SLOT_S = 0.5
LEAD_S = 0.1
BURST_S = 0.3
WORDS = 1 << 16

PERIOD_S = 0.01
AMPLITUDE = 3500
# Band b, digit d: eight bands of four, 100 Hz apart.
FREQUENCIES = [[300 + 100 * (4 * band + digit) for digit in range(4)] for band in range(8)]

# No two share a consonant, so that words of different numbers are far apart for a joiner that takes
# similar words for the same.
SYLLABLES = ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so",
             "tu", "va"]
# Odd, hence invertible modulo 2**16; it spreads neighbouring numbers over all four syllables.
SPREAD = 0x9E37
UNSPREAD = pow(SPREAD, -1, WORDS)
SENTENCE = 8


def word_of(number: int) -> str:
    """The bare word, in lower case."""
    spread = number * SPREAD % WORDS
    return "".join(SYLLABLES[spread >> shift & 15] for shift in (12, 8, 4, 0))


def number_of(word: str) -> int:
    """The inverse of word_of(), whatever the case and the punctuation around the word."""
    bare = "".join(c for c in word.lower() if c.isalpha())
    if len(bare) != 8:
        raise ValueError(f"not a tone word: {word!r}")
    spread = 0
    for at in range(0, 8, 2):
        spread = spread << 4 | SYLLABLES.index(bare[at:at + 2])
    return spread * UNSPREAD % WORDS


def written(number: int) -> str:
    """The word as it stands in a text: sentences of eight words."""
    word = word_of(number)
    if number % SENTENCE == 0:
        word = word.capitalize()
    return word + "." if number % SENTENCE == SENTENCE - 1 else word


def text_of(numbers) -> str:
    return " ".join(written(number) for number in numbers)


def spoken(seconds: float, first: int = 0, silences=()) -> list[dict]:
    """What a recording says: number, word and its exact times in seconds."""
    words = []
    for slot in range(int(seconds / SLOT_S)):
        start = slot * SLOT_S + LEAD_S
        if any(start + BURST_S > a and start < b for a, b in silences):
            continue
        number = (first + slot) % WORDS
        words.append({"number": number, "word": written(number), "start": start,
                      "end": start + BURST_S})
    return words


def _period(number: int, rate: int, tables: dict) -> list[float]:
    total = [0.0] * round(rate * PERIOD_S)
    for band, frequencies in enumerate(FREQUENCIES):
        frequency = frequencies[number >> (14 - 2 * band) & 3]
        if frequency not in tables:
            tables[frequency] = [AMPLITUDE * math.sin(2 * math.pi * frequency * i / rate + band)
                                 for i in range(len(total))]
        total = [a + b for a, b in zip(total, tables[frequency])]
    return total


def _burst(number: int, rate: int, tables: dict) -> array:
    period = _period(number, rate, tables)
    fade = [i / len(period) for i in range(len(period))]
    inside = array("h", (round(v) for v in period)) * (round(BURST_S / PERIOD_S) - 2)
    return (array("h", (round(v * f) for v, f in zip(period, fade))) + inside +
            array("h", (round(v * (1 - f)) for v, f in zip(period, fade))))


def samples(seconds: float, rate: int = 16000, first: int = 0, silences=()) -> array:
    """The sound, mono, 16 bits. `rate` is a multiple of 100."""
    sound = array("h", bytes(2 * round(seconds * rate)))
    tables: dict = {}
    for word in spoken(seconds, first, silences):
        burst = _burst(word["number"], rate, tables)
        at = round(word["start"] * rate)
        sound[at:at + len(burst)] = burst
    return sound


def write_wav(path, seconds: float, rate: int = 16000, channels: int = 1, first: int = 0,
              silences=()) -> list[dict]:
    """Writes a recording and returns what it says."""
    mono = samples(seconds, rate, first, silences)
    if channels > 1:
        sound = array("h", bytes(2 * len(mono) * channels))
        for channel in range(channels):
            sound[channel::channels] = mono
    else:
        sound = mono
    if sys.byteorder == "big":
        sound.byteswap()
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(sound.tobytes())
    return spoken(seconds, first, silences)


# --- reading it back -------------------------------------------------------------------------

RATE = 16000
BLOCK = RATE // 100
# One in eight samples tells loud from silent.
SPARSE = 8
# 25 ms at 8 kHz: tones 100 Hz apart are well apart.
PROBE = 200
_WINDOW = [0.5 - 0.5 * math.cos(2 * math.pi * (i + 0.5) / PROBE) for i in range(PROBE)]
_PROBES = [[([w * math.cos(2 * math.pi * f * i / 8000) for i, w in enumerate(_WINDOW)],
             [w * math.sin(2 * math.pi * f * i / 8000) for i, w in enumerate(_WINDOW)])
            for f in band] for band in FREQUENCIES]


def _power(sound, probe) -> float:
    cosine, sine = probe
    return sum(map(mul, sound, cosine)) ** 2 + sum(map(mul, sound, sine)) ** 2


def _decode(sound: array, middle: int) -> int:
    start = min(max(middle - PROBE, 0), max(len(sound) - 2 * PROBE, 0))
    probe = sound[start:start + 2 * PROBE:2]
    number = 0
    for band in _PROBES:
        powers = [_power(probe, digit) for digit in band]
        number = number << 2 | powers.index(max(powers))
    return number


def _bursts(sound: array) -> list[tuple[int, int]]:
    """Stretches of loud blocks of 10 ms, as [first, last)."""
    levels = [sum(map(abs, sound[at:at + BLOCK:SPARSE])) for at in range(0, len(sound), BLOCK)]
    threshold = max(max(levels, default=0) * 0.15, 100 * BLOCK / SPARSE)
    bursts: list[tuple[int, int]] = []
    start = None
    for block, level in enumerate(levels + [0]):
        if level >= threshold and start is None:
            start = block
        elif level < threshold and start is not None:
            bursts.append((start, block))
            start = None
    return bursts


def heard(sound: array) -> list[dict]:
    """The words of a stretch at 16 kHz, with times in seconds from its beginning. A word that is
    cut by the stretch's edge counts if at least half of it is inside; so every stretch that holds
    a word away from its edges hears the same word at the same place."""
    words = []
    for first, last in _bursts(sound):
        if (last - first) * PERIOD_S < BURST_S / 2:
            continue
        number = _decode(sound, (first + last) * BLOCK // 2)
        words.append({"number": number, "word": written(number), "start": first * PERIOD_S,
                      "end": last * PERIOD_S})
    return words


def read_wav(data: bytes) -> array:
    """The samples of a 16 kHz mono 16-bit WAV file."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("not a WAV file")
    at, sound = 12, None
    while at + 8 <= len(data):
        name, size = data[at:at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if name == b"fmt " and struct.unpack_from("<HHI", data, at + 8) != (1, 1, RATE):
            raise ValueError("not 16 kHz mono PCM")
        if name == b"data":
            sound = array("h", data[at + 8:at + 8 + min(size, len(data) - at - 8) // 2 * 2])
        at += 8 + size + size % 2
    if sound is None:
        raise ValueError("no data")
    if sys.byteorder == "big":
        sound.byteswap()
    return sound


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("path")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate", type=int, default=16000)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first word")
    parser.add_argument("--silence", action="append", default=[], metavar="FROM-TO",
                        help="a stretch without words, in seconds")
    args = parser.parse_args()
    silences = [tuple(float(side) for side in s.split("-")) for s in args.silence]
    words = write_wav(args.path, args.seconds, args.rate, args.channels, args.first, silences)
    json.dump(words, sys.stdout)
    print()


if __name__ == "__main__":
    main()
