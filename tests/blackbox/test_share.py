# SPDX-License-Identifier: Apache-2.0
"""Shared links and the stored recording: what a token lets its holder read, and nothing else."""

import http.client
import random
import shutil
from urllib.parse import parse_qs, urlsplit

import pytest
from support import recording
from support.flow import final_result, init, upload_all
from support.sse import Stream


def share(gateway, job, **body) -> dict:
    answer = gateway.post(f"/jobs/{job['parent_job_id']}/share", body)
    assert answer.status == 201, answer.body
    return answer.json()


def token_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["token"][0]


@pytest.fixture(scope="module")
def sound():
    return recording.wav(25)


@pytest.fixture(scope="module")
def job(standing, sound):
    job = init(standing.gateway, sound)
    stream = standing.gateway.stream(job)
    upload_all(standing.gateway, job, sound)
    final_result(stream)
    return job


def test_a_shared_job_can_be_read_in_every_way(standing, job, sound):
    links = share(standing.gateway, job)

    def get(name):
        return standing.gateway.request("GET", links[name])

    assert get("status_url").json()["final_transcript"] == sound.text
    assert get("transcript_url").body.decode() == sound.text + "\n"
    assert get("audio_url").body == sound.data
    stream = Stream(standing.gateway.base_url, links["stream_url"], None)
    assert final_result(stream)["final_transcript"] == sound.text
    assert links["share_url"] == f"/#{job['parent_job_id']}&token={links['token']}"


def test_a_token_only_reads_and_only_its_job(standing, job, sound):
    gateway = standing.gateway
    token = share(gateway, job)["token"]
    other = init(gateway, sound)["parent_job_id"]
    mine = job["parent_job_id"]

    for path in ("/chunked-upload-cancel", "/chunked-upload-retry", "/chunked-upload-stream",
                 "/chunk-upload-complete", f"/jobs/{mine}/share"):
        refused = gateway.post(f"{path}?token={token}", {"parent_job_id": mine})
        assert (refused.status, refused.json()["type"]) == (403, "/problems/forbidden"), path
    for path in (f"/chunked-upload-status?parent_job_id={other}",
                 f"/chunked-transcript?parent_job_id={other}",
                 f"/chunked-audio?parent_job_id={other}", f"/chunked-stream/{other}?"):
        refused = gateway.request("GET", f"{path}&token={token}")
        assert (refused.status, refused.json()["type"]) == (403, "/problems/signature-invalid")


def test_a_changed_token_is_worth_nothing(standing, job):
    gateway = standing.gateway
    url = share(gateway, job)["status_url"]
    token = token_of(url)
    at = [0, token.index(".") + 1, len(token) - 1, *random.Random(1).sample(range(len(token)), 8)]

    for index in at:
        changed = token[:index] + ("0" if token[index] != "0" else "1") + token[index + 1:]
        assert gateway.request("GET", url.replace(token, changed)).status == 403


def test_a_link_without_the_recording(standing, job, sound):
    links = share(standing.gateway, job, audio=False, expires_in_s=60)
    audio = f"/chunked-audio?parent_job_id={job['parent_job_id']}"

    assert links["audio_url"] is None
    shared = standing.gateway.request("GET", f"{audio}&token={links['token']}")
    bare = standing.gateway.request("GET", audio)

    assert (shared.status, shared.json()["type"]) == (403, "/problems/forbidden")
    assert (bare.status, bare.json()["type"]) == (403, "/problems/signature-invalid")
    assert standing.gateway.request("GET", links["transcript_url"]).status == 200


def test_what_cannot_be_shared(standing, job):
    gateway = standing.gateway

    unknown = gateway.post("/jobs/00000000-0000-4000-8000-000000000000/share", {})
    too_long = gateway.post(f"/jobs/{job['parent_job_id']}/share", {"expires_in_s": 31 * 86400})

    assert unknown.status == 404
    assert too_long.status == 422
    assert (too_long.json()["minimum"], too_long.json()["maximum"]) == (60, 30 * 86400)


def test_ranges_of_the_recording(standing, job, sound):
    url = share(standing.gateway, job)["audio_url"]
    size = len(sound.data)
    chunk = 1 << 20
    whole = standing.gateway.request("GET", url)
    etag = whole.headers["etag"]

    def part(value, **headers):
        return standing.gateway.request("GET", url, headers={"Range": value, **headers})

    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-type"] == "audio/wav"
    # Inside a chunk, over one border, over several, and each end.
    for first, last in ((0, 0), (10, 2000), (chunk - 1, chunk), (chunk - 5, 3 * chunk + 5),
                        (size - 1, size - 1)):
        answer = part(f"bytes={first}-{last}")
        assert answer.status == 206 and answer.body == sound.data[first:last + 1]
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{size}"
    assert part("bytes=-100").body == sound.data[-100:]
    assert part(f"bytes={chunk}-", **{"If-Range": etag}).body == sound.data[chunk:]
    changed = part("bytes=0-0", **{"If-Range": '"other"'})
    assert changed.status == 200 and changed.body == sound.data
    beyond = part(f"bytes={size}-")
    assert beyond.status == 416 and beyond.headers["content-range"] == f"bytes */{size}"
    assert beyond.json()["type"] == "/problems/range-not-satisfiable"
    known = standing.gateway.request("GET", url, headers={"If-None-Match": etag})
    assert known.status == 304
    for value in ("bytes=0-9", f"bytes={size}-"):
        known = part(value, **{"If-None-Match": etag})
        assert known.status == 304 and "content-range" not in known.headers
    for headers in ({}, {"Range": "bytes=0-9"}, {"Range": f"bytes={size}-"}):
        head = standing.gateway.request("HEAD", url, headers=headers)
        assert head.status == 200 and int(head.headers["content-length"]) == size


def test_a_recording_that_is_not_there_whole(standing, sound):
    gateway = standing.gateway
    job = init(gateway, sound)
    url = share(gateway, job)["audio_url"]
    gateway.upload(job, sound.data, 0)

    early = gateway.request("GET", url)
    assert (early.status, early.json()["type"]) == (409, "/problems/chunk-not-stored")
    for index in range(1, sound.chunk_count()):
        gateway.upload(job, sound.data, index)
    gateway.wait_status(job, lambda status: status["status"] == "done")
    assert gateway.request("GET", url).body == sound.data
    folder = standing.folder / "blobs" / "uploads" / job["parent_job_id"]
    (folder / f"chunk.{sound.chunk_count() - 1}.wav").unlink()
    # What is missing is found where it would be read.
    part = gateway.request("GET", url, headers={"Range": "bytes=0-999"})
    assert part.status == 206 and part.body == sound.data[:1000]
    end = gateway.request("GET", url, headers={"Range": "bytes=-1"})
    assert (end.status, end.json()["type"]) == (410, "/problems/audio-gone")
    with pytest.raises(http.client.IncompleteRead):
        gateway.request("GET", url)
    shutil.rmtree(folder)
    late = gateway.request("GET", url)
    assert (late.status, late.json()["type"]) == (410, "/problems/audio-gone")


def test_links_outlive_a_change_of_keys(installation, sound, tmp_path):
    keys = tmp_path / "keys"
    old, new = f"old {'01' * 32}", f"new {'02' * 32}"
    keys.write_text(old + "\n")
    installation.start(gateway_options={"signing-key-file": str(keys)})
    job = init(installation.gateway, sound)
    upload_all(installation.gateway, job, sound)
    url = share(installation.gateway, job)["status_url"]

    def with_keys(name, text):
        keys.write_text(text + "\n")
        return installation.start_gateway(name, {"signing-key-file": str(keys)})

    both = with_keys("gateway-2", f"{new}\n{old} until=2099-01-01T00:00:00Z")
    over = with_keys("gateway-3", f"{new}\n{old} until=2020-01-01T00:00:00Z")
    gone = with_keys("gateway-4", new)

    assert both.request("GET", url).status == 200
    assert over.request("GET", url).json()["type"] == "/problems/signature-expired"
    assert gone.request("GET", url).json()["type"] == "/problems/signature-invalid"
    fresh = share(both, job)["status_url"]
    assert token_of(fresh).split(".")[2] == "new"
    for gateway in (both, over, gone):
        assert gateway.request("GET", fresh).status == 200
