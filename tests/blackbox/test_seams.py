# SPDX-License-Identifier: Apache-2.0
"""The ledger of seams: how neighbouring chunks were joined, and what both had heard."""

from support import flow, recording
from support.flow import final_result, init, upload_all


def seams(gateway, job: dict, query: str = "") -> dict:
    answer = gateway.request(
        "GET", f"/chunked-seams?parent_job_id={job['parent_job_id']}{query}")
    assert answer.status == 200, answer.body
    return answer.json()


def transcribed(gateway, sound) -> dict:
    job = init(gateway, sound)
    stream = gateway.stream(job)
    upload_all(gateway, job, sound)
    assert final_result(stream)["final_transcript"] == sound.text
    return job


def test_each_seam_tells_both_readings_and_the_choice(standing):
    sound = recording.wav(40)
    job = transcribed(standing.gateway, sound)

    page = seams(standing.gateway, job)

    assert [seam["chunk_index"] for seam in page["seams"]] == list(range(1, sound.chunk_count()))
    assert page["next_seams_from"] is None
    for seam in page["seams"]:
        assert seam["method"] == "agreed" and seam["confidence"] > 0.8, seam
        assert abs(seam["crossing_ms"] - seam["border_ms"]) <= seam["overlap_ms"]
        assert seam["earlier_text"] and seam["later_text"]
        assert seam["text"] in sound.text
        words = set(seam["earlier_text"].split()) | set(seam["later_text"].split())
        assert set(seam["text"].split()) <= words


def test_pages_follow_each_other(standing):
    sound = recording.wav(40)
    job = transcribed(standing.gateway, sound)
    whole = seams(standing.gateway, job)["seams"]

    first = seams(standing.gateway, job, "&seams_limit=2")
    rest = seams(standing.gateway, job, f"&seams_from={first['next_seams_from']}")

    assert first["seams"] + rest["seams"] == whole and len(first["seams"]) == 2
    assert seams(standing.gateway, job, "&seams_from=10000")["seams"] == []


def test_a_failed_chunk_has_no_seams(standing):
    sound = recording.wav(60)
    standing.speech.script.add([{"do": "status", "status": 400, "word": 30}])
    job = init(standing.gateway, sound)
    stream = standing.gateway.stream(job)
    upload_all(standing.gateway, job, sound)
    final_result(stream)
    standing.speech.script.reset()

    failed = {chunk["chunk_index"] for chunk in standing.gateway.status(job)["sub_jobs"]
              if chunk["status"] == "failed"}
    joined = {seam["chunk_index"] for seam in seams(standing.gateway, job)["seams"]}
    assert failed
    assert joined == (set(range(1, sound.chunk_count())) - failed
                      - {index + 1 for index in failed})


def test_questions_that_make_no_sense_are_refused(standing):
    request = standing.gateway.request
    job = "00000000-0000-4000-8000-000000000000"

    assert request("GET", "/chunked-seams").status == 422
    assert request("GET", f"/chunked-seams?parent_job_id={job}").status == 404
    assert request("GET", f"/chunked-seams?parent_job_id={job}&seams_limit=1001").status == 422
    assert request("GET", f"/chunked-seams?parent_job_id={job}&seams_from=-1").status == 422


def test_a_recording_in_one_chunk_has_none(standing):
    sound = recording.wav(4)
    result = flow.transcribe(standing.gateway, sound)
    assert seams(standing.gateway, {"parent_job_id": result["parent_job_id"]})["seams"] == []
