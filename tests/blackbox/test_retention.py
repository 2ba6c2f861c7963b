# SPDX-License-Identifier: Apache-2.0
"""What is not finished expires, and what is finished goes after its retention."""

import os
import time

from support import recording
from support.flow import ended, init, transcribe, upload_all

TABLES = ("jobs", "chunks", "chunk_readings", "transcript_parts", "seams", "job_events", "tasks",
          "purged_jobs")


def folder(installation, job):
    return installation.folder / "blobs" / "uploads" / job["parent_job_id"]


def assert_refused(answer) -> None:
    assert answer.status == 409, answer.body
    assert answer.json()["type"] == "/problems/job-state-conflict"


def test_a_job_whose_upload_stops_expires(installation):
    installation.start(assembler_options={"expire-after": "2s"})
    gateway = installation.gateway
    sound = recording.wav(30)
    begun, untouched = (init(gateway, sound) for _ in range(2))
    streams = [gateway.stream(job) for job in (begun, untouched)]
    gateway.upload(begun, sound.data, 0)

    for job, stream, uploaded in zip((begun, untouched), streams, (1, 0)):
        last = ended(stream, "expired")
        assert last["status"] == "expired" and last["total_chunks"] == sound.chunk_count()
        status = gateway.status(job)
        assert status["status"] == "expired" and status["uploaded_chunks"] == uploaded
        installation.wait_for(lambda job=job: not folder(installation, job).exists())
        before = gateway.status(job)
        late = gateway.put(job["upload_urls"][1], sound.data)
        assert_refused(late)
        assert "expired" in late.json()["detail"]
        assert_refused(gateway.complete(job, 1))
        assert_refused(gateway.cancel(job))
        assert_refused(gateway.retry(job))
        assert gateway.status(job) == before
        assert not folder(installation, job).exists()


def test_blobs_go_after_their_retention(installation):
    """A retry needs what has gone uploaded again."""
    installation.start(assembler_options={"blob-retention": "0s"})
    gateway = installation.gateway
    sound = recording.wav(30)
    installation.speech.script.add([{"do": "status", "status": 400, "word": 5}])
    job = init(gateway, sound)
    stream = gateway.stream(job)
    upload_all(gateway, job, sound)
    assert ended(stream, "final_result")["failed_chunks"] > 0
    installation.wait_for(lambda: installation.query(
        "SELECT id FROM jobs WHERE blobs_deleted_at IS NOT NULL"))
    assert not folder(installation, job).exists()
    installation.speech.script.reset()

    again = gateway.retry(job).json()

    assert again["upload_urls"] and again["retried_chunks"] == []
    for upload in again["upload_urls"]:
        assert gateway.put(upload, sound.data).status == 200
        assert gateway.complete(job, upload["chunk_index"]).status == 200
    status = gateway.wait_status(job, lambda status: status["status"] == "done")
    assert status["failed_chunks"] == 0
    installation.wait_for(lambda: not folder(installation, job).exists())


def test_a_retry_keeps_the_blobs_for_its_time(installation):
    """The deletion that the job's first end has scheduled is not carried out."""
    installation.start(assembler_options={"blob-retention": "1h"})
    sound = recording.wav(10)
    installation.speech.script.add([{"do": "status", "status": 400, "word": 5}])
    job = init(installation.gateway, sound)
    upload_all(installation.gateway, job, sound)
    installation.gateway.wait_status(job, lambda status: status["status"] in ("done", "failed"))
    deletions = "SELECT id FROM tasks WHERE kind = 'blob.delete' ORDER BY id"
    before = installation.query(deletions)
    installation.speech.script.reset()

    assert installation.gateway.retry(job).status == 200

    installation.gateway.wait_status(job, lambda status: status["success_rate"] == 100
                                     and status["status"] == "done")
    after = installation.query(deletions)
    assert len(before) == len(after) == 2 and not set(before) & set(after)


def test_a_job_is_not_reopened_while_its_blobs_are_being_deleted(installation):
    """The order is with Kafka, and a worker may carry it out at any moment: also after the retry,
    and after the upload that the retry asked for."""
    installation.start(assembler_options={"blob-retention": "2s"})
    gateway = installation.gateway
    sound = recording.wav(10)
    installation.speech.script.add([{"do": "status", "status": 400, "word": 5}])
    job = init(gateway, sound)
    upload_all(gateway, job, sound)
    gateway.wait_status(job, lambda status: status["status"] in ("done", "failed"))
    installation.fleet.stop("worker-1")
    installation.wait_for(lambda: installation.query(
        "SELECT id FROM tasks WHERE kind = 'blob.delete' AND state = 'published'"))
    before = gateway.status(job)

    refused = gateway.retry(job)

    assert refused.status == 503 and refused.headers["retry-after"], refused.body
    assert gateway.status(job) == before
    installation.speech.script.reset()
    installation.fleet.start_worker("worker-1")
    installation.wait_for(lambda: installation.query(
        "SELECT id FROM jobs WHERE blobs_deleted_at IS NOT NULL"))
    for upload in gateway.retry(job).json()["upload_urls"]:
        assert gateway.put(upload, sound.data).status == 200
        assert gateway.complete(job, upload["chunk_index"]).status == 200
    gateway.wait_status(job, lambda status: status["status"] == "done"
                        and status["success_rate"] == 100)


def test_nothing_is_left_of_a_job_after_its_retention(installation):
    installation.start(assembler_options={"job-retention": "2s", "blob-retention": "1h"})
    sound = recording.wav(30)
    job = init(installation.gateway, sound)
    stream = installation.gateway.stream(job)
    upload_all(installation.gateway, job, sound)
    ended(stream, "final_result")

    for table in TABLES:
        installation.wait_query_empty(f"SELECT * FROM {table}", f"rows are left in {table}")
    assert not folder(installation, job).exists()
    missing = installation.gateway.request(
        "GET", f"/chunked-upload-status?parent_job_id={job['parent_job_id']}")
    assert missing.status == 404
    late = installation.gateway.put(job["upload_urls"][0], sound.data)
    assert late.status == 404
    assert not folder(installation, job).exists()
    # The fleet goes on.
    transcribe(installation.gateway, recording.wav(5))


def test_what_dead_uploads_have_left_is_deleted(installation):
    uploads = installation.folder / "blobs" / "uploads" / "11111111-2222-4333-8444-555555555555"
    uploads.mkdir(parents=True)
    old, fresh = (uploads / f".chunk.{n}.wav.0123456789abcdef.part" for n in (0, 1))
    for path in (old, fresh):
        path.write_bytes(b"x")
    hours_ago = time.time() - 2 * 3600
    os.utime(old, (hours_ago, hours_ago))

    installation.start(gateway_options={"temporary-age": "1h"})

    installation.wait_for(lambda: not old.exists())
    assert fresh.exists()
