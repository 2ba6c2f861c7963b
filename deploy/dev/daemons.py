# SPDX-License-Identifier: Apache-2.0
"""chunkscribe's own processes, started with the addresses of the others."""

import os
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from . import command, paths
from .console import DevError
from .llm import LlmApi
from .ports import free_port, preferred_port
from .process import ProcessTable
from .speech import SpeechApi

PREFERRED_GATEWAY_PORT = 8080
READY_WITHIN_S = 30
STOP_GRACE_S = 20


@dataclass(frozen=True)
class Wiring:
    """Where the daemons of one fleet find what they share."""

    database_url: str
    brokers: str
    topic_prefix: str
    blob_dir: Path
    speech: SpeechApi
    llm: LlmApi | None = None  # None: texts stay as they were heard


class Fleet:
    """Starts daemons of one build. `options` of the start functions replace or add flags (without
    the dashes, value None leaves one out); `env` is added to the environment."""

    def __init__(self, folder: Path, table: ProcessTable, wiring: Wiring,
                 build: Path = paths.RELEASE_BUILD):
        self._folder = folder
        self._table = table
        self._wiring = wiring
        self._build = build

    def migrate(self) -> None:
        """Brings the database to the schema of this build."""
        argv = [self._build / "chunkscribe-assembler", *_flags(self._assembler_options()),
                "--migrate"]
        command.run(argv, env=_environment(None), log=self._table.log_dir / "migrate.log")

    def start_assembler(self, name: str = "assembler", options=None, env=None, shown=None) -> None:
        merged = {**self._assembler_options(), **_listening(options)}
        self._start("assembler", name, merged, env, shown)

    def start_gateway(self, name: str = "gateway", port: int | None = None, options=None, env=None,
                      shown=None) -> str:
        """Returns its URL."""
        self._wiring.blob_dir.mkdir(parents=True, exist_ok=True)
        defaults = {
            "database-url": self._wiring.database_url,
            "kafka-brokers": self._wiring.brokers,
            "topic-prefix": self._wiring.topic_prefix,
            "blob-store": self._wiring.blob_dir.as_uri(),
            "signing-key-file": self._signing_key(),
            "web-root": paths.ROOT / "gateway" / "web",
            "llm": "true" if self._wiring.llm else None,
        }
        merged = {**defaults, **_listening(
            options, lambda: port or preferred_port(PREFERRED_GATEWAY_PORT))}
        self._start("gateway", name, merged, env, shown)
        return f"http://{merged['listen']}"

    def start_worker(self, name: str = "worker-1", options=None, env=None, shown=None) -> None:
        defaults = {
            "worker-id": name,
            "kafka-brokers": self._wiring.brokers,
            "topic-prefix": self._wiring.topic_prefix,
            "blob-store": self._wiring.blob_dir.as_uri(),
            "speech-url": self._wiring.speech.url,
            "speech-model": self._wiring.speech.model,
        }
        # The key goes by the environment: flags are seen by everyone on the machine.
        env = {"CHUNKSCRIBE_SPEECH_KEY": self._wiring.speech.key, **(env or {})}
        if self._wiring.llm:
            defaults |= {"llm-url": self._wiring.llm.url, "llm-model": self._wiring.llm.model}
            env = {"CHUNKSCRIBE_LLM_KEY": self._wiring.llm.key, **env}
        self._start("worker", name, {**defaults, **_listening(options)}, env, shown)

    def stop(self, name: str) -> bool:
        """SIGTERM; False if the daemon did not end by itself and was killed."""
        return self._table.stop(name, STOP_GRACE_S)

    def kill(self, name: str) -> None:
        """SIGKILL, and waits until the process is gone. The same name can be started again."""
        self._table.kill(name)

    def address(self, name: str) -> str:
        """host:port of the daemon's HTTP: the gateway's API, the others' health and metrics."""
        record = self._table.find(name)
        if not record:
            raise DevError(f"{name} is not running")
        return record.facts["listen"]

    def _start(self, daemon: str, name: str, options: dict, env, shown) -> None:
        binary = self._build / f"chunkscribe-{daemon}"
        if not binary.exists():
            raise DevError(f"{binary.name} is not built in {self._build}: run ./dev build")
        listen = options["listen"]
        self._table.start(name, [binary, *_flags(options)], env=_environment(env),
                          facts={"listen": listen})
        self._table.wait_ready(name, lambda: _is_ready(listen), READY_WITHIN_S, shown)

    def _assembler_options(self) -> dict:
        return {
            "database-url": self._wiring.database_url,
            "kafka-brokers": self._wiring.brokers,
            "topic-prefix": self._wiring.topic_prefix,
            "migrations": paths.ROOT / "schemas" / "sql",
        }

    def _signing_key(self) -> Path:
        """The key of upload URLs; it must outlive a restart, and all gateways share it."""
        path = self._folder / "signing-key"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(f"dev {secrets.token_hex(32)}\n")
        return path


def _listening(options: dict | None, port=free_port) -> dict:
    """Options with an address, unless they have one."""
    chosen = options or {}
    return chosen if "listen" in chosen else {"listen": f"127.0.0.1:{port()}", **chosen}


def _flags(options: dict) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items() if value is not None]


def _environment(more: dict | None) -> dict:
    """The daemons take options from CHUNKSCRIBE_ variables, and the user's are meant for ./dev."""
    ours = {name: value for name, value in os.environ.items()
            if not name.startswith("CHUNKSCRIBE_")}
    return {**ours, **(more or {})}


def _is_ready(listen: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{listen}/readyz", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
