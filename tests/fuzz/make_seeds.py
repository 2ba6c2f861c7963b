# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds of tests/fuzz/corpus: a moment of sound in each format, by ffmpeg.

    python tests/fuzz/make_seeds.py

What a seed begins with chooses which bytes are there and which the chunk owns: see fuzz_media.c.
"""

import struct
import subprocess
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
WHOLE = bytes.fromhex("ffff0000ffff0001")
MIDDLE = bytes.fromhex("8000600080004001")
FRAMES = struct.Struct("<II")
AAC = "-ac 1 -ar 8000 -c:a aac -b:a 16k"
SEEDS = {
    "pcm.wav": "-ac 1 -ar 8000 -t 0.05",
    "cbr.mp3": "-ac 1 -ar 8000 -b:a 8k",
    "frames.aac": AAC,
    "frames.flac": "-ac 1 -ar 8000 -t 0.1",
    "pages.opus": "-ac 1 -c:a libopus -b:a 8k -page_duration 40000",
    "index-last.m4a": AAC,
    "index-first.mov": "-ac 1 -ar 8000 -t 0.05 -c:a pcm_s16le -movflags +faststart",
    "fragments.mp4": f"{AAC} -movflags +empty_moov -frag_duration 100000",
    "clusters.webm": "-ac 1 -c:a libopus -b:a 8k -cluster_time_limit 100",
    "live.webm": "-ac 1 -c:a libopus -b:a 8k -live 1 -cluster_time_limit 100",
    "groups.mka": AAC,
}
CUT = ("cbr.mp3", "index-last.m4a", "fragments.mp4", "live.webm")


def main() -> None:
    for name, encoding in SEEDS.items():
        path = CORPUS / "media" / name
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i",
                        "sine=f=440:d=0.4", *encoding.split(), "-fflags", "+bitexact", path],
                       check=True)
        data = path.read_bytes()
        path.write_bytes(WHOLE + data)
        if name in CUT:
            path.with_name(f"middle-{name}").write_bytes(MIDDLE + data)
    # An error, and a need for bytes 10 to 20, as a decoder writes them.
    need = FRAMES.pack(2, 16) + struct.pack("<qq", 10, 20)
    error = FRAMES.pack(3, 200) + struct.pack("<ii192s", 1, 0, b"damaged")
    (CORPUS / "decoder_stream" / "need").write_bytes(b"\xff" + need)
    (CORPUS / "decoder_stream" / "error").write_bytes(b"\x01" + error)


if __name__ == "__main__":
    main()
