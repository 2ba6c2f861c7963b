# SPDX-License-Identifier: Apache-2.0
"""A client as a good user would write it: whatever fails in between, it tries again, elsewhere if
it can. It keeps all that it was promised and all that it has seen, for invariants.py."""

import http.client
import os
import random
import threading
import time
import uuid

from support.client import Answer, Gateway
from support.flow import TERMINAL
from support.recording import Recording
from support.sse import Stream, StreamEvent

PATIENCE_S = float(os.environ.get("CHUNKSCRIBE_TEST_PATIENCE_S", 90))
PAUSE_S = 0.1

# What says "try again": the process behind it, its queue or its disk is not there just now.
PASSING = (429, 500, 502, 503, 504, 507)


class PatientClient:
    """Requests to whichever of several gateways answers, beginning with the first."""

    def __init__(self, urls: list[str]):
        self.gateways = [Gateway(url) for url in urls]

    def call(self, request) -> Answer:
        """`request(gateway)` until its answer is final."""
        deadline = time.monotonic() + PATIENCE_S
        last: object = None
        while time.monotonic() < deadline:
            for gateway in self.gateways:
                try:
                    last = request(gateway)
                except (OSError, http.client.HTTPException) as error:
                    last = error
                    continue
                if last.status not in PASSING:
                    return last
            time.sleep(PAUSE_S)
        raise AssertionError(f"nothing but {last!r} within {PATIENCE_S} s "
                             f"({getattr(last, 'body', b'')[:300]!r})")


class Job:
    """One recording on its way: its uploads, in an order drawn from the seed, and its stream."""

    def __init__(self, client: PatientClient, recording: Recording, seed: int = 1,
                 wishes: dict | None = None):
        self.client = client
        self.recording = recording
        self.acknowledged: set[int] = set()  # completions that were answered with 200
        self._random = random.Random(seed)
        key = {"Idempotency-Key": uuid.uuid4().hex}
        body = {"filename": recording.filename, "total_size": len(recording.data),
                "chunk_size_mb": 1, **(wishes or {})}
        answer = client.call(lambda gateway: gateway.post("/chunked-upload-stream", body, key))
        assert answer.status == 201, answer.body
        self.facts = answer.json()
        self.id = self.facts["parent_job_id"]
        # Both ways to read the text have the same ids.
        query = self._random.choice(("", "?partial=delta"))
        self.stream = ResumingStream(client, self.facts["stream_url"] + query,
                                     self._random.random())

    def upload(self) -> "Job":
        order = list(range(self.facts["chunk_info"]["total_chunks"]))
        self._random.shuffle(order)
        for index in order:
            self.upload_chunk(index)
        return self

    def upload_chunk(self, index: int) -> None:
        upload = self.facts["upload_urls"][index]
        stored = self.client.call(lambda g: g.put(upload, self.recording.data))
        assert stored.status == 200, stored.body
        key = {"Idempotency-Key": uuid.uuid4().hex}
        completed = self.client.call(lambda g: g.complete(self.facts, index, headers=key))
        assert completed.status == 200, completed.body
        self.acknowledged.add(index)

    def cancel(self) -> "Job":
        answer = self.client.call(lambda g: g.cancel(self.facts))
        assert answer.status == 200, answer.body
        return self


class ResumingStream:
    """An EventSource: reads until a terminal event, by as many connections as it takes."""

    def __init__(self, client: PatientClient, path: str, spread: float = 0):
        self.events: list[StreamEvent] = []
        self.ids: list[int] = []
        self.connections = 0
        self.failure: BaseException | None = None
        self._gateways = client.gateways
        self._path = path
        self._next = int(spread * len(self._gateways))
        self._is_abandoned = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def terminal(self, timeout_s: float = PATIENCE_S) -> StreamEvent:
        """The event that ended the stream."""
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._is_abandoned = True
            raise AssertionError(f"no terminal event within {timeout_s} s; the stream had "
                                 f"{[(e.type, e.id) for e in self.events][-20:]}")
        if self.failure:
            raise AssertionError("the stream broke its contract") from self.failure
        return self.events[-1]

    def _read(self) -> None:
        try:
            while not self._is_abandoned and not self._has_ended():
                self._read_once(self._gateways[self._next % len(self._gateways)])
                self._next += 1
        except AssertionError as failure:
            self.failure = failure

    def _has_ended(self) -> bool:
        return any(event.type in TERMINAL for event in self.events)

    def _read_once(self, gateway: Gateway) -> None:
        resume_at = str(self.ids[-1]) if self.ids else None
        try:
            stream = Stream(gateway.base_url, self._path, resume_at)
        except (OSError, http.client.HTTPException):
            time.sleep(PAUSE_S)
            return
        self.connections += 1
        assert stream.status == 200, f"an EventSource gives up at {stream.status}"
        try:
            stream.wait_end(None)  # terminal() says for how long
        finally:
            stream.close()
            self.ids += stream.ids
            self.events += stream.events
