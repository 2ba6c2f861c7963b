# SPDX-License-Identifier: Apache-2.0
"""Brings the machine and .dev/ to where a command can run. Done once; then it only looks."""

from . import apt, build, deps, llm, models, paths, speech
from .console import heading

PARTS = ("postgres", "kafka", "speech", "daemons")
LLM_PARTS = (*PARTS[:-1], "llm", PARTS[-1])  # on demand: some 500 MB


def set_up(parts=PARTS) -> None:
    paths.DEV.mkdir(exist_ok=True)
    heading("Set-up")
    apt.install("demo")
    deps.tools_venv()
    if "kafka" in parts:
        deps.kafka_jars()
    if "speech" in parts and not speech.external():
        deps.speech_venv()
        models.fetch(models.chosen_name())
    if "llm" in parts and not llm.external():
        deps.llm_venv()
        llm.fetch()
    if "daemons" in parts:
        deps.llhttp()
        build.build(targets=build.DAEMONS)


def set_up_tests() -> None:
    set_up(("kafka", "speech", "llm"))
    apt.install("demo", "test")
    deps.test_venv()
    deps.asyncapi_parser()
    deps.llhttp()
