# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL and Kafka: started, used, kept over a restart, stopped without a trace."""

from confluent_kafka.admin import AdminClient

from dev.process import start_time
from dev.stack import Stack
from dev.topics import load_topics


def test_services_live_in_their_folder(tmp_path):
    # pytest's own folder is closed to others, and PostgreSQL may have to run as another user.
    stack = Stack(tmp_path)
    try:
        stack.postgres.start()
        stack.kafka.start()
        url = stack.postgres.create_database("one")
        assert url.endswith("/one")
        stack.postgres.query("CREATE TABLE kept AS SELECT 42 AS answer", "one")
        stack.kafka.create_topics("t.", partitions=3)
        stack.kafka.create_topics("t.", partitions=3)

        pids = [record.pid for record in stack.table.all()]
        assert len(pids) == 2
        stack.stop()
        assert [start_time(pid) for pid in pids] == [None, None]
        assert stack.table.all() == []

        stack.postgres.start()
        stack.kafka.start()
        assert stack.postgres.query("SELECT answer FROM kept", "one") == "42"
        topics = AdminClient({"bootstrap.servers": stack.kafka.brokers()}).list_topics(
            timeout=10).topics
        assert {f"t.{topic['name']}" for topic in load_topics()} <= set(topics)
        assert len(topics["t.chunks.uploaded"].partitions) == 3
    finally:
        stack.stop()
