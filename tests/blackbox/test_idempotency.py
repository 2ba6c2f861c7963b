# SPDX-License-Identifier: Apache-2.0
"""Idempotency-Key: the same call gets the same answer, for as long as keys are kept."""

import json

import pytest
from support import recording
from support.flow import final_result, init, upload_all

KEY = {"Idempotency-Key": "key-1"}
REPLAYED = "idempotency-replayed"


def test_cancel(standing):
    gateway = standing.gateway
    body = {"parent_job_id": init(gateway, recording.wav(4))["parent_job_id"]}
    other = {"parent_job_id": init(gateway, recording.wav(4))["parent_job_id"]}
    key = {"Idempotency-Key": "cancel-1"}

    first = gateway.post("/chunked-upload-cancel", body, key)
    again = gateway.post("/chunked-upload-cancel", body, key)
    misused = gateway.post("/chunked-upload-cancel", other, key)

    assert first.status == again.status == 200 and first.body == again.body
    assert REPLAYED not in first.headers and again.headers[REPLAYED] == "true"
    assert misused.status == 422
    assert misused.json()["type"] == "/problems/idempotency-conflict"
    assert misused.json()["field"] == "Idempotency-Key"
    assert gateway.job(other["parent_job_id"], "?include=")["status"] == "uploading"
    assert gateway.post("/chunked-upload-cancel", other,
                        {"Idempotency-Key": "cancel-2"}).status == 200


def test_retry_says_again_what_it_did(installation):
    """Without the key the second answer would be that nothing has failed any more."""
    installation.start()
    gateway, sound = installation.gateway, recording.wav(40)
    installation.speech.script.add([{"do": "status", "status": 400, "word": 30}])
    job = init(gateway, sound)
    stream = gateway.stream(job)
    upload_all(gateway, job, sound)
    gaps = final_result(stream)["failed_chunks"]
    installation.speech.script.reset()
    body = {"parent_job_id": job["parent_job_id"]}

    first = gateway.post("/chunked-upload-retry", body, KEY)
    gateway.wait_status(job, lambda status: status["status"] == "done")
    again = gateway.post("/chunked-upload-retry", body, KEY)

    assert len(first.json()["retried_chunks"]) == gaps > 0
    assert again.body == first.body and again.headers[REPLAYED] == "true"
    assert gateway.post("/chunked-upload-retry", body).status == 409


def test_resume_tells_how_it_is_now(standing):
    """Its answer, a URL for each chunk that is not there, is made again and not kept."""
    gateway, sound = standing.gateway, recording.wav(12)
    job, other = init(gateway, sound), init(gateway, sound)
    key = {"Idempotency-Key": "resume-1"}

    def resume(job):
        return gateway.post("/chunked-upload-resume", {"parent_job_id": job["parent_job_id"]}, key)

    first = resume(job)
    gateway.put(job["upload_urls"][0], sound.data)
    again = resume(job)

    assert (first.status, first.json()["stored_chunks"]) == (200, [])
    assert (again.status, again.json()["stored_chunks"]) == (200, [0])
    assert resume(other).json()["type"] == "/problems/idempotency-conflict"
    assert standing.query("SELECT answer FROM idempotency_keys WHERE key = 'resume-1'") == [(None,)]


def test_a_refusal_is_not_kept(standing):
    gateway, sound = standing.gateway, recording.wav(4)
    job = init(gateway, sound)
    key = {"Idempotency-Key": "complete-1"}

    early = gateway.complete(job, 0, headers=key)
    gateway.put(job["upload_urls"][0], sound.data)
    completed = gateway.complete(job, 0, headers=key)
    again = gateway.complete(job, 0, headers=key)

    assert (early.status, completed.status, again.status) == (409, 200, 200)
    assert again.headers[REPLAYED] == "true"


def test_a_key_for_each_call(standing):
    """The same key under another path is another one."""
    gateway, sound = standing.gateway, recording.wav(4)
    body = {"filename": sound.filename, "total_size": len(sound.data)}
    key = {"Idempotency-Key": "everywhere"}
    job = gateway.post("/chunked-upload-stream", body, key).json()
    gateway.put(job["upload_urls"][0], sound.data)

    assert gateway.complete(job, 0, headers=key).status == 200
    again = gateway.post("/chunked-upload-stream", body, key)
    assert again.status == 201 and again.json()["parent_job_id"] == job["parent_job_id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "t\u00fcr"])
def test_keys_that_are_none(standing, key):
    for path in ("/chunked-upload-stream", "/chunked-upload-cancel"):
        refused = standing.gateway.request(
            "POST", path, json.dumps({}).encode(),
            {"Content-Type": "application/json", "Idempotency-Key": key.encode("latin-1")})
        assert refused.status == 422 and refused.json()["field"] == "Idempotency-Key"


def test_keys_end_with_their_time(installation):
    installation.start()
    gateway = installation.gateway
    body = {"filename": "talk.wav", "total_size": 1000}
    job = gateway.post("/chunked-upload-stream", body, KEY).json()["parent_job_id"]
    cancel = {"parent_job_id": job}
    assert gateway.post("/chunked-upload-cancel", cancel, KEY).status == 200
    installation.query("UPDATE idempotency_keys SET created_at = created_at - interval '24 h' "
                       "RETURNING 1")

    other = gateway.post("/chunked-upload-stream", {**body, "total_size": 2000}, KEY)
    cancelled = gateway.post("/chunked-upload-cancel", cancel, KEY)

    assert other.status == 201 and other.json()["parent_job_id"] != job
    assert cancelled.status == 200 and REPLAYED not in cancelled.headers


def test_old_keys_are_removed(installation):
    installation.start(gateways=0)
    installation.query(
        "INSERT INTO idempotency_keys (operation, key, request_digest, created_at) "
        "SELECT '/chunked-upload-cancel', 'key-' || k, '', now() - k * interval '10 h' "
        "FROM generate_series(0, 2500) AS k RETURNING 1")

    installation.start_gateway("gateway-1")

    installation.wait_query_empty("SELECT key FROM idempotency_keys "
                                  "WHERE created_at < now() - interval '24 h'", "left")
    assert {key for key, in installation.query("SELECT key FROM idempotency_keys")} == \
        {"key-0", "key-1", "key-2"}


def test_a_key_goes_with_its_job(installation):
    installation.start()
    body = {"filename": "talk.wav", "total_size": 1000}
    job = installation.gateway.post("/chunked-upload-stream", body, KEY).json()["parent_job_id"]
    installation.query("DELETE FROM jobs WHERE id = %s RETURNING 1", job)

    again = installation.gateway.post("/chunked-upload-stream", body, KEY)

    assert again.status == 201 and again.json()["parent_job_id"] != job
