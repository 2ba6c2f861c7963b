# SPDX-License-Identifier: Apache-2.0
"""Work that no worker will do, because the group or the topic has passed it, is found by where its
record lies and published again; work that only waits for long is left alone."""

from collections import Counter

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from fleet import Load
from support.invariants import check_all

TOPIC = "chunks.uploaded"
WORKERS = ("worker-1", "worker-2")


@pytest.fixture
def idle(fleet):
    """Nobody works, and the group of those who did is empty."""
    for name in WORKERS:
        fleet.stop(name)
    yield fleet
    fleet.revive()


def published(installation, jobs) -> Counter:
    """How often the work of each chunk of these jobs was."""
    known = {job.id for job in jobs}
    return Counter((value["job_id"], value["chunk_index"])
                   for _, value, _ in installation.records(TOPIC)
                   if value and value["job_id"] in known)


def commit(installation, ends: dict[tuple[str, int], int]) -> None:
    """As an operator does who resets a group's offsets; refused while it has members."""
    consumer = Consumer({"bootstrap.servers": installation.brokers,
                         "group.id": f"{installation.prefix}worker", "enable.auto.commit": False})
    offsets = [TopicPartition(name, number, end) for (name, number), end in ends.items()]

    def is_done() -> bool:
        try:
            consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException:
            return False
        return True

    try:
        installation.wait_for(is_done)
    finally:
        consumer.close()


def empty(installation, ends: dict[tuple[str, int], int]) -> None:
    """As retention does, by time or by size."""
    admin = AdminClient({"bootstrap.servers": installation.brokers})
    for future in admin.delete_records([TopicPartition(name, number, end) for (name, number), end
                                        in ends.items()]).values():
        future.result(30)


# What is left of a record in the topic.
REMAINING = {commit: 1, empty: 0}


@pytest.mark.parametrize("passed_by", REMAINING)
def test_what_was_passed_is_published_again_and_what_waits_is_not(idle, seed, passed_by):
    """All the while nobody works, so that nothing else can have published it."""
    installation = idle.installation
    load = Load(idle, seed).add(4)
    lost = load.jobs[:]
    chunks = set(published(installation, lost))
    ends = installation.high_watermarks(TOPIC)
    load.add(4)
    waiting = load.jobs[4:]

    passed_by(installation, ends)

    def is_found() -> bool:
        found = published(installation, lost)
        return all(found[chunk] > REMAINING[passed_by] for chunk in chunks)
    installation.wait_for(is_found)
    assert set(published(installation, waiting).values()) == {1}
    idle.revive()
    check_all(installation, load.jobs)


def test_a_topic_that_was_made_anew(idle, seed):
    """Nothing more comes into it: the positions of what was lost lie beyond its end for good."""
    installation = idle.installation
    name = installation.prefix + TOPIC
    load = Load(idle, seed).add(4)
    admin = AdminClient({"bootstrap.servers": installation.brokers})
    partitions = len(admin.list_topics(name, timeout=10).topics[name].partitions)

    admin.delete_topics([name])[name].result(30)
    installation.wait_for(lambda: name not in admin.list_topics(timeout=10).topics)
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)

    idle.revive()
    check_all(installation, load.jobs)
