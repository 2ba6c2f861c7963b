# SPDX-License-Identifier: Apache-2.0
"""A worker whose partitions go away goes on with what it has begun, and does it once."""

import time
from collections import Counter

import pytest
from fleet import LONG_SESSION_S, Load, session
from support.invariants import check_all
from support.recording import wav

# The least there is: a client must be allowed to be silent for as long as its session.
POLL_INTERVAL_S = LONG_SESSION_S
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


def held_requests(installation) -> int:
    return sum(entry["fault"] == "hold" for entry in installation.speech.script.log())


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
    asked = held_requests(installation)
    by_worker = starts(installation, held)
    installation.speech.script.reset()
    fleet.revive()

    check_all(installation, [*held, *load.jobs])
    # Worker 1 has told that it goes on with what came back, and has not begun it anew.
    taken = [job for job in held if by_worker[job.id, "worker-2"]]
    assert taken and all(by_worker[job.id, "worker-1"] > 1 for job in taken), by_worker
    assert asked <= len(held) + len(taken), asked


TURNS = 3


@pytest.fixture
def hasty(patient):
    """A worker that leaves what it has after a moment, and assemblers that hold two starts that
    were not given back to be deaths."""
    with patient.configured({"worker-2": {"shutdown-grace": "100ms"},
                             "assembler-1": {"max-starts": "2"},
                             "assembler-2": {"max-starts": "2"}}):
        yield patient


def hand_around(fleet, held) -> None:
    """Until worker 2 has begun with some of it, and worker 1 has all of it again."""
    installation = fleet.installation

    def begun() -> int:
        return sum(count for (_, worker), count in starts(installation, held).items()
                   if worker == "worker-2")

    before = begun()
    fleet.start("worker-2")
    installation.wait_for(lambda: begun() > before)
    fleet.stop("worker-2")
    installation.wait_for(lambda: partitions(installation, "worker-1") == 3)


def test_work_that_is_handed_around_is_no_death(hasty, seed):
    """Chunks that take long go to a worker that comes, and back from it when it leaves, again and
    again."""
    fleet, installation = hasty, hasty.installation
    fleet.stop("worker-2")
    installation.wait_for(lambda: partitions(installation, "worker-1") == 3)
    load = Load(fleet, seed)
    held = hold_in_every_partition(fleet, load)

    for _ in range(TURNS):
        hand_around(fleet, held)
    # A chunk that is given up has its letter in the transaction that counts the last start.
    told = fleet.installation.records("dead.letters")
    installation.speech.script.reset()
    fleet.revive()

    check_all(installation, [*held, *load.jobs])
    assert not [key for key, _, _ in told if key.partition(":")[0] in {job.id for job in held}]


@pytest.fixture
def strict(patient):
    """A broker's client that leaves its group when it is not polled for some seconds."""
    client = session(LONG_SESSION_S)["kafka-config"]
    interval = f"max.poll.interval.ms={POLL_INTERVAL_S * 1000:.0f}"
    with patient.configured({"worker-1": {"kafka-config": f"{client},{interval}",
                                          "max-in-flight": "1"}}):
        yield patient


def test_a_long_task_costs_no_membership(strict, seed):
    """Its partitions are full all the time, and it lasts for more than one of the intervals."""
    installation = strict.installation
    strict.stop("worker-2")
    installation.wait_for(lambda: partitions(installation, "worker-1") == 3)
    installation.speech.script.add([{"do": "hold", "word": FIRST + 504, "times": 1}])
    load = Load(strict, seed)
    job = load.add_recording(wav(5, first=FIRST + 500))
    installation.wait_held(1)
    load.add(3)
    before = strict.log("worker-1").count("kafka_revoked")

    time.sleep(2 * POLL_INTERVAL_S)  # how long it takes is the fault itself
    assert partitions(installation, "worker-1") == 3
    installation.speech.script.release()

    check_all(installation, [job, *load.jobs])
    assert strict.log("worker-1").count("kafka_revoked") == before
    assert starts(installation, [job]) == {(job.id, "worker-1"): 1}
