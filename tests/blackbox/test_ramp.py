# SPDX-License-Identifier: Apache-2.0
"""`ramp`: the first chunks are small, for an early first text; nothing else is different."""

import pytest
from support import recording
from support.flow import final_result, init, transcribe

MIB = recording.MIB
M4A = ("-b:a", "192k", "-aac_coder", "fast")


def sizes(job: dict) -> list[int]:
    return [upload["expected_size"] for upload in job["upload_urls"]]


def mp3():
    return recording.encoded("ramp.mp3", 240, ("-b:a", "192k"))  # 5.5 MiB


@pytest.mark.parametrize("sound, chunk_size_mb, first, text_bytes", [
    (recording.wav(60), 5, [1, 2, 4], MIB),
    (mp3(), 2, [1 / 4, 1 / 2, 1, 2], MIB // 4),
], ids=["wav", "mp3"])
def test_the_first_text_comes_early(standing, sound, chunk_size_mb, first, text_bytes):
    job = init(standing.gateway, sound, chunk_size_mb=chunk_size_mb, ramp=True)
    stream = standing.gateway.stream(job)
    last = job["chunk_info"]["total_chunks"] - 1

    assert sizes(job)[:len(first)] == [size * MIB for size in first]
    assert sum(sizes(job)) == len(sound.data) and last == len(first)
    assert job["chunk_info"]["chunk_size_bytes"] == chunk_size_mb * MIB
    assert job["chunk_info"]["first_chunk_bytes"] == text_bytes
    standing.gateway.upload(job, sound.data, 0)
    early = stream.wait_for_type("chunk_complete").data
    assert early["chunk_index"] == 0 and sound.text.startswith(early["text"].split()[0])
    for index in range(1, last + 1):
        standing.gateway.upload(job, sound.data, index)

    assert final_result(stream)["final_transcript"] == sound.text
    status = standing.gateway.status(job)
    assert stream.of_type("initialized")[0].data["first_chunk_bytes"] == text_bytes
    assert status["first_chunk_bytes"] == text_bytes
    assert [chunk["chunk_range"] for chunk in status["sub_jobs"]] \
        == [upload["chunk_range"] for upload in job["upload_urls"]]
    assert [chunk["size"] for chunk in status["sub_jobs"]] == sizes(job)
    assert status["coverage"]["pending_ms"] == 0


@pytest.mark.parametrize("seed", range(1, 5))
def test_neighbours_of_unequal_size_are_joined_in_any_order(standing, seed):
    result = transcribe(standing.gateway, mp3(), seed, chunk_size_mb=2, ramp=True)

    assert result["final_transcript"] == mp3().text


def test_mp4_waits_for_the_chunk_of_its_index(standing):
    sound = recording.encoded("index-last.m4a", 450, M4A)
    job = init(standing.gateway, sound, chunk_size_mb=2, ramp=True)
    stream = standing.gateway.stream(job)
    last = job["chunk_info"]["total_chunks"] - 1

    assert sizes(job)[:2] == [MIB, 2 * MIB] and job["upload_order"][:2] == [0, last]
    for index in range(last):
        standing.gateway.upload(job, sound.data, index)
    waiting = standing.gateway.wait_status(
        job, lambda status: all(chunk["waiting_for"] for chunk in status["sub_jobs"][:last]))
    start, end = job["upload_urls"][last]["chunk_range"]
    assert start <= waiting["sub_jobs"][0]["waiting_for"][0] < end
    standing.gateway.upload(job, sound.data, last)

    assert final_result(stream)["final_transcript"] == sound.text


def test_resume_tells_the_same_ranges_and_the_recording_is_whole(standing):
    sound = mp3()
    job = init(standing.gateway, sound, chunk_size_mb=2, ramp=True)
    stream = standing.gateway.stream(job)
    for index in (1, 3):
        standing.gateway.upload(job, sound.data, index)
    resumed = standing.gateway.post("/chunked-upload-resume",
                                    {"parent_job_id": job["parent_job_id"]}).json()

    missing = [upload for upload in job["upload_urls"] if upload["chunk_index"] not in (1, 3)]
    assert resumed["chunk_info"]["first_chunk_bytes"] == MIB // 4
    assert [(each["chunk_index"], each["chunk_range"]) for each in resumed["upload_urls"]] \
        == [(each["chunk_index"], each["chunk_range"]) for each in missing]
    for upload in resumed["upload_urls"]:
        assert standing.gateway.put(upload, sound.data).status == 200
        assert standing.gateway.complete(job, upload["chunk_index"]).status == 200
    assert final_result(stream)["final_transcript"] == sound.text

    url = standing.gateway.post(f"/jobs/{job['parent_job_id']}/share", {}).json()["audio_url"]
    for first, end in [(0, MIB), (MIB // 4 - 1, MIB // 4 + 1), (MIB, 5 * MIB)]:
        part = standing.gateway.request("GET", url, headers={"Range": f"bytes={first}-{end - 1}"})
        assert part.status == 206 and part.body == sound.data[first:end]
