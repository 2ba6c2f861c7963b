# SPDX-License-Identifier: Apache-2.0
"""What a pipeline sees of jobs.events: every record, read once however often it is asked for."""

import time

from confluent_kafka import Consumer, KafkaException, TopicPartition

PATIENCE_S = 60


class RelayedEvents:
    """The bytes of each event by job and seq; a repetition must have the same."""

    def __init__(self, brokers: str, topic: str):
        self.seen: dict[tuple[str, int], bytes] = {}
        # The broker answers one request of a connection after the other: where the topic ends is
        # not told while it holds back the answer to a fetch until there is something new.
        self._consumer = Consumer({"bootstrap.servers": brokers, "group.id": f"{topic}-follower",
                                   "enable.auto.commit": False, "fetch.wait.max.ms": 10})
        numbers = self._consumer.list_topics(topic, timeout=10).topics[topic].partitions
        self._next = {TopicPartition(topic, number): 0 for number in numbers}
        self._consumer.assign([TopicPartition(topic, number, 0) for number in numbers])

    def close(self) -> None:
        self._consumer.close()

    def read_on(self) -> None:
        """Up to where the topic ends now."""
        deadline = time.monotonic() + PATIENCE_S
        ends = {place: self._end(place, deadline) for place in self._next}
        while any(self._next[place] < end for place, end in ends.items()):
            assert time.monotonic() < deadline, "jobs.events could not be read to its end"
            message = self._consumer.poll(1)
            if message is not None and not message.error():
                self._take(message)

    def _end(self, place: TopicPartition, deadline: float) -> int:
        """A broker that has just come back does not know its partitions at once."""
        while True:
            try:
                return self._consumer.get_watermark_offsets(place, timeout=10)[1]
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _take(self, message) -> None:
        self._next[TopicPartition(message.topic(), message.partition())] = message.offset() + 1
        seq = dict(message.headers() or []).get("seq")
        if seq is not None:
            event = (message.key().decode(), int(seq))
            assert self.seen.setdefault(event, message.value()) == message.value(), event
