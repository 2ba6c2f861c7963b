# SPDX-License-Identifier: Apache-2.0
"""A speech service that holds the fleet back fails no chunk, up to a bound."""

import json
import urllib.request

from support import recording
from support.flow import ended, init, upload_all

# Longer than a worker waits inside an attempt.
LIMITED = {"do": "status", "status": 429, "retry_after": 31}


def readiness(installation, worker: str) -> dict:
    with urllib.request.urlopen(f"http://{installation.fleet.address(worker)}/readyz") as answer:
        return json.load(answer)


def test_a_chunk_waits_for_the_service_up_to_a_bound(installation):
    installation.start(assembler_options={"max-deferral": "20s"})
    gateway = installation.gateway
    sounds = [recording.wav(4, first=first) for first in (1000, 2000)]
    installation.speech.script.add([{**LIMITED, "word": 1001, "times": 1},
                                    {**LIMITED, "word": 2001}])
    jobs = [init(gateway, sound) for sound in sounds]
    streams = [gateway.stream(job) for job in jobs]
    assert readiness(installation, "worker-1")["speech_held_reason"] is None

    # It comes back by itself, when the service lets it.
    upload_all(gateway, jobs[0], sounds[0])
    held = gateway.wait_status(jobs[0], lambda status: status["sub_jobs"][0]["deferred_reason"])
    assert held["status"] == "processing" and held["failed_chunks"] == 0
    assert held["sub_jobs"][0]["deferred_until"]
    assert readiness(installation, "worker-1")["speech_held_reason"]
    assert ended(streams[0], "final_result", 120)["final_transcript"] == sounds[0].text
    chunk = gateway.status(jobs[0])["sub_jobs"][0]
    assert chunk["deferred_reason"] is None and chunk["retry_count"] == 0
    assert readiness(installation, "worker-1")["speech_held_reason"] is None

    # The second deferral of this one comes after the bound.
    upload_all(gateway, jobs[1], sounds[1])
    assert ended(streams[1], "job_failed", 120)["failed_chunks"] == 1
    error = gateway.status(jobs[1])["sub_jobs"][0]["error"]
    assert error["type"] == "service_away"
