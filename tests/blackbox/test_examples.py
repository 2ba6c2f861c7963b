# SPDX-License-Identifier: Apache-2.0
"""The shell examples of the README and of docs/api.md, run as they stand there."""

import re
import subprocess
from pathlib import Path

import pytest
from support import recording

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
