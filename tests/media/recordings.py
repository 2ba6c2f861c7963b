# SPDX-License-Identifier: Apache-2.0
"""The recordings that tests/media cuts in chunks, each made by ffmpeg."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from media.he_aac import with_sbr
from media.mp3 import with_vbri_tag
from media.ogg import with_spanning_packets
from media.webm import with_laced_blocks

REGULAR_S = 45
CALL_S = 7 * 60  # for the formats that people record calls and lectures in
LONG_S = 3 * 3600


@dataclass(frozen=True)
class Recording:
    """`head_ms` and `tail_ms`: how much at a chunk's edge may be inexact while the neighbour on
    that side isn't there."""

    name: str  # its ending is the format's
    encoding: str  # ffmpeg's options
    codec: str  # libav's name
    head_ms: float = 0
    tail_ms: float = 0
    seconds: int = REGULAR_S
    is_in_long_run: bool = False
    chunk_bytes_min: int = 8192  # a neighbour holds the pre-roll and some units more
    decoder: str = ""  # ffmpeg's, where it isn't the first that it has
    seam_samples: int = 0  # that may be left out or doubled where a chunk doesn't see its previous
    has_sbr: bool = False  # AAC-LC made HE-AAC
    segments_a_page: int = 0  # of Ogg, cut there even inside a packet; 0: as ffmpeg has them
    links: int = 1  # so many files of it behind each other
    # ffmpeg joins the last block of a link with the first of the next one, which don't overlap.
    are_links_decoded_apart: bool = False
    has_random_noise: bool = False  # the decoder's, other each time: only places are compared
    id3_bytes: int = 0  # of a tag with a cover, put in front
    has_vbri: bool = False  # of MP3
    video: str = ""  # ffmpeg's options for a picture beside the sound
    is_laced: bool = False  # of Matroska: several packets in a block


def _wav(name: str, encoding: str, codec: str, **more) -> Recording:
    return Recording(f"{name}.wav", encoding, codec, tail_ms=0.3, **more)


def _mp3(name: str, encoding: str, head_ms: float = 135, tail_ms: float = 53, **more) -> Recording:
    return Recording(f"{name}.mp3", encoding, "mp3", head_ms, tail_ms, **more)


def _aac(name: str, encoding: str, head_ms: float = 64, **more) -> Recording:
    return Recording(f"{name}.aac", f"{encoding} -aac_coder fast", "aac", head_ms, tail_ms=64,
                     **more)


def _opus(name: str, encoding: str, chunk_bytes_min: int = 65536, **more) -> Recording:
    return Recording(f"{name}.opus", f"-c:a libopus {encoding}", "opus", head_ms=300,
                     decoder="-c:a libopus", chunk_bytes_min=chunk_bytes_min, **more)


def _vorbis(name: str, encoding: str, **more) -> Recording:
    return Recording(f"{name}.ogg", encoding, "vorbis", head_ms=64,
                     chunk_bytes_min=65536, **more)


def _flac(name: str, encoding: str, **more) -> Recording:
    return Recording(f"{name}.flac", encoding, "flac", **more)


AAC = "-c:a aac -aac_coder fast -aac_pns 0"
FRAGMENTS = "-movflags +empty_moov+default_base_moof -frag_duration 700000"


def _mp4(name: str, encoding: str, codec: str = "aac", head_ms: float = 64, tail_ms: float = 64,
         decoder: str = "", **more) -> Recording:
    # What the edit list hides is decoded all the same, as ours does.
    return Recording(name, encoding, codec, head_ms, tail_ms,
                     decoder=f"-ignore_editlist 1 {decoder}", **more)


def _webm(name: str, encoding: str, codec: str = "opus", head_ms: float = 300, tail_ms: float = 125,
          chunk_bytes_min: int = 65536, **more) -> Recording:
    decoder = "-c:a libopus" if codec == "opus" else ""
    return Recording(name, encoding, codec, head_ms, tail_ms, decoder=decoder,
                     chunk_bytes_min=chunk_bytes_min, **more)


RECORDINGS = (
    _wav("s16", "-ar 44100 -c:a pcm_s16le", "pcm_s16le", seconds=CALL_S),
    _wav("s24", "-ar 48000 -ac 1 -c:a pcm_s24le", "pcm_s24le"),
    _wav("s32", "-ar 96000 -c:a pcm_s32le", "pcm_s32le"),
    _wav("u8", "-ar 11025 -ac 1 -c:a pcm_u8", "pcm_u8"),
    _wav("f32", "-ar 32000 -c:a pcm_f32le", "pcm_f32le"),
    _wav("f64", "-ar 22050 -c:a pcm_f64le", "pcm_f64le"),
    _wav("mulaw", "-ar 8000 -ac 1 -c:a pcm_mulaw", "pcm_mulaw"),
    _wav("alaw", "-ar 8000 -ac 2 -c:a pcm_alaw", "pcm_alaw"),
    _wav("rf64", "-ar 16000 -c:a pcm_s16le -rf64 always", "pcm_s16le"),
    _wav("surround", "-ar 48000 -ac 6 -c:a pcm_s16le", "pcm_s16le"),
    _wav("speech", "-ar 16000 -ac 1 -c:a pcm_s16le", "pcm_s16le", is_in_long_run=True),
    _mp3("cbr", "-ar 44100 -b:a 128k", seconds=CALL_S),
    _mp3("vbr", "-ar 44100 -q:a 5"),
    _mp3("vbr-without-xing", "-ar 48000 -q:a 4 -write_xing 0 -id3v2_version 0"),
    _mp3("vbri", "-ar 44100 -q:a 5 -write_xing 0 -id3v2_version 0", has_vbri=True),
    _mp3("joint-stereo-without-xing", "-ar 44100 -b:a 96k -write_xing 0"),
    _mp3("mono-32k", "-ar 32000 -ac 1 -b:a 32k", head_ms=220, tail_ms=80),
    _mp3("mpeg2", "-ar 22050 -b:a 56k", head_ms=180, is_in_long_run=True),
    _mp3("mpeg2.5", "-ar 8000 -ac 1 -b:a 8k", head_ms=500, tail_ms=150),
    _mp3("loud", "-ar 48000 -b:a 320k"),
    _mp3("id3v1", "-ar 48000 -ac 1 -q:a 7 -write_id3v1 1 -metadata title=t"),
    _mp3("cover", "-ar 44100 -ac 1 -q:a 6", id3_bytes=3 << 20),
    _aac("stereo", "-ar 44100 -b:a 128k -aac_pns 0"),
    _aac("speech", "-ar 16000 -ac 1 -b:a 24k -aac_pns 0", is_in_long_run=True),
    _aac("noise", "-ar 16000 -ac 1 -b:a 24k", has_random_noise=True),
    _aac("he", "-ar 22050 -b:a 48k -aac_pns 0", has_sbr=True, head_ms=130),
    _aac("he-v2", "-ar 16000 -ac 1 -b:a 24k -aac_pns 0", has_sbr=True, head_ms=130),
    _aac("high", "-ar 96000 -ac 1 -b:a 192k -aac_pns 0"),
    _aac("surround", "-ar 48000 -ac 6 -b:a 320k -aac_pns 0"),
    _opus("stereo", "-b:a 96k"),
    _opus("voice", "-ac 1 -b:a 16k -application voip", is_in_long_run=True),
    _opus("hybrid", "-ac 1 -b:a 28k -application voip -frame_duration 60"),
    _opus("low-delay", "-b:a 64k -application lowdelay -frame_duration 2.5",
          seconds=20),
    _opus("surround", "-ac 6 -b:a 256k", chunk_bytes_min=1 << 18),
    _opus("spanning", "-b:a 256k", segments_a_page=8),
    _opus("chained", "-b:a 96k", links=3),
    _vorbis("stereo", "-ar 44100 -c:a libvorbis -q:a 4"),
    _vorbis("speech", "-ar 16000 -ac 1 -c:a libvorbis -q:a 1", is_in_long_run=True),
    # Silence and bursts in turn make the encoder change the size of its blocks.
    _vorbis("bursts", r"-ar 44100 -c:a libvorbis -q:a 4 -af "
            r"aeval=val(ch)*lt(mod(t\,0.17)\,0.012):c=same", seam_samples=448),
    _vorbis("chained", "-ar 44100 -ac 1 -c:a libvorbis -q:a 4", links=3,
            are_links_decoded_apart=True),
    _vorbis("surround", "-ar 48000 -ac 6 -c:a libvorbis -q:a 2"),
    _flac("s16", "-ar 44100 -c:a flac", seconds=CALL_S),
    _flac("speech", "-ar 16000 -ac 1 -sample_fmt s16 -c:a flac", is_in_long_run=True),
    _flac("s24", "-ar 48000 -sample_fmt s32 -bits_per_raw_sample 24 -c:a flac"),
    _flac("high", "-ar 96000 -ac 1 -sample_fmt s32 -c:a flac"),
    _flac("surround", "-ar 48000 -ac 6 -sample_fmt s16 -c:a flac"),
    _mp4("last.m4a", f"-ar 44100 -b:a 128k {AAC}", seconds=CALL_S),
    _mp4("first.m4a", f"-ar 16000 -ac 1 -b:a 24k {AAC} -movflags +faststart", is_in_long_run=True),
    _mp4("surround.m4a", f"-ar 48000 -ac 6 -b:a 320k {AAC}"),
    _mp4("he.m4a", f"-ar 22050 -b:a 48k {AAC}", has_sbr=True, head_ms=130, tail_ms=130),
    _mp4("lossless.m4a", "-ar 44100 -c:a alac", "alac", tail_ms=100),
    _mp4("mp3.mp4", "-ar 44100 -c:a libmp3lame -b:a 96k", "mp3", head_ms=135),
    _mp4("opus.mp4", "-c:a libopus -b:a 64k", "opus", head_ms=300, decoder="-c:a libopus"),
    _mp4("flac.mp4", "-ar 44100 -c:a flac -strict -2", "flac", tail_ms=110),
    _mp4("s16.mov", "-ar 44100 -c:a pcm_s16le", "pcm_s16le", head_ms=0, tail_ms=0.3),
    _mp4("s24.mov", "-ar 48000 -ac 1 -c:a pcm_s24be", "pcm_s24be", head_ms=0, tail_ms=0.3),
    _mp4("video.mp4", f"-ar 48000 -b:a 96k {AAC}", video="-c:v mpeg4 -b:v 300k"),
    _mp4("video.mov", f"-ar 44100 -b:a 96k {AAC} -movflags +faststart",
         video="-c:v mpeg4 -b:v 300k"),
    _mp4("fragments.mp4", f"-ar 44100 -b:a 96k {AAC} {FRAGMENTS}", chunk_bytes_min=65536,
         is_in_long_run=True),
    _mp4("opus-fragments.mp4", f"-c:a libopus -b:a 64k {FRAGMENTS}", "opus", head_ms=300,
         decoder="-c:a libopus", chunk_bytes_min=65536),
    _mp4("video-fragments.mp4", f"-ar 48000 -b:a 96k {AAC} {FRAGMENTS}", chunk_bytes_min=1 << 18,
         video="-c:v mpeg4 -b:v 300k"),
    _mp4("begun-in-moov.mp4", f"-ar 44100 -b:a 96k {AAC} -movflags +frag_keyframe "
         "-frag_duration 700000", chunk_bytes_min=65536),
    _webm("stereo.webm", "-c:a libopus -b:a 96k", seconds=CALL_S),
    _webm("voice.webm", "-ac 1 -c:a libopus -b:a 24k -application voip -live 1",
          is_in_long_run=True),
    _webm("long-packets.webm", "-ac 1 -c:a libopus -b:a 32k -frame_duration 60"),
    _webm("laced.webm", "-c:a libopus -b:a 64k -vbr off -live 1", is_laced=True),
    _webm("vorbis.webm", "-ar 44100 -c:a libvorbis -q:a 4", "vorbis", head_ms=64,
          seam_samples=256),
    _webm("video.webm", "-c:a libopus -b:a 64k", video="-c:v libvpx -b:v 300k -deadline realtime",
          chunk_bytes_min=1 << 17),
    _webm("video-live.webm", "-c:a libopus -b:a 64k -live 1",
          video="-c:v libvpx -b:v 300k -deadline realtime", chunk_bytes_min=1 << 18),
    _webm("aac.mkv", f"-ar 44100 -b:a 96k {AAC}", "aac", head_ms=64),
    _webm("video.mkv", f"-ar 48000 -b:a 96k {AAC}", "aac", head_ms=64, chunk_bytes_min=1 << 17,
          video="-c:v mpeg4 -b:v 300k"),
    _webm("mp3.mkv", "-ar 44100 -c:a libmp3lame -b:a 96k", "mp3", head_ms=135),
    _webm("flac.mka", "-ar 44100 -c:a flac", "flac", head_ms=0, seam_samples=45),
    _webm("s24.mka", "-ar 48000 -c:a pcm_s24le", "pcm_s24le", head_ms=0, seam_samples=50),
)


def make(recording: Recording, folder: Path, seconds: int) -> Path:
    """Pink noise with two tones, in stereo: no two moments are alike and all bands are used."""
    path = folder / recording.name
    if recording.links == 1 and recording.id3_bytes == 0:
        if recording.has_sbr:
            _make_he_aac(recording, path, seconds)
        else:
            _encode(recording, path, seconds, seed=0)
        if recording.has_vbri:
            path.write_bytes(with_vbri_tag(path.read_bytes(), seconds))
        if recording.is_laced:
            path.write_bytes(with_laced_blocks(path.read_bytes()))
        if recording.segments_a_page:
            path.write_bytes(with_spanning_packets(path.read_bytes(), recording.segments_a_page))
        return path
    links = [_link(path, seed) for seed in range(recording.links)]
    for seed, link in enumerate(links):
        _encode(recording, link, seconds // len(links), seed)
    path.write_bytes(_id3_tag(recording.id3_bytes) + b"".join(map(Path.read_bytes, links)))
    return path


def _make_he_aac(recording: Recording, path: Path, seconds: int) -> None:
    frames = path.with_suffix(".aac")
    _encode(recording, frames, seconds, seed=0)
    frames.write_bytes(with_sbr(frames.read_bytes()))
    if path != frames:
        _ffmpeg(["-i", frames, "-c", "copy", path])
        frames.unlink()


def _link(path: Path, number: int) -> Path:
    return path.with_name(f"{number}-{path.name}")


def _encode(recording: Recording, path: Path, seconds: int, seed: int) -> None:
    source = (f"anoisesrc=r=48000:c=pink:seed={seed}:d={seconds}:a=0.3[a];"
              f"sine=f=330:r=48000:d={seconds}[b];sine=f=1870:r=48000:d={seconds}[c];"
              "[a][b][c]amerge=inputs=3,pan=stereo|c0=c0+c1|c1=c0+0.5*c2")
    picture = ["-f", "lavfi", "-i", f"testsrc2=s=160x120:r=10:d={seconds}"] if recording.video \
        else []
    _ffmpeg(["-f", "lavfi", "-i", source, *picture, *recording.video.split(),
             *recording.encoding.split(), path])


def decode_by_ffmpeg(recording: Recording, path: Path) -> Path:
    """The whole file, by ffmpeg's own demuxer: every sample, mono, at the native rate."""
    samples = path.with_suffix(path.suffix + ".s16")
    if recording.are_links_decoded_apart:
        links = [_link(path, number) for number in range(recording.links)]
        samples.write_bytes(b"".join(_decode(recording, link).read_bytes() for link in links))
        return samples
    return _decode(recording, path)


def _decode(recording: Recording, path: Path) -> Path:
    samples = path.with_suffix(path.suffix + ".s16")
    _ffmpeg([*recording.decoder.split(), "-flags2", "+skip_manual", "-i", path, "-map", "0:a:0",
             "-ac", "1", "-f", "s16le", samples])
    return samples


def _ffmpeg(arguments) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True)


def _id3_tag(size: int) -> bytes:
    """Its content looks like MP3 frames everywhere."""
    if size == 0:
        return b""
    content = size - 10
    sizes = bytes(content >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + sizes + b"\xff\xfb" * (content // 2) + b"\0" * (content % 2)
