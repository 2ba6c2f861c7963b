# SPDX-License-Identifier: Apache-2.0
"""WebM as a browser's MediaRecorder writes it live, by a real Chromium."""

import base64

import pytest
from media.chunks import cut
from media.recordings import Recording, decode_by_ffmpeg
from support.browser import Browser

SECONDS = 12
HEAD_MS = 400
CLOCK_MS = 100  # the browser stamps blocks by its clock, not by their samples
SIZES = (40_000, 90_000)

# A tone that rises all the time, and a picture that changes; both are recorded at once.
SCRIPT = """(() => {
  const context = new AudioContext();
  const sound = context.createMediaStreamDestination();
  const tone = context.createOscillator();
  tone.frequency.setValueAtTime(200, 0);
  tone.frequency.linearRampToValueAtTime(4000, SECONDS + 5);
  tone.connect(sound);
  tone.start();
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  setInterval(() => { pen.fillStyle = `hsl(${Math.random() * 360} 90% 50%)`;
                      pen.fillRect(Math.random() * 200, 0, 60, 100); }, 50);
  const both = new MediaStream([...sound.stream.getTracks(),
                                ...canvas.captureStream(10).getTracks()]);
  window.recorded = {};
  const record = (name, stream, mimeType) => {
    const recorder = new MediaRecorder(stream, { mimeType });
    const parts = [];
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.onstop = () => {
      const reader = new FileReader();
      reader.onload = () => { window.recorded[name] = reader.result.split(",")[1]; };
      reader.readAsDataURL(new Blob(parts));
    };
    recorder.start(250);
    setTimeout(() => recorder.stop(), SECONDS * 1000);
  };
  record("audio", sound.stream, "audio/webm;codecs=opus");
  record("video", both, "video/webm;codecs=vp8,opus");
  return true;
})()""".replace("SECONDS", str(SECONDS))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"))
    try:
        browser.open("about:blank")
        browser.evaluate(SCRIPT)
        browser.wait_for("window.recorded.audio && window.recorded.video", SECONDS + 60)
        return {name: base64.b64decode(browser.evaluate(f"window.recorded.{name}"))
                for name in ("audio", "video")}
    finally:
        browser.close()


@pytest.mark.parametrize("name", ["audio", "video"])
@pytest.mark.parametrize("chunk_bytes", SIZES)
def test_media__any_chunk_of_a_browser_s_recording(name, chunk_bytes, recorded, tmp_path):
    path = tmp_path / f"{name}.webm"
    path.write_bytes(recorded[name])
    reference = decode_by_ffmpeg(Recording(path.name, "", "opus", decoder="-c:a libopus"), path)
    worst = cut(path, chunk_bytes, reference)
    print(name, path.stat().st_size, worst)
    assert worst["codec"] == "opus" and worst["chunks"] >= 2
    assert worst["samples"] == worst["reference_samples"]
    assert worst["samples"] > (SECONDS - 2) * worst["sample_rate"]
    assert (worst["wrong"], worst["lag"], worst["undecodable_units"]) == (0, 0, 0)
    assert worst["head_ms"] <= HEAD_MS
    assert (worst["unspanned"], worst["unjoined"]) == (0, 0)
    assert worst["position_error"] <= CLOCK_MS * worst["sample_rate"] // 1000
