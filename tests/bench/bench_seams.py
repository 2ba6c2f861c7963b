# SPDX-License-Identifier: Apache-2.0
"""What cutting a recording costs in words: errors within 5 s of a seam, or half a chunk if that is
less, beyond those that the same words have in a reading that is cut nowhere near them (the floor),
for a hard cut, for ours and for alternatives; and what the whole file costs there in one request.

Long chunks are cut at the same places for every layout, 5 s apart, one seam at a time; short ones
lie side by side through the whole recording, and once more shifted by half of one. Each chunk reads
6 s of the one before it or more, as when they are transcribed in order, and nothing of the one
behind it.

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
from itertools import pairwise, zip_longest

from bench import seam_errors
from bench.cached_speech import CachedSpeech
from bench.known_speech import RATE, Recording, Word, recordings
from bench.report import report
from dev import paths
from dev.speech import local_api

MODEL = "base"
WINDOW_S, OVERLAP_S = 30, 6
PREVIOUS_MAX_S, SLACK_S = 10, 0.5  # as worker/previous_overlap.c
SEAM_EVERY_S = 5
EDGE_S = WINDOW_S / 2  # a seam keeps this distance from a recording's ends
NEAR_S = 5.0
REACH_S = NEAR_S + seam_errors.MARGIN_S
MIB = 1 << 20

# How long a chunk is. Chunks of 1 MiB: 44.1 kHz stereo of 16 bits, and 128 kbit/s.
CHUNK_S = {
    "30s": 30.0,
    "60s": 60.0,
    "1mib_wav": MIB / (44_100 * 4),
    "1mib_mp3": MIB * 8 / 128_000,
}
METHODS = ("hard_cut", "by_middle", "six_seconds", "ours", "floor", "whole")
ALTERNATIVES = METHODS[:4]

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


def previous_overlap(chunk_s: float) -> float:
    """As worker/previous_overlap.c, of a chunk that hears nothing of the next one."""
    step_s = WINDOW_S - OVERLAP_S
    more = math.ceil(max(0.0, chunk_s + OVERLAP_S - WINDOW_S) / step_s)
    room_s = WINDOW_S + more * step_s - chunk_s - SLACK_S
    return min(chunk_s, max(OVERLAP_S, min(PREVIOUS_MAX_S, room_s)))


@dataclass(frozen=True)
class Stretch:
    """Seconds of the recording: what a chunk owns, and the windows that tell of its words near the
    seam."""

    own: tuple[float, float]
    windows: list[tuple[float, float]]


def stretch(own, read, overlap_s: float, seam_s: float) -> Stretch:
    return Stretch(own, [(start, end) for start, end in windows(*read, overlap_s)
                         if start <= seam_s + REACH_S and end >= seam_s - REACH_S])


def chunks(seam_s: float, chunk_s: float, length_s: float) -> list[tuple[float, float]]:
    """Those that what is near the seam lies in; as many before it as behind it."""
    count = math.ceil(REACH_S / chunk_s)
    borders = [min(max(0.0, seam_s + number * chunk_s), length_s)
               for number in range(-count, count + 1)]
    return list(pairwise(borders))


def after_previous(owns: list[tuple[float, float]], previous_s: float,
                   seam_s: float) -> list[Stretch]:
    """Each chunk hears so much of the one before it."""
    return [stretch(own, (max(0.0, own[0] - previous_s), own[1]), OVERLAP_S, seam_s)
            for own in owns]


def plans(seam_s: float, chunk_s: float, length_s: float) -> dict[str, list[Stretch]]:
    """For each way to read the chunks around a seam, their stretches."""
    owns = chunks(seam_s, chunk_s, length_s)
    middle = seam_s - WINDOW_S / 2, seam_s + WINDOW_S / 2
    return {
        "hard_cut": [stretch(own, own, 0, seam_s) for own in owns],
        "six_seconds": after_previous(owns, min(OVERLAP_S, chunk_s), seam_s),
        "ours": after_previous(owns, previous_overlap(chunk_s), seam_s),
        "floor": [stretch(middle, middle, 0, seam_s)],
    }


def whole_file(sound: Recording, start_s: float) -> Stretch:
    """In one request."""
    own = start_s, sound.seconds()
    return Stretch(own, [own])


def seams(sound: Recording, chunk_s: float):
    """Where it is cut, one place at a time."""
    is_short = chunk_s < 2 * REACH_S
    step_s = chunk_s if is_short else SEAM_EVERY_S
    for shift_s in (0.0, chunk_s / 2) if is_short else (0.0,):
        first_s = 2 * EDGE_S + shift_s
        for number in range(math.floor((sound.seconds() - EDGE_S - first_s) / step_s) + 1):
            yield first_s + number * step_s


def places(sounds: list[Recording], chunk_s: float):
    """(recording, seam), all recordings before each one's next seam."""
    for seam_of_each in zip_longest(*(seams(sound, chunk_s) for sound in sounds)):
        yield from ((sound, seam_s) for sound, seam_s in zip(sounds, seam_of_each)
                    if seam_s is not None)


def wanted(sounds: list[Recording]):
    """All that Whisper is asked to hear."""
    for sound in sounds:
        for start_s in WHOLE_FILE_STARTS_S:
            yield sound, start_s, sound.seconds()
    for chunk_s in CHUNK_S.values():
        for sound, seam_s in places(sounds, chunk_s):
            for plan in plans(seam_s, chunk_s, sound.seconds()).values():
                for part in plan:
                    yield from ((sound, *window) for window in part.windows)


class Readings:
    """Stretches of what was heard, joined; None while some of it is missing."""

    def __init__(self, speech: CachedSpeech, joiner: Joiner):
        self._speech = speech
        self._joiner = joiner
        self._whole: dict[tuple[str, float], list[Word] | None] = {}

    def join(self, sound: Recording, plan: list[Stretch]) -> dict | None:
        stretches = []
        for part in plan:
            heard = []
            for start_s, end_s in part.windows:
                samples = sound.cut(start_s, end_s)
                heard.append({"start": round(start_s * RATE), "count": len(samples),
                              "reply": self._speech.heard(samples)})
            if any(window["reply"] is None for window in heard):
                return None
            stretches.append({"start": round(part.own[0] * RATE), "end": round(part.own[1] * RATE),
                              "windows": heard})
        return self._joiner.join(stretches)

    def words(self, sound: Recording, plan: list[Stretch]) -> list[Word] | None:
        joined = self.join(sound, plan)
        return joined and seam_errors.tokens(joined["words"])

    def by_middle(self, sound: Recording, plan: list[Stretch]) -> list[Word] | None:
        """The alternative: all readings, each word in the chunk where its middle is."""
        heard = [self.words(sound, [part]) for part in plan]
        if None in heard:
            return None
        return [word for part, words in zip(plan, heard) for word in words
                if part.own[0] <= word.middle < part.own[1]]

    def whole(self, sound: Recording, start_s: float) -> list[Word] | None:
        key = sound.name, start_s
        if key not in self._whole:
            self._whole[key] = self.words(sound, [whole_file(sound, start_s)])
        return self._whole[key]


def add_seam(row: Row, readings: Readings, sound: Recording, seam_s: float,
             chunk_s: float) -> None:
    """Nothing while a reading is missing: all methods are compared at the same seams."""
    plan = plans(seam_s, chunk_s, sound.seconds())
    near_s = min(NEAR_S, chunk_s / 2)
    ours = readings.join(sound, plan["ours"])
    if ours is None:
        return
    heard = {
        "hard_cut": [readings.words(sound, plan["hard_cut"])],
        "by_middle": [readings.by_middle(sound, plan["six_seconds"])],
        "six_seconds": [readings.words(sound, plan["six_seconds"])],
        "ours": [seam_errors.tokens(ours["words"])],
        "floor": [readings.words(sound, plan["floor"])],
        "whole": [readings.whole(sound, start_s) for start_s in WHOLE_FILE_STARTS_S],
    }
    if any(None in words for words in heard.values()):
        return
    for method in METHODS:
        counts = [seam_errors.near(sound.words, words, seam_s, near_s) for words in heard[method]]
        row.errors[method].append(statistics.mean(errors for errors, _ in counts))
    row.words += seam_errors.near(sound.words, [], seam_s, near_s)[1]
    chosen = ours["seams"][len(ours["seams"]) // 2]["method"]
    row.joined[chosen] = row.joined.get(chosen, 0) + 1


def measure(speech: CachedSpeech, sounds: list[Recording]) -> dict[str, Row]:
    rows = {name: Row() for name in CHUNK_S}
    joiner = Joiner()
    readings = Readings(speech, joiner)
    for name, chunk_s in CHUNK_S.items():
        for sound, seam_s in places(sounds, chunk_s):
            add_seam(rows[name], readings, sound, seam_s, chunk_s)
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
    folder = paths.DEV / "bench"
    speech = CachedSpeech(folder / "speech", MODEL)
    asked_s = 0.0
    if minutes > 0:
        with local_api(folder, MODEL, len(os.sched_getaffinity(0))) as api:
            asked_s = speech.ask(api, wanted(sounds), time.monotonic() + minutes * 60)
    for name, row in measure(speech, sounds).items():
        tell(name, row)
    report("seams", "asked_for", asked_s, "seconds of audio", 1)


if __name__ == "__main__":
    main()
