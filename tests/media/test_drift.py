# SPDX-License-Identifier: Apache-2.0
"""Whether the times of three hours drift: `./dev test media --long`."""

import pytest
from media.chunks import check, cut
from media.recordings import LONG_S, RECORDINGS, decode_by_ffmpeg, make

CHUNKS = 300
DECODE_EVERY = 30


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("recording", [row for row in RECORDINGS if row.is_in_long_run],
                         ids=lambda recording: recording.name)
def test_drift__three_hours_end_at_their_time(recording, tmp_path):
    path = make(recording, tmp_path, LONG_S)
    reference = decode_by_ffmpeg(recording, path)
    check(recording, cut(path, path.stat().st_size // CHUNKS, reference, DECODE_EVERY))
    reference.unlink()
    path.unlink()
