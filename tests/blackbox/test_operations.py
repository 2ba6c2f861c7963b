# SPDX-License-Identifier: Apache-2.0
"""What an operator sees: health, readiness, metrics, exit codes."""

import signal
import subprocess
import urllib.request

import pytest
from conftest import BUILD
from support import recording
from support.flow import final_result, init, upload_all


def test_health_readiness_and_metrics(standing):
    sound = recording.wav(13)
    job = init(standing.gateway, sound)
    stream = standing.gateway.stream(job)
    upload_all(standing.gateway, job, sound)
    final_result(stream)

    for name in ("gateway-1", "assembler-1", "worker-1"):
        address = f"http://{standing.fleet.address(name)}"
        assert urllib.request.urlopen(f"{address}/healthz").status == 200, name
        assert urllib.request.urlopen(f"{address}/readyz").status == 200, name
        metrics = urllib.request.urlopen(f"{address}/metrics").read().decode()
        assert "# TYPE chunkscribe_" in metrics and "process_resident_memory_bytes" in metrics, name


def test_the_page_is_served(standing):
    page = standing.gateway.request("GET", "/")

    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "content-security-policy" in page.headers


@pytest.mark.parametrize("daemon", ["gateway", "worker", "assembler"])
def test_faults_cannot_be_asked_for_in_a_release(daemon):
    binary = BUILD / f"chunkscribe-{daemon}"
    asked = subprocess.run([binary, "--list-fault-points"], capture_output=True, check=False)

    assert asked.returncode == 2
    assert b"CHUNKSCRIBE_FAULT" not in binary.read_bytes()


@pytest.mark.parametrize("name", ["gateway-1", "worker-1", "assembler-1"])
def test_sigterm_ends_politely(installation, name):
    installation.start()

    installation.table.signal(name, signal.SIGTERM)

    assert installation.table.wait_exit(name, 30) == 0
    installation.kill_is_fine(name)


def test_work_in_flight_is_finished_before_a_worker_leaves(installation):
    installation.start()
    sound = recording.wav(13)
    job = init(installation.gateway, sound)
    stream = installation.gateway.stream(job)
    installation.speech.script.add([{"do": "hold", "times": 3}])
    upload_all(installation.gateway, job, sound)
    installation.wait_held(3)

    installation.table.signal("worker-1", signal.SIGTERM)
    installation.speech.script.release()

    assert final_result(stream)["final_transcript"] == sound.text
    assert installation.table.wait_exit("worker-1", 30) == 0
    installation.kill_is_fine("worker-1")


def test_readiness_tells_what_is_missing(installation):
    installation.start(workers=0)
    operator = installation.gateway

    with installation.postgres_away():
        answer = operator.wait_answer("/readyz", 503)
        assert "postgres" in answer.body.decode()
        assert operator.request("GET", "/healthz").status == 200
    operator.wait_answer("/readyz", 200)
