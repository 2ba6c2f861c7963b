# SPDX-License-Identifier: Apache-2.0
"""Recordings whose words and times are known: real clips joined with pauses, and espeak-ng's voices
reading sentences made up here. 16 kHz mono, the same bytes on every run."""

import random
import subprocess
import tempfile
import wave
from array import array
from dataclasses import dataclass
from pathlib import Path

from dev import paths, recording, word_errors

RATE = 16_000
MINUTES_EACH = 5
PAUSES_S = (0.2, 1.2)
VOICES = ("en-us", "en-gb", "en-gb-scotland")
WORDS_A_MINUTE = "150"

SUBJECTS = ("the old farmer", "a young doctor", "my neighbour", "the captain of the ship",
            "her younger brother", "the teacher from the village", "every visitor", "the musician",
            "a tired driver", "our cousin", "the woman with the red umbrella", "the gardener")
VERBS = ("carried", "forgot", "discovered", "painted", "repaired", "borrowed", "described",
         "promised to bring", "wanted to sell", "counted", "hid", "remembered")
OBJECTS = ("a wooden ladder", "the yellow curtains", "an empty bottle", "three letters from home",
           "the broken window", "a basket of apples", "the map of the mountains", "a silver watch",
           "the last piece of bread", "an unusual question", "the key to the cellar",
           "a heavy blanket")
PLACES = ("near the river", "behind the church", "in the crowded market", "under the bridge",
          "at the edge of the forest", "on the way to the station", "beside the kitchen door",
          "before the storm began", "after the long winter", "while the others were sleeping",
          "without saying a word", "because nobody else would")
CLOSINGS = ("and then went quietly home", "but nobody believed the story",
            "so the dinner was late again", "and the children laughed about it for weeks",
            "although it was raining hard", "", "", "")


@dataclass(frozen=True)
class Word:
    text: str  # as it is compared
    middle: float  # seconds


@dataclass(frozen=True)
class Recording:
    name: str
    samples: array
    words: list[Word]

    def seconds(self) -> float:
        return len(self.samples) / RATE

    def cut(self, start_s: float, end_s: float) -> array:
        return self.samples[max(0, round(start_s * RATE)):round(end_s * RATE)]


def recordings() -> list[Recording]:
    return [_of_clips(), *(_of_voice(voice) for voice in VOICES)]


def _timed(text: str, start_s: float, end_s: float) -> list[Word]:
    """A clip's words, spread over its time by their letters."""
    words = word_errors.words(text)
    letters = sum(len(word) + 1 for word in words)
    timed, before = [], 0
    for word in words:
        middle = start_s + (before + len(word) / 2) / letters * (end_s - start_s)
        timed.append(Word(word, middle))
        before += len(word) + 1
    return timed


def _joined(name: str, clips, seed: int) -> Recording:
    """`clips` gives (text, samples) without end."""
    pauses = random.Random(seed)
    sound, words = array("h"), []
    while len(sound) < MINUTES_EACH * 60 * RATE:
        text, samples = next(clips)
        start = len(sound) / RATE
        sound.extend(samples)
        words += _timed(text, start, len(sound) / RATE)
        sound.extend(array("h", bytes(2 * round(pauses.uniform(*PAUSES_S) * RATE))))
    return Recording(name, sound, words)


def _samples(path: Path) -> array:
    with wave.open(str(path)) as source:
        return array("h", source.readframes(source.getnframes()))


def _at_rate(path: Path, folder: Path) -> array:
    out = folder / "at_rate.wav"
    subprocess.run(["sox", "-V1", "-R", path, "-r", str(RATE), "-c", "1", "-b", "16", out],
                   check=True)
    return _samples(out)


def _of_clips() -> Recording:
    recording.demo_recording()  # fetches them
    order = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        clips = [(text, _at_rate(paths.RECORDINGS / "demo" / name, Path(folder)))
                 for name, text in recording.CLIPS]

    def shuffled():
        while True:
            yield from order.sample(clips, len(clips))

    return _joined("clips", shuffled(), seed=2)


def _sentences(seed: int):
    choice = random.Random(seed).choice
    while True:
        text = f"{choice(SUBJECTS)} {choice(VERBS)} {choice(OBJECTS)} {choice(PLACES)}"
        closing = choice(CLOSINGS)
        text += f", {closing}" if closing else ""
        yield text[0].upper() + text[1:] + "."


def _of_voice(voice: str) -> Recording:
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "spoken.wav"

        def clips():
            for text in _sentences(seed=VOICES.index(voice)):
                subprocess.run(["espeak-ng", "-v", voice, "-s", WORDS_A_MINUTE, "-w", spoken, text],
                               check=True)
                yield text, _at_rate(spoken, Path(folder))

        return _joined(voice, clips(), seed=3)
