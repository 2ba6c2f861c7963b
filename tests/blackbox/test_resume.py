# SPDX-License-Identifier: Apache-2.0
"""POST /chunked-upload-resume: an upload that was interrupted goes on where it stopped."""

from support import recording
from support.flow import final_result, init, upload_all

UNKNOWN = "11111111-2222-4333-8444-555555555555"


def resume(gateway, job):
    return gateway.post("/chunked-upload-resume", {"parent_job_id": job["parent_job_id"]})


def indices(answer) -> list[int]:
    return [upload["chunk_index"] for upload in answer.json()["upload_urls"]]


def test_a_new_client_finishes_what_another_began(standing):
    gateway = standing.gateway
    sound = recording.wav(40)
    job = init(gateway, sound)
    total = job["chunk_info"]["total_chunks"]
    gateway.upload(job, sound.data, 1)
    gateway.wait_status(job, lambda status: status["uploaded_chunks"] == 1)
    # Stored, but the client died before it could say so.
    for index in (0, 3):
        assert gateway.put(job["upload_urls"][index], sound.data).status == 200

    answer = resume(gateway, job)

    assert answer.status == 200
    assert answer.json()["stored_chunks"] == [0, 1, 3]
    assert answer.json()["recovered_chunks"] == [0, 3]
    rest = [k for k in range(total) if k not in (0, 1, 3)]
    assert indices(answer) == rest
    assert answer.json()["chunk_info"] == {**job["chunk_info"], "estimated_processing_time":
                                           answer.json()["chunk_info"]["estimated_processing_time"]}
    stream = gateway.stream(answer.json())
    for upload in answer.json()["upload_urls"]:
        assert gateway.put(upload, sound.data).status == 200
        assert gateway.complete(job, upload["chunk_index"]).status == 200
    assert final_result(stream)["final_transcript"] == sound.text
    after = resume(gateway, job)
    assert after.json()["status"] == "done" and indices(after) == []
    assert after.json()["stored_chunks"] == list(range(total))


def test_it_can_be_repeated(standing):
    gateway = standing.gateway
    sound = recording.wav(25)
    job = init(gateway, sound)
    for upload in job["upload_urls"]:
        assert gateway.put(upload, sound.data).status == 200
    stream = gateway.stream(job)

    first = resume(gateway, job)
    second = resume(gateway, job)

    everything = list(range(sound.chunk_count()))
    assert first.json()["recovered_chunks"] == everything
    assert second.status == 200 and indices(second) == []
    assert second.json()["stored_chunks"] == everything
    assert final_result(stream)["final_transcript"] == sound.text


def test_more_stored_chunks_than_are_taken_in_at_a_time(standing):
    gateway = standing.gateway
    sound = recording.wav(100)
    job = init(gateway, sound)
    assert len(job["upload_urls"]) > 16
    for upload in job["upload_urls"]:
        assert gateway.put(upload, sound.data).status == 200
    stream = gateway.stream(job)

    recovered = resume(gateway, job).json()["recovered_chunks"]

    assert recovered == list(range(len(job["upload_urls"])))
    assert final_result(stream)["final_transcript"] == sound.text


def test_nothing_is_stored_yet(standing):
    job = init(standing.gateway, recording.wav(25))

    answer = resume(standing.gateway, job)

    assert answer.json()["stored_chunks"] == [] == answer.json()["recovered_chunks"]
    assert indices(answer) == [upload["chunk_index"] for upload in job["upload_urls"]]


def test_a_job_that_takes_no_more(standing):
    gateway = standing.gateway
    sound = recording.wav(25)
    job = init(gateway, sound)
    assert gateway.cancel(job).status == 200

    refused = resume(gateway, job)
    unknown = resume(gateway, {"parent_job_id": UNKNOWN})
    odd = gateway.post("/chunked-upload-resume", {"parent_job": UNKNOWN})

    assert (refused.status, refused.json()["type"]) == (409, "/problems/job-state-conflict")
    assert "cancelled" in refused.json()["detail"]
    assert unknown.status == 404
    assert odd.status == 422 and "parent_job_id" in odd.json()["detail"]


def test_while_the_database_is_away(installation):
    installation.start()
    installation.expect_error("postgres")
    sound = recording.wav(25)
    job = init(installation.gateway, sound)
    with installation.postgres_away():
        assert resume(installation.gateway, job).status == 503
    installation.gateway.wait_answer("/readyz", 200)
    upload_all(installation.gateway, job, sound)
    assert resume(installation.gateway, job).status == 200
