#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes schemas/asyncapi.yaml, the Kafka topics as AsyncAPI 3, from schemas/topics.yaml and the
schemas of the records, or compares it.

    asyncapi.py [--check] PAGE

With --check the exit code is 1 if the page differs.
"""

import json
import sys
from pathlib import Path

import yaml

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
HEAD = """\
# This page is made from topics.yaml and the schemas in events/ and sse/: change those, then run
# `tests/tools/asyncapi.py schemas/asyncapi.yaml` in the environment of the tests.
"""
EVENTS_OF_STREAMS = "sse"
RECORD_AS_IT_WAS = "the original record"


def _schemas(kind: str) -> list[str]:
    return sorted(path.name.removesuffix(".schema.json")
                  for path in (SCHEMAS / kind).glob("*.schema.json")
                  if not path.name.startswith("common"))


def messages_of(topic: dict) -> dict[str, dict]:
    """By the name among the components."""
    if topic["value"] == [EVENTS_OF_STREAMS]:
        return {f"event_{_plain(name)}": _message(EVENTS_OF_STREAMS, name)
                for name in _schemas(EVENTS_OF_STREAMS)}
    if topic["value"] == [RECORD_AS_IT_WAS]:
        return {"dead_letter": {
            "name": "dead_letter",
            "title": "A record that could not be applied, as it was",
            "summary": "Its headers tell the topic, partition and offset it had, and the reason.",
            "contentType": "application/octet-stream",
            "payload": {},
        }}
    return {f"record_{_plain(name)}": _message("events", name) for name in topic["value"]}


def _message(kind: str, name: str) -> dict:
    schema = json.loads((SCHEMAS / kind / f"{name}.schema.json").read_text())
    return {"name": name, "title": schema["title"], "contentType": "application/json",
            "payload": {"$ref": f"./{kind}/{name}.schema.json"}}


def _plain(name: str) -> str:
    return name.replace(".", "_").replace("-", "_")


def _channel(topic: dict) -> dict:
    return {
        "address": topic["name"],
        "description": f"Keyed by {topic['key']}. The name takes the prefix of the deployment.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"}
                     for name in messages_of(topic)},
        "bindings": {"kafka": {"topic": topic["name"], "partitions": topic["partitions"],
                               "bindingVersion": "0.5.0"}},
    }


def _operations(topic: dict) -> dict[str, dict]:
    name = _plain(topic["name"])
    tell = {"send": ("writers", "writes"), "receive": ("readers", "reads")}
    return {f"{process}_{word}_{name}": {
        "action": action, "channel": {"$ref": f"#/channels/{name}"},
        "summary": f"The {process} {word} {topic['name']}."}
        for action, (member, word) in tell.items() for process in topic[member]}


def document() -> dict:
    topics = yaml.safe_load((SCHEMAS / "topics.yaml").read_text())["topics"]
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "chunkscribe's topics",
            "version": "1.0.0",
            "description": "Records are JSON. Each names its schema and version, has an event_id "
                           "that is the same when it is sent again, and a W3C traceparent in its "
                           "headers. Those of jobs.events are the data of the stream's events, "
                           "with their seq and type in the headers.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_plain(topic["name"]): _channel(topic) for topic in topics},
        "operations": {name: operation for topic in topics
                       for name, operation in _operations(topic).items()},
        "components": {"messages": {name: message for topic in topics
                                    for name, message in messages_of(topic).items()}},
    }


def page() -> str:
    return HEAD + yaml.safe_dump(document(), sort_keys=False, width=100, allow_unicode=True)


def main() -> int:
    *options, place = sys.argv[1:]
    if options != ["--check"]:
        Path(place).write_text(page())
        return 0
    if Path(place).read_text() == page():
        return 0
    print(f"{place} is not what asyncapi.py makes: run it without --check")
    return 1


if __name__ == "__main__":
    sys.exit(main())
