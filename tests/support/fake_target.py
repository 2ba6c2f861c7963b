# SPDX-License-Identifier: Apache-2.0
"""A webhook's target for tests: keeps what it is sent and answers as scripted.

A rule is a dictionary; the first is used, and used up. `do` is one of
  status    answers `status` (with retry_after)        hang      never answers
  redirect  302 to another path                        huge      200 with `bytes` of text
  hold      waits for script.release(), then answers well
Without a rule it answers 200.
"""

import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.fake_speech import HANG_S, LOOK_S, Script

ROOT_KEY = "job " + secrets.token_hex(32)


def webhook_options(folder: Path, keys: str = ROOT_KEY) -> dict:
    """For gateways and workers that are to send webhooks, here too."""
    key_file = folder / "webhook-keys"
    key_file.write_text(keys + "\n")
    return {"webhook-key-file": key_file, "webhook-allow-http": "true",
            "webhook-allow-private": "true"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "FakeTarget"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fault = self.server.script.take([])
        self.server.script.note(path=self.path, headers=dict(self.headers), body=body.decode(),
                                fault=fault["do"])
        getattr(self, "_do_" + fault["do"])(fault)

    def _do_answer(self, _fault: dict) -> None:
        self._send(200)

    def _do_status(self, fault: dict) -> None:
        self._send(fault["status"], {"Retry-After": str(fault["retry_after"])}
                   if "retry_after" in fault else {})

    def _do_redirect(self, _fault: dict) -> None:
        self._send(302, {"Location": f"http://127.0.0.1:{self.server.server_port}/elsewhere"})

    def _do_hang(self, _fault: dict) -> None:
        time.sleep(HANG_S)

    def _do_hold(self, fault: dict) -> None:
        while not fault["released"].wait(LOOK_S):
            pass
        self._send(200)

    def _do_huge(self, fault: dict) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(fault["bytes"]))
        self.end_headers()
        for _ in range(fault["bytes"] // 65536):
            self.wfile.write(b" " * 65536)

    def _send(self, status: int, headers: dict | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args) -> None:  # pylint: disable=redefined-builtin
        """Silent: the script's log tells more."""


class FakeTarget(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int):
        super().__init__(("127.0.0.1", port), Handler)
        self.script = Script()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    def received(self) -> list[dict]:
        return self.script.log()

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up is nothing to tell of."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)
