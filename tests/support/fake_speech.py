# SPDX-License-Identifier: Apache-2.0
"""A speech service for tests: OpenAI's POST /v1/audio/transcriptions for recordings made by
tone_speech. It derives the words from the sound it is sent, so its text shows what really was
transcribed; it fails as scripted, and logs every request.

    PYTHONPATH=tests python3 -m support.fake_speech --port 18300 [--key K] [--delay-ms 100]

Faults are rules, the first that matches is used (and used up after `times`):

    POST /admin/faults   [{"do": "status", "status": 429, "retry_after": 2, "times": 3}, ...]
    POST /admin/release  lets held requests go       GET  /admin/log    every request so far
    POST /admin/reset    no faults, an empty log

A rule matches every request, or those with the word `word` in their sound. `do` is one of
  status    answers `status` (with retry_after: seconds, body: text)
  delay     waits `ms`, then answers well            hold      waits for /admin/release;
                                                         logs `gone` if the client hangs up
  hang      never answers                            reset     cuts the connection by RST
  truncate  half of the JSON, in a whole answer      cut       half of the body, then closes
  html      200 with a page                          huge      200 with `bytes` of spaces
  swallow   leaves out the words in `words`          no_words  no word times
  raw       200 with `body`, a byte a character      other     says words `by` numbers further on
"""

import argparse
import json
import select
import socket
import struct
import sys
import threading
import time
from contextlib import contextmanager
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support import tone_speech

HANG_S = 3600
LOOK_S = 0.02  # how often a held request looks whether its client is still there


class Script:
    """Faults and log, shared by the server's threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._released = threading.Event()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._faults: list[dict] = []
            self._log: list[dict] = []
        self.release()

    def release(self) -> None:
        with self._lock:
            held, self._released = self._released, threading.Event()
        held.set()

    def add(self, faults: list[dict]) -> None:
        with self._lock:
            self._faults += faults

    @contextmanager
    def edit(self):
        """The rules as a list, to be changed in place."""
        with self._lock:
            yield self._faults

    def take(self, numbers: list[int]) -> dict:
        with self._lock:
            for fault in self._faults:
                if "word" in fault and fault["word"] not in numbers:
                    continue
                if fault.get("times", -1) == 0:
                    continue
                fault["times"] = fault.get("times", -1) - 1 if fault.get("times", -1) > 0 else -1
                if fault["times"] == 0:
                    self._faults.remove(fault)
                # Taken here: who is in the log as held is let go by the next release.
                return {**fault, "released": self._released}
        return {"do": "answer"}

    def note(self, **entry) -> dict:
        with self._lock:
            entry = {"id": len(self._log), "at": time.time(), **entry}
            self._log.append(entry)
        return entry

    def log(self) -> list[dict]:
        with self._lock:
            return [dict(entry) for entry in self._log]


def transcription(words: list[dict], seconds: float, with_words: bool) -> dict:
    """verbose_json: bare words beside a text with punctuation, one segment for each sentence."""
    segments: list[dict] = []
    for word in words:
        if not segments or word["number"] % tone_speech.SENTENCE == 0:
            segments.append({"id": len(segments), "start": word["start"], "text": "",
                             "avg_logprob": -0.2, "no_speech_prob": 0.01, "temperature": 0.0,
                             "compression_ratio": 1.2, "seek": 0, "tokens": []})
        segments[-1]["text"] += " " + word["word"]
        segments[-1]["end"] = word["end"]
    reply = {"task": "transcribe", "language": "english", "duration": seconds,
             "text": " ".join(word["word"] for word in words), "segments": segments}
    if with_words:
        reply["words"] = [{"word": word["word"].rstrip("."), "start": round(word["start"], 2),
                           "end": round(word["end"], 2)} for word in words]
    return reply


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "FakeSpeech"

    def do_GET(self) -> None:
        if self.path == "/admin/log":
            self._answer(200, self.server.script.log())
        elif self.path == "/v1/models":
            self._answer(200, {"object": "list", "data": [{"id": "tone", "object": "model"}]})
        else:
            self._refuse(404, "no such page")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        script = self.server.script
        if self.path == "/v1/audio/transcriptions":
            self._transcribe(body)
        elif self.path == "/admin/faults":
            script.add(json.loads(body))
            self._answer(200, {})
        elif self.path == "/admin/release":
            script.release()
            self._answer(200, {})
        elif self.path == "/admin/reset":
            script.reset()
            self._answer(200, {})
        else:
            self._refuse(404, "no such page")

    def _transcribe(self, body: bytes) -> None:
        fields = self._fields(body)
        try:
            sound = tone_speech.read_wav(fields.pop("file", [b""])[0])
        except (ValueError, struct.error) as error:
            self._refuse(400, f"Invalid file: {error}")
            return
        asked = {name: [value.decode() for value in values] for name, values in fields.items()}
        words = tone_speech.heard(sound)
        numbers = [word["number"] for word in words]
        fault = self.server.script.take(numbers)
        entry = self.server.script.note(
            seconds=len(sound) / tone_speech.RATE, words=numbers, fields=asked, fault=fault["do"],
            traceparent=self.headers.get("traceparent"))
        if self.server.key and self.headers.get("Authorization") != f"Bearer {self.server.key}":
            self._refuse(401, "Incorrect API key provided")
            return
        time.sleep(self.server.delay_s)
        granularities = asked.get("timestamp_granularities[]", [])
        reply = transcription(words, entry["seconds"], "word" in granularities)
        getattr(self, "_do_" + fault["do"])(fault, words, reply)

    def _fields(self, body: bytes) -> dict[str, list[bytes]]:
        head = f"Content-Type: {self.headers.get('Content-Type', '')}\r\n\r\n".encode()
        fields: dict[str, list[bytes]] = {}
        message = BytesParser().parsebytes(head, headersonly=True)
        boundary = (message.get_boundary() or "").encode()
        if not boundary:
            return fields
        for part in body.split(b"--" + boundary)[1:-1]:
            header, _, content = part[2:].partition(b"\r\n\r\n")
            name = BytesParser().parsebytes(header + b"\r\n\r\n").get_param(
                "name", header="content-disposition")
            fields.setdefault(str(name), []).append(content[:-2])
        return fields

    # --- what it can do, well or badly ---------------------------------------------------------

    def _do_answer(self, _fault: dict, _words: list, reply: dict) -> None:
        self._answer(200, reply)

    def _do_status(self, fault: dict, _words: list, _reply: dict) -> None:
        headers = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
        self._refuse(fault["status"], fault.get("body", "scripted"), headers)

    def _do_delay(self, fault: dict, _words: list, reply: dict) -> None:
        time.sleep(fault["ms"] / 1000)
        self._answer(200, reply)

    def _do_hold(self, fault: dict, words: list, reply: dict) -> None:
        while not fault["released"].wait(LOOK_S):
            if self._client_has_gone():
                self.server.script.note(fault="gone", words=[w["number"] for w in words])
                self.close_connection = True
                return
        self._answer(200, reply)

    def _client_has_gone(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def _do_hang(self, _fault: dict, _words: list, _reply: dict) -> None:
        time.sleep(HANG_S)

    def _do_reset(self, _fault: dict, _words: list, _reply: dict) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _do_truncate(self, _fault: dict, _words: list, reply: dict) -> None:
        data = json.dumps(reply).encode()
        self._send(200, data[:len(data) // 2], "application/json")

    def _do_cut(self, _fault: dict, _words: list, reply: dict) -> None:
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:len(data) // 2])
        self.close_connection = True

    def _do_html(self, _fault: dict, _words: list, _reply: dict) -> None:
        self._send(200, b"<!doctype html><title>Welcome</title>", "text/html")

    def _do_huge(self, fault: dict, _words: list, _reply: dict) -> None:
        self._send(200, b" " * fault["bytes"], "application/json")

    def _do_swallow(self, fault: dict, words: list, reply: dict) -> None:
        kept = [word for word in words if word["number"] not in fault["words"]]
        self._answer(200, transcription(kept, reply["duration"], "words" in reply))

    def _do_raw(self, fault: dict, _words: list, _reply: dict) -> None:
        self._send(200, fault["body"].encode("latin-1"), "application/json")

    def _do_other(self, fault: dict, words: list, reply: dict) -> None:
        others = [{**word, "number": word["number"] + fault["by"],
                   "word": tone_speech.written(word["number"] + fault["by"])} for word in words]
        self._answer(200, transcription(others, reply["duration"], "words" in reply))

    def _do_no_words(self, _fault: dict, _words: list, reply: dict) -> None:
        reply.pop("words", None)
        self._answer(200, reply)

    # --- HTTP ------------------------------------------------------------------------------------

    def _answer(self, status: int, value) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _refuse(self, status: int, message: str, headers: dict | None = None) -> None:
        error = {"error": {"message": message, "type": "invalid_request_error", "code": None}}
        self._send(status, json.dumps(error).encode(), "application/json", headers)

    def _send(self, status: int, data: bytes, content_type: str,
              headers: dict | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args) -> None:  # pylint: disable=redefined-builtin
        """Silent: /admin/log tells more."""


class FakeSpeech(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, key: str = "", delay_s: float = 0):
        super().__init__(("127.0.0.1", port), Handler)
        self.script = Script()
        self.key = key
        self.delay_s = delay_s

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up is nothing to tell of."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=18300)
    parser.add_argument("--key", default="", help="the bearer key to ask for")
    parser.add_argument("--delay-ms", type=float, default=0, help="of every answer")
    parser.add_argument("--faults", help="a file of rules to begin with")
    args = parser.parse_args()
    server = FakeSpeech(args.port, args.key, args.delay_ms / 1000)
    if args.faults:
        with open(args.faults, encoding="utf-8") as file:
            server.script.add(json.load(file))
    print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
