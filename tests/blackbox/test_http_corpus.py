# SPDX-License-Identifier: Apache-2.0
"""The corpus of malformed and smuggling requests (tests/http) against a running gateway."""

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CORPUS = json.loads((Path(__file__).parents[1] / "http" / "corpus.json").read_text())

# The problems of the protocol; any other answer means that the request reached its route.
OF_THE_PROTOCOL = {word for vector in CORPUS
                   for word in vector["expect"]} - {"accepted", "continue"}


def request_bytes(vector: dict) -> bytes:
    fill = vector.get("fill", {"text": "", "times": 0})
    text = vector["request"].replace("{fill}", fill["text"] * fill["times"])
    return text.encode("latin-1")


class Answers:
    """Reads answers from a connection until it is closed or quiet."""

    def __init__(self, connection: socket.socket, is_head: bool):
        self.connection = connection
        self.is_head = is_head
        self.left = b""
        self.is_closed = False

    def more(self, timeout: float) -> bool:
        self.connection.settimeout(timeout)
        try:
            part = self.connection.recv(65536)
        except TimeoutError:
            return False
        self.is_closed = part == b""
        self.left += part
        return not self.is_closed

    def take(self) -> str:
        """The next answer in the corpus's words."""
        while b"\r\n\r\n" not in self.left:
            if not self.more(5):
                return "nothing"
        head, rest = self.left.split(b"\r\n\r\n", 1)
        headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = 0 if self.is_head else int(headers.get(b"Content-Length", 0))
        while len(rest) < length:
            if not self.more(5):
                return "half an answer"
            rest = self.left.split(b"\r\n\r\n", 1)[1]
        self.left = rest[length:]
        status = int(head.split(b" ")[1])
        return describe(status, headers.get(b"Content-Type", b""), rest[:length])


def describe(status: int, content_type: bytes, body: bytes) -> str:
    if status == 100:
        return "continue"
    if content_type == b"application/problem+json":
        name = json.loads(body)["type"].rsplit("/", 1)[1]
        if name in OF_THE_PROTOCOL:
            return name
    return "accepted"


def run(base_url: str, vector: dict, cut: int) -> tuple[list[str], bool]:
    address = urlsplit(base_url)
    data = request_bytes(vector)
    with socket.create_connection((address.hostname, address.port), 5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connection.sendall(data[:cut])
            connection.sendall(data[cut:])
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was refused before its end; the answer is still to be read
        answers = Answers(connection, data.startswith(b"HEAD "))
        found = [answers.take() for _ in vector["expect"]]
        while answers.more(2 if vector["closes"] else 0.1):
            pass
        if answers.left:
            found.append("one answer too many")
        return found, answers.is_closed


@pytest.mark.parametrize("vector", CORPUS, ids=lambda vector: vector["name"])
def test_each_request_gets_its_verdict(standing, vector):
    length = len(request_bytes(vector))
    for cut in {0, 1, length // 2, length - 1}:
        found = run(standing.gateway.base_url, vector, cut)
        assert found == (vector["expect"], vector["closes"]), f"cut at {cut}"
