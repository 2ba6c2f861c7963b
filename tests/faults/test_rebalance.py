# SPDX-License-Identifier: Apache-2.0
"""A worker whose partitions go away goes on with what it has begun, and does it once."""

import time
from collections import Counter

import pytest
from fleet import SESSION, Load
from support.invariants import check_all
from support.recording import wav

POLL_INTERVAL_S = 1.5
FIRST = 65000
TOPIC = "chunks.uploaded"


def starts(installation, jobs) -> Counter:
    """How often each worker has begun with each job's one chunk."""
    known = {job.id for job in jobs}
    return Counter((value["job_id"], value["worker_id"])
                   for _, value, _ in installation.records("chunks.results")
                   if value and value["schema"] == "chunk.started/1" and value["job_id"] in known)


def hold_in_every_partition(fleet, load: Load) -> list:
    """Jobs of one chunk each, held at the speech service, at least one in each partition."""
    installation = fleet.installation
    before = installation.high_watermarks(TOPIC)
    jobs: list = []
    while any(end <= before[place] for place, end in installation.high_watermarks(TOPIC).items()):
        first = FIRST + 20 * len(jobs)
        installation.speech.script.add([{"do": "hold", "word": first + 4}])
        jobs.append(load.add_recording(wav(5, first=first)))
    installation.wait_held(len(jobs))
    return jobs


def partitions(installation, name: str) -> int:
    return installation.metric(name, "chunkscribe_worker_assigned_partitions")


def test_work_that_comes_back_is_joined(patient, seed):
    """Partitions go to another worker, which begins with their work, too, and dies of it."""
    fleet, installation = patient, patient.installation
    fleet.stop("worker-2")
    installation.wait_for(lambda: partitions(installation, "worker-1") == 3)
    load = Load(fleet, seed)
    held = hold_in_every_partition(fleet, load)

    fleet.start("worker-2")
    installation.wait_for(
        lambda: any(worker == "worker-2" for _, worker in starts(installation, held)))
    fleet.kill("worker-2")
    installation.wait_for(lambda: partitions(installation, "worker-1") == 3)
    # What is delivered after them has been done, so they have been delivered again.
    ends = installation.high_watermarks(TOPIC)
    load.until(lambda: all(end > ends[place] for place, end
                           in installation.high_watermarks(TOPIC).items()), "work behind them")
    for job in load.jobs:
        job.stream.terminal()
    by_worker = starts(installation, held)
    installation.speech.script.reset()
    fleet.revive()

    check_all(installation, [*held, *load.jobs])
    assert all(by_worker[job.id, "worker-1"] == 1 for job in held), by_worker


@pytest.fixture
def strict(patient):
    """A broker's client that leaves its group when it is not polled for a moment."""
    interval = f"max.poll.interval.ms={POLL_INTERVAL_S * 1000:.0f}"
    with patient.configured({"worker-1": {
            "kafka-config": f"{SESSION['kafka-config']},{interval}", "max-in-flight": "1"}}):
        yield patient


def test_a_long_task_costs_no_membership(strict, seed):
    """Its partitions are full all the time, and it lasts for several of the intervals."""
    installation = strict.installation
    strict.stop("worker-2")
    installation.wait_for(lambda: partitions(installation, "worker-1") == 3)
    installation.speech.script.add([{"do": "hold", "word": FIRST + 504, "times": 1}])
    load = Load(strict, seed)
    job = load.add_recording(wav(5, first=FIRST + 500))
    installation.wait_held(1)
    load.add(3)
    before = strict.log("worker-1").count("kafka_revoked")

    time.sleep(3 * POLL_INTERVAL_S)  # how long it takes is the fault itself
    assert partitions(installation, "worker-1") == 3
    installation.speech.script.release()

    check_all(installation, [job, *load.jobs])
    assert strict.log("worker-1").count("kafka_revoked") == before
    assert starts(installation, [job]) == {(job.id, "worker-1"): 1}
