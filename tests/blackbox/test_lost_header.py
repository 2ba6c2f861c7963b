# SPDX-License-Identifier: Apache-2.0
"""The chunk with the file's header is lost from the store of a job that goes on: an operator or a
disk took it away, while its row says that it was uploaded."""

import uuid

from support import recording
from support.flow import ended, final_result, init, upload_all

M4A = ("-b:a", "192k", "-aac_coder", "fast")
MAX_RETRIES = 1


def start(installation, workers: int = 1):
    installation.start(workers=workers, gateway_options={"max-retries": MAX_RETRIES},
                       assembler_options={"retry-base": "100ms"})
    return installation.gateway


def lose(installation, job: dict, index: int) -> None:
    (installation.folder / "blobs" / job["upload_urls"][index]["key"]).unlink()


def assert_failed_for_lack_of(installation, job: dict, failed: list[int], lost: int) -> None:
    """Each of them has had its retries, and no more."""
    chunks = installation.gateway.status(job)["sub_jobs"]
    assert [each["chunk_index"] for each in chunks if each["status"] == "failed"] == failed
    for index in failed:
        assert chunks[index]["error"]["type"] == "storage_failed", chunks[index]
        assert f"chunk {lost} " in chunks[index]["error"]["message"], chunks[index]
        assert chunks[index]["retry_count"] == MAX_RETRIES
    work = [value["chunk_index"] for _, value, _ in installation.records("chunks.uploaded")]
    assert all(work.count(index) <= 2 * (MAX_RETRIES + 1) for index in failed), work


def test_it_was_lost_after_it_was_read(installation):
    gateway = start(installation)
    sound = recording.wav(13)
    job = init(gateway, sound)
    stream = gateway.stream(job)
    gateway.upload(job, sound.data, 0)
    stream.wait_for_type("chunk_complete")

    lose(installation, job, 0)
    for index in (1, 2):
        gateway.upload(job, sound.data, index)

    result = ended(stream, "final_result")
    assert result["failed_chunks"] == 2 and "[gap " in result["final_transcript"]
    assert_failed_for_lack_of(installation, job, [1, 2], 0)


def fail_without(installation, sound: recording.Recording, lost: int) -> dict:
    """A job whose chunks are all stored, and one lost again, before there is a worker."""
    gateway = start(installation, workers=0)
    job = init(gateway, sound)
    stream = gateway.stream(job)
    upload_all(gateway, job, sound)
    lose(installation, job, lost)

    installation.fleet.start_worker("worker-1")

    ended(stream, "job_failed")
    assert_failed_for_lack_of(installation, job, list(range(sound.chunk_count())), lost)
    return job


def test_it_was_lost_before_anybody_read_it(installation):
    sound = recording.wav(13)
    job = fail_without(installation, sound, 0)

    gateway = installation.gateway
    [upload] = gateway.retry(job).json()["upload_urls"]
    assert gateway.put(upload, sound.data).status == 200
    assert gateway.complete(job, upload["chunk_index"]).status == 200
    done = gateway.wait_status(job, lambda status: status["status"] == "done")
    assert done["failed_chunks"] == 0


def test_the_index_of_an_mp4_was_lost(installation):
    sound = recording.encoded("index-last.m4a", 100, M4A)
    fail_without(installation, sound, sound.chunk_count() - 1)


def test_a_wait_that_the_upload_has_overtaken_costs_no_retry(installation):
    """A worker has looked before the header was stored, and is heard, twice, afterwards."""
    gateway = start(installation, workers=0)
    sound = recording.wav(8)
    job = init(gateway, sound)
    stream = gateway.stream(job)
    upload_all(gateway, job, sound)
    installation.wait_for(lambda: gateway.status(job)["uploaded_chunks"] == 2)
    waiting = {"schema": "chunk.waiting/1", "event_id": str(uuid.uuid4()),
               "occurred_at": "2026-01-31T12:34:56.789Z", "job_id": job["parent_job_id"],
               "chunk_index": 1, "attempt": 1, "needs_from": 0, "needs_to": 65536}

    installation.produce("chunks.results", [waiting, waiting])
    installation.wait_for(installation.all_applied)
    installation.fleet.start_worker("worker-1")

    assert final_result(stream)["final_transcript"] == sound.text
    assert [chunk["retry_count"] for chunk in gateway.status(job)["sub_jobs"]] == [0, 0]
