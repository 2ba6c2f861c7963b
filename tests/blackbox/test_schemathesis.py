# SPDX-License-Identifier: Apache-2.0
"""schemathesis (schemathesis.toml) on every operation of schemas/openapi.yaml: what the page calls
valid is accepted, what it does not is refused, and every answer is one that it tells of."""

import json
import os
import subprocess
import sys
from pathlib import Path

from support import openapi, recording
from support.fake_target import webhook_options
from support.flow import transcribe

TESTS = Path(__file__).resolve().parents[1]


def test_it_finds_nothing(llm_installation, target, tmp_path):
    installation = llm_installation
    options = webhook_options(tmp_path)
    installation.start(gateway_options=options, worker_options=options)
    finished = transcribe(installation.gateway, recording.wav(12))
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(openapi.bundled()))

    run = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file",
         TESTS / "blackbox" / "schemathesis.toml", "run", document,
         "--url", installation.gateway.base_url, "--no-color"],
        env={**os.environ, "PYTHONPATH": str(TESTS), "GATEWAY_URL": installation.gateway.base_url,
             "FINISHED_JOB": finished["parent_job_id"], "WEBHOOK_URL": target.url},
        cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout + run.stderr
    assert f"Tested: {len(openapi.operations())}" in run.stdout, run.stdout
