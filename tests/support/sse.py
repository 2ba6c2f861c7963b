# SPDX-License-Identifier: Apache-2.0
"""Reads an event stream as the WHATWG standard says, in a thread, and keeps what came."""

import http.client
import json
import socket
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from support.contract import check_stream_event


@dataclass(frozen=True)
class StreamEvent:
    type: str
    data: dict
    id: int | None  # None: the event carried none (a view)
    at: float       # time.monotonic() of its arrival


class Stream:
    """One connection to one stream. Every event is validated against its schema."""

    def __init__(self, base_url: str, path: str, last_event_id: str | None = None):
        self.events: list[StreamEvent] = []
        self.ids: list[int] = []  # every id seen, also of blocks without data
        self.comments = 0  # signs of life
        self.status = 0
        self.failure: BaseException | None = None
        self._changed = threading.Condition()
        self._ended = False
        self._connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=60)
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        self._connection.request("GET", path, headers=headers)
        # Kept: http.client forgets the socket of an answer that ends with its connection.
        self._socket = self._connection.sock
        self._answer = self._connection.getresponse()
        self.status = self._answer.status
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the server was first
        self._thread.join(10)
        self._connection.close()

    def wait_for(self, condition, timeout_s: float = 60):
        """Waits until `condition(events)` is true and gives its value."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                if self.failure:
                    raise AssertionError("the stream broke its contract") from self.failure
                if value := condition(self.events):
                    return value
                left = deadline - time.monotonic()
                assert not self._ended and left > 0, (
                    f"{'the stream ended' if self._ended else 'time is up'}; it had "
                    f"{[(e.type, e.id) for e in self.events][-30:]}")
                self._changed.wait(left)

    def wait_for_type(self, event_type: str, timeout_s: float = 60) -> StreamEvent:
        return self.wait_for(lambda events: next((e for e in events if e.type == event_type), None),
                             timeout_s)

    def wait_end(self, timeout_s: float | None = 60) -> None:
        """Waits until the server has closed the stream; without a time, however long that takes."""
        with self._changed:
            has_ended = self._changed.wait_for(lambda: self._ended, timeout_s)
        assert has_ended, "the server did not close the stream"
        if self.failure:
            raise AssertionError("the stream broke its contract") from self.failure

    def of_type(self, event_type: str) -> list[StreamEvent]:
        return [event for event in self.events if event.type == event_type]

    def _read(self) -> None:
        fields: dict[str, list[str]] = {}
        try:
            while line := self._answer.readline():
                text = line.decode().rstrip("\r\n")
                if text.startswith(":"):
                    self.comments += 1
                elif text:
                    name, _, value = text.partition(":")
                    fields.setdefault(name, []).append(value.removeprefix(" "))
                else:
                    self._dispatch(fields)
                    fields = {}
        except (OSError, http.client.HTTPException, ValueError):
            pass  # the connection was cut, here or there; what came is kept
        except AssertionError as failure:
            self.failure = failure
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _dispatch(self, fields: dict[str, list[str]]) -> None:
        seq = int(fields["id"][0]) if "id" in fields else None
        with self._changed:
            if seq is not None:
                self.ids.append(seq)
            if "data" in fields:
                event_type = fields["event"][0]
                data = json.loads("\n".join(fields["data"]))
                check_stream_event(event_type + ("-delta" if "delta" in data else ""), data)
                self.events.append(StreamEvent(event_type, data, seq, time.monotonic()))
            self._changed.notify_all()
