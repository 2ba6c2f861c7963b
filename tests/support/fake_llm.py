# SPDX-License-Identifier: Apache-2.0
"""A language model for tests: OpenAI's POST /v1/chat/completions, which gives the text it is asked
to correct with a capital letter at each word; or does what such models do, as scripted.

Faults are rules as in fake_speech; a rule matches every request, or those whose text has the word
`word`. `do` is one of
  adds      an explanation behind the text         drops     only the first sentence
  refuses   says that it cannot                    loops     the first words over and over
  russian   another language                       empty     nothing
  rewrites  other words, as many                   cut_off   finish_reason "length"
  status    answers `status` (with retry_after)    html      200 with a page
  huge      `bytes` of text                        hang      never answers
  hold      waits for script.release(), then answers well
"""

import json
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.fake_speech import HANG_S, LOOK_S, Script

REFUSAL = "I'm sorry, but I can't assist with that request."
NOTE = ("Note: I have mended the spelling of this passage as far as it could be guessed, and "
        "would gladly explain each of my changes if that is of any use to you.")
RUSSIAN = "это не тот текст, который был сказан, и я так и не знаю, что он значит"


def corrected(text: str) -> str:
    """What a well-behaved answer makes of a text."""
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))


def uncorrected(text: str) -> str:
    """The text as it was heard from tone_speech: only sentences begin with a capital."""
    words = [word.lower() for word in text.split(" ")]
    return " ".join(word.capitalize() if at == 0 or words[at - 1].endswith(".") else word
                    for at, word in enumerate(words))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "FakeLlm"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        text = body["messages"][-1]["content"]
        fault = self.server.script.take(re.findall(r"\w+", text.lower()))
        self.server.script.note(fault=fault["do"], text=text, path=self.path, model=body["model"],
                                key=self.headers.get("Authorization"))
        getattr(self, "_do_" + fault["do"])(fault, text)

    def _do_answer(self, _fault: dict, text: str) -> None:
        self._say(corrected(text))

    def _do_adds(self, _fault: dict, text: str) -> None:
        self._say(f"{corrected(text)} {NOTE}")

    def _do_drops(self, _fault: dict, text: str) -> None:
        self._say(text.split(". ")[0] + ".")

    def _do_refuses(self, _fault: dict, _text: str) -> None:
        self._say(REFUSAL)

    def _do_loops(self, _fault: dict, text: str) -> None:
        words = text.split(" ")
        self._say(" ".join((words[:2] * len(words))[:len(words)]))

    def _do_russian(self, _fault: dict, text: str) -> None:
        words = RUSSIAN.split(" ")
        self._say(" ".join((words * len(text))[:len(text.split(" "))]))

    def _do_empty(self, _fault: dict, _text: str) -> None:
        self._say("")

    def _do_rewrites(self, _fault: dict, text: str) -> None:
        self._say(" ".join(word[::-1] for word in text.split(" ")))

    def _do_cut_off(self, _fault: dict, text: str) -> None:
        self._say(corrected(text)[:20], "length")

    def _do_status(self, fault: dict, _text: str) -> None:
        headers = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
        self._send(fault["status"], b'{"error": {"message": "scripted"}}', headers)

    def _do_html(self, _fault: dict, _text: str) -> None:
        self._send(200, b"<!doctype html><title>Welcome</title>")

    def _do_huge(self, fault: dict, _text: str) -> None:
        self._say("word " * (fault["bytes"] // 5))

    def _do_hang(self, _fault: dict, _text: str) -> None:
        time.sleep(HANG_S)

    def _do_hold(self, fault: dict, text: str) -> None:
        while not fault["released"].wait(LOOK_S):
            pass
        self._say(corrected(text))

    def _say(self, text: str, finish_reason: str = "stop") -> None:
        message = {"role": "assistant", "content": text}
        self._send(200, json.dumps({
            "id": "chatcmpl-1", "object": "chat.completion", "created": int(time.time()),
            "model": "fake", "usage": {"total_tokens": 1},
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        }).encode())

    def _send(self, status: int, data: bytes, headers: dict | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args) -> None:  # pylint: disable=redefined-builtin
        """Silent: the script's log tells more."""


class FakeLlm(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int):
        super().__init__(("127.0.0.1", port), Handler)
        self.script = Script()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up is nothing to tell of."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)
