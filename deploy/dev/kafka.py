# SPDX-License-Identifier: Apache-2.0
"""A private Kafka broker: one node that is broker and controller (KRaft)."""

import os
import shutil
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from . import command, paths
from .console import DevError
from .ports import free_port, is_answering, preferred_port
from .process import ProcessTable

NAME = "kafka"
PREFERRED_PORT = 19092
CONFIG = Path(__file__).parent / "kafka"
JARS = paths.DEPS / "kafka" / "libs"

# For a JVM that lives for minutes on a few cores: what a second compiler and a parallel collector
# win comes too late, and what they take is half of its start.
SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")

# A killed broker is away until its old session has ended; 2 s makes that bearable in tests.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{advertised_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=300
message.max.bytes=9437184
"""


class Kafka:
    """Starts and stops one broker in `folder`/kafka, always on the same port once it has one
    (`port`, or a preferred one). `advertised_port`: where clients are told to find it instead, such
    as a proxy's; `properties` are added to those above or take their place; `java_options` are the
    JVM's."""

    def __init__(self, folder: Path, table: ProcessTable, port: int | None = None,
                 advertised_port: int | None = None, properties: dict | None = None,
                 java_options: tuple[str, ...] = ()):
        self._folder = folder / "kafka"
        self._table = table
        self._port = port
        self._advertised_port = advertised_port
        self._properties = properties or {}
        self._java_options = java_options

    def start(self, shown=None) -> None:
        if self._table.find(NAME):
            return
        if not (self._folder / "server.properties").exists():
            self._format(shown)
        port = self._write_properties()
        argv = _java("512m", "-Xms512m", *self._java_options, "kafka.Kafka",
                     self._folder / "server.properties")
        self._table.start(NAME, argv, cwd=self._folder, facts={"port": port})
        # The broker opens its port only when it has caught up and is about to serve.
        self._table.wait_ready(NAME, lambda: is_answering(port), 90, shown)

    def stop(self) -> None:
        self._table.stop(NAME, grace_s=20)

    def brokers(self) -> str:
        record = self._table.find(NAME)
        if not record:
            raise DevError("Kafka is not running")
        return f"127.0.0.1:{self._advertised_port or record.facts['port']}"

    @property
    def port(self) -> int:
        """Where the broker itself listens, once it was started."""
        assert self._port
        return self._port

    def create_topics(self, prefix: str, partitions: int | None = None) -> None:
        """Creates the topics of schemas/topics.yaml under `prefix`; what is there already stays."""
        argv = [paths.TOOLS_PYTHON, "-m", "dev.topics", self.brokers(), "--prefix", prefix]
        if partitions:
            argv += ["--partitions", partitions]
        command.run(argv, env={**os.environ, "PYTHONPATH": str(paths.ROOT / "deploy")})

    def _format(self, shown) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        (self._folder / "data").mkdir(parents=True)
        self._write_properties()
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # As one argument: an id may begin with "-".
        command.run(_java("256m", *SHORT_LIVED, "kafka.tools.StorageTool", "format",
                          f"--cluster-id={cluster}", "-c", self._folder / "server.properties"),
                    shown)

    def _write_properties(self) -> int:
        self._port = self._port or preferred_port(PREFERRED_PORT)
        text = PROPERTIES.format(port=self._port, controller_port=free_port(),
                                 advertised_port=self._advertised_port or self._port,
                                 data=self._folder / "data")
        more = "".join(f"{name}={value}\n" for name, value in self._properties.items())
        (self._folder / "server.properties").write_text(text + more)
        return self._port


def _java(heap: str, *args) -> list:
    return ["java", f"-Xmx{heap}", f"-Dlog4j2.configurationFile={CONFIG / 'log4j2.yaml'}",
            "-cp", f"{JARS}/*", *args]
