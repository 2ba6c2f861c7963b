# SPDX-License-Identifier: Apache-2.0
"""kill -9 in the middle: the same text, byte for byte."""

from support import recording
from support.flow import final_result, init

# A killed member's work is free again when its session has ended.
FAST_SESSION = {"kafka-config": "session.timeout.ms=6000"}


def hold_one_chunk(installation, job, stream, sound):
    """Uploads all; the request that holds word 30 does not get its answer before release()."""
    installation.speech.script.add([{"do": "hold", "word": 30, "times": 1}])
    for index in range(sound.chunk_count()):
        installation.gateway.upload(job, sound.data, index)
    stream.wait_for(lambda events: sum(e.type == "chunk_complete" for e in events) >= 3)
    installation.wait_held(1)
    assert any(chunk["status"] == "processing"
               for chunk in installation.gateway.status(job)["sub_jobs"])


def test_killed_worker(installation):
    installation.start(worker_options=FAST_SESSION)
    sound = recording.wav(40)
    job = init(installation.gateway, sound)
    stream = installation.gateway.stream(job)
    hold_one_chunk(installation, job, stream, sound)

    installation.kill("worker-1")
    assert not [event for event in stream.events if event.type == "final_result"]
    installation.speech.script.release()
    installation.fleet.start_worker("worker-1", options=FAST_SESSION)

    assert final_result(stream)["final_transcript"] == sound.text
    status = installation.gateway.status(job)
    assert [chunk["status"] for chunk in status["sub_jobs"]] == ["done"] * sound.chunk_count()


def test_another_worker_takes_over_from_a_killed_one(installation):
    installation.start(workers=2, worker_options=FAST_SESSION)
    sound = recording.wav(40)
    job = init(installation.gateway, sound)
    stream = installation.gateway.stream(job)
    hold_one_chunk(installation, job, stream, sound)
    [holder] = installation.query(
        "SELECT chunk_index FROM chunks WHERE status = 'processing' LIMIT 1")
    started = {value["chunk_index"]: value["worker_id"]
               for _, value, _ in installation.records("chunks.results")
               if value["schema"] == "chunk.started/1"}

    installation.kill(started[holder[0]])
    installation.speech.script.release()

    assert final_result(stream)["final_transcript"] == sound.text


def test_killed_assembler(installation):
    installation.start()
    sound = recording.wav(40)
    job = init(installation.gateway, sound)
    stream = installation.gateway.stream(job)
    hold_one_chunk(installation, job, stream, sound)

    installation.kill("assembler-1")
    installation.speech.script.release()
    installation.fleet.start_assembler("assembler-1")

    assert final_result(stream)["final_transcript"] == sound.text
    assert len(installation.query("SELECT seq FROM job_events")) == len(stream.ids)


def test_worker_then_assembler_then_gateway(installation):
    installation.start(gateways=2, worker_options=FAST_SESSION)
    sound = recording.wav(40)
    job = init(installation.gateway, sound)
    stream = installation.gateways["gateway-2"].stream(job)
    hold_one_chunk(installation, job, stream, sound)

    installation.kill("worker-1")
    installation.kill("assembler-1")
    installation.kill("gateway-1")
    installation.speech.script.release()
    installation.fleet.start_worker("worker-1", options=FAST_SESSION)
    installation.fleet.start_assembler("assembler-1")

    assert final_result(stream)["final_transcript"] == sound.text
