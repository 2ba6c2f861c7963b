# SPDX-License-Identifier: Apache-2.0
"""The speech API that the workers use: our local server, or the one the user has named."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import models, paths
from .console import DevError
from .ports import preferred_port
from .process import ProcessTable

NAME = "speech"
PREFERRED_PORT = 18000
LOCAL_KEY = "local"
SERVER = paths.ROOT / "deploy" / "speech" / "server.py"


@dataclass(frozen=True)
class SpeechApi:
    """Where speech becomes text: base URL with /v1, key and model."""

    url: str
    key: str
    model: str


def external() -> SpeechApi | None:
    """The provider of CHUNKSCRIBE_SPEECH_URL and _KEY, if they are set."""
    url = os.environ.get("CHUNKSCRIBE_SPEECH_URL")
    if not url:
        return None
    return SpeechApi(url, os.environ.get("CHUNKSCRIBE_SPEECH_KEY", ""),
                     os.environ.get("CHUNKSCRIBE_SPEECH_MODEL", "whisper-1"))


class SpeechServer:
    """Starts and stops deploy/speech/server.py with one model."""

    def __init__(self, table: ProcessTable):
        self._table = table

    def start(self, model: str, shown=None, concurrency: int | None = None) -> None:
        if self._table.find(NAME):
            return
        port = preferred_port(PREFERRED_PORT)
        concurrency = concurrency or max(1, len(os.sched_getaffinity(0)) // 2)
        self._table.start(
            NAME,
            [paths.SPEECH_PYTHON, SERVER, "--port", port, "--model-dir", models.model_dir(model),
             "--model-name", model, "--concurrency", concurrency],
            env={**os.environ, "SPEECH_API_KEY": LOCAL_KEY, "HF_HUB_OFFLINE": "1"},
            facts={"port": port, "model": model},
        )
        self._table.wait_ready(NAME, lambda: _answers(self.api()), 120, shown)

    def stop(self) -> None:
        """It keeps nothing, and may be minutes deep in a recording that nobody waits for."""
        self._table.stop(NAME, grace_s=2)

    def api(self) -> SpeechApi:
        record = self._table.find(NAME)
        if not record:
            raise DevError("the speech server is not running")
        return SpeechApi(f"http://127.0.0.1:{record.facts['port']}/v1", LOCAL_KEY,
                         record.facts["model"])


def _answers(api: SpeechApi) -> bool:
    request = urllib.request.Request(f"{api.url}/models",
                                     headers={"Authorization": f"Bearer {api.key}"})
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:
            return api.model in {model["id"] for model in json.load(answer)["data"]}
    except (urllib.error.URLError, OSError, ValueError):
        return False


@contextmanager
def local_api(folder: Path, model: str, concurrency: int | None = None) -> Iterator[SpeechApi]:
    """A server of its own for as long as it is needed; its log is in `folder`."""
    models.fetch(model)
    server = SpeechServer(ProcessTable(folder))
    try:
        server.start(model, concurrency=concurrency)
        yield server.api()
    finally:
        server.stop()
