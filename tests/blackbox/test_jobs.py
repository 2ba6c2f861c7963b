# SPDX-License-Identifier: Apache-2.0
"""GET /jobs and /jobs/{id}: every job with its counters, texts and sub-jobs."""

import pytest
from support import recording
from support.flow import final_result, init, transcribe, upload_all

TEXTS = {"final_transcript", "raw_transcript", "corrected_transcript", "transcripts"}
PAGE = {"sub_jobs", "sub_jobs_from", "sub_jobs_limit", "next_sub_jobs_from"}


def ids(jobs) -> list[str]:
    return [job["job_id"] for job in jobs]


def make(gateway, count, filename="talk.wav") -> list[str]:
    """Jobs that nothing is uploaded to, newest first."""
    made = [gateway.init(filename, 1000)["parent_job_id"] for _ in range(count)]
    return made[::-1]


def test_a_finished_job_in_every_place(standing):
    gateway = standing.gateway
    sound = recording.wav(20)
    job = init(gateway, sound, language="en", prompt="numbers")
    stream = gateway.stream(job)
    upload_all(gateway, job, sound)
    final_result(stream)
    job_id = job["parent_job_id"]

    status = gateway.status(job)
    whole = gateway.job(job_id)

    assert whole == status
    assert TEXTS | PAGE < set(whole)
    assert whole["final_transcript"] == sound.text
    assert [part["text"] for part in whole["transcripts"]] == \
        [sub_job["final_transcript"] for sub_job in whole["sub_jobs"]]
    listed = next(j for j in gateway.jobs()["jobs"] if j["job_id"] == job_id)
    assert listed == {name: value for name, value in whole.items() if name not in TEXTS | PAGE}
    listed = next(j for j in gateway.jobs(include="sub_jobs,transcripts")["jobs"]
                  if j["job_id"] == job_id)
    assert listed == {**whole, "sub_jobs_limit": 20}


def test_only_what_was_asked_for(standing):
    gateway = standing.gateway
    sound = recording.wav(20)
    transcribe(gateway, sound)
    job_id = gateway.jobs(limit=1)["jobs"][0]["job_id"]

    bare = gateway.job(job_id, "?include=")
    texts = gateway.job(job_id, "?include=transcripts")
    sub_jobs = gateway.job(job_id, "?include=sub_jobs&sub_jobs_from=1&sub_jobs_limit=2")

    assert not (TEXTS | PAGE) & set(bare)
    assert TEXTS < set(texts) and not PAGE & set(texts)
    assert texts["final_transcript"] == sound.text and len(texts["transcripts"]) == 4
    assert not TEXTS & set(sub_jobs) and not TEXTS & set(sub_jobs["sub_jobs"][0])
    assert [chunk["chunk_index"] for chunk in sub_jobs["sub_jobs"]] == [1, 2]
    assert sub_jobs["next_sub_jobs_from"] == 3


def test_pages_are_stable_while_jobs_are_added(installation):
    installation.start()
    gateway = installation.gateway
    made = make(gateway, 7)

    first = gateway.jobs(limit=3)
    added = make(gateway, 2)
    second = gateway.jobs(limit=3, cursor=first["next_cursor"])
    third = gateway.jobs(limit=3, cursor=second["next_cursor"])

    assert ids(first["jobs"] + second["jobs"] + third["jobs"]) == made
    assert third["next_cursor"] is None
    assert ids(gateway.all_jobs(limit=3)) == added + made
    assert gateway.jobs(limit=9)["next_cursor"] is None


def test_jobs_of_one_moment_come_once(installation):
    """The times of creation are equal: the id decides."""
    installation.start()
    gateway = installation.gateway
    made = make(gateway, 9)
    installation.query("UPDATE jobs SET created_at = '2026-01-31T12:00:00.123456Z' RETURNING 1")

    assert ids(gateway.all_jobs(limit=2)) == sorted(made, reverse=True)


def test_filters(installation):
    installation.start()
    gateway = installation.gateway
    sound = recording.wav(4)
    transcribe(gateway, sound)
    done = ids(gateway.jobs()["jobs"])
    cancelled, uploading, other = make(gateway, 3)
    assert gateway.cancel({"parent_job_id": cancelled}).status == 200

    assert ids(gateway.all_jobs(status="done", limit=1)) == done
    assert ids(gateway.all_jobs(status="cancelled,done", limit=1)) == [cancelled, *done]
    assert ids(gateway.jobs(status="uploading")["jobs"]) == [uploading, other]
    assert gateway.jobs(status="expired")["jobs"] == []
    installation.query("UPDATE jobs SET created_at = '2026-01-31T12:00:00Z' WHERE id = %s "
                       "RETURNING 1", other)
    moment = "2026-01-31T13:00:00+01:00"
    assert other in ids(gateway.jobs(created_after=moment)["jobs"])
    assert ids(gateway.jobs(created_before="2026-02-01T00:00:00Z")["jobs"]) == [other]
    assert gateway.jobs(created_before=moment)["jobs"] == []
    assert other not in ids(gateway.jobs(created_after="2026-01-31T12:00:00.001Z")["jobs"])


@pytest.mark.parametrize("query, field", [
    ("stauts=done", "stauts"), ("status=over", "status"), ("limit=0", "limit"),
    ("cursor=nowhere", "cursor"), ("created_after=today", "created_after"),
    ("include=all", "include"), ("limit=5&limit=6", "limit"),
])
def test_queries_that_make_no_sense(standing, query, field):
    refused = standing.gateway.request("GET", f"/jobs?{query}")

    assert refused.status == 422 and refused.json()["field"] == field


def test_jobs_that_are_not(standing):
    for job_id in ("11111111-2222-4333-8444-555555555555", "none"):
        refused = standing.gateway.request("GET", f"/jobs/{job_id}")
        assert refused.status == 404 and refused.json()["type"] == "/problems/job-not-found"
