# SPDX-License-Identifier: Apache-2.0
"""Builds the daemons and their tests by CMakePresets.json."""

import os
from pathlib import Path

from . import command, paths
from .console import step

DAEMONS = ("chunkscribe-gateway", "chunkscribe-worker", "chunkscribe-assembler")
LOG = paths.DEV / "log" / "build.log"


def jobs() -> int:
    return len(os.sched_getaffinity(0))


def configure(preset: str, shown=None) -> Path:
    folder = paths.build_dir(preset)
    if not (folder / "build.ninja").exists():
        command.run(["cmake", "--preset", preset], shown, cwd=paths.ROOT, log=LOG)
    return folder


def build(preset: str = "release", targets=()) -> Path:
    """Returns the build folder."""
    with step(f"build ({preset})") as shown:
        return build_with(shown, preset, targets)


def build_with(shown, preset: str, targets=()) -> Path:
    folder = configure(preset, shown)
    argv = ["cmake", "--build", folder, "-j", jobs()]
    if targets:
        argv += ["--target", *targets]
    command.run(argv, shown, cwd=paths.ROOT, log=LOG)
    return folder
