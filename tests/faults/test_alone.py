# SPDX-License-Identifier: Apache-2.0
"""Mechanisms that stand in for each other, each where no other could: without one of them, most
faults end well all the same, only later."""

import uuid

import pytest
from fleet import Load
from support.invariants import check_all
from support.recording import wav

ASSEMBLERS = ("assembler-1", "assembler-2")


@pytest.fixture
def slow_finder(patient):
    """Nobody finds lost work while the test lasts."""
    with patient.configured({name: {"lost-after": "600s"} for name in ASSEMBLERS}):
        yield patient


def test_the_order_of_offsets_alone_brings_work_back(slow_finder, seed):
    """A chunk is held at the speech service while all after it finish; then its worker dies."""
    fleet, installation = slow_finder, slow_finder.installation
    fleet.stop("worker-2")
    installation.speech.script.add([{"do": "hold", "word": 62004, "times": 1}])
    load = Load(fleet, seed)
    held = load.add_recording(wav(5, first=62000))
    installation.wait_held(1)
    partition, offset = _work_of(installation, held)
    load.until(lambda: _ends(installation)[partition] > offset + 1, "work behind it")
    for job in load.jobs:
        job.stream.terminal()
    ends = _ends(installation)

    # The commit that tells of every other partition's end tells of this one, too.
    def committed() -> dict:
        return installation.committed("worker", "chunks.uploaded")
    installation.wait_for(lambda: all(committed().get(number, 0) >= end
                                      for number, end in ends.items() if number != partition))
    assert committed().get(partition, 0) <= offset
    fleet.kill("worker-1")
    installation.speech.script.release()
    fleet.revive()

    check_all(installation, [held, *load.jobs])


def _work_of(installation, job) -> tuple[int, int]:
    """Where the work record of its one chunk lies, as whoever has begun it says."""
    [place] = {(value["work"]["partition"], value["work"]["offset"])
               for _, value, _ in installation.records("chunks.results")
               if value and value["schema"] == "chunk.started/1" and value["job_id"] == job.id}
    return place


def _ends(installation) -> dict[int, int]:
    return {number: end for (_, number), end
            in installation.high_watermarks("chunks.uploaded").items()}


def test_a_retry_outlives_every_assembler(slow_finder, seed):
    """The row of `tasks` alone knows of it."""
    fleet, installation = slow_finder, slow_finder.installation
    installation.speech.script.add([{"do": "status", "status": 409, "retry_after": 8, "times": 1}])
    job = Load(fleet, seed).add_recording(wav(5, first=62100))
    installation.wait_for(lambda: installation.query(
        "SELECT 1 FROM job_events WHERE job_id = %s AND type = 'chunk_retrying'", job.id))

    for name in ASSEMBLERS:
        fleet.kill(name)
    fleet.revive()

    check_all(installation, [job])


def test_events_of_an_owner_that_died_are_sent_by_the_next(fleet, seed):
    """It dies between the commit of a job's events and the first of them."""
    fleet.stop("assembler-2")
    fleet.arm("assembler-1", "produce.jobs.events:kill")
    job = Load(fleet, seed).add_unsent_recording(wav(5, first=62400)).upload()
    assert fleet.ending("assembler-1") == "SIGKILL"
    fleet.revive()

    check_all(fleet.installation, [job])


def test_an_owner_that_is_behind_writes_nothing(fleet, seed):
    """The test stands in for another owner, which has applied a record and moved the offset: the
    process that still reads the partition gets that record, too."""
    installation = fleet.installation
    job = Load(fleet, seed).add_unsent_recording(wav(11, first=62200))
    [(partition, offset)] = installation.produce("chunks.results", [_record(job, "chunk.alive")])
    installation.wait_for(installation.all_applied)

    assert installation.query(
        "UPDATE consumer_offsets SET next_offset = next_offset + 1 WHERE topic = %s AND"
        " partition = %s RETURNING next_offset", f"{installation.prefix}chunks.results", partition
    ) == [(offset + 2,)]
    failure = {"type": "not_audio", "message": "applied by another owner", "permanent": True,
               "retry_after_ms": None}
    assert installation.produce("chunks.results", [_record(job, "chunk.failed", error=failure)]) \
        == [(partition, offset + 1)]
    job.upload()

    check_all(installation, [job])


def _record(job, name: str, **more) -> dict:
    return {"schema": f"{name}/1", "event_id": str(uuid.uuid4()),
            "occurred_at": "2026-01-31T12:34:56.789Z", "job_id": job.id, "chunk_index": 0,
            "attempt": 1, **more}


def test_what_is_said_of_older_attempts_changes_nothing(patient, seed):
    """The first attempt's failure is told five times more while the second one runs."""
    fleet, installation = patient, patient.installation
    installation.speech.script.add([{"do": "html", "word": 62304, "times": 1},
                                    {"do": "hold", "word": 62304, "times": 1}])
    job = Load(fleet, seed).add_recording(wav(5, first=62300))
    installation.wait_held(1)
    failures = [value for _, value, _ in installation.records("chunks.results")
                if value and value["job_id"] == job.id and value["schema"] == "chunk.failed/1"]
    assert [value["attempt"] for value in failures] == [1]

    installation.produce("chunks.results", failures * 5)
    installation.wait_for(installation.all_applied)
    installation.speech.script.release()

    check_all(installation, [job])
    assert [e.type for e in job.stream.events].count("chunk_retrying") == 1
