# SPDX-License-Identifier: Apache-2.0
"""Whether any chunk of a recording, decoded alone or beside whichever neighbours came before it,
is exactly that stretch of the whole file's decoding by ffmpeg, and whether the chunks add up to the
file in every order of arrival."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from media.chunks import check, cut
from media.recordings import RECORDINGS, decode_by_ffmpeg, make

CHUNKS = (9, 40)  # about so many a file
# As many more, and then one of so few bytes that no unit, or part of one, begins in them.
FULL_CHUNKS = 4
END_BYTES = 40


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_media__any_chunk_is_its_part_of_the_file(recording, tmp_path):
    path = make(recording, tmp_path, recording.seconds)
    reference = decode_by_ffmpeg(recording, path)
    size = path.stat().st_size
    sizes = {max(size // chunks + 1237, recording.chunk_bytes_min) for chunks in CHUNKS}
    sizes.add((size - END_BYTES) // FULL_CHUNKS)
    # The last one is a ramp.
    cuts = [(chunk_bytes, chunk_bytes) for chunk_bytes in sizes] + [(max(sizes), min(sizes))]
    with ThreadPoolExecutor() as pool:
        for worst in pool.map(lambda each: cut(path, each[0], reference, first_chunk_bytes=each[1]),
                              cuts):
            check(recording, worst)
    reference.unlink()
    path.unlink()
