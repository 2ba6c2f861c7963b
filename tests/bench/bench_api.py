# SPDX-License-Identifier: Apache-2.0
"""What the largest jobs, and very many of them, cost: each call at the client, beside a bare
statement on the same tables in the same run. What is measured is filled in by SQL: a finished job
of 10,000 chunks with texts, and a million other jobs.
"""

import json
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from bench.connection import Connection
from bench.report import report
from dev import paths
from dev.stack import Stack
from support.installation import Installation

CHUNKS = 10000
JOBS = 1_000_000
ROUNDS = 15
MIB = 1 << 20
JOB = "00000000-0000-4000-8000-000000000001"
WORDS = "and so the words of one chunk go on for about half a minute of speech " * 5

FILL_JOBS = """
INSERT INTO jobs (id, filename, extension, total_size, chunk_size_bytes, total_chunks, use_llm,
                  llm_mode, max_retries, status, last_seq, is_open, created_at)
SELECT gen_random_uuid(), 'talk ' || n || '.mp3', 'mp3', 1000, 5242880, 1, false, 'per_chunk', 3,
       CASE WHEN n %% 1000 = 0 THEN 'failed' ELSE 'done' END, 1, false,
       now() - n * interval '30 s'
FROM generate_series(1, %s) AS n
"""
FILL_JOB = """
INSERT INTO jobs (id, filename, extension, total_size, chunk_size_bytes, total_chunks, use_llm,
                  llm_mode, max_retries, status, uploaded_chunks, completed_chunks, frontier,
                  settled_parts, available_chunks, last_seq, is_open)
VALUES (%(job)s, 'day.mp3', 'mp3', %(chunks)s * 1048576::bigint, 1048576, %(chunks)s, false,
        'per_chunk', 3, 'done', %(chunks)s, %(chunks)s, %(chunks)s, %(chunks)s, %(chunks)s,
        2 * %(chunks)s + 2, false);
INSERT INTO chunks (job_id, chunk_index, status, size_bytes, uploaded_at, processing_started_at,
                    completed_at, processing_time_ms, sample_rate, samples, start_sample)
SELECT %(job)s::uuid, k, 'done', 1048576, now(), now(), now(), 900, 44100, 1323000,
       k * 1323000::bigint
FROM generate_series(0, %(chunks)s - 1) AS k;
INSERT INTO transcript_parts (job_id, chunk_index, raw)
SELECT %(job)s::uuid, k, %(words)s::text FROM generate_series(0, %(chunks)s - 1) AS k;
INSERT INTO job_events (job_id, seq, type, data)
SELECT %(job)s::uuid, 1, 'initialized', json_build_object('parent_job_id', %(job)s::text)::text;
INSERT INTO job_events (job_id, seq, type, data)
SELECT %(job)s::uuid, 2 * k + 2 + part,
       CASE part WHEN 0 THEN 'chunk_complete' ELSE 'partial_transcript' END, json_build_object(
           'parent_job_id', %(job)s::text, 'chunk_index', k,
           CASE part WHEN 0 THEN 'text' ELSE 'delta' END, %(words)s::text)::text
FROM generate_series(0, %(chunks)s - 1) AS k, generate_series(0, 1) AS part;
INSERT INTO job_events (job_id, seq, type, data)
SELECT %(job)s::uuid, 2 * %(chunks)s + 2, 'final_result',
       json_build_object('parent_job_id', %(job)s::text)::text
"""
BARE_INIT = """
WITH job AS (
 INSERT INTO jobs (id, filename, extension, total_size, chunk_size_bytes, total_chunks, use_llm,
                   llm_mode, max_retries, last_seq)
 VALUES (gen_random_uuid(), 'day.mp3', 'mp3', %(chunks)s * 1048576::bigint, 1048576, %(chunks)s,
         false, 'per_chunk', 3, 1) RETURNING id)
INSERT INTO chunks (job_id, chunk_index, size_bytes)
SELECT id, k, 1048576 FROM job, generate_series(0, %(chunks)s - 1) AS k
"""
BARE_STATUS = "SELECT * FROM jobs WHERE id = %(job)s"
BARE_SUB_JOBS = "SELECT * FROM chunks WHERE job_id = %(job)s ORDER BY chunk_index LIMIT 500"
BARE_PAGE = "SELECT * FROM jobs ORDER BY created_at DESC, id DESC LIMIT 20"
BARE_RARE = "SELECT * FROM jobs WHERE status = 'failed' ORDER BY created_at DESC, id DESC LIMIT 20"
BARE_EVENTS = "SELECT seq, type, data FROM job_events WHERE job_id = %(job)s ORDER BY seq"


def fill(database: psycopg.Connection) -> None:
    facts = {"job": JOB, "chunks": CHUNKS, "words": WORDS}
    database.execute(FILL_JOBS, (JOBS,))
    for statement in FILL_JOB.split(";"):
        database.execute(statement, facts)
    database.execute("VACUUM ANALYZE")


def median_ms(work) -> float:
    times = []
    for number in range(ROUNDS + 1):
        began = time.perf_counter()
        work()
        if number > 0:  # the first prepares statements
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def get(client: Connection, path: str) -> bytes:
    client.send("GET", path)
    status, body = client.answer()
    assert status == 200, body
    return body


def measure(metric: str, work, database: psycopg.Connection, bare: str) -> None:
    """`work` through the gateway beside the statement, whose rows are fetched."""
    facts = {"job": JOB, "chunks": CHUNKS}

    def run_bare():
        cursor = database.execute(bare, facts)
        return cursor.fetchall() if cursor.description else None

    report("api", metric, median_ms(work), "ms", ROUNDS, "bare statement", median_ms(run_bare))


def replay(base_url: str) -> None:
    stream = Connection(base_url)
    stream.send("GET", f"/chunked-stream/{JOB}?partial=delta")
    stream.wait_for("final_result")
    stream.close()


def memory_mib(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(name)


def growth_mib(pid: int, work) -> float:
    """By how much the process is larger at most while it works."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is now what there is
    before = memory_mib(pid, "VmRSS")
    work()
    return memory_mib(pid, "VmHWM") - before


def bench(installation: Installation, database: psycopg.Connection) -> None:
    base_url = installation.gateway.base_url
    client = Connection(base_url)
    body = {"filename": "day.mp3", "total_size": CHUNKS * MIB, "chunk_size_mb": 1}
    measure("init_ms", lambda: client.post("/chunked-upload-stream", body), database, BARE_INIT)
    measure("status_ms", lambda: get(client, f"/jobs/{JOB}?include="), database, BARE_STATUS)
    measure("status_500_sub_jobs_ms", lambda: get(client, f"/jobs/{JOB}?include=sub_jobs"),
            database, BARE_SUB_JOBS)
    measure("jobs_page_ms", lambda: get(client, "/jobs?limit=20"), database, BARE_PAGE)
    measure("jobs_page_of_a_rare_status_ms",
            lambda: get(client, "/jobs?limit=20&status=failed"), database, BARE_RARE)
    long_ago = (datetime.now(UTC) - timedelta(days=300)).strftime("%Y-%m-%dT%H:%M:%SZ")
    page = json.loads(get(client, f"/jobs?limit=20&created_before={long_ago}"))
    deep = f"/jobs?limit=20&cursor={page['next_cursor']}"
    measure("jobs_deep_page_ms", lambda: get(client, deep), database, BARE_PAGE)
    client.close()
    measure("replay_ms", lambda: replay(base_url), database, BARE_EVENTS)
    growth = growth_mib(installation.table.find("gateway-1").pid, lambda: replay(base_url))
    report("api", "replay_growth_mib", growth, "MiB", 1)


def main() -> None:
    stack = Stack(paths.DEV / "bench")
    stack.postgres.start()
    stack.kafka.start()
    with tempfile.TemporaryDirectory(dir=paths.DEV / "bench") as folder:
        installation = Installation(stack, Path(folder), paths.build_dir("release"))
        installation.start_gateway("gateway-1")
        try:
            with psycopg.connect(installation.database_url, autocommit=True) as database:
                fill(database)
                bench(installation, database)
        finally:
            installation.stop()
            stack.stop()


if __name__ == "__main__":
    main()
