# SPDX-License-Identifier: Apache-2.0
"""`./dev demo`: a recording is uploaded out of order while its text comes back."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import verdict, whole_file, word_errors
from .client import Client, Uplink
from .console import heading, say, step
from .recording import Recording
from .speech import SpeechApi

CHUNK_SIZE_MB = 1
PARALLEL_UPLOADS = 3
SHUFFLED_GROUP = 4
STALLED_S = 300  # without any event


@dataclass
class Run:
    """What happened, with the moments that the summary tells."""

    total_chunks: int
    began: float = field(default_factory=time.monotonic)
    events: list[verdict.Event] = field(default_factory=list)
    uploaded_chunks: int = 0
    first_result_s: float | None = None
    chunks_missing_at_first_result: int = 0
    upload_failure: BaseException | None = None
    last_event_s: float = 0.0
    uploaded_s: float | None = None
    total_s: float | None = None

    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def is_given_up(self) -> bool:
        return self.upload_failure is not None or self.elapsed() - self.last_event_s > STALLED_S


def run(gateway_url: str, speech: SpeechApi, recording: Recording, uplink_mbit: float) -> bool:
    """Uploads `recording` and shows its transcript. True if the result is right."""
    shown = _transcribe(Client(gateway_url), recording, Uplink(uplink_mbit), uplink_mbit)
    known = None
    if recording.text:
        known = _known(recording, speech)
    judged = verdict.judge(shown.events, shown.total_chunks, known)
    _summarise(shown, recording, judged, known)
    return judged.is_right


def upload_order(server_order: list[int]) -> list[int]:
    """What the server wants first, then each group of four backwards: plainly out of order, and the
    same in every run."""
    early = 1 if server_order[1:2] in ([], [1]) else 2  # MP4's last chunk may hold its index
    rest = server_order[early:]
    groups = [rest[start:start + SHUFFLED_GROUP] for start in range(0, len(rest), SHUFFLED_GROUP)]
    return server_order[:early] + [index for group in groups for index in reversed(group)]


def _transcribe(client: Client, recording: Recording, uplink: Uplink, uplink_mbit: float) -> Run:
    size = recording.path.stat().st_size
    job = client.create_job(recording.path.name, size, CHUNK_SIZE_MB)
    run = Run(job["chunk_info"]["total_chunks"])
    order = upload_order(job["upload_order"])
    _announce(recording, size, order, uplink_mbit)
    uploads = threading.Thread(target=_upload_all, daemon=True,
                               args=(client, job, order, recording.path, uplink, run))
    uploads.start()
    for event_id, event_type, data in client.events(job["stream_url"], run.is_given_up):
        run.last_event_s = run.elapsed()
        if event_type == "chunk_partial" or event_id is not None:
            _show(run, event_type, data)
        if event_id is not None:
            run.events.append(verdict.Event(event_type, data, event_id))
        if event_type in verdict.TERMINAL_EVENTS:
            break
    run.total_s = run.elapsed()
    uploads.join()
    if run.upload_failure:
        raise run.upload_failure
    return run


def _announce(recording: Recording, size: int, order: list[int], uplink_mbit: float) -> None:
    length = f", {recording.seconds:.0f} s of sound" if recording.seconds else ""
    chunks = f"{len(order)} chunk{'s' if len(order) > 1 else ''} of up to {CHUNK_SIZE_MB} MB"
    heading(f"{recording.path.name}: {size / 1e6:.1f} MB{length}, {chunks}")
    pace = f", as over a line of {uplink_mbit:g} Mbit/s" if uplink_mbit else ""
    say(f"Uploading {PARALLEL_UPLOADS} at a time{pace}, in the order "
        f"{' '.join(map(str, order[:12]))}{' …' if len(order) > 12 else ''}\n")


def _upload_all(client: Client, job: dict, order: list[int], path: Path, uplink: Uplink,
                run: Run) -> None:
    uploads = {upload["chunk_index"]: upload for upload in job["upload_urls"]}

    def upload(index: int) -> None:
        with path.open("rb") as source:
            start, end = uploads[index]["chunk_range"]
            source.seek(start)
            content = source.read(end - start)
        client.upload(job, uploads[index], content, uplink)
        run.uploaded_chunks += 1
        _line(run, f"  ↑ chunk {index:<3} uploaded ({run.uploaded_chunks}/{run.total_chunks})")

    with ThreadPoolExecutor(PARALLEL_UPLOADS) as pool:
        for done in [pool.submit(upload, index) for index in order]:
            run.upload_failure = run.upload_failure or done.exception()
    run.uploaded_s = run.elapsed()


def _show(run: Run, event_type: str, data: dict) -> None:
    match event_type:
        case "chunk_complete":
            if run.first_result_s is None:
                run.first_result_s = run.elapsed()
                run.chunks_missing_at_first_result = run.total_chunks - run.uploaded_chunks
            _line(run, f"  ✓ chunk {data['chunk_index']:<3} {data['text']}")
        case "chunk_partial" if data["window_count"] != 1:
            _line(run, f"    chunk {data['chunk_index']:<3} … {data['text']}")
        case "partial_transcript" if data["delta"].strip():
            _line(run, f"  ═ in order, chunks 0–{data['last_assembled_index']}: "
                       f"… {data['delta'].strip()}")
        case "chunk_failed":
            _line(run, f"  ✗ chunk {data['chunk_index']:<3} failed: {data['error']['message']}")
        case "chunk_retrying":
            _line(run, f"  ↻ chunk {data['chunk_index']:<3} again in {data['retry_in_ms']} ms")


def _line(run: Run, text: str) -> None:
    say(f"{run.elapsed():6.1f} s{text}")


def _known(recording: Recording, speech: SpeechApi) -> verdict.Known:
    """The yardstick: the same model on the whole file at once."""
    heading("The same recording in one piece")
    with step(f"whole file through {speech.model}"):
        text = whole_file.transcribe(recording.path, speech)
    return verdict.Known(recording.text, word_errors.errors(recording.text, text))


def _summarise(run: Run, recording: Recording, judged: verdict.Verdict,
               known: verdict.Known | None) -> None:
    heading("Transcript")
    say(judged.transcript)
    heading("Result")
    if run.first_result_s is not None:
        say(f"first result   {run.first_result_s:.1f} s, while "
            f"{run.chunks_missing_at_first_result} of {run.total_chunks} chunks were not uploaded")
    if run.uploaded_s is not None:
        say(f"last upload    {run.uploaded_s:.1f} s")
    pace = f", {recording.seconds / run.total_s:.1f} × real time" if recording.seconds else ""
    say(f"total          {run.total_s:.1f} s{pace}")
    if known:
        count = len(word_errors.words(known.text))
        say(f"word errors    {_rate(judged.word_errors, count)}; "
            f"whole file at once {_rate(known.whole_file_errors, count)}")
    for complaint in judged.complaints:
        say(f"WRONG          {complaint}")
    if judged.is_right:
        say(f"right          {run.total_chunks} of {run.total_chunks} chunks done, text in order")


def _rate(errors: int, words: int) -> str:
    return f"{errors} of {words} ({100 * errors / words:.1f} %)"
