# SPDX-License-Identifier: Apache-2.0
"""What chunkscribe adds to the speech service's own time, and what uploads cost the gateway.

first_result_p50_ms: from the last byte of a chunk to its chunk_complete at the client, minus what
the speech service took, against the floor of three Kafka hops and two commits in the same run, back
to back and after rests as long as the speech service takes.
upload_growth_mib: what the gateway's memory grows by for each of 50 uploads of 50 MiB at once.
"""

import json
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench.connection import Connection
from bench.fixed_speech import FixedSpeech
from bench.report import report
from dev import paths
from dev.stack import Stack
from support.installation import Installation
from support.recording import wav

ROUNDS = 5
JOBS_A_ROUND = 40
FLOOR_ROUNDS = 100
RESTED_ROUNDS = 20
SPEECH_S = 0.1
MIB = 1 << 20
UPLOADS, UPLOAD_MIB = 50, 50


@dataclass(frozen=True)
class FirstResult:
    """Durations from the last byte of the chunk, and the wall time of that byte."""
    job: str
    last_byte_wall_s: float
    stored_s: float
    event_s: float
    speech_s: float

    @property
    def overhead_s(self) -> float:
        return self.event_s - self.speech_s


def first_result(gateway: str, chunk: bytes, speech: FixedSpeech) -> FirstResult:
    client, stream = Connection(gateway), Connection(gateway)
    job = client.post("/chunked-upload-stream", {"filename": "bench.wav", "chunk_size_mb": 1,
                                                 "total_size": len(chunk)})
    stream.send("GET", job["stream_url"])
    stream.wait_for("initialized")
    asked_before = len(speech.took_s)
    last_byte = client.send("PUT", job["upload_urls"][0]["upload_url"], chunk)
    last_byte_wall = time.time() - (time.perf_counter() - last_byte)
    status, body = client.answer()
    assert status == 200, body
    stored = time.perf_counter()
    client.post("/chunk-upload-complete", {"parent_job_id": job["parent_job_id"], "chunk_index": 0,
                                           "actual_size": len(chunk)})
    event = stream.wait_for("chunk_complete")
    client.close()
    stream.close()
    return FirstResult(job["parent_job_id"], last_byte_wall, stored - last_byte, event - last_byte,
                       sum(speech.took_s[asked_before:]))


def floor(installation: Installation, rounds: int, rest_s: float = 0) -> float:
    out = subprocess.run([paths.build_dir("release") / "tests" / "bench-floor",
                          installation.brokers, installation.prefix + "dead.letters",
                          installation.database_url, str(rounds), str(int(rest_s * 1000))],
                         capture_output=True, text=True, check=True).stdout
    parts = json.loads(out)
    return 3 * parts["hop_ms"] + 2 * parts["commit_ms"]


def bench_first_result(installation: Installation, speech: FixedSpeech) -> None:
    chunk = wav(5.9).data[:MIB]
    gateway = installation.gateway.base_url
    first_result(gateway, chunk, speech)
    medians, floors, rested, every = [], [], [], []
    for _ in range(ROUNDS):
        results = [first_result(gateway, chunk, speech) for _ in range(JOBS_A_ROUND)]
        every += results
        medians.append(statistics.median(result.overhead_s * 1000 for result in results))
        floors.append(floor(installation, FLOOR_ROUNDS))
        rested.append(floor(installation, RESTED_ROUNDS, SPEECH_S))
    report("overhead", "first_result_p50_ms", statistics.median(medians), "ms", ROUNDS,
           "floor: 3 Kafka hops + 2 commits", statistics.median(floors))
    report("overhead", "first_result_p50_ms", statistics.median(medians), "ms", ROUNDS,
           "floor after rests: 3 Kafka hops + 2 commits", statistics.median(rested))
    p90 = statistics.quantiles([result.overhead_s * 1000 for result in every], n=10)[8]
    report("overhead", "first_result_p90_ms", p90, "ms", ROUNDS,
           "floor: 3 Kafka hops + 2 commits", statistics.median(floors))
    report_stages(installation, every)


def report_stages(installation: Installation, results: list[FirstResult]) -> None:
    """Records carry whole milliseconds, which medians over all jobs even out."""
    records: dict[tuple[str, str], float] = {}
    for topic in ("chunks.uploaded", "chunks.results"):
        for _, record, _ in installation.records(topic):
            name = record["schema"].partition("/")[0]
            records[record["job_id"], name] = datetime.fromisoformat(
                record["occurred_at"].replace("Z", "+00:00")).timestamp()
    begun = dict(installation.query("SELECT job_id::text, extract(epoch FROM created_at)::float8"
                                    " FROM job_events WHERE type = 'chunk_complete'"))
    stages: dict[str, list[float]] = {}
    for result in results:
        reached = {
            "stored": result.stored_s,
            "taken_by_worker": records[result.job, "chunk.started"] - result.last_byte_wall_s,
            "result_written": records[result.job, "chunk.transcribed"] - result.last_byte_wall_s
            - result.speech_s,
            "transaction_begun": begun[result.job] - result.last_byte_wall_s - result.speech_s,
            "at_the_client": result.overhead_s,
        }
        before = 0.0
        for name, at in reached.items():
            stages.setdefault(name, []).append(at - before)
            before = at
    for name, times in stages.items():
        report("overhead", f"stage_{name}_p50_ms", statistics.median(times) * 1000, "ms", ROUNDS)


def pss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no Pss")


def bench_upload_memory(installation: Installation) -> None:
    record = installation.table.find("gateway-1")
    client = Connection(installation.gateway.base_url)
    job = client.post("/chunked-upload-stream", {"filename": "bench.wav",
                                                 "chunk_size_mb": UPLOAD_MIB,
                                                 "total_size": UPLOADS * UPLOAD_MIB * MIB})
    client.close()
    before = pss_mib(record.pid)
    body = bytes(UPLOAD_MIB * MIB)
    threads = [threading.Thread(target=put_one, args=(installation.gateway.base_url, upload, body))
               for upload in job["upload_urls"]]
    for thread in threads:
        thread.start()
    peak = before
    while any(thread.is_alive() for thread in threads):
        peak = max(peak, pss_mib(record.pid))
        next(thread for thread in threads if thread.is_alive() or thread is threads[-1]).join(0.02)
    report("overhead", "upload_growth_mib", (peak - before) / UPLOADS, "MiB per active upload", 1)


def put_one(base_url: str, upload: dict, body: bytes) -> None:
    connection = Connection(base_url)
    connection.send("PUT", upload["upload_url"], body)
    status, answer = connection.answer()
    assert status == 200, answer
    connection.close()


def main() -> None:
    stack = Stack(paths.DEV / "bench")
    stack.postgres.start()
    stack.kafka.start()
    speech = FixedSpeech(SPEECH_S)
    with tempfile.TemporaryDirectory(dir=paths.DEV / "bench") as folder:
        installation = Installation(stack, Path(folder), paths.build_dir("release"))
        fleet = installation.fleet
        fleet.start_assembler("assembler-1")
        installation.start_gateway("gateway-1")
        fleet.start_worker("worker-1", options={
            "speech-url": f"http://127.0.0.1:{speech.port}/v1"})
        try:
            bench_first_result(installation, speech)
            bench_upload_memory(installation)
        finally:
            installation.stop()
            speech.close()
            stack.stop()


if __name__ == "__main__":
    main()
