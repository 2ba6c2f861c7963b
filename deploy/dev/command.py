# SPDX-License-Identifier: Apache-2.0
"""Runs a set-up command: its output goes to a log, its last line is shown as progress."""

import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

from . import paths
from .console import DevError, Step

TAIL_LINES = 15


def run(argv, shown: Step | None = None, cwd=None, env=None, log: Path = paths.SETUP_LOG,
        tail_lines: int = TAIL_LINES, own_group: bool = True) -> None:
    """Runs `argv` to its end. Raises DevError with the last lines of its output if it fails.
    `env` None: ours. In a process group of its own a command is interrupted by us, once; sudo
    wants to stay in ours."""
    code, tail = _follow(argv, shown, cwd, env, log, tail_lines, own_group)
    if code != 0:
        lines = "\n    ".join(tail)
        raise DevError(f"`{' '.join(map(str, argv[:4]))}` failed (exit {code}):\n    {lines}\n"
                       f"  the whole output is in {log}")


def status(argv, shown: Step | None = None, cwd=None, env=None, log: Path = paths.SETUP_LOG) -> int:
    """Runs `argv` to its end and gives its exit code, which may be any."""
    return _follow(argv, shown, cwd, env, log, TAIL_LINES, True)[0]


def _follow(argv, shown: Step | None, cwd, env, log: Path, tail_lines: int,
            own_group: bool) -> tuple[int, list[str]]:
    log.parent.mkdir(parents=True, exist_ok=True)
    argv = [str(arg) for arg in argv]
    tail: list[str] = []
    with log.open("ab") as sink:
        sink.write(f"$ {' '.join(argv)}\n".encode())
        with subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0 if own_group else None,
        ) as child, _interrupted_with_us(child, own_group):
            for raw in child.stdout:
                sink.write(raw)
                line = raw.decode(errors="replace").strip()
                if line:
                    tail = [*tail[-(tail_lines - 1):], line]
                    if shown:
                        shown.progress(line)
    return child.returncode, tail


@contextmanager
def _interrupted_with_us(child: subprocess.Popen, own_group: bool):
    """Whatever ends us interrupts the command as Ctrl-C would, and waits while it cleans up, with
    somebody listening; only if we are interrupted once more, it is left alone."""
    try:
        yield
    except BaseException:
        if own_group and child.poll() is None:
            child.send_signal(signal.SIGINT)
            child.communicate()
        raise


def output(argv, **kwargs) -> str:
    """The standard output of a command that must succeed."""
    argv = [str(arg) for arg in argv]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **kwargs)
    if done.returncode != 0:
        raise DevError(f"`{' '.join(argv[:4])}` failed: {done.stderr.strip()[-600:]}")
    return done.stdout
