# SPDX-License-Identifier: Apache-2.0
"""Music, with real Whisper: alone it yields no invented words, and speech over it is kept."""

import subprocess
from pathlib import Path

import pytest
from dev import models, paths
from dev.recording import CLIPS, demo_recording
from dev.speech import LOCAL_KEY, local_api
from dev.word_errors import errors, words
from support.flow import transcribe
from support.recording import Recording

MODEL = models.chosen_name()
CLIP = "jfk.wav"
CHORDS = (("C4", "E4", "G4"), ("A3", "C4", "E4"), ("F3", "A3", "C4"))
CHORD_S = 4


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    demo_recording()
    with local_api(tmp_path_factory.mktemp("speech"), MODEL) as api:
        yield api


@pytest.fixture
def listening(installation, whisper):
    installation.start(workers=0)
    installation.fleet.start_worker(
        "worker-1", options={"speech-url": whisper.url, "speech-model": whisper.model},
        env={"CHUNKSCRIBE_SPEECH_KEY": LOCAL_KEY})
    return installation


def sox(*arguments) -> None:
    subprocess.run(["sox", "-R", *map(str, arguments)], check=True, capture_output=True)


def chords(folder: Path) -> Path:
    parts = []
    for number, (one, two, three) in enumerate(CHORDS):
        parts.append(folder / f"chord-{number}.wav")
        sox("-n", "-r", 16000, "-c", 1, "-b", 16, parts[-1], "synth", CHORD_S, "sine", one,
            "synth", CHORD_S, "sine", "mix", two, "synth", CHORD_S, "sine", "mix", three,
            "fade", "t", 0.05, CHORD_S, 0.2, "gain", -9)
    sox(*parts, folder / "chords.wav")
    return folder / "chords.wav"


def recording_of(path: Path) -> Recording:
    return Recording(path.name, path.read_bytes(), "")


def test_music_alone_yields_no_words(listening, tmp_path):
    result = transcribe(listening.gateway, recording_of(chords(tmp_path)))

    assert result["final_transcript"] == ""
    coverage = result["coverage"]
    assert coverage["failed_ms"] == 0
    assert coverage["filtered_ms"] > 0.9 * coverage["duration_ms"]


def test_speech_over_music_is_kept(listening, tmp_path):
    clip, mixed = tmp_path / "clip.wav", tmp_path / "mixed.wav"
    sox(paths.RECORDINGS / "demo" / CLIP, "-r", 16000, "-c", 1, "-b", 16, clip)
    sox("-m", "-v", 0.9, clip, "-v", 0.1, chords(tmp_path), mixed)
    said = dict(CLIPS)[CLIP]

    result = transcribe(listening.gateway, recording_of(mixed))

    assert errors(said, result["final_transcript"]) <= 3, result["final_transcript"]
    assert result["coverage"]["text_ms"] > 0.8 * len(words(said)) * 400
