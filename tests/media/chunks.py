# SPDX-License-Identifier: Apache-2.0
"""Runs media-chunks, and says what must hold of what it finds."""

import json
import os
import subprocess
from pathlib import Path

from dev import paths
from media.recordings import Recording

BUILD = Path(os.environ.get("CHUNKSCRIBE_TEST_BUILD", paths.build_dir("release")))
MEDIA_CHUNKS = BUILD / "tests" / "media" / "media-chunks"


def cut(path: Path, chunk_bytes: int, reference: Path, decode_every: int = 1,
        first_chunk_bytes: int | None = None) -> dict:
    done = subprocess.run([MEDIA_CHUNKS, path, str(chunk_bytes), reference, str(decode_every),
                           str(first_chunk_bytes or chunk_bytes)],
                          check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def check(recording: Recording, worst: dict) -> None:
    print(recording.name, worst)
    assert worst["codec"] == recording.codec
    assert worst["samples"] == worst["reference_samples"]
    assert (worst["lag"], worst["undecodable_units"]) == (0, 0)
    if not recording.has_random_noise:
        assert worst["wrong"] == 0
        assert worst["head_ms"] <= recording.head_ms
        assert worst["tail_ms"] <= recording.tail_ms
    assert worst["lost"] <= recording.seam_samples * worst["chunks"]
    assert worst["doubled"] <= recording.seam_samples * worst["chunks"]
    assert worst["position_error"] <= recording.seam_samples
    assert (worst["unspanned"], worst["unjoined"]) == (0, 0)
