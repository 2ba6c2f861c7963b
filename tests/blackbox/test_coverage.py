# SPDX-License-Identifier: Apache-2.0
"""What became of every moment of a recording: text, silence, filtered or failed."""

import pytest
from support import recording
from support.flow import final_result, init, upload_all
from support.tone_speech import text_of

KINDS = ("text_ms", "silence_ms", "filtered_ms", "failed_ms")


def single(seconds: float, **more) -> recording.Recording:
    """In one chunk of one window, or a few: 1 MiB is 32 s."""
    return recording.wav(seconds, rate=16000, channels=1, **more)


def transcribed(gateway, sound, **more) -> tuple[dict, dict, dict]:
    """The job, its final result and its status."""
    job = init(gateway, sound, **more)
    stream = gateway.stream(job)
    upload_all(gateway, job, sound)
    result = final_result(stream)
    return job, result, gateway.status(job)


def check_sums(status: dict, seconds: float) -> None:
    """The parts are the whole: of the job and of each chunk."""
    coverage = status["coverage"]
    assert sum(coverage[kind] for kind in KINDS) == coverage["duration_ms"]
    assert coverage["pending_ms"] == 0
    assert abs(coverage["duration_ms"] - seconds * 1000) <= 1
    for chunk in status["sub_jobs"]:
        own = chunk["coverage"]
        assert sum(own[kind] for kind in KINDS) == own["duration_ms"]
        listed = sum(part["to_ms"] - part["from_ms"] for part in own["parts"])
        assert abs(listed - own["duration_ms"] + own["text_ms"]) <= len(own["parts"])


def requests(installation) -> list[dict]:
    return [entry for entry in installation.speech.script.log() if "fields" in entry]


def test_all_of_a_recording_is_text(standing):
    sound = recording.wav(40)

    _, result, status = transcribed(standing.gateway, sound)

    check_sums(status, 40)
    assert status["coverage"]["failed_ms"] == status["coverage"]["filtered_ms"] == 0
    assert result["coverage"] == {name: value for name, value in status["coverage"].items()
                                  if name != "pending_ms"}
    assert {chunk["content"] for chunk in status["sub_jobs"]} == {"speech"}


def test_silence_is_told_from_the_samples(standing):
    sound = recording.wav(40, silences=((12, 22),))

    _, result, status = transcribed(standing.gateway, sound)

    assert result["final_transcript"] == sound.text
    check_sums(status, 40)
    assert abs(status["coverage"]["silence_ms"] - 10_000) < 600
    parts = [part for chunk in status["sub_jobs"] for part in chunk["coverage"]["parts"]]
    assert {part["kind"] for part in parts} == {"silence"}


def test_a_failed_chunk_is_failed_time(standing):
    standing.speech.script.add([{"do": "status", "status": 400, "word": 30}])
    _, _, status = transcribed(standing.gateway, recording.wav(60))
    standing.speech.script.reset()

    failed = [chunk for chunk in status["sub_jobs"] if chunk["status"] == "failed"]
    assert failed
    coverage = status["coverage"]
    assert sum(coverage[kind] for kind in KINDS) == coverage["duration_ms"]
    assert coverage["failed_ms"] == pytest.approx(
        sum(chunk["coverage"]["failed_ms"] for chunk in failed), abs=len(failed))
    assert coverage["failed_ms"] > 5000


def test_a_retry_takes_back_what_had_failed(installation):
    installation.start()
    sound = recording.wav(60)
    installation.speech.script.add([{"do": "status", "status": 400, "word": 30}])
    job, _, status = transcribed(installation.gateway, sound)
    assert status["coverage"]["failed_ms"] > 0
    installation.speech.script.reset()

    assert installation.gateway.retry(job).status == 200
    status = installation.gateway.wait_status(
        job, lambda status: status["status"] == "done" and status["failed_chunks"] == 0)

    assert status["final_transcript"] == sound.text
    check_sums(status, 60)
    assert status["coverage"]["failed_ms"] == 0


def test_swallowed_speech_is_asked_for_again(standing):
    sound = single(25)
    standing.speech.script.add([{"do": "swallow", "words": list(range(20, 30)), "times": 1}])

    _, result, status = transcribed(standing.gateway, sound, prompt="Ada Lovelace.")

    first, second = requests(standing)[-2:]
    assert first["seconds"] == 25 and second["seconds"] < 25
    assert first["fields"]["prompt"] == ["Ada Lovelace."] and "prompt" not in second["fields"]
    assert result["final_transcript"] == sound.text
    check_sums(status, 25)
    assert status["coverage"]["failed_ms"] == 0
    assert status["sub_jobs"][0]["coverage"]["asked_again"] == 1


def test_speech_that_stays_swallowed_is_failed(standing):
    sound = single(25)
    standing.speech.script.add([{"do": "swallow", "words": list(range(20, 30))}])

    _, result, status = transcribed(standing.gateway, sound)
    standing.speech.script.reset()

    assert result["success_rate"] == 100
    check_sums(status, 25)
    chunk = status["sub_jobs"][0]["coverage"]
    assert chunk["asked_again"] == 1
    assert [(part["kind"], part["reason"]) for part in chunk["parts"]] == [("failed", "no_words")]
    assert abs(chunk["failed_ms"] - 5000) < 500
    heard = [number for number in range(50) if not 20 <= number < 30]
    assert result["final_transcript"] == text_of(heard)


def test_a_second_call_that_fails_leaves_the_first_answer(standing):
    standing.speech.script.add([{"do": "swallow", "words": list(range(20, 30)), "times": 1},
                                {"do": "html", "times": 1}])

    _, result, status = transcribed(standing.gateway, single(25))
    standing.speech.script.reset()

    assert result["success_rate"] == 100
    assert abs(status["coverage"]["failed_ms"] - 5000) < 500


def test_the_language_of_the_first_speech_is_that_of_the_job(standing):
    sound = recording.wav(20)
    job = init(standing.gateway, sound)
    stream = standing.gateway.stream(job)
    before = len(requests(standing))

    standing.gateway.upload(job, sound.data, 0)
    standing.gateway.wait_status(job, lambda status: status["detected_language"] == "en")
    for index in range(1, sound.chunk_count()):
        standing.gateway.upload(job, sound.data, index)
    final_result(stream)

    first, *others = requests(standing)[before:]
    assert "language" not in first["fields"]
    assert {tuple(entry["fields"]["language"]) for entry in others} == {("en",)}


def test_a_language_can_stay_open(standing):
    before = len(requests(standing))
    _, _, status = transcribed(standing.gateway, recording.wav(20), lock_language=False)

    assert status["detected_language"] == "en" and not status["lock_language"]
    assert all("language" not in entry["fields"] for entry in requests(standing)[before:])


def test_terms_are_in_the_prompt(standing):
    transcribed(standing.gateway, single(10), prompt="A talk.", terms=["Ada Lovelace", "Babbage"])

    assert requests(standing)[-1]["fields"]["prompt"] == ["A talk. Ada Lovelace, Babbage."]


def test_music_is_heard_in_shorter_windows_and_without_a_prompt(standing):
    sound = single(30)
    before = len(requests(standing))
    _, result, status = transcribed(standing.gateway, sound, content_type="music", prompt="Songs.")

    asked = requests(standing)[before:]
    assert result["final_transcript"] == sound.text
    assert max(entry["seconds"] for entry in asked) == 15
    assert all("prompt" not in entry["fields"] for entry in asked)
    assert status["content_type"] == "music"


def test_music_has_a_model_of_its_own(installation):
    installation.start(worker_options={"speech-model-music": "songs"})
    sound = single(30)
    for content_type, model in (("music", "songs"), ("speech", "tone")):
        before = len(requests(installation))
        _, result, status = transcribed(installation.gateway, sound, content_type=content_type)

        assert result["final_transcript"] == sound.text
        asked = requests(installation)[before:]
        assert asked and all(entry["fields"]["model"] == [model] for entry in asked)
        assert [chunk["models"] for chunk in status["sub_jobs"]] == [[model]]
