# SPDX-License-Identifier: Apache-2.0
"""A short recording does not wait for a long one that came before it."""

import os
import struct

from support import recording
from support.flow import final_result, init, upload_all

LONG_CHUNKS = 2000
IN_FLIGHT = 4
FIRST_OF_SHORT = 60000
# In a WAV file's header.
DATA_SIZE_AT, DATA_AT = 40, 44
QUEUED = "chunkscribe_worker_queued_records"


def upload_long(installation, chunk_count: int) -> dict:
    """A recording whose chunks all have the bytes of its second one: they are linked into the blob
    store, and only reported one by one."""
    gateway = installation.gateway
    size = recording.MIB
    sound = bytearray(recording.wav(13).data)
    struct.pack_into("<I", sound, DATA_SIZE_AT, chunk_count * size - DATA_AT)
    job = gateway.init("long.wav", chunk_count * size, chunk_size_mb=1)
    blobs = [installation.folder / "blobs" / upload["key"] for upload in job["upload_urls"]]
    for index in (0, 1):
        assert gateway.put(job["upload_urls"][index], bytes(sound)).status == 200
    for blob in blobs[2:]:
        os.link(blobs[1], blob)
    for index in range(chunk_count):
        assert gateway.complete(job, index).status == 200
    return job


def test_three_chunks_behind_two_thousand(installation):
    installation.start(worker_options={"max-in-flight": str(IN_FLIGHT)})
    script = installation.speech.script
    script.add([{"do": "hold"}])
    long = upload_long(installation, LONG_CHUNKS)
    installation.wait_held(IN_FLIGHT)
    sound = recording.wav(13, first=FIRST_OF_SHORT)
    short = init(installation.gateway, sound)
    stream = installation.gateway.stream(short)
    upload_all(installation.gateway, short, sound)
    installation.wait_for(lambda: installation.metric("worker-1", QUEUED)
                          == LONG_CHUNKS - IN_FLIGHT + sound.chunk_count())

    with script.edit() as faults:
        faults.clear()
    script.release()
    result = final_result(stream)
    requests = script.log()
    assert installation.gateway.cancel(long).status == 200

    assert result["final_transcript"] == sound.text
    # In the order of the requests, which may differ from that of the starts by what is in flight.
    is_short = [entry["words"][0] >= FIRST_OF_SHORT for entry in requests[IN_FLIGHT:]
                if entry["words"]]
    places = [place for place, is_ours in enumerate(is_short) if is_ours]
    assert places[0] <= IN_FLIGHT
    assert is_short[:places[sound.chunk_count() - 1]].count(False) <= 2 * IN_FLIGHT
