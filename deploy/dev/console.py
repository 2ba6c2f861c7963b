# SPDX-License-Identifier: Apache-2.0
"""What the user sees: steps with their progress and duration, and one clear line for a failure."""

import sys
import threading
import time
from contextlib import contextmanager

REPORT_EVERY_S = 10.0


class DevError(Exception):
    """Something the user can act on: printed as one line, without a traceback."""


class Step:
    """One line on the terminal that ends in a duration. Progress is drawn over it on a terminal,
    and printed every ten seconds elsewhere, so that a log stays readable."""

    def __init__(self, title: str):
        self._title = title
        self._started = time.monotonic()
        self._on_terminal = sys.stdout.isatty()
        self._reported = self._started
        self._lock = threading.Lock()

    def progress(self, text: str) -> None:
        with self._lock:
            now = time.monotonic()
            if self._on_terminal:
                if now - self._reported >= 0.1:
                    self._reported = now
                    print(f"\r\033[K  … {self._title}: {text}"[:120], end="", flush=True)
            elif now - self._reported >= REPORT_EVERY_S:
                self._reported = now
                print(f"  … {self._title}: {text} ({now - self._started:.0f} s)", flush=True)

    def begin(self) -> None:
        if self._on_terminal:
            print(f"  … {self._title}", end="", flush=True)

    def end(self, mark: str) -> None:
        clear = "\r\033[K" if self._on_terminal else ""
        took = time.monotonic() - self._started
        print(f"{clear}  {mark} {self._title}  {took:.1f} s", flush=True)


@contextmanager
def step(title: str):
    """Shows `title` while the block runs, and how long it took."""
    shown = Step(title)
    shown.begin()
    try:
        yield shown
    except BaseException:
        shown.end("✗")
        raise
    shown.end("✓")


def heading(text: str) -> None:
    print(f"\n== {text}", flush=True)


def say(text: str = "") -> None:
    print(text, flush=True)
