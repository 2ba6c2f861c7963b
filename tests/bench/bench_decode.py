# SPDX-License-Identifier: Apache-2.0
"""What decoding costs beside ffmpeg: CPU time for each second of audio, on the same machine, in
turns, and how the decoder's memory and the bytes that a chunk needs go with the file's size.

CPU time: ours for each second decoded, the neighbours' among them, and ffmpeg's on the whole file,
both to 16 kHz mono; the median of the rounds.
"""

import json
import resource
import statistics
import subprocess
import tempfile
from pathlib import Path

from bench.report import report
from dev import paths
from media.recordings import RECORDINGS, make

BENCH_DECODE = paths.build_dir("release") / "tests" / "bench-decode"
NAMES = ("s16.wav", "cbr.mp3", "s16.flac", "stereo.aac", "stereo.opus", "stereo.ogg", "last.m4a",
         "fragments.mp4", "video.mp4", "lossless.m4a", "stereo.webm", "vorbis.webm")
SECONDS, LONGER = 7 * 60, 4  # the same sound four times as long shows what memory follows
CHUNKS = 7
CHUNK_BYTES_MIN = 1 << 20  # as a client can ask for at the least
ROUNDS = 5
OVERLAP_S = 6


def _ours(path: Path) -> dict:
    chunk_bytes = max(path.stat().st_size // CHUNKS + 1, CHUNK_BYTES_MIN)
    done = subprocess.run([BENCH_DECODE, path, str(chunk_bytes)], check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def _ffmpeg_cpu_s(path: Path, decoder: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-threads", "1", *decoder, "-i", path,
                    "-map", "0:a:0", "-ac", "1", "-ar", "16000", "-f", "s16le", "-y", "/dev/null"],
                   check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _measure(recording, folder: Path) -> None:
    path = make(recording, folder, SECONDS)
    decoder = ["-c:a", "libopus"] if recording.codec == "opus" else []
    theirs_ms, ours_ms, ours = [], [], {}
    for _ in range(ROUNDS):
        theirs_ms.append(1000 * _ffmpeg_cpu_s(path, decoder) / SECONDS)
        ours = _ours(path)
        ours_ms.append(1000 * ours["cpu_s"] / ours["audio_s"])
    report("decode", f"{recording.name}: CPU for a second of audio", statistics.median(ours_ms),
           "ms", ROUNDS, "ffmpeg", statistics.median(theirs_ms))
    overlaps = 2 * (ours["chunks"] - 1) * OVERLAP_S * ours["file_bytes"] / SECONDS
    report("decode", f"{recording.name}: bytes fetched, with the header once",
           ours["fetched_bytes"] + ours["header_bytes"], "bytes", 1,
           "chunks, six seconds each side, header",
           ours["file_bytes"] + overlaps + ours["header_bytes"])
    path.unlink()
    longer = make(recording, folder, LONGER * SECONDS)
    report("decode", f"{recording.name}: memory at its highest, {LONGER} times as long",
           _ours(longer)["rss_kib"] / 1024, "MiB", 1, "as long as above", ours["rss_kib"] / 1024)
    longer.unlink()


def main() -> None:
    by_name = {recording.name: recording for recording in RECORDINGS}
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            _measure(by_name[name], Path(folder))


if __name__ == "__main__":
    main()
