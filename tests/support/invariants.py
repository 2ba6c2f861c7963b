# SPDX-License-Identifier: Apache-2.0
"""What must hold after any fault (design: invariants 1 to 4), from what clients recorded, what the
tables hold and what lies in Kafka."""

import re
from collections import Counter

from support.fake_llm import uncorrected
from support.flow import TERMINAL
from support.patient_client import Job

# A blob's place, and that of a temporary file beside it.
BLOB = re.compile(r"^uploads/([0-9a-f-]{36})/chunk\.(\d+)\.\w+$")
TEMPORARY = re.compile(r"^uploads/[0-9a-f-]{36}/\.chunk\.\d+\.\w+\.[0-9a-f]{16}\.\w+$")

LAST_SEQS = """SELECT id::text, status, total_chunks, completed_chunks, failed_chunks, last_seq,
    relayed_seq, (SELECT count(*) FROM job_events e WHERE e.job_id = j.id),
    (SELECT max(seq) FROM job_events e WHERE e.job_id = j.id) FROM jobs j"""
COMPLETIONS = """SELECT job_id::text, (data::json->>'chunk_index')::int, count(*) FROM job_events
    WHERE type = 'chunk_complete' GROUP BY 1, 2"""


def check_job(job: Job) -> None:
    """A job that nothing but passing faults happened to: done, with all of its text, once."""
    event = job.stream.terminal()
    assert event.type == "final_result", event
    check_stream(job)
    said = job.recording.text
    # The final one as it was heard, or as fake_llm corrects: whatever a fault left of the
    # corrections. A recording may begin within a sentence.
    for heard, expected in ((event.data["raw_transcript"], said),
                            (uncorrected(event.data["final_transcript"]), uncorrected(said))):
        assert heard == expected, f"{job.id}: {difference(heard, expected)}"
    assert event.data["completed_chunks"] == event.data["total_chunks"]


def difference(heard: str, said: str) -> str:
    """Where two texts part, in a few words."""
    at = next((n for n, (a, b) in enumerate(zip(heard, said)) if a != b),
              min(len(heard), len(said)))
    start = max(at - 40, 0)
    return f"at {at} of {len(said)}: {heard[start:at + 80]!r} instead of {said[start:at + 80]!r}"


def check_stream(job: Job) -> None:
    """Ids by one, over every connection; one terminal event, the last; a text that only grows and
    is what the last event says; each chunk once."""
    events = [event for event in job.stream.events if event.id is not None]
    assert job.stream.ids == list(range(1, len(job.stream.ids) + 1)), job.stream.ids
    assert [e.type in TERMINAL for e in events] == [False] * (len(events) - 1) + [True]
    chunks = Counter(e.data["chunk_index"] for e in events if e.type == "chunk_complete")
    assert set(chunks.values()) <= {1}, f"chunks came twice: {chunks}"
    assert job.acknowledged <= set(chunks) | {
        e.data["chunk_index"] for e in events if e.type == "chunk_failed"}
    text = ""
    for event in job.stream.events:
        if event.type == "partial_transcript":
            data = event.data
            longer = text + data["delta"] if "delta" in data else data["partial_transcript"]
            assert longer.startswith(text), "the text was taken back"
            text = longer
    last = events[-1].data
    # What was streamed is corrected chunk by chunk, or as it was heard: whole texts are corrected
    # after it.
    assert any(last.get(name, text).startswith(text)
               for name in ("final_transcript", "raw_transcript"))


ENDED = "status IN ('done', 'failed', 'cancelled', 'expired')"


def check_tables(installation) -> None:
    """Every job terminal, every chunk final once, events dense and relayed."""
    for job, status, total, done, failed, last, relayed, count, highest in installation.query(
            LAST_SEQS):
        assert status in ("done", "failed", "cancelled", "expired"), f"{job} is {status}"
        assert count == highest == last, f"{job}: events are not dense"
        assert relayed == last, f"{job}: relayed {relayed} of {last}"
        assert status != "done" or done == total - failed
    assert all(count == 1 for *_, count in installation.query(COMPLETIONS))
    assert installation.query(
        "SELECT c.job_id, c.chunk_index, c.status FROM chunks c JOIN jobs j ON j.id = c.job_id"
        " WHERE j.status IN ('done', 'failed') AND c.status NOT IN ('done', 'failed')") == []


def check_topics(installation) -> None:
    """What a pipeline sees: every event of every job at least once, always with the same bytes."""
    installation.relayed_events.read_on()
    expected = installation.query("SELECT job_id::text, seq FROM job_events")
    missing = set(expected) - set(installation.relayed_events.seen)
    assert not missing, f"never relayed: {sorted(missing)[:10]}"
    # In this order: what is left to be done of ended jobs goes on meanwhile.
    applied = installation.query("SELECT topic, partition, next_offset FROM consumer_offsets")
    high = installation.high_watermarks("chunks.results", "jobs.commands")
    for topic, partition, next_offset in applied:
        assert next_offset <= high[topic, partition], f"{topic} {partition} is ahead of Kafka"


def check_blobs(installation) -> None:
    """Whole chunks of jobs that are known, and nothing that looks like a blob and is none."""
    sizes = {(job, index): size for job, index, size in installation.query(
        "SELECT job_id::text, chunk_index, size_bytes FROM chunks")}
    root = installation.folder / "blobs"
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_dir() or TEMPORARY.match(name):
            continue
        found = BLOB.match(name)
        assert found, f"a stranger in the blob store: {name}"
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            continue  # its retention is over
        assert size == sizes[found[1], int(found[2])], f"{name} is not whole"


def check_no_blob_is_left(installation) -> None:
    """In a fleet that keeps none of a job that has ended; a job that is going on may have some."""
    installation.wait_query_empty(
        f"SELECT id FROM jobs WHERE blobs_deleted_at IS NULL AND {ENDED}", "blobs not deleted")
    ended = {job for job, in installation.query(f"SELECT id::text FROM jobs WHERE {ENDED}")}
    left = [path for path in (installation.folder / "blobs").rglob("chunk.*")
            if path.parent.name in ended]
    assert not left, f"orphaned: {left[:5]}"


def check_all(installation, jobs: list[Job]) -> None:
    for job in jobs:
        check_job(job)
    installation.wait_query_empty(
        "SELECT id FROM jobs WHERE relayed_seq < last_seq OR is_open", "jobs not closed")
    installation.wait_query_empty("SELECT * FROM tasks WHERE due_at <= now()", "tasks not done")
    installation.wait_query_empty("SELECT * FROM webhook_deliveries WHERE state <> 'delivered'",
                                  "webhooks not delivered")
    assert installation.query(
        "SELECT id FROM jobs j WHERE webhook_url IS NOT NULL AND NOT EXISTS"
        " (SELECT FROM webhook_deliveries d WHERE d.job_id = j.id)") == []
    check_tables(installation)
    check_topics(installation)
    check_blobs(installation)
    check_no_blob_is_left(installation)
