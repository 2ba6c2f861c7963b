# SPDX-License-Identifier: Apache-2.0
"""POST /chunked-upload-cancel: the job ends for its readers and for every worker."""

from support import recording
from support.flow import ended, init, upload_all

UNKNOWN = {"parent_job_id": "11111111-2222-4333-8444-555555555555"}


def dropped(installation, worker: str) -> int:
    """Attempts and queued records that this worker let go."""
    return installation.metric(worker, 'chunkscribe_worker_tasks_total{result="dropped"}')


def hold_everything(installation, job, sound, count: int) -> None:
    """Uploads the recording; `count` requests are under way and get no answer."""
    installation.speech.script.add([{"do": "hold"}])
    upload_all(installation.gateway, job, sound)
    installation.wait_held(count)


def test_running_calls_are_aborted_and_the_queue_is_skipped(installation):
    installation.start(workers=2, worker_options={"max-in-flight": "2"})
    sound = recording.wav(100)
    job = init(installation.gateway, sound)
    stream = installation.gateway.stream(job)
    hold_everything(installation, job, sound, 4)

    answer = installation.gateway.cancel(job)

    assert answer.status == 200 and answer.json()["status"] == "cancelled"
    assert ended(stream, "cancelled")["status"] == "cancelled"
    installation.wait_for(lambda: sum(entry["fault"] == "gone"
                                      for entry in installation.speech.script.log()) == 4)
    chunks = sound.chunk_count()
    installation.wait_for(lambda: sum(dropped(installation, f"worker-{n}") for n in (1, 2))
                          == chunks)
    assert sum(entry["fault"] == "hold" for entry in installation.speech.script.log()) == 4
    assert installation.gateway.status(job)["status"] == "cancelled"


def test_a_worker_that_starts_later_knows_what_was_cancelled(installation):
    installation.start(workers=0)
    sound = recording.wav(40)
    job = init(installation.gateway, sound)
    upload_all(installation.gateway, job, sound)
    assert installation.gateway.cancel(job).status == 200

    installation.fleet.start_worker("worker-1")

    installation.wait_for(lambda: dropped(installation, "worker-1") == sound.chunk_count())
    assert installation.speech.script.log() == []


def test_other_jobs_go_on(installation):
    installation.start()
    sound = recording.wav(40)
    cancelled, kept = (init(installation.gateway, sound) for _ in range(2))
    stream = installation.gateway.stream(kept)
    hold_everything(installation, cancelled, sound, 1)
    upload_all(installation.gateway, kept, sound)

    assert installation.gateway.cancel(cancelled).status == 200
    installation.speech.script.reset()

    assert ended(stream, "final_result")["final_transcript"] == sound.text


def test_late_results_change_nothing(installation):
    installation.start()
    sound = recording.wav(40)
    job = init(installation.gateway, sound)
    stream = installation.gateway.stream(job)
    installation.speech.script.add([{"do": "hold", "word": 30, "times": 1}])
    upload_all(installation.gateway, job, sound)
    stream.wait_for(lambda events: sum(e.type == "chunk_complete" for e in events) >= 2)
    assert installation.gateway.cancel(job).status == 200
    ended(stream, "cancelled")
    before = installation.gateway.status(job)

    installation.produce("chunks.results", [
        {**value, "attempt": 1} for _, value, _ in installation.records("chunks.results")
        if value["schema"] == "chunk.transcribed/1"])
    installation.wait_for(installation.all_applied)

    assert installation.gateway.status(job) == before


def test_twice_is_the_same_and_after_the_end_a_conflict(standing):
    sound = recording.wav(10)
    job = init(standing.gateway, sound)
    first, second = standing.gateway.cancel(job), standing.gateway.cancel(job)
    assert (first.status, first.json()) == (second.status, second.json())
    assert first.status == 200
    late = standing.gateway.complete(job, 0)
    assert late.status == 409 and late.json()["type"] == "/problems/job-state-conflict"

    done = init(standing.gateway, sound)
    stream = standing.gateway.stream(done)
    upload_all(standing.gateway, done, sound)
    ended(stream, "final_result")
    refused = standing.gateway.cancel(done)
    assert refused.status == 409 and refused.json()["type"] == "/problems/job-state-conflict"
    assert "done" in refused.json()["detail"]


def test_what_is_asked_for_must_be_a_job(standing):
    assert standing.gateway.post("/chunked-upload-cancel", UNKNOWN).status == 404
    assert standing.gateway.post("/chunked-upload-cancel", {}).status == 422
    assert standing.gateway.post("/chunked-upload-cancel", {"parent_job_id": "x"}).status == 422
    assert standing.gateway.post("/chunked-upload-cancel", {**UNKNOWN, "job": 1}).status == 422


def test_without_an_assembler_the_answer_is_to_repeat(installation):
    installation.start()
    sound = recording.wav(10)
    job = init(installation.gateway, sound)
    installation.kill("assembler-1")

    answer = installation.gateway.cancel(job)

    assert answer.status == 503 and "retry-after" in answer.headers
    installation.fleet.start_assembler("assembler-1")
    assert installation.gateway.cancel(job).status == 200
