# SPDX-License-Identifier: Apache-2.0
"""Tasks on jobs.tasks: done, tried again, found again when lost; with the deletion of blobs."""

import json

from confluent_kafka import Consumer, TopicPartition

from support import recording
from support.flow import init, transcribe, upload_all


def blobs(installation, job) -> list[str]:
    folder = installation.folder / "blobs" / "uploads" / job["parent_job_id"]
    return sorted(path.name for path in folder.glob("*"))


def cancelled_job(installation, seconds: int = 30) -> dict:
    """A job whose chunks are stored when it is cancelled."""
    sound = recording.wav(seconds)
    job = init(installation.gateway, sound)
    installation.speech.script.add([{"do": "hold"}])
    upload_all(installation.gateway, job, sound)
    assert len(blobs(installation, job)) == sound.chunk_count()
    assert installation.gateway.cancel(job).status == 200
    return job


def no_task_is_left(installation) -> None:
    """But those that are due in some days."""
    installation.wait_query_empty("SELECT id, kind, state FROM tasks WHERE due_at <= now()",
                                  "tasks not done")


def test_a_cancelled_jobs_blobs_are_deleted(installation):
    installation.start(workers=2)
    kept = transcribe(installation.gateway, recording.wav(10))
    job = cancelled_job(installation)

    installation.wait_for(lambda: not blobs(installation, job))
    no_task_is_left(installation)
    assert blobs(installation, kept)
    results = [value for _, value, _ in installation.records("chunks.results")
               if value["schema"] == "task.done/1"]
    assert [value["job_id"] for value in results] == [job["parent_job_id"]]


def test_a_task_that_fails_is_tried_again(installation):
    installation.start()
    sound = recording.wav(10)
    job = init(installation.gateway, sound)
    blob = installation.folder / "blobs" / "uploads" / job["parent_job_id"] / "chunk.0.wav"
    blob.mkdir(parents=True)  # what is no file can't be deleted

    assert installation.gateway.cancel(job).status == 200
    installation.wait_for(lambda: installation.query("SELECT id FROM tasks WHERE attempt >= 3"))
    blob.rmdir()

    no_task_is_left(installation)
    failed = [value["error"] for _, value, _ in installation.records("chunks.results")
              if value["schema"] == "task.failed/1"]
    assert len(failed) >= 2 and all("chunk.0.wav" in error["message"] for error in failed)


def test_a_task_that_the_workers_have_passed_is_published_again(installation):
    """As if a worker had stored the offset and its answer had never come."""
    installation.start(workers=0, assembler_options={"lost-after": "1s"})
    job = cancelled_job(installation)
    installation.wait_for(lambda: installation.query(
        "SELECT id FROM tasks WHERE state = 'published'"))
    topic = f"{installation.prefix}jobs.tasks"
    consumer = Consumer({"bootstrap.servers": installation.brokers,
                         "group.id": f"{installation.prefix}worker-tasks"})
    consumer.commit(offsets=[TopicPartition(topic, partition, offset) for (_, partition), offset
                             in installation.high_watermarks("jobs.tasks").items()],
                    asynchronous=False)
    consumer.close()

    installation.fleet.start_worker("worker-1")

    installation.wait_for(lambda: not blobs(installation, job))
    no_task_is_left(installation)
    records = installation.records("jobs.tasks")
    assert len(records) >= 2
    assert len({value["event_id"] for _, value, _ in records}) == 1


def test_unreadable_and_unknown_tasks_hold_nobody_up(installation):
    installation.expect_error("record_unreadable")
    installation.start()
    garbage = [b"{\"schema\":", json.dumps({"schema": "task.work/9"}).encode(),
               json.dumps({"schema": "chunk.started/1"}).encode()]
    for partition, value in enumerate(garbage):
        installation.plant("jobs.tasks", value, partition)

    job = cancelled_job(installation)

    installation.wait_for(lambda: not blobs(installation, job))
    installation.wait_for(lambda: len(installation.records("dead.letters")) == len(garbage))
    for _, _, headers in installation.records("dead.letters"):
        assert headers["topic"] == "jobs.tasks" and headers["offset"] == "0"
        assert headers["partition"].isdigit() and headers["reason"]
