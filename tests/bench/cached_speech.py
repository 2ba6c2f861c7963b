# SPDX-License-Identifier: Apache-2.0
"""The local speech server's answers, kept by what was asked: a bench that was stopped goes on where
it was, and a changed joiner costs no new readings."""

import hashlib
import json
import os
import secrets
import struct
import threading
import time
import urllib.request
from array import array
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.known_speech import RATE, Recording
from dev.speech import SpeechApi

TIMEOUT_S = 1800

# Of a recording, from and to these seconds.
Window = tuple[Recording, float, float]


class CachedSpeech:
    """Answers that are kept, and a way to get those that are not."""

    def __init__(self, folder: Path, model: str):
        self._folder = folder
        self._model = model
        folder.mkdir(parents=True, exist_ok=True)

    def heard(self, samples: array) -> dict | None:
        """verbose_json; None: nobody has been asked."""
        path = self._path(samples.tobytes())
        return json.loads(path.read_text()) if path.exists() else None

    def ask(self, api: SpeechApi, windows: Iterable[Window], until: float) -> float:
        """Asks for what is not kept, in this order and as many at once as there are cores, until
        time.monotonic() is `until`; returns how many seconds of audio were asked for."""
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            return sum(pool.map(lambda window: self._ask_one(api, window, until), windows))

    def _ask_one(self, api: SpeechApi, window: Window, until: float) -> float:
        recording, start_s, end_s = window
        samples = recording.cut(start_s, end_s)
        sound = samples.tobytes()
        path = self._path(sound)
        if path.exists() or time.monotonic() > until:
            return 0.0
        fresh = path.with_suffix(f".{threading.get_ident()}")
        fresh.write_text(json.dumps(_ask(api, sound)))
        fresh.rename(path)
        return len(samples) / RATE

    def _path(self, sound: bytes) -> Path:
        digest = hashlib.sha256(self._model.encode() + b"\0" + sound).hexdigest()
        return self._folder / f"{digest}.json"


def _wav(sound: bytes) -> bytes:
    return (b"RIFF" + struct.pack("<I", 36 + len(sound)) + b"WAVEfmt " +
            struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16) +
            b"data" + struct.pack("<I", len(sound)) + sound)


def _ask(api: SpeechApi, sound: bytes) -> dict:
    boundary = secrets.token_hex(16)
    fields = (("model", api.model), ("response_format", "verbose_json"), ("temperature", "0"),
              ("language", "en"), ("timestamp_granularities[]", "word"),
              ("timestamp_granularities[]", "segment"))
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields)
    body += (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="w.wav"\r\n'
             "Content-Type: audio/wav\r\n\r\n").encode()
    body += _wav(sound) + f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(f"{api.url}/audio/transcriptions", body, {
        "Authorization": f"Bearer {api.key}",
        "Content-Type": f"multipart/form-data; boundary={boundary}"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return json.load(answer)
