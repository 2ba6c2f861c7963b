# SPDX-License-Identifier: Apache-2.0
"""What cutting a recording costs in words: errors within 5 s of a seam, beyond those that the same
words have in a reading that is cut nowhere near them (the floor), for a hard cut, for ours and for
alternatives; and what the whole file costs there in one request.

Each recording is cut at the same places for every layout of chunks, 5 s apart, one seam at a time:
the chunks on both sides of it are laid out from there. The later of the two reads 6 s of the
earlier one, as when it is transcribed last; the earlier one sees nothing of the later.

Whisper's answers are kept in .dev/bench/speech: the bench can be stopped at any time, goes on where
it was, and tells of the seams whose readings it has. CHUNKSCRIBE_BENCH_MINUTES says how long it may
ask for new ones (0: not at all).
"""

import json
import math
import os
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from itertools import zip_longest

from bench import seam_errors
from bench.cached_speech import CachedSpeech
from bench.known_speech import RATE, Recording, Word, recordings
from bench.report import report
from dev import models, paths
from dev.process import ProcessTable
from dev.speech import SpeechServer

MODEL = "base"
WINDOW_S, OVERLAP_S = 30, 6
SEAM_EVERY_S = 5
EDGE_S = WINDOW_S / 2  # a seam keeps this distance from a recording's ends
REACH_S = seam_errors.NEAR_S + seam_errors.MARGIN_S
MIB = 1 << 20

# How long a chunk is. Chunks of 1 MiB: 44.1 kHz stereo of 16 bits, and 128 kbit/s.
CHUNK_S = {
    "30s": 30.0,
    "60s": 60.0,
    "1mib_wav": MIB / (44_100 * 4),
    "1mib_mp3": MIB * 8 / 128_000,
}
METHODS = ("hard_cut", "by_middle", "ours", "floor", "whole")
ALTERNATIVES = METHODS[:3]

# The whole file is read once from each of these: where its windows begin is luck.
WHOLE_FILE_STARTS_S = (0.0, 2.3, 4.7)


@dataclass
class Row:
    """What is known of one layout: for each method the errors near each seam."""

    errors: dict[str, list[float]] = field(default_factory=lambda: {m: [] for m in METHODS})
    words: int = 0
    joined: dict[str, int] = field(default_factory=dict)

    def extra(self, method: str) -> list[float]:
        return [one - floor for one, floor in zip(self.errors[method], self.errors["floor"])]


class Joiner:
    def __init__(self):
        program = paths.build_dir("release") / "tests" / "bench-join"
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         text=True)

    def join(self, stretches: list[dict]) -> dict:
        self._process.stdin.write(json.dumps({"stretches": stretches}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def windows(start_s: float, end_s: float, overlap_s: float):
    """As worker/window_cutter.c cuts."""
    at = start_s
    while at + WINDOW_S < end_s:
        yield at, at + WINDOW_S
        at += WINDOW_S - overlap_s
    yield at, end_s


class Readings:
    """What Whisper hears, once it is asked or kept; None while it is not."""

    def __init__(self, speech: CachedSpeech, joiner: Joiner):
        self._speech = speech
        self._joiner = joiner
        self._whole: dict[tuple[str, float], list[Word] | None] = {}

    def stretch(self, sound: Recording, own, read, overlap_s: float, seam_s: float) -> dict | None:
        """For the joiner: what was heard from read[0] to read[1] of the chunk own[0] to own[1],
        in seconds, by the windows that tell of the words near the seam."""
        heard = []
        for start, end in windows(*read, overlap_s):
            if start > seam_s + REACH_S or end < seam_s - REACH_S:
                continue
            samples = sound.cut(start, end)
            reply = self._speech.hear(samples)
            if reply is None:
                return None
            heard.append({"start": round(start * RATE), "count": len(samples), "reply": reply})
        return {"start": round(own[0] * RATE), "end": round(own[1] * RATE), "windows": heard}

    def around(self, sound: Recording, seam_s: float, chunk_s: float) -> dict[str, list] | None:
        """For each way to read the chunks on both sides of a seam, their stretches."""
        before = max(0.0, seam_s - chunk_s), seam_s
        after = seam_s, min(seam_s + chunk_s, sound.seconds())
        middle = seam_s - WINDOW_S / 2, seam_s + WINDOW_S / 2
        plans = {
            "hard_cut": [(before, before, 0), (after, after, 0)],
            "ours": [(before, (max(0.0, before[0] - OVERLAP_S), seam_s), OVERLAP_S),
                     (after, (max(0.0, seam_s - min(OVERLAP_S, chunk_s)), after[1]), OVERLAP_S)],
            "floor": [(middle, middle, 0)],
        }
        found = {}
        for name, plan in plans.items():
            found[name] = [self.stretch(sound, *part, seam_s) for part in plan]
            if None in found[name]:
                return None
        return found

    def whole(self, sound: Recording, start_s: float) -> list[Word] | None:
        """The words of the file from `start_s` on, in one request."""
        key = sound.name, start_s
        if self._whole.get(key) is None:
            end_s = sound.seconds()
            own = start_s, end_s
            samples = sound.cut(*own)
            reply = self._speech.hear(samples)
            self._whole[key] = reply and seam_errors.tokens(self._joiner.join([{
                "start": round(start_s * RATE), "end": round(end_s * RATE), "windows": [
                    {"start": round(start_s * RATE), "count": len(samples), "reply": reply}],
            }])["words"])
        return self._whole[key]


def seams(sound: Recording):
    """Where it is cut, one place at a time."""
    at = 2 * EDGE_S
    while at + EDGE_S <= sound.seconds():
        yield at
        at += SEAM_EVERY_S


def by_middle(joiner: Joiner, stretches: list[dict], seam_s: float) -> list[Word]:
    """The alternative: both readings, each word to the side its middle is on."""
    earlier, later = (seam_errors.tokens(joiner.join([one])["words"]) for one in stretches)
    return [word for word in earlier if word.middle < seam_s] + [
        word for word in later if word.middle >= seam_s]


def add_seam(row: Row, readings: Readings, joiner: Joiner, sound: Recording, seam_s: float,
             chunk_s: float) -> None:
    """Nothing while a reading is missing: all methods are compared at the same seams."""
    found = readings.around(sound, seam_s, chunk_s)
    wholes = [readings.whole(sound, start_s) for start_s in WHOLE_FILE_STARTS_S]
    if found is None or None in wholes:
        return
    joined = {name: joiner.join(stretches) for name, stretches in found.items()}
    heard = {name: [seam_errors.tokens(one["words"])] for name, one in joined.items()}
    heard |= {"by_middle": [by_middle(joiner, found["ours"], seam_s)], "whole": wholes}
    words = 0
    for method in METHODS:
        counts = [seam_errors.near(sound.words, one, seam_s) for one in heard[method]]
        row.errors[method].append(statistics.mean(errors for errors, _ in counts))
        words = counts[0][1]
    row.words += words
    chosen = joined["ours"]["seams"][0]["method"]
    row.joined[chosen] = row.joined.get(chosen, 0) + 1


def measure(speech: CachedSpeech, sounds: list[Recording], until: float) -> dict[str, Row]:
    rows = {name: Row() for name in CHUNK_S}
    joiner = Joiner()
    readings = Readings(speech, joiner)
    for name, chunk_s in CHUNK_S.items():
        for seam_of_each in zip_longest(*(seams(sound) for sound in sounds)):
            for sound, seam_s in zip(sounds, seam_of_each):
                if time.monotonic() > until:
                    speech.api = None
                if seam_s is not None:
                    add_seam(rows[name], readings, joiner, sound, seam_s, chunk_s)
    joiner.close()
    return rows


def tell(name: str, row: Row) -> None:
    count = len(row.errors["floor"])
    if count < 2:
        return
    for method in METHODS:
        report("seams", f"{name}_{method}_wer_near", 100 * sum(row.errors[method]) / row.words,
               "%", count, "floor", 100 * sum(row.errors["floor"]) / row.words)
    for method in ALTERNATIVES:
        extra = row.extra(method)
        report("seams", f"{name}_{method}_extra_errors_a_seam", statistics.mean(extra), "words",
               count)
        report("seams", f"{name}_{method}_extra_errors_95",
               1.96 * statistics.stdev(extra) / math.sqrt(count), "words", count)
    for chosen, number in sorted(row.joined.items()):
        report("seams", f"{name}_joined_{chosen}", number, "seams", count)


def main() -> None:
    minutes = float(os.environ.get("CHUNKSCRIBE_BENCH_MINUTES", "inf"))
    sounds = recordings()
    speech = CachedSpeech(paths.DEV / "bench" / "speech", MODEL)
    server = SpeechServer(ProcessTable(paths.DEV / "bench"))
    if minutes > 0:
        models.fetch(MODEL)
        server.start(MODEL)
        speech.api = server.api()
    try:
        rows = measure(speech, sounds, time.monotonic() + minutes * 60)
    finally:
        server.stop()
    for name, row in rows.items():
        tell(name, row)
    report("seams", "asked_for", speech.asked_s, "seconds of audio", 1)


if __name__ == "__main__":
    main()
