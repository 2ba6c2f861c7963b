# SPDX-License-Identifier: Apache-2.0
"""The main job: chunks out of order in, each chunk's text and the ordered text out, live."""

import pytest
from support import flow, recording
from support.flow import check_stream, final_result, init, upload_all


@pytest.mark.parametrize("seed", range(4))
def test_text_is_whole_and_in_order_for_any_order_of_upload(standing, seed):
    sound = recording.wav(40)

    result = flow.transcribe(standing.gateway, sound, seed)

    assert result["final_transcript"] == sound.text
    assert result["raw_transcript"] == sound.text
    assert result["success_rate"] == 100


def test_first_text_arrives_while_a_later_chunk_is_not_uploaded(standing):
    sound = recording.wav(20)
    job = init(standing.gateway, sound)
    stream = standing.gateway.stream(job)

    standing.gateway.upload(job, sound.data, 0)
    first = stream.wait_for_type("chunk_complete")

    assert first.data["chunk_index"] == 0
    assert first.data["text"] != "" and sound.text.startswith(first.data["text"][:40])
    status = standing.gateway.status(job)
    assert status["uploaded_chunks"] == 1 and status["status"] != "done"
    assert [chunk["status"] for chunk in status["sub_jobs"]] == ["done", "pending", "pending",
                                                                  "pending"]
    for index in range(1, sound.chunk_count()):
        standing.gateway.upload(job, sound.data, index)
    assert final_result(stream)["final_transcript"] == sound.text


def test_ordered_text_only_grows(standing):
    sound = recording.wav(40)
    job = init(standing.gateway, sound)
    whole, deltas = standing.gateway.stream(job), standing.gateway.stream(job, "?partial=delta")

    upload_all(standing.gateway, job, sound, seed=7)
    final_result(whole)
    final_result(deltas)

    texts = [event.data["partial_transcript"] for event in whole.of_type("partial_transcript")]
    assert texts and texts[-1] == sound.text
    assert all(later.startswith(earlier) for earlier, later in zip(texts, texts[1:]))
    grown = "".join(event.data["delta"] for event in deltas.of_type("partial_transcript"))
    assert grown == sound.text


def test_chunk_texts_are_each_chunks_own_words(standing):
    sound = recording.wav(40)
    job = init(standing.gateway, sound)
    stream = standing.gateway.stream(job)

    upload_all(standing.gateway, job, sound, seed=3)
    final_result(stream)

    by_chunk = {e.data["chunk_index"]: e.data for e in stream.of_type("chunk_complete")}
    assert sorted(by_chunk) == list(range(sound.chunk_count()))
    words = sum((by_chunk[index]["text"].split() for index in sorted(by_chunk)), [])
    # A word that lies on a border may be told by both chunks or, cut in two, by none.
    expected = sound.text.split()
    assert abs(len(words) - len(expected)) <= sound.chunk_count() - 1
    assert set(words) <= set(expected)


def test_progress_ends_at_100_with_the_last_event(standing):
    sound = recording.wav(20)
    job = init(standing.gateway, sound)
    stream = standing.gateway.stream(job)

    upload_all(standing.gateway, job, sound)
    result = final_result(stream)

    shown = [event.data["progress"] for event in stream.of_type("progress_update")]
    assert shown == sorted(shown)
    assert result["progress"] == 100
    assert standing.gateway.status(job)["progress"] == 100


def test_status_has_the_seeds_fields_when_done(standing):
    sound = recording.wav(13)
    job = init(standing.gateway, sound)
    stream = standing.gateway.stream(job)
    upload_all(standing.gateway, job, sound)
    final_result(stream)

    status = standing.gateway.status(job)

    assert status["status"] == "done"
    assert status["type"] == "chunked_upload_streaming"
    assert status["final_transcript"] == sound.text
    assert status["total_chunks"] == status["completed_chunks"] == sound.chunk_count()
    assert status["upload_progress"] == status["processing_progress"] == 100
    chunk = status["sub_jobs"][1]
    assert chunk["type"] == "chunk_sub_job" and chunk["parent_job_id"] == job["parent_job_id"]
    assert chunk["chunk_range"] == [1 << 20, 2 << 20]
    assert chunk["segments"] and chunk["final_transcript"]
    assert chunk["key"] == job["upload_urls"][1]["key"]


def test_two_jobs_do_not_mix(standing):
    one, other = recording.wav(20, first=0), recording.wav(20, first=1000)
    jobs = [(sound, init(standing.gateway, sound)) for sound in (one, other)]
    streams = [standing.gateway.stream(job) for _, job in jobs]

    for index in range(one.chunk_count()):
        for sound, job in jobs:
            standing.gateway.upload(job, sound.data, index)

    assert [final_result(stream)["final_transcript"] for stream in streams] == [one.text,
                                                                                other.text]


def test_a_long_chunk_is_read_in_overlapping_windows(standing):
    sound = recording.wav(150, rate=16000, channels=1)  # 4.6 MiB
    job = init(standing.gateway, sound, chunk_size_mb=5)
    stream = standing.gateway.stream(job)

    standing.gateway.upload(job, sound.data, 0)

    assert final_result(stream)["final_transcript"] == sound.text
    windows = stream.of_type("chunk_partial")
    assert len(windows) >= 5


def test_silence_is_a_success_with_empty_text(standing):
    sound = recording.silence(13)

    result = flow.transcribe(standing.gateway, sound)

    assert result["final_transcript"] == ""
    assert result["success_rate"] == 100


@pytest.mark.parametrize("filename, seconds, options", [
    ("cbr.mp3", 120, ("-b:a", "192k")),
    ("vbr.mp3", 120, ("-q:a", "0")),
    ("no-xing.mp3", 120, ("-b:a", "192k", "-write_xing", "0")),
    ("radio.aac", 100, ("-b:a", "192k", "-aac_coder", "fast")),
    ("music.ogg", 150, ("-c:a", "libvorbis", "-q:a", "10")),
    ("voice.opus", 100, ("-c:a", "libopus", "-b:a", "192k")),
    ("lossless.flac", 120, ("-sample_fmt", "s32")),
    ("index-last.m4a", 100, ("-b:a", "192k", "-aac_coder", "fast")),
    ("index-first.mov", 100, ("-b:a", "192k", "-aac_coder", "fast", "-movflags", "+faststart")),
    ("fragments.mp4", 100, ("-b:a", "192k", "-aac_coder", "fast", "-movflags", "+empty_moov",
                            "-frag_duration", "1000000")),
    ("live.webm", 100, ("-c:a", "libopus", "-b:a", "192k", "-live", "1")),
    ("finished.mka", 150, ("-c:a", "libvorbis", "-q:a", "10")),
], ids=lambda value: value if isinstance(value, str) else "")
def test_formats(standing, filename, seconds, options):
    sound = recording.encoded(filename, seconds, options)
    assert sound.chunk_count() >= 2

    assert flow.transcribe(standing.gateway, sound)["final_transcript"] == sound.text


def test_a_last_chunk_that_is_the_rest_of_a_frame_is_heard(standing):
    """Of frames of 1.5 s: the chunk before had only the last one's beginning."""
    lossless = recording.encoded("lossless.flac", 60, ("-frame_size", "65535"))
    sound = recording.with_rest(lossless, rest_bytes=5)
    last = sound.chunk_count() - 1
    job = init(standing.gateway, sound)
    stream = standing.gateway.stream(job)

    for index in range(last):
        standing.gateway.upload(job, sound.data, index)
    standing.gateway.wait_status(job, lambda status: status["completed_chunks"] == last)
    standing.gateway.upload(job, sound.data, last)

    assert final_result(stream)["final_transcript"] == sound.text
    assert stream.of_type("chunk_complete")[-1].data["text"] == ""
    check_stream(stream)


def test_a_chunk_waits_for_the_files_header(standing):
    sound = recording.wav(13)
    job = init(standing.gateway, sound)
    stream = standing.gateway.stream(job)

    standing.gateway.upload(job, sound.data, 2)
    standing.gateway.wait_status(
        job, lambda status: status["sub_jobs"][2].get("waiting_for") is not None)
    standing.gateway.upload(job, sound.data, 1)
    assert not stream.of_type("chunk_complete")
    standing.gateway.upload(job, sound.data, 0)

    assert final_result(stream)["final_transcript"] == sound.text
    check_stream(stream)


def test_mp4_waits_for_the_index_at_its_end(standing):
    sound = recording.encoded("index-last.m4a", 230, ("-b:a", "192k", "-aac_coder", "fast"))
    last = sound.chunk_count() - 1
    job = init(standing.gateway, sound)
    stream = standing.gateway.stream(job)

    assert last >= 2 and job["upload_order"] == [0, last, *range(1, last)]
    standing.gateway.upload(job, sound.data, 0)
    waiting = standing.gateway.wait_status(
        job, lambda status: status["sub_jobs"][0].get("waiting_for") is not None)
    start, end = waiting["sub_jobs"][0]["waiting_for"]
    assert start // (1 << 20) == last and start < end <= len(sound.data)
    standing.gateway.upload(job, sound.data, last)
    first = stream.wait_for_type("chunk_complete")
    assert first.data["text"] != ""
    for index in range(1, last):
        standing.gateway.upload(job, sound.data, index)

    assert final_result(stream)["final_transcript"] == sound.text
    check_stream(stream)
    assert standing.gateway.status(job)["sub_jobs"][0]["retry_count"] == 0
