# SPDX-License-Identifier: Apache-2.0
"""One installation for one test (or one module): its own database, topics, blobs and fake speech
service, on the PostgreSQL and Kafka of the whole run. Its end is part of every test: daemons must
leave politely and quietly, and all they have written to Kafka must keep to its schema."""

import json
import re
import threading
import time
import urllib.request
import uuid
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from dev.daemons import Fleet, Wiring
from dev.llm import LlmApi
from dev.ports import free_port
from dev.process import ProcessTable
from dev.speech import SpeechApi
from dev.stack import Stack
from support.client import Gateway
from support.contract import check_record, check_stream_event
from support.fake_llm import FakeLlm
from support.fake_speech import FakeSpeech
from support.relayed_events import RelayedEvents

PARTITIONS = 3
END_WAIT_MS = 5  # for more, where a partition may end: a broker tells of the end after that


class Installation:
    def __init__(self, stack: Stack, folder: Path, build: Path, has_llm: bool = False,
                 llm: LlmApi | None = None):
        self.name = "t" + uuid.uuid4().hex[:12]
        self.prefix = f"{self.name}."
        self.folder = folder
        self._stack = stack
        self._expected_errors: list[re.Pattern] = []
        self._killed: set[str] = set()
        self._planted: set[bytes] = set()
        self.speech = FakeSpeech(free_port())
        self.llm = FakeLlm(free_port())
        self._servers = [threading.Thread(target=server.serve_forever, daemon=True)
                         for server in (self.speech, self.llm)]
        for thread in self._servers:
            thread.start()
        self.database_url = stack.postgres.create_database(self.name)
        stack.kafka.create_topics(self.prefix, PARTITIONS)
        self.brokers = stack.kafka.brokers()
        self.table = ProcessTable(folder)
        speech_url = f"http://127.0.0.1:{self.speech.server_port}/v1"
        self.fleet = Fleet(folder, self.table, Wiring(
            self.database_url, self.brokers, self.prefix, folder / "blobs",
            SpeechApi(url=speech_url, key="test-key", model="tone"),
            LlmApi(self.llm.url, "llm-key", "fake") if has_llm else llm), build)
        self.fleet.migrate()
        self.gateways: dict[str, Gateway] = {}

    # --- daemons ------------------------------------------------------------------------------

    def start(self, workers: int = 1, gateways: int = 1, worker_options=None,
              assembler_options=None, gateway_options=None) -> "Installation":
        self.fleet.start_assembler("assembler-1", options=assembler_options)
        for number in range(1, gateways + 1):
            self.start_gateway(f"gateway-{number}", gateway_options)
        for number in range(1, workers + 1):
            self.fleet.start_worker(f"worker-{number}", options=worker_options)
        return self

    def start_gateway(self, name: str, options=None) -> Gateway:
        url = self.fleet.start_gateway(name, port=free_port(), options=options)
        self.gateways[name] = Gateway(url)
        return self.gateways[name]

    @property
    def gateway(self) -> Gateway:
        return self.gateways["gateway-1"]

    def kill(self, name: str) -> None:
        self.fleet.kill(name)
        self._killed.add(name)

    def wait_held(self, count: int, timeout_s: float = 30) -> None:
        """Until so many requests are held at the speech service: their chunks are in flight."""
        deadline = time.monotonic() + timeout_s
        while sum(entry["fault"] == "hold" for entry in self.speech.script.log()) < count:
            assert time.monotonic() < deadline, f"not held: {self.speech.script.log()}"
            time.sleep(0.02)

    def wait_held_or(self, count: int, is_over, timeout_s: float = 60) -> None:
        """As wait_held(), or until `is_over()`."""
        deadline = time.monotonic() + timeout_s
        while (sum(entry["fault"] == "hold" for entry in self.speech.script.log()) < count
               and not is_over()):
            assert time.monotonic() < deadline, f"not held: {self.speech.script.log()}"
            time.sleep(0.05)

    def kill_is_fine(self, name: str) -> None:
        """The test has seen this daemon end."""
        self._killed.add(name)

    @contextmanager
    def postgres_away(self):
        """Refuses and ends every connection to this installation's database."""
        self._stack.postgres.query(f'ALTER DATABASE "{self.name}" ALLOW_CONNECTIONS false')
        self._stack.postgres.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                   f"WHERE datname = '{self.name}'")
        yield
        self._stack.postgres.query(f'ALTER DATABASE "{self.name}" ALLOW_CONNECTIONS true')

    def expect_error(self, pattern: str) -> None:
        """An error line in a daemon's log that this test provokes."""
        self._expected_errors.append(re.compile(pattern))

    def wait_for(self, condition, timeout_s: float = 60):
        """Until `condition()` is true, for what no event tells; gives its value."""
        deadline = time.monotonic() + timeout_s
        while not (value := condition()):
            assert time.monotonic() < deadline, "time is up"
            time.sleep(0.05)
        return value

    def plant(self, topic: str, value: bytes, partition: int) -> int:
        """Writes a record that breaks its contract: nobody else's fault. Gives its offset."""
        self._planted.add(value)
        producer = Producer({"bootstrap.servers": self.brokers})
        offsets: list[int] = []
        producer.produce(self.prefix + topic, value, key="planted:0", partition=partition,
                         on_delivery=lambda _, message: offsets.append(message.offset()))
        assert producer.flush(30) == 0
        return offsets[0]

    # --- looking inside -----------------------------------------------------------------------

    def query(self, sql: str, *parameters) -> list[tuple]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(sql, parameters or None).fetchall()

    def wait_query_empty(self, sql: str, what: str, timeout_s: float = 60) -> None:
        """Asks the database until the query finds nothing: for what no answer or event tells."""
        deadline = time.monotonic() + timeout_s
        while found := self.query(sql):
            assert time.monotonic() < deadline, f"{what}: {found[:5]}"
            time.sleep(0.05)

    def high_watermarks(self, *topics: str) -> dict[tuple[str, int], int]:
        """The next offset of each partition, by the topic's whole name and the partition."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": f"{self.name}-look"})
        try:
            return {(name, number): consumer.get_watermark_offsets(TopicPartition(name, number),
                                                                   timeout=10)[1]
                    for name in (self.prefix + topic for topic in topics)
                    for number in consumer.list_topics(name, timeout=10).topics[name].partitions}
        finally:
            consumer.close()

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """What a group has committed of a topic, by partition."""
        name = self.prefix + topic
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": self.prefix + group})
        try:
            partitions = consumer.list_topics(name, timeout=10).topics[name].partitions
            asked = [TopicPartition(name, number) for number in partitions]
            return {at.partition: at.offset for at in consumer.committed(asked, timeout=10)
                    if at.offset >= 0}
        finally:
            consumer.close()

    def metric(self, name: str, series: str) -> int:
        """A counter or gauge of a worker or an assembler, with its labels as they are printed."""
        with urllib.request.urlopen(f"http://{self.fleet.address(name)}/metrics") as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(series + " "):
                    return int(float(line.split()[1]))
        raise AssertionError(f"{name} has no {series}")

    def produce(self, topic: str, values: list[dict]) -> list[tuple[int, int]]:
        """Records as they stand, keyed by their job; gives partition and offset of each."""
        producer = Producer({"bootstrap.servers": self.brokers, "partitioner": "murmur2_random"})
        places = []
        for value in values:
            producer.produce(self.prefix + topic, json.dumps(value), key=value["job_id"],
                             on_delivery=lambda _, message: places.append(
                                 (message.partition(), message.offset())))
        assert producer.flush(30) == 0
        return places

    def all_applied(self) -> bool:
        """Every record for the assembler is."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": f"{self.name}-look"})
        try:
            return all(
                consumer.get_watermark_offsets(TopicPartition(topic, partition), 10)[1] <= offset
                for topic, partition, offset in self.query(
                    "SELECT topic, partition, next_offset FROM consumer_offsets"))
        finally:
            consumer.close()

    def records(self, topic: str, since=None) -> list[tuple[str, dict | None, dict]]:
        """(key, value, headers) of everything in a topic, or what came after its high watermarks
        were `since`, partition after partition; a planted value is None."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": f"{self.name}-look",
                             "enable.auto.commit": False, "enable.partition.eof": True,
                             "auto.offset.reset": "earliest", "fetch.wait.max.ms": END_WAIT_MS})
        name = self.prefix + topic
        try:
            partitions = consumer.list_topics(name, timeout=10).topics[name].partitions
            consumer.assign([TopicPartition(name, p, since[name, p] if since else 0)
                             for p in partitions])
            found, open_partitions = [], len(partitions)
            while open_partitions:
                message = consumer.poll(10)
                assert message is not None, f"{topic} could not be read to its end"
                if message.error():
                    open_partitions -= 1
                    continue
                headers = {key: value.decode() for key, value in message.headers() or []}
                value = message.value()
                found.append((message.key().decode(),
                              None if value is None or value in self._planted
                              else json.loads(value), headers))
            return found
        finally:
            consumer.close()

    @cached_property
    def relayed_events(self) -> RelayedEvents:
        return RelayedEvents(self.brokers, f"{self.prefix}jobs.events")

    # --- the end ------------------------------------------------------------------------------

    def stop(self) -> None:
        try:
            complaints = self._stop_daemons() + self._errors_in_logs()
            self._check_records()
            assert not complaints, "\n".join(complaints)
        finally:
            if "relayed_events" in vars(self):
                self.relayed_events.close()
            for server in (self.speech, self.llm):
                server.script.release()
                server.shutdown()
                server.server_close()
            for thread in self._servers:
                thread.join(10)
            self._stack.postgres.drop_database(self.name)
            self._delete_topics()

    def _stop_daemons(self) -> list[str]:
        complaints = []
        for record in reversed(self.table.all()):
            running = self.table.find(record.name) is not None
            if not running and record.name not in self._killed:
                complaints.append(f"{record.name} ended by itself:\n"
                                  f"{self.table.log_tail(record.name)}")
            elif running and not self.fleet.stop(record.name):
                complaints.append(f"{record.name} had to be killed:\n"
                                  f"{self.table.log_tail(record.name)}")
        return complaints

    def _errors_in_logs(self) -> list[str]:
        lines = []
        for log in sorted(self.table.log_dir.glob("*.log")):
            for line in log.read_text(errors="replace").splitlines():
                level = line.split()[1] if len(line.split()) > 1 else ""
                is_error = level.lower() == "error" or "Sanitizer" in line \
                    or "runtime error:" in line
                if is_error and not any(p.search(line) for p in self._expected_errors):
                    lines.append(f"{log.name}: {line}")
        return lines

    def _check_records(self) -> None:
        for topic in ("chunks.uploaded", "chunks.results", "jobs.commands", "jobs.control",
                      "jobs.tasks"):
            for key, value, _ in self.records(topic):
                if key.startswith("planted"):
                    continue
                check_record(value)
                assert key.partition(":")[0] == value["job_id"]
        for key, value, headers in self.records("jobs.events"):
            check_stream_event(headers["type"] + ("-delta" if "delta" in value else ""), value)
            assert key == value["parent_job_id"]

    def _delete_topics(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.brokers})
        topics = [t for t in admin.list_topics(timeout=10).topics if t.startswith(self.prefix)]
        for future in admin.delete_topics(topics).values():
            future.result(10)
