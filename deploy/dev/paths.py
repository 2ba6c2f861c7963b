# SPDX-License-Identifier: Apache-2.0
"""Where everything lies: the checkout, and its one ignored folder."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / ".dev"

DEPS = DEV / "deps"
MODELS = DEV / "models"
RECORDINGS = DEV / "recordings"
VENVS = DEV / "venv"
SETUP_LOG = DEV / "log" / "setup.log"

TOOLS_PYTHON = VENVS / "tools" / "bin" / "python"
SPEECH_PYTHON = VENVS / "speech" / "bin" / "python"
LLM_PYTHON = VENVS / "llm" / "bin" / "python"

# The machine's own interpreter: its venv module comes from the same packages as itself.
SYSTEM_PYTHON = "/usr/bin/python3"


def build_dir(preset: str) -> Path:
    return DEV / "build" / preset


RELEASE_BUILD = build_dir("release")
