# SPDX-License-Identifier: Apache-2.0
"""One chunkscribe installation on this machine, in one folder.

`./dev up` uses .dev itself; the tests make one of these in a folder of their own. The parts know
each other only by what is passed here.
"""

from pathlib import Path

from . import paths
from .console import DevError, say, step
from .daemons import Fleet, Wiring
from .kafka import NAME as KAFKA
from .kafka import Kafka
from .llm import NAME as LLM
from .llm import LlmServer
from .llm import external as external_llm
from .postgres import NAME as POSTGRES
from .postgres import Postgres
from .process import ProcessTable
from .speech import NAME as SPEECH
from .speech import SpeechApi, SpeechServer

DATABASE = "chunkscribe"
WORKERS = ("worker-1", "worker-2")
DAEMON_GRACE_S = 10


class Stack:
    """Everything that runs in `folder`, with its records in `folder`/run, its logs in /log."""

    def __init__(self, folder: Path = paths.DEV):
        self.folder = folder
        self.env_file = folder / "env"
        self.table = ProcessTable(folder)
        self.postgres = Postgres(folder, self.table)
        self.kafka = Kafka(folder, self.table)
        self.speech = SpeechServer(self.table)
        self.llm = LlmServer(self.table)

    def fleet(self, speech: SpeechApi, database: str = DATABASE, topic_prefix: str = "",
              build: Path = paths.RELEASE_BUILD) -> Fleet:
        """Daemons on this stack's PostgreSQL and Kafka; several fleets keep apart by database and
        prefix."""
        wiring = Wiring(self.postgres.url(database), self.kafka.brokers(), topic_prefix,
                        self.folder / "blobs", speech, self._llm_api())
        return Fleet(self.folder, self.table, wiring, build)

    def start_postgres(self) -> None:
        self._started("postgres", "PostgreSQL", self.postgres.start)
        self.postgres.create_database(DATABASE)

    def start_kafka(self) -> None:
        fresh = self._started("kafka", "Kafka broker", self.kafka.start)
        if fresh:
            with step("Kafka topics"):
                self.kafka.create_topics("")

    def start_speech(self, model: str) -> None:
        self._started("speech", f"speech server, Whisper {model}",
                      lambda shown: self.speech.start(model, shown))

    def start_llm(self) -> None:
        self._started("llm", "language model", self.llm.start)

    def start_daemons(self, speech: SpeechApi, gateway_port: int | None = None) -> str:
        """Returns the gateway's URL. Without a port asked for, the gateway takes a free one."""
        fleet = self.fleet(speech)
        self._refuse_another_port(gateway_port)
        if not self.table.find("assembler"):
            with step("database schema"):
                fleet.migrate()
        self._started("assembler", "assembler",
                      lambda shown: fleet.start_assembler(shown=shown))
        self._started("gateway", "gateway",
                      lambda shown: fleet.start_gateway(port=gateway_port, shown=shown))
        # A local model does one thing at a time; what waits for it is better waiting in the worker,
        # where no time-out runs.
        options = {"max-speech-requests": 1} if self.table.find(SPEECH) else None
        for name in WORKERS:
            self._started(name, name, lambda shown, name=name: fleet.start_worker(
                name, options=options, shown=shown))
        return f"http://{fleet.address('gateway')}"

    def stop(self) -> None:
        """Stops everything this folder has a record of: our daemons together, because each may
        finish its work first, then what they depend on."""
        records = self.table.all()[::-1]
        for record in records:
            if not record.is_running():
                say(f"  ✗ {record.name} had ended already:\n{self.table.log_tail(record.name)}")
        names = [record.name for record in records]
        services = {SPEECH: self.speech.stop, LLM: self.llm.stop, KAFKA: self.kafka.stop,
                    POSTGRES: self.postgres.stop}
        daemons = [name for name in names if name not in services]
        if daemons:
            with step(f"stop {', '.join(daemons)}"):
                self.table.stop_all(daemons, DAEMON_GRACE_S)
        for name in names:
            if name in services:
                with step(f"stop {name}"):
                    services[name]()

    def _llm_api(self):
        return external_llm() or (self.llm.api() if self.table.find(LLM) else None)

    def _refuse_another_port(self, port: int | None) -> None:
        gateway = self.table.find("gateway")
        if gateway and port and gateway.facts["listen"] != f"127.0.0.1:{port}":
            raise DevError(f"the gateway runs on {gateway.facts['listen']} already; "
                           "./dev down comes first")

    def _started(self, name: str, title: str, start) -> bool:
        """Runs `start` unless the process is there. True if it had to be started."""
        if self.table.find(name):
            return False
        with step(title) as shown:
            start(shown)
        return True
