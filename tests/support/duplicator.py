# SPDX-License-Identifier: Apache-2.0
"""Writes every record of our topics a second time, later and in another order: what a producer
that lost its acknowledgements, or an operator who resets offsets, does."""

import random
import threading

from confluent_kafka import Consumer, Producer, TopicPartition

TOPICS = ("chunks.uploaded", "chunks.results", "jobs.commands", "jobs.events")
MARK = "copy"
HELD_BACK = 12


class Duplicator:
    def __init__(self, installation, seed: int):
        self.copies = 0
        self._draw = random.Random(seed)
        self._names = [installation.prefix + topic for topic in TOPICS]
        self._brokers = {"bootstrap.servers": installation.brokers}
        self._group = {"group.id": f"{installation.name}-copy", "enable.auto.commit": False}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Duplicator":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._is_over.set()
        self._thread.join()
        assert self.copies > 0

    def _run(self) -> None:
        consumer = Consumer({**self._brokers, **self._group})
        producer = Producer(self._brokers)
        consumer.assign([TopicPartition(name, number, 0) for name in self._names
                         for number in consumer.list_topics(name, timeout=10)
                         .topics[name].partitions])
        held: list = []
        while not self._is_over.is_set():
            message = consumer.poll(0.1)
            if message and not message.error() and not self._is_copy(message):
                held.append(message)
            if len(held) > HELD_BACK or not message:
                self._write_one(producer, held)
        while held:
            self._write_one(producer, held)
        assert producer.flush(30) == 0
        consumer.close()

    def _write_one(self, producer: Producer, held: list) -> None:
        if not held:
            return
        message = held.pop(self._draw.randrange(len(held)))
        producer.produce(message.topic(), message.value(), key=message.key(),
                         partition=message.partition(),
                         headers=[*(message.headers() or []), (MARK, b"1")])
        producer.poll(0)
        self.copies += 1

    @staticmethod
    def _is_copy(message) -> bool:
        return any(name == MARK for name, _ in message.headers() or [])
