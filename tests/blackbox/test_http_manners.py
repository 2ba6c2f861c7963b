# SPDX-License-Identifier: Apache-2.0
"""What HTTP clients, caches and browsers rely on, whatever the call."""

import gzip
import json

import pytest
from support import recording
from support.flow import init, transcribe

APP = "https://app.example"


def job_paths(gateway) -> tuple[str, ...]:
    job_id = gateway.jobs(limit=1)["jobs"][0]["job_id"]
    return "/jobs?include=sub_jobs", f"/jobs/{job_id}", \
        f"/chunked-upload-status?parent_job_id={job_id}"


@pytest.fixture(scope="module")
def finished(standing):
    """A fleet with a finished job."""
    transcribe(standing.gateway, recording.wav(40))
    return standing.gateway


def test_an_unchanged_answer_is_not_sent_again(finished):
    for path in job_paths(finished):
        first = finished.request("GET", path)
        tag = first.headers["etag"]

        again = finished.request("GET", path, headers={"If-None-Match": f'"other", {tag}'})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        assert first.headers["cache-control"] == again.headers["cache-control"] == \
            "private, no-cache"
        assert finished.request("GET", path, headers={"If-None-Match": '"other"'}).body == \
            first.body
        assert finished.request("HEAD", path, headers={"If-None-Match": tag}).status == 304


def test_the_tag_changes_with_the_job(standing, finished):
    job = init(finished, recording.wav(10))
    path = f"/jobs/{job['parent_job_id']}"
    tag = finished.request("GET", path).headers["etag"]
    assert finished.cancel(job).status == 200

    changed = finished.request("GET", path, headers={"If-None-Match": tag})

    assert changed.status == 200 and changed.json()["status"] == "cancelled"
    assert changed.headers["etag"] != tag


def test_json_is_compressed_for_who_takes_it(finished):
    for path in job_paths(finished):
        plain = finished.request("GET", path)
        packed = finished.request("GET", path, headers={"Accept-Encoding": "br, gzip;q=0.8"})

        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
        assert len(packed.raw_body) < len(plain.raw_body)
        assert packed.json() == plain.json()
        assert packed.headers["etag"] == plain.headers["etag"]


def test_a_long_answer_is_compressed_beside_the_loop(standing):
    answer = standing.gateway.request(
        "POST", "/chunked-upload-stream", json.dumps(
            {"filename": "day.mp3", "total_size": 10000 << 20, "chunk_size_mb": 1}).encode(),
        {"Content-Type": "application/json", "Accept-Encoding": "gzip"})

    assert answer.status == 201 and answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["upload_urls"]) == 10000
    assert len(answer.raw_body) < len(answer.body) / 3


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/jobs"])
def test_head_is_get_without_the_body(finished, path):
    got = finished.request("GET", path)
    head = finished.request("HEAD", path)

    assert head.status == got.status == 200 and head.body == b""
    same = {"content-type", "cache-control", "etag"} & set(got.headers)
    assert {name: head.headers[name] for name in same} == {name: got.headers[name] for name in same}
    assert int(head.headers["content-length"]) > 0


def test_head_of_a_stream_says_what_a_get_would(finished):
    job_id = finished.jobs(limit=1)["jobs"][0]["job_id"]
    head = finished.request("HEAD", f"/chunked-stream/{job_id}")

    assert head.status in (200, 204) and head.body == b""


@pytest.mark.parametrize("path, methods", [
    ("/jobs", {"GET", "HEAD", "OPTIONS"}),
    ("/chunked-upload-stream", {"POST", "OPTIONS"}),
    ("/uploads/a/b", {"PUT", "OPTIONS"}),
])
def test_options_and_405_name_the_methods(standing, path, methods):
    allowed = standing.gateway.request("OPTIONS", path)
    refused = standing.gateway.request("DELETE", path)

    assert allowed.status == 204 and set(allowed.headers["allow"].split(", ")) == methods
    assert refused.status == 405 and set(refused.headers["allow"].split(", ")) == methods


def test_pages_of_allowed_origins(installation):
    installation.start(gateway_options={"allowed-origin": APP})
    gateway = installation.gateway
    asked = {"Origin": APP, "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "content-type,idempotency-key"}

    allowed = gateway.request("OPTIONS", "/chunked-upload-stream", headers=asked)
    got = gateway.request("GET", "/jobs", headers={"Origin": APP})
    refused = gateway.request("GET", "/jobs", headers={"Origin": "https://evil.example"})

    assert allowed.headers["access-control-allow-origin"] == APP
    assert "POST" in allowed.headers["access-control-allow-methods"]
    names = allowed.headers["access-control-allow-headers"].lower()
    assert all(name in names for name in ("content-type", "idempotency-key", "if-none-match",
                                          "last-event-id", "x-request-id"))
    assert got.status == 200 and got.headers["access-control-allow-origin"] == APP
    assert "RateLimit" in got.headers["access-control-expose-headers"]
    assert refused.status == 403 and "access-control-allow-origin" not in refused.headers


def test_a_client_that_asks_too_often(installation):
    installation.start(gateway_options={"rate-limit": 3, "rate-window": "1h"})
    gateway = installation.gateway

    answers = [gateway.request("GET", "/jobs") for _ in range(4)]

    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"client";q=3;w=3600'
    assert answers[0].headers["ratelimit"] == '"client";r=2;t=3600'
    assert answers[3].headers["ratelimit"].startswith('"client";r=0;t=')
    assert 0 < int(answers[3].headers["retry-after"]) <= 3600
    assert answers[3].json()["type"] == "/problems/too-many-requests"
    for path in ("/healthz", "/", "/chunked-stream/11111111-2222-4333-8444-555555555555"):
        assert gateway.request("GET", path).status in (200, 404), path


def test_request_ids(standing):
    given = standing.gateway.request("GET", "/jobs", headers={"X-Request-Id": "mine-1.2_3"})
    made = standing.gateway.request("GET", "/jobs/none", headers={"X-Request-Id": "no good!"})

    assert given.headers["x-request-id"] == "mine-1.2_3"
    assert made.headers["x-request-id"] == made.json()["request_id"] != "no good!"


@pytest.mark.parametrize("headers, body, status, problem", [
    ({"Content-Type": "text/plain"}, b"{}", 415, "unsupported-media-type"),
    ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, gzip.compress(b"{}"), 415,
     "unsupported-media-type"),
    ({"Content-Type": "application/json"}, b" " * (1 << 20), 413, "body-too-large"),
    ({"Content-Type": "application/json"}, b"", 400, "invalid-json"),
    ({"Content-Type": "application/json"}, b'{"filename": "a.wav", "total_size": 1, "x": 1}', 422,
     "unknown-field"),
    ({"Content-Type": "application/json", "Expect": "200-ok"}, b"{}", 417, "expectation-failed"),
])
def test_what_cannot_be_taken(standing, headers, body, status, problem):
    refused = standing.gateway.request("POST", "/chunked-upload-stream", body, headers)

    assert refused.status == status and refused.json()["type"] == f"/problems/{problem}"
    assert refused.headers["content-type"] == "application/problem+json"
