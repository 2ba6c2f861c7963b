# SPDX-License-Identifier: Apache-2.0
"""The examples of the README, of docs/api.md and of docs/examples, run as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import recording
from support.flow import final_result, init, upload_all

ROOT = Path(__file__).resolve().parents[2]


def run_examples(page: str, needed: str, folder: Path, gateway_url: str, filename: str) -> str:
    """Runs the page's sh blocks that belong to a flow, in order, in one shell; its output."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    script = "".join(block for block in blocks if needed in block)
    assert script, f"{page} has no example with {needed}"
    (folder / ".dev").mkdir()
    (folder / ".dev" / "env").write_text(f"GATEWAY_URL={gateway_url}\n")
    sound = recording.wav(13)
    (folder / filename).write_bytes(sound.data)
    done = subprocess.run(["bash", "-euc", script], cwd=folder, timeout=90,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page, needed, filename", [
    ("README.md", "$GATEWAY_URL", "recording.wav"),
    ("docs/api.md", "", "speech.wav"),
], ids=["README", "api"])
def test_examples_run_as_they_stand(standing, tmp_path, page, needed, filename):
    output = run_examples(page, needed, tmp_path, standing.gateway.base_url, filename)

    assert "event: final_result" in output
    assert recording.wav(13).text in output


def run_program(name: str, *arguments) -> str:
    """One of docs/examples, as a reader would start it; its output."""
    program = ROOT / "docs" / "examples" / name
    command = [sys.executable] if program.suffix == ".py" else []
    done = subprocess.run([*command, program, *map(str, arguments)], timeout=90,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("name", ["transcribe.py", "transcribe.sh"])
def test_a_small_client_does_the_whole_flow(standing, tmp_path, name):
    sound = recording.wav(25)
    path = tmp_path / "a recording.wav"
    path.write_bytes(sound.data)

    assert run_program(name, path, standing.gateway.base_url).strip() == sound.text


@pytest.mark.parametrize("name", ["follow_job.py", "follow_job.sh"])
def test_a_pipeline_has_the_text_from_the_events_alone(installation, name):
    installation.start()
    sound = recording.wav(25)
    # A gap that a retry fills, so that text is taken back; and another job beside it.
    installation.speech.script.add([{"do": "status", "status": 400, "word": 20}])
    other = init(installation.gateway, recording.wav(13))
    job = init(installation.gateway, sound)
    stream = installation.gateway.stream(job)
    upload_all(installation.gateway, job, sound)
    upload_all(installation.gateway, other, recording.wav(13))
    gappy = final_result(stream)["final_transcript"]
    where = (job["parent_job_id"], installation.brokers, installation.prefix)

    assert run_program(name, *where).strip() == gappy
    installation.speech.script.reset()
    assert installation.gateway.retry(job).status == 200
    again = installation.gateway.stream(job, last_event_id=str(stream.ids[-1]))
    again.wait_for(lambda events: events and events[-1].type == "final_result")

    # The program that follows ends with the first end; the one that reads back has the last.
    expected = sound.text if name == "follow_job.sh" else gappy
    assert run_program(name, *where).strip() == expected
