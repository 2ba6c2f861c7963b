# SPDX-License-Identifier: Apache-2.0
"""The demo's client of the public API: create a job, upload its chunks, follow its stream."""

import http.client
import json
import threading
import time
from urllib.parse import urljoin, urlsplit

from .console import DevError

BLOCK_BYTES = 32 * 1024
REPEAT_PAUSES_S = (1, 2, 4, 8)
STREAM_SILENCE_S = 120  # heartbeats come every 15 s


class Refused(DevError):
    """The gateway said no; the message is the problem's own."""


class Unavailable(Refused):
    """503: it is not known whether it was done; the call can be repeated."""


class Uplink:
    """Lets all uploads together pass at most `mbit_per_s`; 0 is without limit."""

    def __init__(self, mbit_per_s: float):
        self._bytes_per_s = mbit_per_s * 1e6 / 8
        self._lock = threading.Lock()
        self._free_at = 0.0

    def pass_bytes(self, count: int) -> None:
        if not self._bytes_per_s:
            return
        with self._lock:
            start = max(self._free_at, time.monotonic())
            self._free_at = start + count / self._bytes_per_s
        time.sleep(max(0.0, self._free_at - time.monotonic()))


class Client:
    def __init__(self, gateway_url: str):
        self._base = gateway_url

    def create_job(self, filename: str, total_size: int, chunk_size_mb: int) -> dict:
        return self._post("/chunked-upload-stream", {
            "filename": filename, "total_size": total_size, "chunk_size_mb": chunk_size_mb}, 201)

    def upload(self, job: dict, upload: dict, content: bytes, uplink: Uplink) -> None:
        """Sends one chunk and reports it complete."""
        connection, path = self._connect(upload["upload_url"])
        try:
            connection.putrequest("PUT", path)
            connection.putheader("Content-Length", str(len(content)))
            connection.endheaders()
            for start in range(0, len(content), BLOCK_BYTES):
                block = content[start:start + BLOCK_BYTES]
                uplink.pass_bytes(len(block))
                connection.send(block)
            _checked(connection.getresponse(), {200, 201, 204})
        finally:
            connection.close()
        self._complete(job, upload, len(content))

    def events(self, stream_url: str, is_given_up):
        """Yields (id or None, type, data); reconnects where the connection breaks. Ends when the
        server has nothing more, or at a heartbeat after `is_given_up()` has become true."""
        last_id = None
        while not is_given_up():
            connection, path = self._connect(stream_url, STREAM_SILENCE_S)
            headers = {"Accept": "text/event-stream"}
            if last_id is not None:
                headers["Last-Event-ID"] = str(last_id)
            try:
                connection.request("GET", f"{path}{'&' if '?' in path else '?'}partial=delta",
                                   headers=headers)
                answer = connection.getresponse()
                if answer.status == 204:
                    return
                _checked(answer, {200})
                for event in _parse(answer, is_given_up):
                    last_id = event[0] if event[0] is not None else last_id
                    yield event
            except (TimeoutError, http.client.HTTPException, ConnectionError):
                time.sleep(1)
            finally:
                connection.close()

    def _complete(self, job: dict, upload: dict, size: int) -> None:
        """Completing a chunk twice is the same as once, so what is unknown is simply repeated."""
        document = {"parent_job_id": job["parent_job_id"], "chunk_index": upload["chunk_index"],
                    "actual_size": size}
        for pause_s in REPEAT_PAUSES_S:
            try:
                self._post("/chunk-upload-complete", document, 200)
                return
            except Unavailable:
                time.sleep(pause_s)
        self._post("/chunk-upload-complete", document, 200)

    def _post(self, path: str, document: dict, expected: int) -> dict:
        connection, path = self._connect(path)
        try:
            connection.request("POST", path, json.dumps(document),
                               {"Content-Type": "application/json"})
            return json.loads(_checked(connection.getresponse(), {expected, 200}))
        finally:
            connection.close()

    def _connect(self, url: str, timeout_s: float = 60):
        parts = urlsplit(urljoin(self._base, url))
        kind = http.client.HTTPSConnection if parts.scheme == "https" else \
            http.client.HTTPConnection
        return kind(parts.netloc, timeout=timeout_s), parts._replace(scheme="", netloc="").geturl()


def _checked(answer: http.client.HTTPResponse, expected: set[int]) -> bytes:
    """The answer's body. Raises what the gateway's problem document (RFC 9457) says."""
    body = answer.read() if answer.status != 200 or not _is_stream(answer) else b""
    if answer.status in expected:
        return body
    try:
        problem = json.loads(body)
        text = problem.get("detail") or problem.get("title")
    except (ValueError, AttributeError):
        text = body.decode(errors="replace")[:200]
    kind = Unavailable if answer.status == 503 else Refused
    raise kind(f"the gateway refused ({answer.status}): {text}")


def _is_stream(answer: http.client.HTTPResponse) -> bool:
    return (answer.getheader("Content-Type") or "").startswith("text/event-stream")


def _parse(answer, is_given_up):
    """The event stream of the WHATWG standard, as far as the gateway uses it."""
    event_id, event_type, data = None, "message", []
    for raw in answer:
        line = raw.decode().rstrip("\r\n")
        if line.startswith(":") and is_given_up():
            return
        if not line:
            if data:
                yield event_id, event_type, json.loads("\n".join(data))
            event_id, event_type, data = None, "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "id":
            event_id = int(value)
        elif field == "event":
            event_type = value
        elif field == "data":
            data.append(value)
