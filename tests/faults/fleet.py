# SPDX-License-Identifier: Apache-2.0
"""Two of each process, each of which can be given a fault, killed, stopped and cut off."""

import itertools
import os
import secrets
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from dev import paths
from dev.console import DevError
from dev.ports import free_port
from support import recording
from support.fake_target import FakeTarget
from support.installation import Installation
from support.patient_client import Job, PatientClient

BUILD = Path(os.environ.get("CHUNKSCRIBE_TEST_BUILD", paths.build_dir("faults")))


def session(timeout_s: float) -> dict:
    """The option of a member of a group that is held to be gone after this time."""
    return {"kafka-config": f"session.timeout.ms={timeout_s * 1000:.0f},heartbeat.interval.ms=300"}


# A member that is gone is found out soon, so that a run needs minutes and not hours ...
SESSION_S = 3
# ... and where a test counts what rebalances do, none but the test's own: not even on a machine
# with more to do than it can is a heartbeat so late.
LONG_SESSION_S = 5
# Who is away for so long has lost its work to the others.
TAKEN_OVER_S = SESSION_S + 1.5

WEBHOOKS = {"webhook-allow-http": "true", "webhook-allow-private": "true"}
OPTIONS = {
    "assembler": {**session(SESSION_S), "lost-after": "3s", "retry-base": "300ms",
                  "retry-ceiling": "3s", "blob-retention": "1s"},
    # On a machine with more to do than it can, the speech service is late again and again.
    "gateway": {"stream-heartbeat": "2s", "max-retries": "20", **WEBHOOKS},
    "worker": {**session(SESSION_S), "speech-timeout": "4s", "speech-connect-timeout": "2s",
               "llm-timeout": "2s", **WEBHOOKS},
}
KINDS = ("assembler", "gateway", "worker")
NAMES = tuple(f"{kind}-{number}" for kind in KINDS for number in (1, 2))
FAULT_WITHIN_S = 40
EXIT_FATAL = 4

# Recordings of 1 to 4 chunks, each with words of its own.
LENGTHS_S = (5, 11, 16, 22)


def kind_of(name: str) -> str:
    return name.rpartition("-")[0]


def sound(number: int) -> recording.Recording:
    """The words of neighbouring numbers are different ones."""
    return recording.wav(LENGTHS_S[number % len(LENGTHS_S)], first=1000 * (number % 60))


class FaultFleet:
    """An installation whose processes come back under the same names and addresses."""

    def __init__(self, installation: Installation):
        self.installation = installation
        self.table = installation.table
        self._is_over = threading.Event()
        self._lock = threading.RLock()  # held by who starts or ends a process
        self._ports = {name: free_port() for name in NAMES}
        self.target = FakeTarget(free_port())
        threading.Thread(target=self.target.serve_forever, daemon=True).start()
        key_file = installation.folder / "webhook-keys"
        key_file.write_text(f"job {secrets.token_hex(32)}\n")
        self._options = {kind: {**OPTIONS[kind], "webhook-key-file": key_file}
                         if kind != "assembler" else OPTIONS[kind] for kind in KINDS}
        self.options: dict[str, dict] = {name: {} for name in NAMES}  # beside those
        self.environment: dict[str, dict] = {name: {} for name in NAMES}

    def supervise(self) -> "FaultFleet":
        """Starts what has ended by itself because it could not go on, as systemd would."""
        threading.Thread(target=self._supervise, daemon=True).start()
        return self

    def _supervise(self) -> None:
        while not self._is_over.wait(0.2):
            for name in NAMES:
                with suppress(DevError):  # and again, if it ends before it is ready
                    self._start_again(name)

    def _start_again(self, name: str) -> None:
        with self._lock:
            if self.table.exit_status(name) == EXIT_FATAL:
                self.start(name)

    def end(self) -> None:
        self._is_over.set()
        self.target.shutdown()
        self.target.server_close()

    def start_all(self) -> "FaultFleet":
        for name in NAMES:
            self.start(name)
        return self

    def start(self, name: str, fault: str | None = None) -> None:
        fleet = self.installation.fleet
        options = {"listen": f"127.0.0.1:{self._ports[name]}", **self._options[kind_of(name)],
                   **self.options[name]}
        env = {**self.environment[name], **({"CHUNKSCRIBE_FAULT": fault} if fault else {})}
        start = {"assembler": fleet.start_assembler, "gateway": fleet.start_gateway,
                 "worker": fleet.start_worker}[kind_of(name)]
        with self._lock:
            start(name, options=options, env=env)

    def arm(self, name: str, fault: str) -> None:
        """Starts `name` anew with a fault, which may strike before it is ready."""
        self.stop(name)
        self.start_to_die(name, fault)

    def start_to_die(self, name: str, fault: str | None = None) -> None:
        """Starts `name`, which may not live until it is ready."""
        try:
            self.start(name, fault)
        except DevError:
            if self.table.find(name) or "SIGKILL" not in self.ending(name):
                raise

    def migrate(self, database_url: str, fault: str | None = None) -> bool:
        """`--migrate` for another database; whether it exits with 0."""
        done = subprocess.run([BUILD / "chunkscribe-assembler", f"--database-url={database_url}",
                               f"--migrations={paths.ROOT / 'schemas' / 'sql'}", "--migrate"],
                              env={**os.environ, **({"CHUNKSCRIBE_FAULT": fault} if fault else {})},
                              check=False, capture_output=True)
        return done.returncode == 0

    @contextmanager
    def configured(self, options: dict[str, dict]):
        """These processes have more options while the block runs."""
        before = {name: self.options[name] for name in options}
        for name, more in options.items():
            self.options[name] = {**before[name], **more}
            self.restart(name)
        try:
            yield
        finally:
            for name in options:
                self.options[name] = before[name]
                self.restart(name)

    def stop(self, name: str) -> None:
        with self._lock:
            assert self.installation.fleet.stop(name), f"{name} had to be killed"

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    def ending(self, name: str) -> str:
        status = self.table.wait_exit(name, FAULT_WITHIN_S)
        return signal.Signals(-status).name if status is not None and status < 0 else str(status)

    def kill(self, name: str) -> None:
        with self._lock:
            self._start_again(name)
            self.table.kill(name)

    def signal(self, name: str, number: int) -> None:
        with self._lock:
            self._start_again(name)
            self.table.signal(name, number)

    def is_running(self, name: str) -> bool:
        return self.table.find(name) is not None

    def revive(self) -> None:
        """Whatever a test has left: all of them run, without faults."""
        for name in NAMES:
            with self._lock:
                if not self.is_running(name):
                    self.start(name)

    def urls(self, first: str = "gateway-1") -> list[str]:
        gateways = sorted((n for n in NAMES if kind_of(n) == "gateway"), key=lambda n: n != first)
        return [f"http://127.0.0.1:{self._ports[name]}" for name in gateways]

    def name_of_client(self, port: int) -> str:
        """The process whose end of a TCP connection has this port."""
        lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
        sockets = {f"socket:[{line.split()[9]}]" for line in lines
                   if int(line.split()[1].partition(":")[2], 16) == port}
        for name in NAMES:
            links = Path(f"/proc/{self.table.find(name).pid}/fd").iterdir()
            if sockets & {str(link.readlink()) for link in links}:
                return name
        raise AssertionError(f"nobody has port {port}")

    def log(self, name: str) -> str:
        path: Path = self.table.log_dir / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def faults_told(self, name: str, point: str, action: str) -> int:
        return self.log(name).count(f"fault_point {point} {action}\n")


class Load:
    """Jobs in quick succession until something has happened, and all of them to their end."""

    def __init__(self, fleet: FaultFleet, seed: int, first_gateway: str = "gateway-1",
                 sounds=sound):
        self.client = PatientClient(fleet.urls(first_gateway))
        self._webhook_url = fleet.target.url
        self.jobs: list[Job] = []
        self._seed = seed
        self._numbers = itertools.count(seed)
        self._sounds = sounds

    def add(self, count: int = 1) -> "Load":
        for _ in range(count):
            self.add_unsent().upload()
        return self

    def add_unsent(self) -> Job:
        """The next job, not uploaded yet."""
        number = next(self._numbers)
        wishes = {"use_llm": number % 2 == 0, "webhook_url": self._webhook_url,
                  "llm_mode": "post_process" if number % 4 == 0 else "per_chunk"}
        job = Job(self.client, self._sounds(number), number, wishes)
        self.jobs.append(job)
        return job

    def add_recording(self, chosen: recording.Recording) -> Job:
        """Beside those whose end is the recording's whole text."""
        return self.add_unsent_recording(chosen).upload()

    def add_unsent_recording(self, chosen: recording.Recording) -> Job:
        return Job(self.client, chosen, self._seed)

    @contextmanager
    def going_on(self):
        """Adds jobs, one after the other, while the block runs."""
        is_over = threading.Event()
        failures: list[BaseException] = []

        def run() -> None:
            try:
                while not is_over.is_set():
                    self.add()
            except BaseException as failure:  # pylint: disable=broad-exception-caught
                failures.append(failure)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield self
        finally:
            is_over.set()
            thread.join()
        if failures:
            raise failures[0]

    def until(self, has_happened, what: str) -> "Load":
        deadline = time.monotonic() + FAULT_WITHIN_S
        while not has_happened():
            assert time.monotonic() < deadline, f"{what} did not happen"
            self.add()
        return self
