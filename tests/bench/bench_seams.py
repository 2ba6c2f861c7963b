# SPDX-License-Identifier: Apache-2.0
"""What cutting a recording costs in words: errors within 5 s of a seam, beyond those that the same
words have in a reading that is cut nowhere near them (the floor), for a hard cut and for ours.

The later of two chunks reads 6 s of the earlier one, as when it is transcribed last; the earlier
one sees nothing of the later. Whisper's answers are kept in .dev/bench/speech: the bench can be
stopped at any time, goes on where it was, and tells of the seams whose readings it has.
CHUNKSCRIBE_BENCH_MINUTES says how long it may ask for new ones (0: not at all).
"""

import json
import math
import os
import statistics
import subprocess
import time
from dataclasses import dataclass, field

from bench import seam_errors
from bench.cached_speech import CachedSpeech
from bench.known_speech import RATE, Recording, recordings
from bench.report import report
from dev import models, paths
from dev.process import ProcessTable
from dev.speech import SpeechServer

MODEL = "base"
WINDOW_S, OVERLAP_S = 30, 6
CHUNK_S = (30, 60)
OFFSETS = 6  # of the cuts, for each chunk length
METHODS = ("hard_cut", "ours", "floor")


@dataclass
class Row:
    """What is known of one chunk length."""

    errors: dict[str, list[int]] = field(default_factory=lambda: {m: [] for m in METHODS})
    words: int = 0
    methods: dict[str, int] = field(default_factory=dict)

    def extra(self, method: str) -> list[int]:
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


def stretch(speech: CachedSpeech, recording: Recording, own, read, overlap_s) -> dict | None:
    """What was heard from read[0] to read[1] for the chunk own[0] to own[1], in seconds."""
    heard = []
    for start, end in windows(*read, overlap_s):
        samples = recording.cut(start, end)
        reply = speech.hear(samples)
        if reply is None:
            return None
        heard.append({"start": round(start * RATE), "count": len(samples), "reply": reply})
    return {"start": round(own[0] * RATE), "end": round(own[1] * RATE), "windows": heard}


def readings_of(speech: CachedSpeech, recording: Recording, seam_s: float, chunk_s: float):
    """For each method the stretches around one seam; None while one is missing."""
    before, after = (max(0, seam_s - chunk_s), seam_s), (seam_s, seam_s + chunk_s)
    plans = {
        "hard_cut": [(before, before, 0), (after, after, 0)],
        "ours": [(before, (max(0, before[0] - OVERLAP_S), before[1]), OVERLAP_S),
                 (after, (after[0] - OVERLAP_S, after[1]), OVERLAP_S)],
        "floor": [((seam_s - WINDOW_S / 2, seam_s + WINDOW_S / 2),) * 2 + (0,)],
    }
    found = {}
    for method, plan in plans.items():
        found[method] = [stretch(speech, recording, *part) for part in plan]
        if None in found[method]:
            return None
    return found


def seams(recording: Recording, chunk_s: float, offset: int):
    """Where the cuts lie, with room for a whole chunk behind them."""
    at = chunk_s * (1 + offset / OFFSETS)
    while at + chunk_s <= recording.seconds():
        yield at
        at += chunk_s


def measure(speech: CachedSpeech, sounds: list[Recording], until: float) -> dict[int, Row]:
    """The shorter chunks first, each offset for all recordings before the next."""
    rows = {chunk_s: Row() for chunk_s in CHUNK_S}
    joiner = Joiner()
    for chunk_s in CHUNK_S:
        for offset in range(OFFSETS):
            for sound in sounds:
                for seam_s in seams(sound, chunk_s, offset):
                    if time.monotonic() > until:
                        speech.api = None
                    found = readings_of(speech, sound, seam_s, chunk_s)
                    if found is not None:
                        add_seam(rows[chunk_s], joiner, sound, seam_s, found)
    joiner.close()
    return rows


def add_seam(row: Row, joiner: Joiner, sound: Recording, seam_s: float, found: dict) -> None:
    words = 0
    for method in METHODS:
        joined = joiner.join(found[method])
        errors, words = seam_errors.near(sound.words, seam_errors.tokens(joined["words"]), seam_s)
        row.errors[method].append(errors)
        if method == "ours":
            chosen = joined["seams"][0]["method"]
            row.methods[chosen] = row.methods.get(chosen, 0) + 1
    row.words += words


def tell(chunk_s: int, row: Row, speech_s: float) -> None:
    count = len(row.errors["floor"])
    if count < 2:
        return
    for method in METHODS:
        report("seams", f"{chunk_s}s_{method}_wer_near", 100 * sum(row.errors[method]) / row.words,
               "%", count, "floor", 100 * sum(row.errors["floor"]) / row.words)
    for method in ("hard_cut", "ours"):
        extra = row.extra(method)
        report("seams", f"{chunk_s}s_{method}_extra_errors_a_seam", statistics.mean(extra), "words",
               count)
        report("seams", f"{chunk_s}s_{method}_extra_errors_95",
               1.96 * statistics.stdev(extra) / math.sqrt(count), "words", count)
    for chosen, number in sorted(row.methods.items()):
        report("seams", f"{chunk_s}s_joined_{chosen}", number, "seams", count)
    report("seams", "asked_for", speech_s, "seconds of audio", 1)


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
    for chunk_s, row in rows.items():
        tell(chunk_s, row, speech.asked_s)


if __name__ == "__main__":
    main()
