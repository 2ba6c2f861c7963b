# SPDX-License-Identifier: Apache-2.0
"""Whatever Kafka does to the relay of events, and wherever readers leave and come back, each gets
every event once and in order. The test stands in for the assembler: it commits events and relays
them doubled, out of order, or not at all."""

import json
import random
import threading

import psycopg
import pytest
from confluent_kafka import Producer
from support.sse import Stream

EVENTS = 300
READERS = 8
PATIENCE_S = 60
NOTHING_HEARD = {f"{kind}_ms": 0 for kind in ("text", "silence", "filtered", "failed", "duration")}


class Relay:
    """Commits a job's events and produces what its faults leave of them."""

    def __init__(self, installation, job_id: str, seed: int):
        self.job_id = job_id
        self.text = ""
        self.last_seq = 1
        self._random = random.Random(seed)
        self._topic = f"{installation.prefix}jobs.events"
        self._database = psycopg.connect(installation.database_url, autocommit=True)
        self._producer = Producer({"bootstrap.servers": installation.brokers, "linger.ms": 0})
        self._waiting: list[tuple[int, str, str]] = []
        self._parts = 0

    def commit(self, count: int) -> None:
        """One transaction of events; what is relayed of it may come later and out of order."""
        with self._database.transaction():
            committed = [self._insert(*self._next_event()) for _ in range(count)]
            self._database.execute("UPDATE jobs SET last_seq = %s, frontier = %s, "
                                   "available_chunks = %s WHERE id = %s",
                                   (self.last_seq, self._parts, self._parts, self.job_id))
        for event in committed:
            copies = self._random.choices((0, 1, 2), (1, 8, 1))[0]
            self._waiting += [event] * copies
        if self._random.random() < 0.3:
            self._random.shuffle(self._waiting)
        while len(self._waiting) > self._random.randint(0, 6):
            self._produce(*self._waiting.pop(0))

    def end(self, is_relayed: bool) -> None:
        with self._database.transaction():
            event = self._insert("final_result", {
                "parent_job_id": self.job_id, "status": "done", "final_transcript": self.text,
                "raw_transcript": self.text, "corrected_transcript": self.text,
                "success_rate": 100, "total_chunks": EVENTS, "completed_chunks": EVENTS,
                "failed_chunks": 0, "progress": 100, "coverage": NOTHING_HEARD,
                "processing_stats": {
                    "audio_duration_ms": 0, "wall_time_ms": 0, "processing_time_ms": 0,
                    "speech_time_ms": 0, "speech_requests": 0, "total_segments": 0,
                    "real_time_factor": None}})
            self._database.execute("UPDATE jobs SET last_seq = %s, status = 'done' WHERE id = %s",
                                   (self.last_seq, self.job_id))
        for waiting in self._waiting + ([event] if is_relayed else []):
            self._produce(*waiting)
        self._producer.flush(PATIENCE_S)
        self._database.close()

    def _next_event(self) -> tuple[str, dict]:
        if self._random.random() < 0.3:
            delta = f" part-{self._parts}"
            self._database.execute("INSERT INTO transcript_parts (job_id, chunk_index, raw) "
                                   "VALUES (%s, %s, %s)", (self.job_id, self._parts, delta))
            self.text += delta
            self._parts += 1
            return "partial_transcript", {
                "parent_job_id": self.job_id, "delta": delta, "from_chunk": self._parts - 1,
                "to_chunk": self._parts - 1, "available_chunks": self._parts,
                "last_assembled_index": self._parts - 1, "total_chunks": EVENTS, "placed": []}
        message = "x" * self._random.randint(0, 3000)
        return "chunk_retrying", {
            "parent_job_id": self.job_id, "job_id": self.job_id, "chunk_index": 0, "attempt": 1,
            "retry_in_ms": self.last_seq, "error": {"type": "test", "message": message}}

    def _insert(self, event_type: str, data: dict) -> tuple[int, str, str]:
        self.last_seq += 1
        event = (self.last_seq, event_type, json.dumps(data))
        self._database.execute("INSERT INTO job_events (job_id, seq, type, data) "
                               "VALUES (%s, %s, %s, %s)", (self.job_id, *event))
        return event

    def _produce(self, seq: int, event_type: str, data: str) -> None:
        self._producer.produce(self._topic, key=self.job_id, value=data,
                               headers=[("seq", str(seq)), ("type", event_type)])
        self._producer.poll(0)


class Reader(threading.Thread):
    """Leaves its stream after some events and comes back where it was, until the job's end."""

    def __init__(self, gateway, job: dict, seed: int):
        super().__init__(daemon=True)
        self.streams: list[Stream] = []
        self.failure: BaseException | None = None
        self.is_delta = seed % 2 == 1
        self._gateway = gateway
        self._job = job
        self._random = random.Random(seed)
        self.start()

    def run(self) -> None:
        try:
            while not (self.streams and self.streams[-1].of_type("final_result")):
                self._follow()
        except BaseException as failure:  # shown by the test, which joins this thread
            self.failure = failure

    def ids(self) -> list[int]:
        return [seq for stream in self.streams for seq in stream.ids]

    def texts(self) -> list[str]:
        name = "delta" if self.is_delta else "partial_transcript"
        return [event.data[name] for stream in self.streams
                for event in stream.of_type("partial_transcript")]

    def _follow(self) -> None:
        seen = self.ids()
        stream = self._gateway.stream(self._job, "?partial=delta" if self.is_delta else "",
                                      last_event_id=str(seen[-1]) if seen else None)
        self.streams.append(stream)
        patience = self._random.choice((1, 5, 20, 50, EVENTS * 2))
        stream.wait_for(lambda events: len(stream.ids) >= patience
                        or (events and events[-1].type == "final_result"), PATIENCE_S)
        stream.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_every_reader_gets_every_event_once_and_in_order(installation, seed):
    gateway = installation.start_gateway("gateway-1")
    job = gateway.init("stand-in.wav", EVENTS << 20, chunk_size_mb=1)
    relay = Relay(installation, job["parent_job_id"], seed)
    choose = random.Random(seed)
    early = [Reader(gateway, job, seed * 100 + n) for n in range(READERS)]

    while relay.last_seq < EVENTS // 2:
        relay.commit(choose.randint(1, 5))
    late = [Reader(gateway, job, seed * 1000 + n) for n in range(READERS)]
    while relay.last_seq < EVENTS:
        relay.commit(choose.randint(1, 5))
    relay.end(is_relayed=seed == 1)  # with the other seed even the end is lost

    for reader in early + late:
        reader.join(PATIENCE_S)
        assert reader.failure is None and not reader.is_alive(), reader.failure
        assert reader.ids() == list(range(1, relay.last_seq + 1))
        if reader.is_delta:
            assert "".join(reader.texts()) == relay.text
        else:
            assert reader.texts()[-1] == relay.text, "the whole text comes before the end"
