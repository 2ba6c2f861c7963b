# SPDX-License-Identifier: Apache-2.0
"""A stream can be left and taken up anywhere, at any gateway, without loss or doubling."""

import pytest
from support import recording
from support.flow import check_stream, final_result, init, upload_all


@pytest.fixture(scope="module")
def finished(standing):
    """A finished job and all its durable events, as one unbroken stream saw them."""
    sound = recording.wav(25)
    job = init(standing.gateway, sound)
    stream = standing.gateway.stream(job, "?partial=delta")
    upload_all(standing.gateway, job, sound, seed=5)
    final_result(stream)
    return job, {event.id: event for event in stream.events if event.id is not None}


def durable(stream):
    return {event.id: (event.type, event.data) for event in stream.events if event.id is not None}


def test_replay_from_every_id(standing, finished):
    job, events = finished
    last = max(events)

    for seen in range(1, last):
        stream = standing.gateway.stream(job, "?partial=delta", last_event_id=str(seen))
        stream.wait_end()
        check_stream(stream, first_id=seen + 1)
        assert durable(stream) == {i: (e.type, e.data) for i, e in events.items() if i > seen}


def test_a_new_reader_gets_everything(standing, finished):
    job, events = finished

    stream = standing.gateway.stream(job, "?partial=delta")
    stream.wait_end()

    check_stream(stream)
    assert durable(stream) == {i: (e.type, e.data) for i, e in events.items()}


def test_after_the_terminal_event_there_is_nothing_to_come(standing, finished):
    job, events = finished

    answer = standing.gateway.request("GET", job["stream_url"],
                                      headers={"Last-Event-ID": str(max(events))})

    assert answer.status == 204


@pytest.mark.parametrize("garbage", ["abc", "-1", "1e3", "99999999999999999999", "100000",
                                     " ", "0x1"])
def test_an_id_that_cannot_be_ours_starts_over(standing, finished, garbage):
    job, events = finished

    stream = standing.gateway.stream(job, "?partial=delta", last_event_id=garbage)
    stream.wait_end()

    assert stream.status == 200
    assert stream.events[0].type == "initialized"
    assert durable(stream) == {i: (e.type, e.data) for i, e in events.items()}


def test_unknown_job_is_404(standing):
    answer = standing.gateway.request("GET", "/chunked-stream/00000000-0000-4000-8000-000000000000")

    assert answer.status == 404


def test_another_gateway_takes_over_in_the_middle(installation):
    installation.start(gateways=2)
    sound = recording.wav(40)
    first, second = installation.gateways["gateway-1"], installation.gateways["gateway-2"]
    job = init(first, sound)
    begun = first.stream(job, "?partial=delta")

    for index in (2, 0, 3):
        first.upload(job, sound.data, index)
    begun.wait_for(lambda events: sum(e.type == "chunk_complete" for e in events) >= 2)
    installation.kill("gateway-1")
    begun.wait_end()
    check_stream(begun)
    resumed = second.stream(job, "?partial=delta", last_event_id=str(begun.ids[-1]))
    for index in set(range(sound.chunk_count())) - {2, 0, 3}:
        second.upload(job, sound.data, index)
    result = final_result(resumed, first_id=begun.ids[-1] + 1)

    assert result["final_transcript"] == sound.text
    grown = "".join(event.data["delta"] for stream in (begun, resumed)
                    for event in stream.of_type("partial_transcript"))
    assert grown == sound.text
