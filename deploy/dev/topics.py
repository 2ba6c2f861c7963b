# SPDX-License-Identifier: Apache-2.0
"""Creates the topics of schemas/topics.yaml. Runs in the tools venv, which has a Kafka client."""

import argparse

import yaml
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from .paths import ROOT

TOPICS_FILE = ROOT / "schemas" / "topics.yaml"


def load_topics() -> list[dict]:
    document = yaml.safe_load(TOPICS_FILE.read_text())
    return document["topics"] if isinstance(document, dict) else document


def create_topics(brokers: str, prefix: str, partitions: int | None = None) -> None:
    """`partitions` replaces the number in the file (tests use fewer)."""
    admin = AdminClient({"bootstrap.servers": brokers})
    wanted = [
        NewTopic(
            prefix + topic["name"],
            num_partitions=partitions or topic["partitions"],
            replication_factor=1,
            config={key: str(value) for key, value in (topic.get("config") or {}).items()},
        )
        for topic in load_topics()
    ]
    for future in admin.create_topics(wanted, operation_timeout=30).values():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("brokers")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--partitions", type=int)
    args = parser.parse_args()
    create_topics(args.brokers, args.prefix, args.partitions)


if __name__ == "__main__":
    main()
