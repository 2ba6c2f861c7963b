# SPDX-License-Identifier: Apache-2.0
"""Every input error gets the right status and a problem that names the field and the bound; nothing
is lost and nothing dies."""

import http.client
import json
import re
from urllib.parse import urlsplit

import pytest
from support import flow, recording
from support.flow import final_result, init, upload_all

GOOD = {"filename": "talk.wav", "total_size": 10 << 20, "chunk_size_mb": 5}
MISSING = object()

INIT_ERRORS = [
    # change, status, field, what the detail must say
    ({"filename": MISSING}, 422, "filename", "filename"),
    ({"filename": ""}, 422, "filename", "filename"),
    ({"filename": 7}, 422, "filename", "string"),
    ({"filename": "talk.aiff"}, 422, "filename", "(?i)aiff"),
    ({"filename": "talk.caf"}, 422, "filename", "CAF"),
    ({"filename": "talk"}, 422, "filename", "(?i)wav"),
    ({"filename": "x" * 5000 + ".wav"}, 422, "filename", "bytes|characters"),
    ({"total_size": MISSING}, 422, "total_size", "total_size"),
    ({"total_size": 0}, 422, "total_size", "1"),
    ({"total_size": -5}, 422, "total_size", "1"),
    ({"total_size": 1.5}, 422, "total_size", "integer"),
    ({"total_size": "10"}, 422, "total_size", "integer"),
    ({"total_size": 1 << 60}, 422, "total_size", r"\d"),
    ({"chunk_size_mb": 0}, 422, "chunk_size_mb", "1.*100"),
    ({"chunk_size_mb": 101}, 422, "chunk_size_mb", "1.*100"),
    ({"chunk_size_mb": "5"}, 422, "chunk_size_mb", "integer|number"),
    ({"total_size": 11 << 30, "chunk_size_mb": 1}, 422, "chunk_size_mb", "2"),
    ({"use_llm": True}, 422, "use_llm", "(?i)llm"),
    ({"use_llm": "yes"}, 422, "use_llm", "true or false|boolean"),
    ({"llm_mode": "sometimes"}, 422, "llm_mode", "per_chunk"),
    ({"webhook_url": "https://example.com/hook"}, 422, "webhook_url", "webhook"),
    ({"chunk_size": 5}, 422, "chunk_size", "chunk_size_mb"),
    ({"nonsense": 5}, 422, "nonsense", "nonsense"),
]


@pytest.mark.parametrize("change, status, field, says", INIT_ERRORS,
                         ids=[str(row[0])[:50].replace("<object", "") for row in INIT_ERRORS])
def test_init(standing, change, status, field, says):
    body = {name: value for name, value in {**GOOD, **change}.items() if value is not MISSING}

    answer = standing.gateway.post("/chunked-upload-stream", body)

    problem = answer.json()
    assert answer.status == status, problem
    assert problem["field"] == field, problem
    assert re.search(says, problem["detail"]), problem


@pytest.mark.parametrize("body, content_type, status", [
    (b"", "application/json", 400),
    (b"{", "application/json", 400),
    (b"[]", "application/json", 400),
    (b'{"filename": "a.wav"} x', "application/json", 400),
    (b"\xff\xfe", "application/json", 400),
    (b"[" * 5000, "application/json", 400),
    (json.dumps(GOOD).encode(), "text/plain", 415),
    (json.dumps(GOOD).encode(), "application/x-www-form-urlencoded", 415),
    (b" " * (1 << 20) + b"{}", "application/json", 413),
])
def test_malformed_bodies(standing, body, content_type, status):
    answer = standing.gateway.request("POST", "/chunked-upload-stream", body,
                                      {"Content-Type": content_type})

    assert answer.status == status, answer.body


def test_the_seeds_own_sample_is_refused_by_the_missing_option(standing):
    sample = {"filename": "podcast-episode.mp3", "total_size": 524288000, "chunk_size_mb": 5,
              "use_llm": True, "llm_mode": "per_chunk"}

    answer = standing.gateway.post("/chunked-upload-stream", sample)

    assert answer.status == 422 and "use_llm" in answer.json()["detail"]
    assert standing.gateway.post("/chunked-upload-stream",
                                 {**sample, "use_llm": False}).status == 201


@pytest.fixture(scope="module")
def job(standing):
    """A job of three chunks of which the first is stored, and none is reported."""
    sound = recording.wav(13)
    job = init(standing.gateway, sound)
    assert standing.gateway.put(job["upload_urls"][0], sound.data).status == 200
    return job, sound


UNKNOWN_JOB = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("change, status, field", [
    ({"parent_job_id": UNKNOWN_JOB}, 404, "parent_job_id"),
    ({"parent_job_id": "x"}, 422, "parent_job_id"),
    ({"parent_job_id": MISSING}, 422, "parent_job_id"),
    ({"chunk_index": -1}, 422, "chunk_index"),
    ({"chunk_index": 3}, 422, "chunk_index"),
    ({"chunk_index": "0"}, 422, "chunk_index"),
    ({"actual_size": 5}, 422, "actual_size"),
    ({"actual_size": MISSING}, 422, "actual_size"),
    ({"chunk_index": 1}, 409, "chunk_index"),  # not uploaded yet
    ({"extra": 1}, 422, "extra"),
])
def test_completion(standing, job, change, status, field):
    body = {"parent_job_id": job[0]["parent_job_id"], "chunk_index": 0, "actual_size": 1 << 20}
    body = {n: v for n, v in {**body, **change}.items() if v is not MISSING}

    answer = standing.gateway.post("/chunk-upload-complete", body)

    assert answer.status == status, answer.body
    assert answer.json().get("field") == field, answer.body


def test_completion_twice_has_the_same_answer(standing):
    sound = recording.wav(5)
    job = init(standing.gateway, sound)
    stream = standing.gateway.stream(job)
    standing.gateway.put(job["upload_urls"][0], sound.data)

    first = standing.gateway.complete(job, 0)
    again = standing.gateway.complete(job, 0)
    final_result(stream)
    late = standing.gateway.complete(job, 0)

    assert first.status == again.status == late.status == 200
    assert first.json() == again.json() == late.json()


def test_put_with_other_sizes(standing, job):
    upload = job[0]["upload_urls"][1]

    for size in (0, 1, (1 << 20) - 1, (1 << 20) + 1):
        answer = standing.gateway.request("PUT", upload["upload_url"], b"x" * size)
        assert answer.status in (400, 413, 422), (size, answer.status)
        assert str(1 << 20) in answer.json()["detail"]


def test_put_without_content_length_is_411(standing, job):
    connection = http.client.HTTPConnection(urlsplit(standing.gateway.base_url).netloc, timeout=10)
    connection.putrequest("PUT", job[0]["upload_urls"][1]["upload_url"])
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()

    answer = connection.getresponse()

    assert answer.status == 411
    connection.close()


def test_tampered_urls_are_refused(standing, job):
    url = job[0]["upload_urls"][1]["upload_url"]
    body = b"x" * (1 << 20)
    changes = {
        "another chunk": url.replace("chunk.1.wav", "chunk.2.wav"),
        "later expiry": re.sub(r"expires=(\d+)", lambda m: f"expires={int(m[1]) + 1}", url),
        "other size": re.sub(r"size=\d+", "size=1048577", url),
        "no signature": re.sub(r"&signature=[0-9a-f]+", "", url),
        "no query": url.partition("?")[0],
        "another key": re.sub(r"([?&])key=[^&]+", r"\1key=other", url),
        "climbing": url.replace("chunk.1.wav", "../../etc/passwd"),
    }
    last = re.search(r"signature=([0-9a-f]+)", url)[1]
    for i in range(0, len(last), 7):
        flipped = last[:i] + ("0" if last[i] != "0" else "1") + last[i + 1:]
        changes[f"digit {i}"] = url.replace(last, flipped)

    for what, changed in changes.items():
        assert changed != url, what
        answer = standing.gateway.request("PUT", changed, body)
        assert answer.status in (400, 403, 404), (what, answer.status)


def test_expired_url(installation):
    installation.start(workers=0, gateway_options={"upload-url-lifetime": "1s"})
    sound = recording.wav(5)
    job = init(installation.gateway, sound)

    def put():
        return installation.gateway.put(job["upload_urls"][0], sound.data)
    answer = put()
    while answer.status == 200:  # the same bytes may be put again until the URL expires
        answer = put()

    assert answer.status == 403
    assert "expired" in answer.json()["detail"]


def test_second_put(standing, job):
    recorded, sound = job
    upload = recorded["upload_urls"][0]
    other = bytes(reversed(sound.data[:1 << 20]))

    assert standing.gateway.put(upload, sound.data).status == 200
    conflict = standing.gateway.request("PUT", upload["upload_url"], other)
    assert conflict.status == 409
    assert standing.gateway.put(upload, sound.data).status == 200


def test_a_cut_upload_leaves_nothing(standing):
    sound = recording.wav(13)
    job = init(standing.gateway, sound)
    upload = job["upload_urls"][0]
    connection = http.client.HTTPConnection(urlsplit(standing.gateway.base_url).netloc, timeout=10)
    connection.putrequest("PUT", upload["upload_url"])
    connection.putheader("Content-Length", str(1 << 20))
    connection.endheaders(sound.data[:1 << 19])
    connection.close()

    refused = standing.gateway.complete(job, 0)
    assert refused.status == 409
    stream = standing.gateway.stream(job)
    upload_all(standing.gateway, job, sound)
    assert final_result(stream)["final_transcript"] == sound.text


def test_a_file_that_is_no_audio_fails_with_a_reason(standing):
    noise = bytes(range(256)) * 8192  # 2 MiB
    job = standing.gateway.init("noise.wav", len(noise), chunk_size_mb=1)
    stream = standing.gateway.stream(job)

    upload_all(standing.gateway, job, recording.Recording("noise.wav", noise, ""))
    failed = stream.wait_for_type("job_failed")
    stream.wait_end()

    assert failed.data["parent_job_id"] == job["parent_job_id"]
    reasons = [event.data["error"] for event in stream.of_type("chunk_failed")]
    assert len(reasons) == 2 and all(reason["message"] for reason in reasons)
    status = standing.gateway.status(job)
    assert status["status"] == "failed"
    assert [chunk["status"] for chunk in status["sub_jobs"]] == ["failed", "failed"]


def test_unknown_pages_and_methods(standing):
    assert standing.gateway.request("GET", "/no-such-page").status == 404
    wrong = standing.gateway.request("DELETE", "/chunked-upload-stream")
    assert wrong.status == 405 and "POST" in wrong.headers["allow"]
    assert standing.gateway.request("GET", "/chunked-upload-status").status in (400, 422)
    assert standing.gateway.request(
        "GET", f"/chunked-upload-status?parent_job_id={UNKNOWN_JOB}").status == 404


def test_foreign_hosts_and_origins_are_refused(standing):
    gateway = standing.gateway
    body = json.dumps(GOOD).encode()
    json_type = {"Content-Type": "application/json"}

    assert gateway.request("POST", "/chunked-upload-stream", body,
                           {**json_type, "Host": "evil.example"}).status in (400, 403, 421)
    assert gateway.request("POST", "/chunked-upload-stream", body,
                           {**json_type, "Origin": "http://evil.example"}).status == 403
    assert gateway.request("POST", "/chunked-upload-stream", body,
                           {**json_type, "Origin": gateway.base_url}).status == 201


def test_idempotency_key(standing):
    first = standing.gateway.post("/chunked-upload-stream", GOOD, {"Idempotency-Key": "k-1"})
    again = standing.gateway.post("/chunked-upload-stream", GOOD, {"Idempotency-Key": "k-1"})
    other = standing.gateway.post("/chunked-upload-stream", {**GOOD, "chunk_size_mb": 6},
                                  {"Idempotency-Key": "k-1"})

    assert first.status == again.status == 201
    assert first.json()["parent_job_id"] == again.json()["parent_job_id"]
    assert other.status == 422


def test_the_fleet_still_works_after_all_of_it(standing):
    sound = recording.wav(13)

    assert flow.transcribe(standing.gateway, sound)["final_transcript"] == sound.text
