# SPDX-License-Identifier: Apache-2.0
"""`./dev bench NAME`: a program in tests/bench, run on the real parts."""

import os
import subprocess
import sys
from contextlib import redirect_stdout

from . import build, paths, setup
from .console import DevError

BENCH_DIR = paths.ROOT / "tests" / "bench"


def names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in BENCH_DIR.glob("bench_*.py"))


def run(args) -> int:
    """Standard output is for the figures alone: one JSON object a line."""
    if args.name not in names():
        raise DevError(f"no bench {args.name}; there are: {', '.join(names()) or 'none'}")
    with redirect_stdout(sys.stderr):
        setup.set_up_tests()
        build.build(targets=(*build.DAEMONS, "bench-decode", "bench-floor", "bench-join"))
    path = os.pathsep.join([str(paths.ROOT / "tests"), str(paths.ROOT / "deploy")])
    return subprocess.run([paths.TOOLS_PYTHON, BENCH_DIR / f"bench_{args.name}.py"],
                          cwd=paths.ROOT, env={**os.environ, "PYTHONPATH": path},
                          check=False).returncode
