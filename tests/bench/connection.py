# SPDX-License-Identifier: Apache-2.0
"""A client whose own time is small."""

import json
import socket
import time
from urllib.parse import urlsplit


class Connection:
    """Keep-alive HTTP by hand, so that the moment of the last byte is known."""

    def __init__(self, base_url: str):
        host, port = urlsplit(base_url).netloc.split(":")
        self._host = f"{host}:{port}"
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def send(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> float:
        """Returns the time at which the last byte was handed to the kernel."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n"
        if content_type:
            head += f"Content-Type: {content_type}\r\n"
        self._socket.sendall(head.encode() + b"\r\n" + body)
        return time.perf_counter()

    def answer(self) -> tuple[int, bytes]:
        status = int(self._file.readline().split()[1])
        length = 0
        while (line := self._file.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return status, self._file.read(length)

    def post(self, path: str, document: dict) -> dict:
        self.send("POST", path, json.dumps(document).encode(), "application/json")
        status, body = self.answer()
        assert status in (200, 201), body
        return json.loads(body)

    def wait_for(self, event_type: str) -> float:
        """Reads this connection's stream up to an event of the type; when it came."""
        wanted = f"event: {event_type}\n".encode()
        while line := self._file.readline():
            if line == wanted:
                return time.perf_counter()
        raise AssertionError(f"the stream ended without {event_type}")

    def close(self) -> None:
        self._file.close()
        self._socket.close()
