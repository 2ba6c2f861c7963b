# SPDX-License-Identifier: Apache-2.0
"""`./dev bench NAME`: a program in tests/bench, run on the real parts."""

import os
import subprocess

from . import build, paths, setup
from .console import DevError

BENCH_DIR = paths.ROOT / "tests" / "bench"
# What the parts below chunkscribe cost, for comparison in the same run.
FLOOR = "bench-floor"
PYTHON_PATH = f"{paths.ROOT / 'tests'}:{paths.ROOT / 'deploy'}"


def names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in BENCH_DIR.glob("bench_*.py"))


def run(args) -> int:
    if args.name not in names():
        raise DevError(f"no bench {args.name}; there are: {', '.join(names()) or 'none'}")
    setup.set_up_tests()
    build.build(targets=[*build.DAEMONS, FLOOR])
    program = BENCH_DIR / f"bench_{args.name}.py"
    return subprocess.run([paths.TOOLS_PYTHON, program], cwd=paths.ROOT, check=False,
                          env={**os.environ, "PYTHONPATH": PYTHON_PATH}).returncode
