# SPDX-License-Identifier: Apache-2.0
"""A chunk that kills every process that takes it: tries are counted outside of those who die."""

import shutil
from collections import Counter

import pytest
from fleet import Load
from support.invariants import check_all, check_stream
from support.recording import wav

# Chunk 1 is 23.8 to 47.6 s; its neighbours hear 6 s of it, and not its middle.
SECONDS, RATE, CHANNELS = 60, 22050, 1
FIRST_WORD = 61000
POISONED_WORD = FIRST_WORD + 70

# Of the assembler's --max-starts; a start that is not followed by a result is one death.
MAX_STARTS = 3


def killed_until_given_up(fleet, job) -> int:
    """Kills whoever has the chunk at the speech service, which holds it there; how many died. The
    other chunks are done by then: each of these deaths would be one of theirs, too."""
    fleet.installation.wait_for(lambda: len(fleet.installation.query(
        "SELECT 1 FROM chunks WHERE job_id = %s AND status = 'done'", job.id)) == 2)
    kills = 0
    while True:
        fleet.installation.wait_held_or(kills + 1, lambda: _has_failed(fleet, job))
        if _has_failed(fleet, job):
            return kills
        holder = _holder(fleet, job)
        assert kills < MAX_STARTS, f"nobody gives up after {kills} deaths"
        fleet.kill(holder)
        kills += 1
        fleet.start(holder)


def _holder(fleet, job) -> str:
    """Who told last that it has begun with the chunk."""
    starts = [(value["occurred_at"], value["worker_id"])
              for _, value, _ in fleet.installation.records("chunks.results")
              if value and value["schema"] == "chunk.started/1"
              and (value["job_id"], value["chunk_index"]) == (job.id, 1)]
    return max(starts)[1]


def _has_failed(fleet, job) -> bool:
    return fleet.installation.query("SELECT 1 FROM chunks WHERE job_id = %s AND chunk_index = 1"
                                    " AND status = 'failed'", job.id) != []


def assert_dead_letter(installation, job) -> None:
    """The record of the chunk's work, with the place where it lay and the reason."""
    installation.wait_query_empty("SELECT * FROM tasks WHERE kind = 'dead.letter'", "no letter")
    [(key, work, headers)] = [letter for letter in installation.records("dead.letters")
                              if letter[0] == f"{job.id}:1"]
    assert (work["schema"], work["chunk_index"]) == ("chunk.work/1", 1)
    assert (headers["topic"], headers["reason"]) == ("chunks.uploaded", "crashed")
    partition, offset = int(headers["partition"]), int(headers["offset"])
    place = installation.query("SELECT work_partition, work_offset FROM chunks WHERE job_id = %s"
                               " AND chunk_index = 1", job.id)
    assert place == [(partition, offset)], key


def test_a_chunk_that_kills_its_workers_fails_and_the_others_do_not(patient, seed):
    fleet, installation = patient, patient.installation
    sound = wav(SECONDS, RATE, CHANNELS, FIRST_WORD)
    installation.speech.script.add([{"do": "hold", "word": POISONED_WORD}])
    load = Load(fleet, seed)
    job = load.add_recording(sound)

    kills = killed_until_given_up(fleet, job)
    installation.speech.script.reset()
    load.add(2)

    assert kills >= 2, "nobody died of it"
    event = job.stream.terminal()
    assert event.type == "final_result" and event.data["failed_chunks"] == 1
    check_stream(job)
    [failed] = [e.data for e in job.stream.events if e.type == "chunk_failed"]
    assert failed["chunk_index"] == 1 and failed["error"]["type"] == "crashed"
    assert_dead_letter(installation, job)
    done = {e.data["chunk_index"] for e in job.stream.events if e.type == "chunk_complete"}
    assert done == {0, 2}
    assert "[gap 00:00:2" in event.data["final_transcript"]
    check_all(installation, load.jobs)


# What a job with all its wishes has done for it, one after the other.
WORKERS = ("worker-1", "worker-2")
KINDS_OF_TASKS = ("llm.post_process", "webhook.deliver", "blob.delete")


@pytest.fixture
def deadly(fleet):
    """Each worker dies of the first task that it begins, under whatever name it comes back."""
    fleet.installation.wait_query_empty(
        "SELECT id FROM tasks WHERE due_at < now() + interval '1 minute'", "older tasks")
    fleet.environment.update({name: {"CHUNKSCRIBE_FAULT": "task_begin:kill"} for name in WORKERS})
    for name in WORKERS:
        fleet.stop(name)
        fleet.start_to_die(name)
    yield fleet
    fleet.environment.update({name: {} for name in WORKERS})
    for name in WORKERS:
        if fleet.is_running(name):
            fleet.stop(name)
        fleet.start(name)


def wait_until_counted(installation) -> None:
    """What the dead have begun is, and the order that nobody may begin it again has gone out."""
    installation.wait_for(installation.all_applied)
    installation.wait_query_empty("SELECT id FROM tasks WHERE kind = 'task.skip'", "orders not out")


def test_tasks_that_kill_their_workers_end(deadly, seed):
    """The job ends as heard, its delivery has failed, its blobs' deletion is passed; and workers go
    on when the last of them is dead."""
    fleet, installation = deadly, deadly.installation
    before = installation.high_watermarks("dead.letters")
    load = Load(fleet, seed - seed % 4)  # with a language model for the whole text, and a webhook
    job = load.add_unsent()
    job.upload()

    def crashed() -> list[str]:
        return [value["kind"] for _, value, headers
                in installation.records("dead.letters", before)
                if headers["reason"] == "crashed" and value["job_id"] == job.id]

    def has_ended_or_somebody_died() -> bool:
        return len(crashed()) == len(KINDS_OF_TASKS) or not all(map(fleet.is_running, WORKERS))

    while len(crashed()) < len(KINDS_OF_TASKS):
        installation.wait_for(has_ended_or_somebody_died)
        for name in WORKERS:
            if not fleet.is_running(name):
                assert fleet.ending(name) == "SIGKILL"
                wait_until_counted(installation)
                fleet.start_to_die(name)
    assert sorted(crashed()) == sorted(KINDS_OF_TASKS)
    assert job.stream.terminal().type == "final_result"
    check_stream(job)
    starts = Counter((value["kind"], value["attempt"])
                     for _, value, _ in installation.records("chunks.results")
                     if value and value["schema"] == "task.started/1" and value["job_id"] == job.id)
    assert max(starts.values()) <= MAX_STARTS + 1, starts
    # What is left to people: they clear it away.
    shutil.rmtree(installation.folder / "blobs" / "uploads" / job.id)
    assert len(installation.query("UPDATE webhook_deliveries SET state = 'delivered'"
                                  " WHERE job_id = %s RETURNING id", job.id)) == 1
