# SPDX-License-Identifier: Apache-2.0
"""A disk that is full refuses an upload before or in the middle of its bytes, and keeps nothing."""

import pytest
from fleet import BUILD, Load
from support.invariants import check_all
from support.recording import wav


@pytest.fixture
def disk(fleet):
    """The switch of a gateway whose disk can be full: a file with the call that fails."""
    folder = fleet.installation.folder / "blobs"
    switch = folder / ".full"
    fleet.environment["gateway-1"] = {"LD_PRELOAD": str(BUILD / "tests" / "libfull-disk.so"),
                                      "CHUNKSCRIBE_FULL_DISK": str(folder)}
    fleet.restart("gateway-1")
    yield switch
    switch.unlink(missing_ok=True)
    fleet.environment["gateway-1"] = {}
    fleet.restart("gateway-1")


@pytest.mark.parametrize("call", ["fallocate", "write"])
def test_a_full_disk(fleet, disk, seed, call):
    job = Load(fleet, seed).add_unsent_recording(wav(11, first=64000))
    gateway, upload = job.client.gateways[0], job.facts["upload_urls"][0]
    folder = (fleet.installation.folder / "blobs" / upload["key"]).parent

    disk.write_text(call)
    refused = gateway.put(upload, job.recording.data)
    disk.unlink()

    assert refused.status == 507 and refused.json()["type"] == "/problems/storage-full"
    fleet.installation.wait_for(lambda: list(folder.iterdir()) == [])
    assert gateway.complete(job.facts, 0).status == 409
    job.upload()
    check_all(fleet.installation, [job])
