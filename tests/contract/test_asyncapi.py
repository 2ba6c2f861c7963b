# SPDX-License-Identifier: Apache-2.0
"""schemas/asyncapi.yaml is what its sources make, valid AsyncAPI 3, and has every record."""

import subprocess
import sys
from pathlib import Path

import yaml
from support.contract import SCHEMAS

ROOT = SCHEMAS.parent
PAGE = SCHEMAS / "asyncapi.yaml"
TOOLS = Path(sys.executable).parent


def test_it_is_made_from_its_sources():
    tool = ROOT / "tests" / "tools" / "asyncapi.py"
    made = subprocess.run([sys.executable, tool, "--check", PAGE], capture_output=True, text=True,
                          check=False)
    assert made.returncode == 0, made.stdout + made.stderr


def test_its_own_parser_finds_nothing():
    argv = [TOOLS / "node", ROOT / "tests/asyncapi/lint.mjs", ROOT / ".dev/deps/asyncapi", PAGE]
    linted = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_every_record_and_event_is_a_message():
    messages = yaml.safe_load(PAGE.read_text())["components"]["messages"].values()
    described = {message["payload"]["$ref"] for message in messages if message["payload"]}

    assert described == {f"./{kind}/{path.name}" for kind in ("events", "sse")
                         for path in (SCHEMAS / kind).iterdir() if path.stem != "common.schema"}
