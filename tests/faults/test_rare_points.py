# SPDX-License-Identifier: Apache-2.0
"""Fault points that only what is broken passes: records that nobody can read, chunks that kill
their workers, the start of a process, a migration."""

import json
import time
import uuid

import pytest
from confluent_kafka import Producer
from fleet import Load
from support.invariants import check_all, check_stream
from support.recording import wav

ACTIONS = ("kill", "delay", "error")
# Until then, who reads a job's stream has read its end.
RETENTION = "5s"


def letters(installation, topic: str, places: list[tuple[int, int]]) -> dict:
    """The reason of each of these records that has a letter."""
    said = {}
    for _, _, headers in installation.records("dead.letters"):
        place = int(headers["partition"]), int(headers["offset"])
        if headers["topic"].endswith(topic) and place in places:
            said[place] = headers["reason"]
    return said


def wait_for(condition, what: str, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.05)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("step", ["produce", "delivery"])
@pytest.mark.parametrize("kind,topic", [("worker", "chunks.uploaded"),
                                        ("assembler", "chunks.results")])
def test_an_unreadable_record_ends_in_the_dead_letters(fleet, seed, kind, topic, step, action):
    name, point = f"{kind}-1", f"{step}.dead.letters"
    installation = fleet.installation
    told = fleet.faults_told(name, point, action)
    fleet.arm(name, f"{point}:{action}")
    garbage = [b"{\"schema\":", b"\xff\xfe", json.dumps({"schema": "chunk.work/9"}).encode()]
    # Some of them are in partitions of this process.
    places = [(partition, installation.plant(topic, value, partition))
              for partition, value in enumerate(garbage)]

    wait_for(lambda: fleet.faults_told(name, point, action) > told, point)
    if action == "kill":
        assert fleet.ending(name) == "SIGKILL"
        fleet.start(name)
    load = Load(fleet, seed).add(3)

    check_all(installation, load.jobs)
    wait_for(lambda: len(letters(installation, topic, places)) == len(places), "dead letters")
    assert all(letters(installation, topic, places).values())


def test_a_record_that_fits_no_chunk_ends_in_the_dead_letters_alone(fleet, seed):
    """It is as it should be, but for what it is about: its whole batch is rolled back for it, and
    then applied without it."""
    installation = fleet.installation
    job = Load(fleet, seed).add_unsent_recording(wav(11, first=60100))
    record = {"schema": "chunk.alive/1", "event_id": str(uuid.uuid4()),
              "occurred_at": "2026-01-31T12:34:56.789Z", "job_id": job.id, "attempt": 1}
    for assembler in ("assembler-1", "assembler-2"):  # so that all of it is one batch
        fleet.stop(assembler)
    places = installation.produce("chunks.results", [
        {**record, "chunk_index": index} for index in (0, 9999, 1, 0)])
    fleet.revive()
    job.upload()

    check_all(installation, [job])
    [(place, reason)] = letters(installation, "chunks.results", places).items()
    assert place == places[1] and "no such chunk" in reason


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("step", ["produce", "delivery"])
def test_a_chunk_that_kills_its_workers_is_skipped_by_order(patient, seed, step, action):
    """The assembler counts starts without a result. The test stands in for two workers that died:
    it repeats the start that the living one, held by its speech service, has told."""
    fleet, installation = patient, patient.installation
    name, point = "assembler-1", f"{step}.jobs.control"
    told = fleet.faults_told(name, point, action)
    fleet.arm(name, f"{point}:{action}")
    failed = []

    def fail_one() -> None:
        sound = wav(5, first=60000)
        installation.speech.script.add([{"do": "hold", "word": 60005, "times": 3}])
        before = installation.high_watermarks("chunks.results")
        job = Load(fleet, seed).add_recording(sound)
        failed.append(job)
        repeat_start(installation, job.id, before)
        assert job.stream.terminal().type == "job_failed"
        installation.speech.script.reset()

    while fleet.faults_told(name, point, action) == told:
        assert len(failed) < 20, f"{point} is not passed"
        fail_one()
        # The order follows the commit; a job of the other assembler's passes no point of this one.
        installation.wait_query_empty("SELECT id FROM tasks WHERE due_at <= now()",
                                      "tasks not done")
    if action == "kill":
        assert fleet.ending(name) == "SIGKILL"
        fleet.start(name)
    load = Load(fleet, seed).add(2)

    check_all(installation, load.jobs)
    for job in failed:
        check_stream(job)
        assert job.stream.events[-1].data["failed_chunks"] == 1


def repeat_start(installation, job_id: str, since) -> None:
    def starts() -> list[tuple]:
        return [(key, value) for key, value, _ in installation.records("chunks.results", since)
                if value and value["schema"] == "chunk.started/1" and value["job_id"] == job_id]

    wait_for(starts, "the chunk's start")
    key, start = starts()[0]
    for number in (1, 2):
        record = {**start, "event_id": str(uuid.uuid4()), "at_us": start["at_us"] + number}
        producer = Producer({"bootstrap.servers": installation.brokers,
                             "partitioner": "murmur2_random"})
        producer.produce(installation.prefix + "chunks.results", json.dumps(record), key=key)
        assert producer.flush(30) == 0


@pytest.mark.parametrize("action", ACTIONS)
def test_nothing_is_left_of_a_job_that_is_purged(fleet, seed, action):
    installation, name = fleet.installation, "assembler-1"
    told = fleet.faults_told(name, "purge", action)
    # Of the other assembler's jobs, too, which may become this one's.
    fleet.options.update({assembler: {"job-retention": RETENTION}
                          for assembler in ("assembler-1", "assembler-2")})
    try:
        fleet.restart("assembler-2")
        fleet.arm(name, f"purge:{action}")
        load = Load(fleet, seed)
        load.until(lambda: fleet.faults_told(name, "purge", action) > told, f"purge {action}")
        if action == "kill":
            assert fleet.ending(name) == "SIGKILL"
            fleet.start(name)
        load.add()

        check_all(installation, load.jobs)
        jobs = ", ".join(f"'{job.id}'" for job in load.jobs)
        for table in ("chunks", "chunk_readings", "transcript_parts", "seams", "job_events"):
            installation.wait_query_empty(f"SELECT * FROM {table} WHERE job_id IN ({jobs})",
                                          f"rows are left in {table}")
        installation.wait_query_empty("SELECT * FROM purged_jobs", "not purged")
    finally:
        for assembler in ("assembler-1", "assembler-2"):
            fleet.options[assembler] = {}
            fleet.restart(assembler)


@pytest.mark.parametrize("action", ACTIONS)
def test_the_start_of_an_assembler(fleet, seed, action):
    told = fleet.faults_told("assembler-1", "claim", action)
    fleet.arm("assembler-1", f"claim:{action}")
    load = Load(fleet, seed).add(2)
    wait_for(lambda: fleet.faults_told("assembler-1", "claim", action) > told, "claim")
    if action == "kill":
        assert fleet.ending("assembler-1") == "SIGKILL"
    load.add()

    check_all(fleet.installation, load.jobs)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_migration_is_whole_or_not_there(fleet, services, action):
    database = f"migrate_{action}"
    url = services.postgres.create_database(database)
    try:
        assert fleet.migrate(url, f"migrate:{action}") == (action == "delay")
        tables = services.postgres.query(
            "SELECT count(*) FROM pg_tables WHERE tablename = 'jobs'", database)
        assert tables == ("1" if action == "delay" else "0")

        assert fleet.migrate(url)
        assert services.postgres.query("SELECT count(*) FROM jobs", database) == "0"
    finally:
        services.postgres.drop_database(database)
