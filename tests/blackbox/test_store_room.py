# SPDX-License-Identifier: Apache-2.0
"""The blob store's quota and the disk's reserve: full is told before anything is sent."""

import http.client
import shutil
from urllib.parse import urlsplit

from support import recording
from support.flow import final_result, init, upload_all

QUOTA = {"blob-store-max-bytes": "6MiB", "blob-store-count-every": "200ms",
         "blob-store-min-free": "0"}
FULL = "/problems/storage-full"


def try_init(gateway, sound, key=None):
    return gateway.post("/chunked-upload-stream", {
        "filename": sound.filename, "total_size": len(sound.data), "chunk_size_mb": 1},
        {"Idempotency-Key": key} if key else None)


def put_head_only(gateway, upload) -> int:
    """The answer to an upload whose body the client holds back until it is asked for."""
    connection = http.client.HTTPConnection(urlsplit(gateway.base_url).netloc, timeout=30)
    connection.putrequest("PUT", upload["upload_url"])
    connection.putheader("Content-Length", str(upload["expected_size"]))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    answer = connection.getresponse()
    connection.close()
    return answer.status


def test_a_quota_is_kept_and_room_comes_back(installation):
    installation.start(gateway_options=QUOTA)
    gateway = installation.gateway
    first, second = recording.wav(25), recording.wav(13)

    refused = try_init(gateway, recording.wav(60))
    job, late = init(gateway, first), try_init(gateway, second, "late").json()
    stream = gateway.stream(job)
    upload_all(gateway, job, first)
    assert final_result(stream)["final_transcript"] == first.text
    gateway.upload(late, second.data, 0)

    assert refused.status == 507 and refused.json()["type"] == FULL
    assert put_head_only(gateway, late["upload_urls"][1]) == 507
    again = try_init(gateway, second, "late")
    assert again.status == 201 and again.json()["parent_job_id"] == late["parent_job_id"]
    assert try_init(gateway, second, "other").status == 507
    assert try_init(gateway, first, "late").status == 422
    shutil.rmtree(installation.folder / "blobs" / "uploads" / job["parent_job_id"])
    installation.wait_for(lambda: try_init(gateway, first).status == 201)
    stream = gateway.stream(late)
    for index in range(1, second.chunk_count()):
        gateway.upload(late, second.data, index)
    assert final_result(stream)["final_transcript"] == second.text


def test_the_disk_keeps_its_reserve(installation):
    installation.start()
    careful = installation.start_gateway("gateway-2", {"blob-store-min-free": "1048576GiB"})
    sound = recording.wav(13)
    job = init(installation.gateway, sound)

    refused = try_init(careful, sound)

    assert refused.status == 507 and refused.json()["type"] == FULL
    assert "must stay free" in refused.json()["detail"]
    assert put_head_only(careful, job["upload_urls"][0]) == 507
    stream = installation.gateway.stream(job)
    upload_all(installation.gateway, job, sound)
    assert final_result(stream)["final_transcript"] == sound.text
