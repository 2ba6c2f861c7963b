# SPDX-License-Identifier: Apache-2.0
"""POST /chunked-upload-retry: what failed is tried once more, and the text gets whole."""

import json

from support import recording
from support.flow import TERMINAL, init, upload_all
from support.sse import Stream

REJECTED = {"do": "status", "status": 400}
RUN_ENDS = ("final_result", "job_failed")


def fail_at(installation, *words) -> None:
    installation.speech.script.add([{**REJECTED, "word": word} for word in words])


def run(installation, sound, **more) -> tuple[dict, Stream]:
    """A whole run with whatever fails; its stream has ended."""
    job = init(installation.gateway, sound, **more)
    stream = installation.gateway.stream(job, "?partial=delta")
    upload_all(installation.gateway, job, sound)
    stream.wait_for(lambda events: events[-1].type in RUN_ENDS)
    stream.wait_end()
    return job, stream


def read_again(installation, job, stream) -> list:
    """What follows what the stream has had, up to the next end."""
    more = installation.gateway.stream(job, "?partial=delta", str(stream.ids[-1]))
    more.wait_for(lambda events: events and events[-1].type in TERMINAL)
    more.wait_end()
    assert more.ids == list(range(stream.ids[-1] + 1, stream.ids[-1] + 1 + len(more.ids)))
    return more.events


def text_of(events) -> str:
    """As a reader of deltas has it."""
    text = ""
    for event in events:
        if event.type == "partial_transcript":
            text = event.data["delta"] if "replaces_from_chunk" in event.data \
                else text + event.data["delta"]
    return text


def failed(installation, job) -> list[int]:
    return [chunk["chunk_index"] for chunk in installation.gateway.status(job)["sub_jobs"]
            if chunk["status"] == "failed"]


def test_a_retry_fills_the_gaps(installation):
    installation.start()
    sound = recording.wav(60)
    fail_at(installation, 30, 70)
    job, stream = run(installation, sound)
    gaps = failed(installation, job)
    assert len(gaps) >= 2 and "[gap " in stream.events[-1].data["final_transcript"]
    installation.speech.script.reset()

    answer = installation.gateway.retry(job)

    assert answer.status == 200
    assert answer.json()["retried_chunks"] == gaps and answer.json()["upload_urls"] == []
    events = read_again(installation, job, stream)
    assert events[0].type == "retry_started" and events[0].data["chunk_indices"] == gaps
    assert events[-1].type == "final_result"
    assert events[-1].data["final_transcript"] == sound.text
    assert events[-1].data["success_rate"] == 100
    assert text_of(stream.events + events) == sound.text
    status = installation.gateway.status(job)
    assert status["status"] == "done" and status["final_transcript"] == sound.text
    whole = installation.gateway.stream(job, "?partial=delta")
    whole.wait_end()
    assert text_of(whole.events) == sound.text


def test_some_chunks_at_a_time(installation):
    installation.start()
    sound = recording.wav(60)
    fail_at(installation, 30, 90)
    job, stream = run(installation, sound)
    gaps = failed(installation, job)
    installation.speech.script.reset()

    answer = installation.gateway.retry(job, chunk_indices=gaps[-1:])

    assert answer.json()["retried_chunks"] == gaps[-1:]
    events = read_again(installation, job, stream)
    assert text_of(stream.events + events) == events[-1].data["final_transcript"]
    assert events[-1].data["failed_chunks"] == len(gaps) - 1
    assert failed(installation, job) == gaps[:-1]


def test_a_job_that_failed_altogether(installation):
    installation.start()
    sound = recording.wav(20)
    installation.speech.script.add([REJECTED])
    job, stream = run(installation, sound)
    assert stream.events[-1].type == "job_failed"
    installation.speech.script.reset()

    assert installation.gateway.retry(job).status == 200

    events = read_again(installation, job, stream)
    assert events[-1].data["final_transcript"] == sound.text


def test_a_job_keeps_the_number_of_retries_it_was_made_with(installation):
    installation.start(gateway_options={"max-retries": 1},
                       assembler_options={"retry-base": "100ms"})
    sound = recording.wav(4)
    installation.speech.script.add([{"do": "html"}])
    job, stream = run(installation, sound)
    assert [event.type for event in stream.events if event.type.startswith("chunk_")] == \
        ["chunk_retrying", "chunk_failed"]
    assert stream.of_type("chunk_failed")[0].data["max_retries"] == 1
    sub_job, = installation.gateway.status(job)["sub_jobs"]
    assert (sub_job["retry_count"], sub_job["max_retries"]) == (1, 1)


def test_bytes_that_are_gone_are_uploaded_anew(installation):
    installation.start()
    sound = recording.wav(40)
    fail_at(installation, 30)
    job, stream = run(installation, sound)
    [gap] = failed(installation, job)[:1]
    blob = installation.folder / "blobs" / job["upload_urls"][gap]["key"]
    blob.unlink()
    installation.speech.script.reset()

    answer = installation.gateway.retry(job, chunk_indices=[gap])

    assert answer.json()["retried_chunks"] == []
    [upload] = answer.json()["upload_urls"]
    assert upload["chunk_index"] == gap
    assert installation.gateway.status(job)["status"] == "uploading"
    again = installation.gateway.retry(job, chunk_indices=[gap])
    assert [u["chunk_index"] for u in again.json()["upload_urls"]] == [gap]
    stored = installation.gateway.put(upload, sound.data)
    assert stored.status == 200
    assert installation.gateway.complete(job, gap).status == 200
    events = read_again(installation, job, stream)
    assert [e.type for e in events].count("retry_started") == 1
    assert events[-1].type == "final_result"
    assert "[gap" not in events[-1].data["final_transcript"] or failed(installation, job)


def test_a_retry_while_the_job_runs(installation):
    installation.start()
    sound = recording.wav(60)
    job = init(installation.gateway, sound)
    stream = installation.gateway.stream(job, "?partial=delta")
    fail_at(installation, 30)
    installation.speech.script.add([{"do": "hold", "word": 100}])
    upload_all(installation.gateway, job, sound)
    stream.wait_for_type("chunk_failed")
    installation.wait_held(1)
    # A neighbour that hears the same word fails as well, and not at the same moment.
    installation.wait_query_empty("SELECT 1 FROM chunks WHERE chunk_index < 5 AND status NOT IN"
                                  " ('done', 'failed')", "the beginning is not over")
    with installation.speech.script.edit() as faults:
        faults[:] = [fault for fault in faults if fault["do"] == "hold"]

    assert installation.gateway.retry(job).status == 200
    stream.wait_for(lambda events: any(e.type == "retry_started" for e in events))
    stream.wait_for(lambda events: "[gap" not in text_of(events)
                    and len(text_of(events)) > len(sound.text) // 2)
    installation.speech.script.reset()

    stream.wait_for_type("final_result")
    stream.wait_end()
    assert stream.ids == list(range(1, len(stream.ids) + 1))
    assert stream.events[-1].data["final_transcript"] == sound.text == text_of(stream.events)


def test_the_same_retry_twice_does_no_harm(installation):
    installation.start()
    sound = recording.wav(40)
    fail_at(installation, 30)
    job, stream = run(installation, sound)
    installation.speech.script.reset()
    assert installation.gateway.retry(job).status == 200
    command = [value for _, value, _ in installation.records("jobs.commands")
               if value["schema"] == "job.retry/1"]

    installation.produce("jobs.commands", command)
    events = read_again(installation, job, stream)
    installation.wait_for(installation.all_applied)

    assert [e.type for e in events].count("retry_started") == 1
    assert installation.gateway.status(job)["final_transcript"] == sound.text
    refused = installation.gateway.retry(job)
    assert refused.status == 409 and refused.json()["type"] == "/problems/job-state-conflict"


def test_what_cannot_be_retried(standing):
    sound = recording.wav(10)
    job = init(standing.gateway, sound)
    assert standing.gateway.retry(job, chunk_indices=[99]).status == 422
    assert standing.gateway.retry(job).json()["retried_chunks"] == []
    assert standing.gateway.cancel(job).status == 200
    assert standing.gateway.retry(job).status == 409
    unknown = {"parent_job_id": "11111111-2222-4333-8444-555555555555"}
    assert standing.gateway.retry(unknown).status == 404
    assert json.loads(standing.gateway.retry(job, chunk_indices=[]).body)["field"] == \
        "chunk_indices"
