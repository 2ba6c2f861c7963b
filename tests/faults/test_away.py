# SPDX-License-Identifier: Apache-2.0
"""What clients are told while Kafka or PostgreSQL is away: to come again, and nothing is half
done."""

import pytest
from fleet import Load
from support.invariants import check_all
from support.recording import wav
from support.sse import Stream

GATEWAYS = ("gateway-1", "gateway-2")


@pytest.fixture
def hasty(fleet):
    """Gateways that wait for Kafka as shortly as their options allow."""
    with fleet.configured({name: {"publish-timeout": "2s"} for name in GATEWAYS}):
        yield fleet


@pytest.mark.parametrize("how", ["refuse", "stall"])
def test_a_completion_without_kafka(hasty, services, seed, how):
    """It is answered within the option's time, or the client here gives up; what was not
    acknowledged can be repeated, and what was stored is."""
    installation = hasty.installation
    job = Load(hasty, seed).add_unsent_recording(wav(11, first=63000))
    gateway = job.client.gateways[0]
    for upload in job.facts["upload_urls"]:
        assert gateway.put(upload, job.recording.data).status == 200

    getattr(services.kafka_proxy, how)()
    try:
        answer = gateway.complete(job.facts, 0)
        assert answer.status == 503 and int(answer.headers["retry-after"]) >= 1
        assert gateway.status(job.facts)["status"] == "uploading"
    finally:
        services.kafka_proxy.flow()

    job.upload()
    check_all(installation, [job])


def test_an_assembler_leaves_while_kafka_is_silent(fleet, services, seed):
    """Nothing that it asks of Kafka keeps it for long, however long the answer takes."""
    def unanswered() -> int:
        return fleet.log("assembler-1").count("worker_offsets_unknown")
    told = unanswered()

    services.kafka_proxy.stall()
    try:
        fleet.installation.wait_for(lambda: unanswered() > told)
        fleet.stop("assembler-1")
    finally:
        services.kafka_proxy.flow()
    fleet.start("assembler-1")

    check_all(fleet.installation, Load(fleet, seed).add(2).jobs)


def test_an_event_source_outlives_postgres(fleet, seed):
    """A reader that comes back while PostgreSQL is away is let in and kept, by signs of life,
    until its events can be read: an EventSource gives up at anything else."""
    installation = fleet.installation
    job = Load(fleet, seed).add_recording(wav(16, first=63100))
    job.stream.terminal()
    seen = job.stream.ids[:3]

    with installation.postgres_away():
        installation.wait_for(lambda: job.client.gateways[0].request("GET", "/readyz").status
                              == 503)
        stream = Stream(fleet.urls()[0], job.facts["stream_url"], str(seen[-1]))
        assert stream.status == 200
        installation.wait_for(lambda: stream.comments >= 2)
        assert not stream.events
    stream.wait_end()

    assert stream.ids == job.stream.ids[3:]
    assert stream.events[-1].type == "final_result"
    installation.wait_for(lambda: job.client.gateways[0].request("GET", "/readyz").status == 200)
    check_all(installation, [job])
