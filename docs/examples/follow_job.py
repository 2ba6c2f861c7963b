#!/usr/bin/env python3
"""Follows one job on the topic jobs.events, with no other source, until it ends, and prints its
text: follow_job.py JOB_ID [BROKERS [TOPIC_PREFIX]]    (pip install confluent-kafka)

Every event of a job has its job as the key, its type and number (seq, dense from 1) as headers, and
as its value the JSON that streams carry. Events may come more than once, and, when an assembler is
replaced, again from an earlier one: a reader keeps the next number and drops what it has had.
"""
import json
import sys
import uuid

from confluent_kafka import Consumer

job, brokers, prefix = sys.argv[1:] + ["127.0.0.1:9092", ""][len(sys.argv) - 2:]
ENDS = {"final_result", "job_failed", "cancelled", "expired"}

consumer = Consumer({"bootstrap.servers": brokers, "group.id": f"follow-{uuid.uuid4()}",
                     "auto.offset.reset": "earliest", "enable.auto.commit": False})
consumer.subscribe([prefix + "jobs.events"])
early, wanted, parts = {}, 1, []
while True:
    record = consumer.poll(1.0)
    if record is None or record.error() or record.key() != job.encode():
        continue
    headers = {name: value.decode() for name, value in record.headers()}
    if "seq" in headers:  # the others are views: how things stand, for streams
        early[int(headers["seq"])] = (headers["type"], json.loads(record.value()))
    while wanted in early:
        kind, event = early.pop(wanted)
        wanted += 1
        if kind == "partial_transcript":  # a retry takes text back: from that chunk on
            first = event.get("replaces_from_chunk")
            parts = [part for part in parts if first is None or part["to_chunk"] < first]
            parts.append(event)
        elif kind in ENDS:
            print("".join(part["delta"] for part in parts))
            sys.exit(0 if kind == "final_result" else f"the job has ended: {kind}")
