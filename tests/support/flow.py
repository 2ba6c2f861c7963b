# SPDX-License-Identifier: Apache-2.0
"""What tests do again and again with a job, and what must hold of every stream."""

import random

from support.client import Gateway
from support.recording import Recording
from support.sse import Stream

TERMINAL = ("final_result", "job_failed", "cancelled", "expired")


def init(gateway: Gateway, recording: Recording, **more) -> dict:
    return gateway.init(recording.filename, len(recording.data),
                        **{"chunk_size_mb": 1, **more})


def upload_all(gateway: Gateway, job: dict, recording: Recording, seed: int = 1) -> None:
    """Every chunk, in an order drawn from the seed."""
    order = list(range(job["chunk_info"]["total_chunks"]))
    random.Random(seed).shuffle(order)
    for index in order:
        gateway.upload(job, recording.data, index)


def ended(stream: Stream, event_type: str, timeout_s: float = 90) -> dict:
    """Waits for the terminal event, which must be of this type, and checks the whole stream."""
    event = stream.wait_for(
        lambda events: next((e for e in events if e.type in TERMINAL), None), timeout_s)
    assert event.type == event_type, event
    stream.wait_end()
    check_stream(stream)
    return event.data


def final_result(stream: Stream, timeout_s: float = 90, first_id: int = 1) -> dict:
    """Waits for the terminal event, which must be a final result, and checks the whole stream,
    whose first event with an id has `first_id`."""
    event = stream.wait_for(
        lambda events: next((e for e in events if e.type in TERMINAL), None), timeout_s)
    assert event.type == "final_result", event
    stream.wait_end()
    check_stream(stream, first_id)
    return event.data


def check_stream(stream: Stream, first_id: int = 1) -> None:
    """Ids without a gap, one terminal event at the most and nothing after it, chunks once."""
    assert stream.ids == list(range(first_id, first_id + len(stream.ids))), stream.ids
    terminals = [i for i, event in enumerate(stream.events) if event.type in TERMINAL]
    assert terminals in ([], [len(stream.events) - 1]), [e.type for e in stream.events]
    done = [event.data["chunk_index"] for event in stream.of_type("chunk_complete")]
    assert len(done) == len(set(done)), f"a chunk came twice: {done}"


def transcribe(gateway: Gateway, recording: Recording, seed: int = 1, **more) -> dict:
    """The whole flow of one recording; gives the final result."""
    job = init(gateway, recording, **more)
    stream = gateway.stream(job)
    try:
        upload_all(gateway, job, recording, seed)
        return final_result(stream)
    finally:
        stream.close()
