# SPDX-License-Identifier: Apache-2.0
"""The demo against a gateway whose every word is scripted."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dev import client, demo, whole_file
from dev.client import Refused
from dev.recording import Recording, known_text
from dev.speech import SpeechApi

CHUNK_BYTES = 1000
TOTAL_CHUNKS = 12
WORDS = known_text().split()
PER_CHUNK = -(-len(WORDS) // TOTAL_CHUNKS)
TEXTS = [" ".join(WORDS[k * PER_CHUNK:(k + 1) * PER_CHUNK]) for k in range(TOTAL_CHUNKS)]
SPEECH = SpeechApi("http://127.0.0.1:9/v1", "", "none")


class Gateway(ThreadingHTTPServer):
    """Answers uploads, and streams `events` once all chunks are complete."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.events: list[tuple[str, dict]] = []
        self.refusal: tuple[int, dict] | None = None
        self.put_status = 201
        self.unavailable = 0  # how many completions are still answered with 503
        self.uploaded: list[int] = []
        self.bodies: dict[int, bytes] = {}
        self.changed = threading.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_args):
        pass

    def _answer(self, status: int, document: dict) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        gateway = self.server
        if self.path == "/chunk-upload-complete" and gateway.unavailable > 0:
            gateway.unavailable -= 1
            self._answer(503, {"detail": "repeat the call"})
        elif self.path == "/chunk-upload-complete":
            with gateway.changed:
                gateway.uploaded.append(request["chunk_index"])
                gateway.changed.notify_all()
            self._answer(200, {})
        elif gateway.refusal:
            self._answer(*gateway.refusal)
        else:
            self._answer(201, {
                "parent_job_id": "job", "stream_url": "/chunked-stream/job",
                "upload_urls": [{"chunk_index": k, "upload_url": f"/put/{k}", "key": str(k),
                                 "chunk_range": [k * CHUNK_BYTES, (k + 1) * CHUNK_BYTES],
                                 "expected_size": CHUNK_BYTES} for k in range(TOTAL_CHUNKS)],
                "upload_order": list(range(TOTAL_CHUNKS)),
                "chunk_info": {"total_chunks": TOTAL_CHUNKS, "chunk_size_bytes": CHUNK_BYTES}})

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies[int(self.path.rpartition("/")[2])] = body
        self._answer(self.server.put_status, {"detail": "no room"})

    def do_GET(self):
        gateway = self.server
        assert "partial=delta" in self.path
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        with gateway.changed:
            while len(gateway.uploaded) < TOTAL_CHUNKS and gateway.put_status < 400:
                gateway.changed.wait()
        if gateway.put_status >= 400:
            while True:  # a stream that only beats, until the client has had enough
                self.wfile.write(b":\n\n")
        for event_id, (event_type, data) in enumerate(gateway.events, start=1):
            self.wfile.write(f"id: {event_id}\nevent: {event_type}\n"
                             f"data: {json.dumps(data)}\n\n".encode())


@pytest.fixture
def gateway():
    with Gateway() as gateway:
        threading.Thread(target=gateway.serve_forever, daemon=True).start()
        yield gateway
        gateway.shutdown()


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "speech.wav"
    path.write_bytes(bytes(k % 251 for k in range(TOTAL_CHUNKS * CHUNK_BYTES)))
    return Recording(path, known_text(), 80.0)


@pytest.fixture(autouse=True)
def whole_file_is_perfect(monkeypatch):
    monkeypatch.setattr(whole_file, "transcribe", lambda path, speech: known_text())


def result(index: int, text: str) -> tuple[str, dict]:
    return "chunk_complete", {"chunk_index": index, "text": text}


def run_with(results: list[tuple[str, dict]]) -> list[tuple[str, dict]]:
    """A whole stream whose chunk results are these; all else is right."""
    deltas = [("partial_transcript", {"delta": f"{text} ", "from_chunk": k, "to_chunk": k,
                                      "last_assembled_index": k}) for k, text in enumerate(TEXTS)]
    final = {"final_transcript": " ".join(TEXTS), "success_rate": 100}
    return [("initialized", {}), *results, *deltas, ("final_result", final)]


RIGHT = [result(k, text) for k, text in enumerate(TEXTS)]


def test_a_right_run_is_right_and_its_uploads_are_whole_and_out_of_order(gateway, recording):
    gateway.events = run_with(RIGHT)
    assert demo.run(gateway.url, SPEECH, recording, 0)
    assert sorted(gateway.uploaded) == list(range(TOTAL_CHUNKS))
    assert gateway.uploaded != list(range(TOTAL_CHUNKS))
    whole = b"".join(gateway.bodies[k] for k in range(TOTAL_CHUNKS))
    assert whole == recording.path.read_bytes()


@pytest.mark.parametrize("results", [
    pytest.param(RIGHT[:5] + RIGHT[6:], id="withheld"),
    pytest.param([*RIGHT, RIGHT[5]], id="doubled"),
    pytest.param([*RIGHT[:5], result(5, TEXTS[6]), result(6, TEXTS[5]), *RIGHT[7:]], id="swapped"),
])
def test_a_wrong_run_is_wrong(gateway, recording, results):
    gateway.events = run_with(results)
    assert not demo.run(gateway.url, SPEECH, recording, 0)


def test_text_is_shown_as_it_arrives_and_in_order(gateway, recording, capsys):
    gateway.events = run_with(RIGHT[::-1])
    demo.run(gateway.url, SPEECH, recording, 0)
    shown = capsys.readouterr().out
    places = [shown.index(f"✓ chunk {k:<3} {TEXTS[k]}") for k in range(TOTAL_CHUNKS)]
    assert places == sorted(places, reverse=True)
    places = [shown.index(f"in order, chunks 0–{k}: … {TEXTS[k]}") for k in range(TOTAL_CHUNKS)]
    assert places == sorted(places)


def test_a_refusal_at_init_shows_the_problem(gateway, recording):
    gateway.refusal = (422, {"title": "no", "detail": "FLAC is not read yet"})
    with pytest.raises(Refused, match="FLAC is not read yet"):
        demo.run(gateway.url, SPEECH, recording, 0)


def test_a_refused_upload_ends_the_run(gateway, recording):
    gateway.put_status = 507
    with pytest.raises(Refused, match="no room"):
        demo.run(gateway.url, SPEECH, recording, 0)


def test_a_completion_of_unknown_outcome_is_repeated(gateway, recording, monkeypatch):
    monkeypatch.setattr(client, "REPEAT_PAUSES_S", (0, 0, 0))
    gateway.unavailable = 3
    gateway.events = run_with(RIGHT)
    assert demo.run(gateway.url, SPEECH, recording, 0)
    assert sorted(gateway.uploaded) == list(range(TOTAL_CHUNKS))


@pytest.mark.parametrize("count", [1, 2, 4, 5, 14, 401])
def test_upload_order_has_every_chunk_once(count):
    assert sorted(demo.upload_order(list(range(count)))) == list(range(count))


def test_upload_order_begins_with_what_the_server_wants_first():
    assert demo.upload_order([0, 5, 1, 2, 3, 4]) == [0, 5, 4, 3, 2, 1]
    assert demo.upload_order([0, 1, 2]) == [0, 2, 1]
