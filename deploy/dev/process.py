# SPDX-License-Identifier: Apache-2.0
"""One supervised process: started with its own log, recorded on disk, stopped by that record.

The record holds the pid and the kernel's start time of the process, so that a later `./dev down`
ends exactly what an earlier `./dev up` started, and never a stranger that got the pid since.
"""

import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .console import DevError

POLL_S = 0.05
KILL_WAIT_S = 10.0


def start_time(pid: int) -> int | None:
    """The process's start in clock ticks since boot; None for one that is gone or a zombie. Of one
    that was killed, threads may outlive the first one for a moment, and keep its ports."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command's name is in brackets and may hold anything, so count fields from the last one.
    fields = stat[stat.rindex(")") + 2:].split()
    has_ended = fields[0] in "ZX" and int(fields[17]) <= 1
    return None if has_ended else int(fields[19])


@dataclass
class Record:
    """What is known of a started process."""

    name: str
    pid: int
    start_time: int
    log: str
    facts: dict = field(default_factory=dict)

    def is_running(self) -> bool:
        return start_time(self.pid) == self.start_time


class ProcessTable:
    """The processes of one stack: `folder`/run has a record, `folder`/log a log for each."""

    def __init__(self, folder: Path):
        self.run_dir = folder / "run"
        self.log_dir = folder / "log"
        self._children: dict[int, subprocess.Popen] = {}

    def start(self, name: str, argv, env=None, cwd=None, facts=None) -> Record:
        """Starts `argv` in a session of its own: a terminal's Ctrl-C reaches only `./dev`, which
        then stops the processes in order. `env` None: ours. `facts` (ports, addresses) are kept in
        the record."""
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self.log_dir.mkdir(parents=True, exist_ok=True)
        running = self.find(name)
        if running:
            raise DevError(f"{name} is running already (pid {running.pid})")
        log = self.log_dir / f"{name}.log"
        with log.open("ab") as sink:
            child = subprocess.Popen(
                [str(arg) for arg in argv],
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children[child.pid] = child
        began = start_time(child.pid)
        record = Record(name, child.pid, -1 if began is None else began, str(log), facts or {})
        self._path(name).write_text(json.dumps(asdict(record)))
        return record

    def find(self, name: str) -> Record | None:
        """The record of `name`, if that process runs."""
        record = self._read(self._path(name))
        if record is None:
            return None
        self._reap(record.pid)
        return record if record.is_running() else None

    def all(self) -> list[Record]:
        """Every recorded process, running or not, in the order of their start."""
        records = [self._read(path) for path in self.run_dir.glob("*.json")]
        return sorted((r for r in records if r), key=lambda r: (r.start_time, r.pid))

    def stop(self, name: str, grace_s: float = 10.0) -> bool:
        """SIGTERM, then SIGKILL after `grace_s`. False if it had to be killed."""
        return self.stop_all([name], grace_s)

    def stop_all(self, names: list[str], grace_s: float) -> bool:
        """Stops several at the same time. A process is asked only once: ours take a second
        SIGTERM for impatience. False if any had to be killed."""
        running = [record for record in map(self.find, names) if record]
        for record in running:
            os.kill(record.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        late = [record for record in running
                if not self._wait_end(record, deadline - time.monotonic())]
        for record in late:
            os.kill(record.pid, signal.SIGKILL)
            self._wait_end(record, KILL_WAIT_S)
        for name in names:
            self._path(name).unlink(missing_ok=True)
        return not late

    def signal(self, name: str, number: int) -> None:
        record = self.find(name)
        if not record:
            raise DevError(f"{name} is not running")
        os.kill(record.pid, number)

    def kill(self, name: str) -> None:
        """SIGKILL, and waits until the process is gone."""
        record = self.find(name)
        if not record:
            raise DevError(f"{name} is not running")
        os.kill(record.pid, signal.SIGKILL)
        self._wait_end(record, KILL_WAIT_S)

    def wait_exit(self, name: str, timeout_s: float) -> int | None:
        """The exit status of a process that this object started (negative: by that signal)."""
        record = self._read(self._path(name))
        child = self._children.get(record.pid) if record else None
        if child is None:
            raise DevError(f"{name} was not started here")
        try:
            return child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def exit_status(self, name: str) -> int | None:
        """As wait_exit(), without waiting; None for one that runs or was never started, too."""
        record = self._read(self._path(name))
        child = self._children.get(record.pid) if record else None
        return child.poll() if child else None

    def wait_ready(self, name: str, is_ready, timeout_s: float, shown=None) -> None:
        """Waits until `is_ready()`. Fails at once, with the end of its log, if the process ends."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if not self.find(name):
                raise DevError(f"{name} ended while starting ({self._how_it_ended(name)}):\n"
                               f"{self.log_tail(name)}")
            if time.monotonic() > deadline:
                raise DevError(f"{name} was not ready after {timeout_s:.0f} s:\n"
                               f"{self.log_tail(name)}")
            if shown:
                shown.progress("waiting until it answers")
            time.sleep(POLL_S)

    def _how_it_ended(self, name: str) -> str:
        record = self._read(self._path(name))
        child = self._children.get(record.pid) if record else None
        status = child.poll() if child else None
        if status is None:
            return "exit unknown"
        return f"exit {status}" if status >= 0 else signal.Signals(-status).name

    def log_tail(self, name: str, lines: int = 15) -> str:
        try:
            text = (self.log_dir / f"{name}.log").read_text(errors="replace")
        except OSError:
            return "    (no log)"
        return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])

    def _wait_end(self, record: Record, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while record.is_running():
            self._reap(record.pid)
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        self._reap(record.pid)
        return True

    def _reap(self, pid: int) -> None:
        child = self._children.get(pid)
        if child:
            child.poll()

    def _path(self, name: str) -> Path:
        return self.run_dir / f"{name}.json"

    @staticmethod
    def _read(path: Path) -> Record | None:
        try:
            return Record(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None
